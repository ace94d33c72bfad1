"""The blocking mirror: generated, complete, and refused on a running loop."""

import subprocess
import sys
from pathlib import Path

import pytest

import hairtrigger
from hairtrigger import BlockingCallInLoop, PayloadValidationError, Task, sync, task
from tests.sdk.answering import Answering, a_run

ROOT = Path(__file__).parents[2]


def test_the_mirror_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "generate_sync.py"), "--check"],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_mirror_has_every_public_name() -> None:
    elsewhere = {"sync", "WorkerProcess", "start_worker"}

    missing = [
        name for name in dir(hairtrigger) if name not in elsewhere and not hasattr(sync, name)
    ]

    assert missing == []


@pytest.mark.acceptance("S24")
def test_a_task_is_triggered_without_a_loop(api: Answering) -> None:
    @task
    async def add(payload: int) -> int:
        return payload

    api.replies["POST /api/hairtrigger/v1/triggers"] = (200, [{"id": "run_1"}])
    api.replies["GET /api/v3/runs/run_1"] = (200, a_run(output=3))

    handle = add.sync.trigger(1, tags="t")

    assert handle.id == "run_1"
    assert handle.result().unwrap() == 3
    assert sync.runs.retrieve(handle).output == 3
    with pytest.raises(PayloadValidationError):
        add.sync.trigger("x")  # type: ignore[arg-type]  # planted


def test_a_task_may_be_declared_blocking_and_used_both_ways() -> None:
    @sync.task
    async def double(payload: int) -> int:
        return 2 * payload

    @sync.schedules.task(id="nightly", cron="0 2 * * *")
    def nightly() -> str:
        return "cleaned"

    assert double(2) == 4
    assert nightly.definition.fn() == "cleaned"
    assert isinstance(double.aio, Task)
    assert double.aio.sync.definition is double.definition


@pytest.mark.acceptance("S24")
async def test_a_blocking_call_on_a_running_loop_names_the_async_one(api: Answering) -> None:
    @task
    async def add(payload: int) -> int:
        return payload

    with pytest.raises(BlockingCallInLoop, match=r"await hairtrigger\.runs\.retrieve"):
        sync.runs.retrieve("run_1")
    with pytest.raises(BlockingCallInLoop, match=r"await hairtrigger\.Task\.trigger"):
        add.sync.trigger(1)
    with pytest.raises(BlockingCallInLoop):
        add.sync(1)

    assert api.asked == []


def test_pages_are_there_at_once(api: Answering) -> None:
    api.replies["GET /api/v1/runs"] = (200, {"data": [a_run()], "pagination": {}})

    page = sync.runs.list(limit=1)

    assert [run.id for run in page.data] == ["run_1"]
    assert [run.id for run in sync.runs.list()] == ["run_1"]


def test_a_client_of_its_own_blocks_as_well(api: Answering) -> None:
    with sync.TriggerClient(secret_key="tr_dev_2", base_url=api.url) as client:
        handle = client.tasks.trigger("anything")

    assert handle.id.startswith("run_")
    assert api.asked[0].headers["authorization"] == "Bearer tr_dev_2"


def test_a_piece_of_code_is_tried_again_within_an_attempt() -> None:
    def third_time(attempt: int) -> str:
        if attempt < 3:
            raise OSError("down")
        return f"after {attempt}"

    assert sync.retry.on_raise(third_time, min_timeout_in_ms=1) == "after 3"
