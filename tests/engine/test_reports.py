"""What else comes with reports: metadata, log lines, results that cannot be."""

import asyncio
from typing import Any

import msgspec
import pytest

from hairtrigger.engine import attempts, runs
from hairtrigger.errors import BadRequest, UnknownWorker
from hairtrigger.store import watch
from hairtrigger.wire import ids
from hairtrigger.wire.worker import MAX_RESULTS, Event, Failure, Report, Result
from tests.engine.driving import World

Told = list[tuple[str, dict[str, Any]]]


async def test_metadata_that_came_with_a_failure_is_there_in_the_next_attempt(world: World) -> None:
    worker = await world.register("work")
    await world.trigger(metadata={"a": 1})
    change = [{"type": "set", "key": "b", "value": 2}]
    await worker.settle(
        await worker.fetch_one(), failed=Failure("E", "m"), retry_in_ms=0, metadata=change
    )

    again = await worker.fetch_one()

    assert isinstance(again.metadata, msgspec.Raw)
    assert msgspec.json.decode(again.metadata) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "operation",
    [{"type": "nonsense"}, {"type": "set", "key": "__proto__", "value": 1}, {"type": "set", "key": 3},
     {"type": "increment", "key": "n", "value": "x"}, {"type": "set", "key": "big", "value": "x" * 300_000},
     {"type": "set", "key": "$.²", "value": 1}, {"type": "set", "key": "$." + "9" * 5_000, "value": 1},
     {"type": "set", "key": "$" + ".a" * 5_000, "value": 1}],
)  # fmt: skip
async def test_impossible_metadata_costs_no_result(world: World, operation: dict[str, Any]) -> None:
    worker = await world.register("work")
    bad, good = await world.trigger(metadata={"n": 1}), await world.trigger()
    first, second = await worker.fetch(2)

    verdicts = await asyncio.gather(
        worker.settle(first, done=True, metadata=[operation]), worker.complete(second)
    )

    assert list(verdicts) == ["ok", "ok"]
    assert await world.statuses([bad, good]) == ["COMPLETED", "COMPLETED"]


@pytest.mark.parametrize(
    "result",
    [{"done": ("application/x", "1")}, {"done": ("text/plain", "x" * 10_485_761)},
     {"done": True, "used_ms": 10**30}, {"done": True, "used_ms": -5},
     {"failed": Failure("E", "m"), "retry_in_ms": 10**30}],
)  # fmt: skip
async def test_impossible_result_harms_no_other_in_its_report(
    world: World, result: dict[str, Any]
) -> None:
    worker = await world.register("work")
    bad, good = await world.trigger(), await world.trigger()
    first, second = await worker.fetch(2)

    reported = await worker.report(
        Result(first.id, first.lease, **result), Result(second.id, second.lease, done=True)
    )

    assert reported.verdicts == ["ok", "ok"]
    assert await world.status(good) == "COMPLETED"
    assert await world.status(bad) in ("FAILED", "COMPLETED", "EXECUTING")


async def test_report_has_a_largest_size(world: World) -> None:
    worker = await world.register("work")

    with pytest.raises(BadRequest):
        await worker.report(*[Result("run_" + "0" * 24, 1, done=True)] * (MAX_RESULTS + 1))


async def test_lines_are_kept_in_order_and_paged(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    run = await worker.fetch_one()
    lines = [Event(run.id, run.lease, 1, seq, "info", f"line {seq}") for seq in range(5)]

    await worker.report(events=lines[:3])
    await worker.report(Result(run.id, run.lease, done=True), events=lines[3:])

    first, is_final = await runs.events(world.store, world.env, run_id, after=0, limit=3)
    rest, _ = await runs.events(world.store, world.env, run_id, after=first[-1][0], limit=3)
    texts = [msgspec.json.decode(text, type=Event).message for _, text in first + rest]
    assert texts == [f"line {seq}" for seq in range(5)]
    assert is_final


async def test_lines_that_are_sent_again_are_there_once(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    run = await worker.fetch_one()
    lines = [Event(run.id, run.lease, 1, seq, "info", f"line {seq}") for seq in range(3)]
    await worker.report(Result(run.id, run.lease, done=True), events=lines)

    await worker.report(Result(run.id, run.lease, done=True), events=lines)

    kept, _ = await runs.events(world.store, world.env, run_id, after=0, limit=10)
    assert len(kept) == 3


async def test_lines_reach_runs_of_their_own_environment_only(world: World) -> None:
    dev = await world.beside("dev").register("work")
    foreign = await world.trigger()

    await dev.report(events=[Event(ids.public("run", foreign), 1, 1, 1, "info", "forged")])

    assert await runs.events(world.store, world.env, foreign, after=0, limit=9) == ([], False)
    assert world.rows("select count(*) from events") == [(0,)]


async def test_waiters_are_told_of_the_end(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    run = await worker.fetch_one()
    waiting = world.store.watch.listen(watch.run(run_id))

    await worker.complete(run)

    assert waiting.done()


async def test_events_tell_what_became_of_runs(world: World, told: Told) -> None:
    worker = await world.register("work")
    made = [await world.trigger() for _ in range(3)]
    done, failed, retried = await worker.fetch(3)

    await worker.complete(done)
    await worker.fail(failed)
    await worker.fail(retried, retry_in_ms=5)

    names = [ids.public("run", one) for one in made]
    assert ("run.completed", {"run": names[0], "attempt": 1}) in told
    assert ("run.failed", {"run": names[1], "attempt": 1, "status": "FAILED"}) in told
    expected = {"run": names[2], "attempt": 1, "reason": "failed", "delay_ms": 5}
    assert ("run.retried", expected) in told


async def test_report_of_a_session_that_never_was_is_refused(world: World) -> None:
    with pytest.raises(UnknownWorker):
        await attempts.report(world.store, world.known, world.env, Report("worker_" + "0" * 24))
