"""A worker with Axiom's variables in its environment, and no code for it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import Live, until
from tests.telemetry.endpoint import DATASET, TOKEN, Endpoint, opened

TASKS = """
from hairtrigger import logger, task


@task
async def greet(payload: dict[str, str]) -> str:
    logger.info("Looked up", {"jobId": payload["id"], "name": "Ada"})
    return "hello " + payload["id"]


@task(retry={"max_attempts": 2, "min_timeout_in_ms": 10, "max_timeout_in_ms": 10})
async def fall(payload: dict[str, str]) -> None:
    try:
        raise ValueError("no such user")
    except ValueError as error:
        logger.error("Could not look up", error, {"attempt": "now"})
        raise
"""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with opened() as endpoint:
        yield endpoint


def worked(live: Live, project: Path, url: str, *runs: tuple[str, Any]) -> list[str]:
    """Run these on a worker that sends to a URL; answers their ids when it has stopped."""
    made = [
        live.post(f"/api/v1/tasks/{task}/trigger", {"payload": payload})["id"]
        for task, payload in runs
    ]
    worker = live.start_worker(
        project,
        "--processes", "1", AXIOM_TOKEN=TOKEN, AXIOM_DATASET=DATASET, AXIOM_URL=url,
    )  # fmt: skip
    until(
        lambda: all(live.get(f"/api/v3/runs/{one}")["isCompleted"] for one in made),
        "the runs to end",
    )
    worker.stop()
    return made


@pytest.mark.acceptance("S85", "S86")
def test_axiom_hears_that_a_run_started_and_completed(
    live: Live, project: Path, endpoint: Endpoint
) -> None:
    (run,) = worked(live, project, endpoint.url, ("greet", {"id": "u_7"}))

    (begun,) = endpoint.said("Job started")
    (done,) = endpoint.said("Job completed")
    assert (begun["jobId"], begun["payload"], begun["level"]) == (run, {"id": "u_7"}, "info")
    assert (done["jobId"], done["result"]) == (run, "hello u_7")
    assert isinstance(done["duration"], int)
    for one in endpoint.events:
        assert (one["task"], one["environment"], one["attempt"]) == ("greet", "dev", 1)
        assert one["version"]
        assert one["_time"].endswith("Z")
    assert begun["_time"] <= done["_time"]


@pytest.mark.acceptance("S87")
def test_axiom_hears_of_every_failed_attempt_and_of_what_the_code_logs(
    live: Live, project: Path, endpoint: Endpoint
) -> None:
    run, other = worked(
        live, project, endpoint.url, ("fall", {"id": "x"}), ("greet", {"id": "u_8"})
    )

    failed = endpoint.said("Job failed")
    assert [(one["jobId"], one["attempt"], one["willRetry"]) for one in failed] == [
        (run, 1, True), (run, 2, False),
    ]  # fmt: skip
    for one in failed:
        assert (one["level"], one["error"]["name"]) == ("error", "ValueError")
        assert one["error"]["message"] == "no such user"
        assert 'raise ValueError("no such user")' in one["error"]["stack"]
    logged = endpoint.said("Could not look up")
    assert [(one["level"], one["jobId"], one["attempt"]) for one in logged] == [
        ("error", run, 1), ("error", run, 2),
    ]  # fmt: skip
    assert logged[0]["attributes"]["error.name"] == "ValueError"
    assert logged[0]["attributes"]["attempt"] == "now"
    (looked,) = endpoint.said("Looked up")
    assert (looked["jobId"], looked["attributes"]) == (other, {"jobId": "u_8", "name": "Ada"})


@pytest.mark.acceptance("S87")
def test_an_axiom_that_fails_and_is_slow_delays_no_run_and_gets_everything(
    live: Live, project: Path, endpoint: Endpoint
) -> None:
    endpoint.fail = [500, 1.5, 429]

    made = worked(live, project, endpoint.url, *(("greet", {"id": str(n)}) for n in range(20)))

    assert sorted(one["jobId"] for one in endpoint.said("Job completed")) == sorted(made)
    assert {live.get(f"/api/v3/runs/{one}")["status"] for one in made} == {"COMPLETED"}


@pytest.mark.acceptance("S87")
def test_runs_complete_though_axiom_cannot_be_reached(live: Live, project: Path) -> None:
    (run,) = worked(live, project, "http://127.0.0.1:9", ("greet", {"id": "u_9"}))

    assert live.get(f"/api/v3/runs/{run}")["status"] == "COMPLETED"
    said = live.workers[-1].output()
    assert "Axiom cannot take events now" in said
    assert "for Axiom dropped: the worker stopped" in said
