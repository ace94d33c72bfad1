"""Looking at runs, waiting for them, and changing them."""

import time
from typing import Any

import jwt
import msgspec
import pytest

from hairtrigger import (
    Failed,
    HairtriggerError,
    Ok,
    ResultTimeout,
    SubtaskError,
    runs,
    task,
    tasks,
)
from hairtrigger.sdk import handles
from tests.sdk.answering import Answering, Asked, Reply, a_run

RUN = "GET /api/v3/runs/run_1"


@pytest.fixture
def triggered(api: Answering) -> Answering:
    """A server that answers every trigger with run_1."""
    claims = {"x-trigger-jwt-claims": '{"sub":"env_1","pub":true}'}
    api.replies["POST /api/hairtrigger/v1/triggers"] = (200, [{"id": "run_1"}], claims)
    return api


@pytest.mark.acceptance("S21")
async def test_a_result_is_the_output_as_the_annotated_type(triggered: Answering) -> None:
    @task
    async def add(payload: dict[str, int]) -> tuple[int, int]:
        return (1, 2)

    triggered.replies[RUN] = (200, a_run(output=[1, 2]))

    handle = await add.trigger({"a": 1})
    result = await handle.result()

    assert isinstance(result, Ok)
    assert result.output == (1, 2)
    assert result
    assert triggered.to(RUN)[0].path.endswith("?wait=20.000")


async def test_a_failed_run_gives_its_error_and_no_output(triggered: Answering) -> None:
    error = {"name": "ValueError", "message": "boom", "stackTrace": "Traceback …"}
    triggered.replies[RUN] = (200, a_run("FAILED", error=error))

    result = await (await tasks.trigger("add")).result(timeout="30s")

    assert isinstance(result, Failed)
    assert not result
    assert (result.error.name, result.error.message) == ("ValueError", "boom")
    with pytest.raises(SubtaskError, match="boom") as caught:
        print(result.output)
    assert (caught.value.run_id, caught.value.task_id) == ("run_1", "add")


async def test_a_run_that_ended_without_an_error_says_how(triggered: Answering) -> None:
    triggered.replies[RUN] = (200, a_run("CANCELED"))

    result = await (await tasks.trigger("add")).result()

    assert isinstance(result, Failed)
    assert result.error.name == "CANCELED"


async def test_waiting_goes_on_until_the_run_is_finished(
    triggered: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handles, "UNHELD_PAUSE_S", 0.001)
    left = ["QUEUED", "EXECUTING", "COMPLETED"]
    triggered.replies[RUN] = lambda asked: (200, a_run(left.pop(0), output=None))

    result = await (await tasks.trigger("add")).result()

    assert result.ok
    assert len(triggered.to(RUN)) == 3


async def test_waiting_ends_after_its_timeout_and_the_run_goes_on(triggered: Answering) -> None:
    triggered.replies[RUN] = (200, a_run("EXECUTING"))
    handle = await tasks.trigger("add")
    began = time.monotonic()

    with pytest.raises(ResultTimeout, match=r"run_1 was not finished within 0\.05 s"):
        await handle.result(timeout=0.05)

    assert time.monotonic() - began < 5
    assert [asked.method for asked in triggered.asked] == ["POST"] + ["GET"] * (
        len(triggered.asked) - 1
    )


async def test_a_run_shows_what_the_server_knows(api: Answering) -> None:
    relations = {"parent": a_run(id="run_0"), "children": [a_run(id="run_2")]}
    api.replies[RUN] = (200, a_run(
        payload={"a": 1}, output={"sum": 3}, tags=["x"], metadata={"n": 1}, version="20260301.1",
        startedAt="2026-03-01T09:30:01.500Z", relatedRuns=relations, unknown="later",
        schedule={"id": "sched_1", "generator": {"type": "CRON"}},
    ))  # fmt: skip

    run = await runs.retrieve("run_1")

    assert (run.id, run.task_id, run.status) == ("run_1", "add", "COMPLETED")
    assert (run.payload, run.output, run.error) == ({"a": 1}, {"sum": 3}, None)
    assert run.started_at is not None
    assert run.started_at.isoformat() == "2026-03-01T09:30:01.500000+00:00"
    assert (run.tags, run.metadata, run.is_success) == (["x"], {"n": 1}, True)
    assert run.related_runs.parent is not None
    assert run.related_runs.parent.id == "run_0"
    assert [child.id for child in run.related_runs.children] == ["run_2"]
    assert run.schedule is not None


async def test_a_task_gives_payload_and_output_their_types(api: Answering) -> None:
    class Sum(msgspec.Struct):
        sum: int

    @task
    async def add(payload: tuple[int, int]) -> Sum:
        return Sum(3)

    api.replies[RUN] = (200, a_run(payload=[1, 2], output={"sum": 3}))

    run = await runs.retrieve("run_1", task=add)

    assert run.payload == (1, 2)
    assert run.output == Sum(3)


async def test_a_list_sends_its_filters_and_walks_all_pages(api: Answering) -> None:
    def page(asked: Asked) -> Reply:
        last = "page%5Bafter%5D=two" in asked.path
        number = 2 if last else 1
        env = {"id": "env_1", "name": "dev"}
        pagination = {} if last else {"next": "two"}
        return 200, {"data": [a_run(id=f"run_{number}", env=env)], "pagination": pagination}

    api.replies["GET /api/v1/runs"] = page

    found = [run.id async for run in runs.list(status=["QUEUED", "FAILED"], tag="t", limit=1)]
    first = await runs.list(is_test=False)

    assert found == ["run_1", "run_2"]
    assert "filter%5Bstatus%5D=QUEUED%2CFAILED&filter%5Btag%5D=t" in api.asked[0].path
    assert "page%5Bsize%5D=1" in api.asked[1].path
    assert "filter%5BisTest%5D=false" in api.asked[2].path
    assert [run.id for run in first.data] == ["run_1"]
    assert first.has_next_page()
    assert [run.id for run in (await first.get_next_page()).data] == ["run_2"]


def test_a_page_that_was_not_awaited_says_so(api: Answering) -> None:
    with pytest.raises(HairtriggerError, match="Await the page"):
        print(runs.list().data)


async def test_a_run_is_cancelled_moved_and_replayed(api: Answering) -> None:
    api.replies["POST /api/v2/runs/run_1/cancel"] = (200, {"id": "run_1"})
    api.replies["POST /api/v1/runs/run_1/reschedule"] = (200, a_run("DELAYED"))
    api.replies["POST /api/v1/runs/run_1/replay"] = (200, {"id": "run_2"})

    await runs.cancel("run_1")
    moved = await runs.reschedule("run_1", delay="1h")
    again = await runs.replay("run_1")
    other = await runs.replay(again.id.replace("2", "1"), payload="text")

    assert moved.status == "DELAYED"
    assert (again.id, other.id) == ("run_2", "run_2")
    bodies = [asked.json if asked.body else None for asked in api.asked]
    assert bodies == [
        None,
        {"delay": "1h"},
        {},
        {"payload": '"text"', "payloadType": "application/json"},
    ]


async def test_polling_asks_until_the_run_is_finished(api: Answering) -> None:
    left = ["EXECUTING", "COMPLETED"]
    api.replies[RUN] = lambda asked: (200, a_run(left.pop(0)))

    run = await runs.poll("run_1", poll_interval_ms=1)

    assert run.status == "COMPLETED"


async def test_a_handle_signs_a_token_for_browsers_itself(triggered: Answering) -> None:
    handle = await tasks.trigger("add")

    token = handle.public_access_token

    claims: dict[str, Any] = jwt.decode(
        token,
        "tr_dev_0123456789abcdef0123456789",
        algorithms=["HS256"],
        audience="https://api.trigger.dev",
    )
    assert claims["iss"] == "https://id.trigger.dev"
    assert (claims["sub"], claims["pub"]) == ("env_1", True)
    assert claims["scopes"] == ["read:runs:run_1", "write:inputStreams:run_1"]
    assert claims["exp"] - claims["iat"] == 3_600
    assert handle.public_access_token is token


async def test_who_needs_a_token_before_any_answer_named_the_environment_asks(
    api: Answering,
) -> None:
    environment = {"id": "env_9", "slug": "dev", "type": "DEVELOPMENT"}
    api.replies["GET /api/v1/whoami"] = (200, {"project": "p", "environment": environment})

    token = (await tasks.trigger("add")).public_access_token

    assert jwt.decode(token, options={"verify_signature": False})["sub"] == "env_9"
