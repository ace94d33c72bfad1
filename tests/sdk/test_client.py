"""Requests: what they carry, what is tried again, what an error becomes."""

import asyncio
import time
from pathlib import Path

import pytest

import hairtrigger
from hairtrigger import (
    ApiError,
    ConnectionFailed,
    MissingKey,
    NotFound,
    PlanLimitReached,
    RateLimitError,
    TriggerClient,
    Unauthorized,
    configure,
    runs,
    sync,
    tasks,
)  # fmt: skip
from hairtrigger.sdk import api as api_calls
from hairtrigger.sdk.client import RequestKeys
from tests.sdk.answering import Answering, Asked, Reply, a_run

RUN = "GET /api/v3/runs/run_1"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_calls, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(api_calls, "LOCAL_PAUSE_S", 0.001)


def failing(times: int, status: int, headers: dict[str, str]) -> object:
    """Answers with an error so many times, then with a run."""
    left = [times]

    def reply(asked: Asked) -> Reply:
        left[0] -= 1
        return (200, a_run()) if left[0] < 0 else (status, {"error": "no"}, headers)

    return reply


async def test_every_request_carries_key_version_and_a_request_key(api: Answering) -> None:
    api.replies[RUN] = (200, a_run())

    await runs.retrieve("run_1")

    headers = api.asked[0].headers
    assert headers["authorization"] == "Bearer tr_dev_0123456789abcdef0123456789"
    assert headers["x-trigger-api-version"] == "2025-07-16"
    assert len(headers["x-trigger-request-idempotency-key"]) > 20
    assert "x-trigger-branch" not in headers


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_failures_that_may_pass_are_tried_again_with_the_same_request_key(
    api: Answering, impatient: None, status: int
) -> None:
    api.replies[RUN] = failing(2, status, {})  # type: ignore[assignment]

    found = await runs.retrieve("run_1")

    assert found.id == "run_1"
    keys = {asked.headers["x-trigger-request-idempotency-key"] for asked in api.asked}
    assert (len(api.asked), len(keys)) == (3, 1)


async def test_five_attempts_are_all(api: Answering, impatient: None) -> None:
    api.replies[RUN] = (500, {"error": "broken"})

    with pytest.raises(ApiError, match="broken"):
        await runs.retrieve("run_1")

    assert len(api.asked) == 5


async def test_the_server_may_say_whether_to_try_again(api: Answering, impatient: None) -> None:
    api.replies[RUN] = (409, {"error": "for good"}, {"x-should-retry": "false"})
    with pytest.raises(ApiError, match="for good"):
        await runs.retrieve("run_1")
    assert len(api.asked) == 1

    api.replies[RUN] = failing(1, 404, {"x-should-retry": "true"})  # type: ignore[assignment]
    assert (await runs.retrieve("run_1")).id == "run_1"


async def test_a_rate_limit_is_waited_out(
    api: Answering, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)
    reset = str(int(time.time() * 1000) + 60)
    api.replies[RUN] = failing(1, 429, {"x-ratelimit-reset": reset})  # type: ignore[assignment]

    await runs.retrieve("run_1")

    assert time.time() * 1000 >= int(reset) - 20


async def test_a_rate_limit_of_hours_is_an_error_that_says_how_long(api: Answering) -> None:
    reset = str(int(time.time() * 1000) + 3_600_000)
    api.replies[RUN] = (429, {"error": "later"}, {"x-ratelimit-reset": reset})

    with pytest.raises(RateLimitError, match="later") as caught:
        await runs.retrieve("run_1")

    assert 3_500_000 < caught.value.retry_after_ms <= 3_600_000


@pytest.mark.acceptance("S10")
async def test_a_refusal_comes_back_as_its_class_with_the_servers_sentence(api: Answering) -> None:
    api.replies[RUN] = (401, {"error": "Invalid API key."})
    with pytest.raises(Unauthorized, match="Invalid API key"):
        await runs.retrieve("run_1")

    api.replies[RUN] = (404, {"error": {"message": "No such run.", "code": "not_found"}})
    with pytest.raises(NotFound, match="No such run") as caught:
        await runs.retrieve("run_1")
    assert caught.value.code == "not_found"


async def test_the_details_of_a_refusal_come_with_it(api: Answering) -> None:
    details = {"plan": "free", "limit": 3, "resetsOn": "2026-12-01"}
    told = {"error": "All are used.", "code": "plan_limit_reached", "details": details}
    api.replies[RUN] = (422, told)

    with pytest.raises(PlanLimitReached, match="All are used") as caught:
        await runs.retrieve("run_1")

    assert caught.value.details == details


async def test_an_answer_that_is_not_json_is_an_error_that_says_so(api: Answering) -> None:
    api.replies[RUN] = (200, b"<html>")
    with pytest.raises(ApiError, match="cannot be read"):
        await runs.retrieve("run_1")

    api.replies[RUN] = (418, b"<html>")
    with pytest.raises(ApiError, match="418 <html>"):
        await runs.retrieve("run_1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_server_that_is_not_there_is_named_after_all_attempts(
    impatient: None, host: str
) -> None:
    async with TriggerClient(secret_key="tr_dev_x", base_url=f"http://{host}:1") as client:
        with pytest.raises(ConnectionFailed, match=r"connection refused.*hairtrigger dev"):
            await client.runs.retrieve("run_1")


def test_a_refused_connection_to_this_machine_is_given_up_within_two_seconds() -> None:
    attempts = api_calls.Attempts("http://localhost:3030")
    pauses = [attempts.after_failure(ConnectionRefusedError()) for _ in range(4)]

    assert sum(pauses) <= 2.01
    with pytest.raises(ConnectionFailed):
        attempts.after_failure(ConnectionRefusedError())


def test_pauses_grow_and_are_jittered() -> None:
    attempts = api_calls.Attempts("https://jobs.example.com")

    pauses = [attempts.after_failure(ConnectionRefusedError()) for _ in range(4)]

    for pause, middle in zip(pauses, (1.0, 1.6, 2.56, 4.096), strict=True):
        assert 0.75 * middle <= pause <= 1.25 * middle


@pytest.mark.acceptance("S11")
@pytest.mark.parametrize("end", ["", "/", "/prefix", "/prefix/"])
async def test_the_url_may_end_with_a_slash_or_a_prefix(api: Answering, end: str) -> None:
    path = f"{end.rstrip('/')}/api/v3/runs/run_1"
    api.replies[f"GET {path}"] = (200, a_run())

    async with TriggerClient(secret_key="tr_dev_x", base_url=api.url + end) as client:
        assert (await client.runs.retrieve("run_1")).id == "run_1"


async def test_names_in_paths_stay_quoted(api: Answering) -> None:
    api.replies["GET /api/v3/runs/a%2Fb%20%25"] = (200, a_run())

    await runs.retrieve("a/b %")

    assert api.asked[0].path == "/api/v3/runs/a%2Fb%20%25"


def test_names_in_paths_stay_quoted_when_blocking(api: Answering) -> None:
    api.replies["GET /api/v3/runs/a%2Fb%20%25"] = (200, a_run())

    sync.runs.retrieve("a/b %")

    assert api.asked[0].path == "/api/v3/runs/a%2Fb%20%25"


@pytest.mark.acceptance("S10")
async def test_without_a_key_the_first_call_names_both_variables(bare_environment: None) -> None:
    @hairtrigger.task
    async def declared() -> None: ...

    with pytest.raises(MissingKey, match=r"TRIGGER_SECRET_KEY.*TRIGGER_API_KEY"):
        await declared.trigger()


@pytest.mark.acceptance("S10", "S11")
@pytest.mark.parametrize(
    ("given", "used"),
    [
        ({"TRIGGER_API_KEY": "c"}, "c"),
        ({"TRIGGER_API_KEY": "c", "TRIGGER_ACCESS_TOKEN": "b"}, "b"),
        ({"TRIGGER_API_KEY": "c", "TRIGGER_SECRET_KEY": "a", "TRIGGER_ACCESS_TOKEN": "b"}, "a"),
    ],
)
async def test_key_and_url_come_from_the_environment(
    server: Answering,
    bare_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, str],
    used: str,
) -> None:
    server.reset()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TRIGGER_API_URL", server.url + "/")

    await tasks.trigger("anything")

    assert server.asked[0].headers["authorization"] == f"Bearer {used}"


@pytest.mark.acceptance("S09")
async def test_a_key_may_be_in_the_env_file_of_the_project(
    server: Answering, bare_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reset()
    monkeypatch.setenv("TRIGGER_API_URL", server.url)
    monkeypatch.setenv("TRIGGER_SECRET_KEY", "")  # so that the test's own environment is restored
    monkeypatch.delenv("TRIGGER_SECRET_KEY")
    Path("trigger_config.py").write_text("")
    Path(".env").write_text("TRIGGER_SECRET_KEY=tr_dev_file\n")
    Path("inside").mkdir()
    monkeypatch.chdir("inside")

    configure()
    await tasks.trigger("anything")

    assert server.asked[0].headers["authorization"] == "Bearer tr_dev_file"


async def test_a_client_has_its_own_server_key_and_branch(api: Answering) -> None:
    async with TriggerClient(
        secret_key="tr_preview_1", base_url=api.url, preview_branch="feature"
    ) as client:
        await client.tasks.trigger("anything")

    assert api.asked[0].headers["authorization"] == "Bearer tr_preview_1"
    assert api.asked[0].headers["x-trigger-branch"] == "feature"


def test_one_process_may_use_several_event_loops_one_after_the_other(api: Answering) -> None:
    async def trigger(task: str) -> str:
        return (await tasks.trigger(task)).id

    assert [asyncio.run(trigger("one")), asyncio.run(trigger("two"))] == ["run_one", "run_two"]


def test_request_keys_do_not_repeat() -> None:
    keys, others = RequestKeys(), RequestKeys()

    made = [keys.next() for _ in range(100)] + [others.next() for _ in range(100)]

    assert len(set(made)) == 200
