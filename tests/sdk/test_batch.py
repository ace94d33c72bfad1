"""Batches: two phases, repeated whole when cut off."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from hairtrigger import BadRequest, PayloadValidationError, TooLarge, batch, sync, task, tasks
from hairtrigger.sdk import send_batch
from tests.sdk.answering import Answering

CREATE, ITEMS, LOOK = (
    "POST /api/v3/batches",
    "POST /api/v3/batches/batch_1/items",
    "GET /api/v2/batches/batch_1",
)


def batches(api: Answering, *runs: str) -> None:
    """Let the server take a batch that becomes these runs."""
    count = len(runs)
    api.replies[CREATE] = (202, {"id": "batch_1", "runCount": count, "isCached": False})
    api.replies[ITEMS] = (200, {"id": "batch_1", "itemsAccepted": count, "sealed": True})
    api.replies[LOOK] = (200, {
        "id": "batch_1", "status": "PROCESSING", "runCount": count, "runs": list(runs),
        "createdAt": "2026-03-01T09:30:00.000Z", "updatedAt": "2026-03-01T09:30:00.000Z",
        "processing": {"errors": []},
    })  # fmt: skip


def lines(api: Answering) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in api.to(ITEMS)[-1].body.splitlines()]


async def test_items_become_runs_in_their_order(api: Answering) -> None:
    @task
    async def add(payload: int) -> int:
        return payload

    batches(api, "run_a", "run_b")

    handle = await add.batch_trigger([1, add.call(2, tags="two")], delay="1h", tags="all")

    assert (handle.batch_id, handle.run_count) == ("batch_1", 2)
    assert [run.id for run in handle.runs] == ["run_a", "run_b"]
    assert api.to(CREATE)[0].json == {"runCount": 2, "taskIdentifiers": ["add"]}
    assert api.to(ITEMS)[0].headers["content-type"] == "application/x-ndjson"
    assert lines(api) == [
        {"index": 0, "task": "add", "payload": 1, "options": {"delay": "1h", "tags": "all"}},
        {"index": 1, "task": "add", "payload": 2, "options": {"delay": "1h", "tags": "two"}},
    ]


async def test_different_tasks_go_together(api: Answering) -> None:
    @task
    async def a(payload: int) -> int:
        return payload

    @task
    async def b(payload: str) -> None: ...

    batches(api, "run_a", "run_b")

    handle = await batch.trigger(a.call(1), b.call("x"))

    assert [run.task_id for run in handle.runs] == ["a", "b"]
    assert [line["task"] for line in lines(api)] == ["a", "b"]


async def test_items_may_come_from_an_async_iterable(api: Answering) -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1
        yield 2

    batches(api, "run_a", "run_b")

    await tasks.batch_trigger("add", numbers())

    assert [line["payload"] for line in lines(api)] == [1, 2]


async def test_an_upload_is_repeated_until_the_batch_is_sealed(
    api: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_batch, "UPLOAD_PAUSE_S", 0.001)
    batches(api, "run_a")
    sealed = [False, True]
    api.replies[ITEMS] = lambda asked: (200, {"id": "batch_1", "sealed": sealed.pop(0)})

    await tasks.batch_trigger("add", [1])

    first, second = api.to(ITEMS)
    assert first.body == second.body


async def test_a_key_of_the_batch_finds_the_earlier_one(api: Answering) -> None:
    batches(api, "run_a")
    api.replies[CREATE] = (202, {"id": "batch_1", "runCount": 1, "isCached": True})

    handle = await tasks.batch_trigger("add", [1], idempotency_key="import-7")

    assert api.to(CREATE)[0].json["idempotencyKeyOptions"] == {"key": "import-7", "scope": "run"}
    assert api.to(ITEMS) == []
    assert [run.id for run in handle.runs] == ["run_a"]


async def test_limits_are_named_before_anything_is_sent(api: Answering) -> None:
    @task
    async def add(payload: int) -> None: ...

    with pytest.raises(TooLarge, match=r"at most 1,000 items, not 1,001"):
        await add.batch_trigger(range(1_001))
    with pytest.raises(BadRequest, match="at least one"):
        await add.batch_trigger([])
    with pytest.raises(PayloadValidationError):
        await add.batch_trigger([1, "x"])  # type: ignore[list-item]  # planted

    assert api.asked == []


async def test_a_batch_can_be_looked_up(api: Answering) -> None:
    batches(api, "run_a")

    found = await batch.retrieve("batch_1")

    assert (found.status, found.runs, found.processing.errors) == ("PROCESSING", ["run_a"], [])


def test_batches_work_without_a_loop(api: Answering) -> None:
    batches(api, "run_a", "run_b")

    handle = sync.tasks.batch_trigger("add", [1, 2])

    assert [run.id for run in handle.runs] == ["run_a", "run_b"]
