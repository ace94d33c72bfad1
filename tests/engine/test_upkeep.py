"""Upkeep: what each verb answers, pruning, counters."""

import pytest

from hairtrigger.engine import upkeep
from hairtrigger.errors import NotFound
from hairtrigger.wire.worker import Event, Result
from tests.clock import DAY, HOUR, MINUTE, SECOND
from tests.engine.driving import World, manifest


async def test_promotion_answers_when_it_is_worth_calling_again(world: World) -> None:
    assert await upkeep.promote_due(world.store) == 1_000
    await world.trigger(delay="10s")
    assert await upkeep.promote_due(world.store) == 1_000

    world.clock.move(9_700)
    assert await upkeep.promote_due(world.store) == 300
    world.clock.move(300)
    assert await upkeep.promote_due(world.store) == 1_000

    await world.trigger(delay="1s")
    world.clock.move(-5 * SECOND)
    assert await upkeep.promote_due(world.store) == 1_000


async def test_promotion_takes_a_thousand_at_once_and_asks_for_the_rest(world: World) -> None:
    worker = await world.register(manifest("work", limit=2_000))
    for _ in range(21):
        batch = await world.batch(50)
        await world.add_items(batch, range(50), delay="1s")
    world.clock.move(SECOND)

    assert await upkeep.promote_due(world.store) == 0
    assert await upkeep.promote_due(world.store) == 1_000

    assert len(await worker.fetch(2_000)) == 1_050
    assert await upkeep.counter_drift(world.store) == []


async def test_expiry_of_a_limited_queue_keeps_its_counters(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    for _ in range(3):
        await world.trigger(ttl="5s")
    run = await worker.fetch_one()

    await world.let_pass(5 * SECOND)
    assert world.rows("select running, queued, runs from lanes") == [(1, 0, 1)]
    await worker.complete(run)

    assert world.rows("select running, queued, runs from lanes") == [(0, 0, 0)]


async def test_old_runs_are_forgotten_with_all_that_belongs_to_them(world: World) -> None:
    worker = await world.register("work")
    old = await world.trigger(tags=["a"], metadata={"m": 1}, payload=1)
    unfinished = await world.trigger(delay="300d", tags=["a"])
    run = await worker.fetch_one()
    line = Event(run.id, run.lease, 1, 1, "info", "line")
    await worker.fail(run, retry_in_ms=0)
    run = await worker.fetch_one()
    change = [{"type": "set", "key": "m", "value": 2}]
    await worker.report(Result(run.id, run.lease, done=True, metadata=change), events=[line])
    batch = await world.batch(1)
    await world.add_items(batch, [0])
    await worker.complete(await worker.fetch_one())
    world.clock.move(15 * DAY)  # whole weeks are forgotten where history is partitioned
    recent = await world.trigger(tags=["a"])

    await upkeep.prune(world.store, retention_ms=7 * DAY)
    await upkeep.prune(world.store, retention_ms=7 * DAY)

    with pytest.raises(NotFound):
        await world.run(old)
    assert await world.statuses([unfinished, recent]) == ["DELAYED", "QUEUED"]
    for table in ("results", "attempts", "run_changes", "events", "batches", "batch_items"):
        assert world.rows(f"select count(*) from {table}") == [(0,)], table
    assert sorted(world.rows("select run_id from run_tags")) == sorted([(unfinished,), (recent,)])


async def test_run_that_took_longer_than_the_retention_is_kept_for_it_after_its_end(
    world: World,
) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    run = await worker.fetch_one()
    for _ in range(4):
        world.clock.move(2 * DAY)
        await worker.hold(run)
    await worker.complete(run)

    await upkeep.prune(world.store, retention_ms=7 * DAY)

    assert await world.status(run_id) == "COMPLETED"


async def test_nothing_finished_is_forgotten_without_a_retention(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    await worker.complete(await worker.fetch_one())
    world.clock.move(1_000 * DAY)

    await upkeep.prune(world.store, retention_ms=0)

    assert await world.status(run_id) == "COMPLETED"


async def test_what_is_over_by_itself_is_forgotten(world: World) -> None:
    worker = await world.register("work")
    await world.outcome(request_key="r", idempotencyKey="k", idempotencyKeyTTL="1h")
    await world.trigger(debounce={"key": "k", "delay": "1m"})
    await world.let_pass(MINUTE)
    worker = await world.register("work", worker=worker.id)
    for run in await worker.fetch():
        await worker.complete(run)
    waiting = await world.trigger(debounce={"key": "other", "delay": "10d", "maxDelay": "20d"})

    world.clock.move(DAY)
    await upkeep.prune(world.store, retention_ms=0)

    for table in ("idempotency", "requests"):
        assert world.rows(f"select count(*) from {table}") == [(0,)], table
    assert world.rows("select run_id from debounces") == [(waiting,)]


@pytest.mark.parametrize("table", ["requests", "idempotency"])
async def test_more_than_a_batch_of_what_is_over_is_forgotten_in_seconds(
    world: World, table: str
) -> None:
    await world.register("work")
    columns = {"requests": "made", "idempotency": "task, run_id"}[table]
    values = {"requests": "''", "idempotency": "1, 1"}[table]
    for start in (0, 500, 1_000):
        rows = ", ".join(f"(1, 'k{n}', {values}, 0)" for n in range(start, start + 500))
        await world.write(f"insert into {table} (env, key, {columns}, expires_at) values {rows}")

    first = await upkeep.prune(world.store, retention_ms=0)
    second = await upkeep.prune(world.store, retention_ms=0)

    assert (first, second) == (1_000, 60_000)
    assert world.rows(f"select count(*) from {table}") == [(0,)]


async def test_counter_that_differs_from_its_rows_is_found(world: World) -> None:
    await world.register(manifest("work", limit=1))
    await world.trigger()

    await world.write("update lanes set queued = 2")

    assert [row[1:] for row in await upkeep.counter_drift(world.store)] == [(0, 2, 1, 0, 1, 1)]


async def test_clock_that_goes_back_delays_nothing_for_ever(world: World) -> None:
    worker = await world.register("work")
    world.clock.move(-2 * HOUR)

    run_id = await world.trigger(delay="10s")
    await world.let_pass(10 * SECOND)

    assert await world.status(run_id) == "QUEUED"
    assert len(await worker.fetch()) == 1
