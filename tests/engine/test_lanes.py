"""Queues and concurrency keys: limits, pauses, fair turns, order within a lane."""

import pytest

from hairtrigger.engine import upkeep
from hairtrigger.wire.worker import Result, RunInfo
from tests.clock import MINUTE, SECOND
from tests.engine.driving import Worker, World, manifest, number


def numbers(runs: list[RunInfo]) -> list[int]:
    return [number(run.id) for run in runs]


async def no_drift(world: World) -> None:
    assert await upkeep.counter_drift(world.store) == []


async def test_held_back_run_of_a_limited_queue_holds_no_slot(world: World) -> None:
    limited = manifest("work", queue="q", limit=1)
    await world.register(limited)
    await world.trigger()
    await world.trigger()
    less = await world.register(manifest("other", queue="q", limit=1))

    await less.fetch()
    await less.fetch()

    assert world.rows("select running, queued, runs from lanes") == [(0, 0, 2)]
    worker = await world.register(limited)
    assert len(await worker.fetch()) == 1
    await no_drift(world)


async def test_worker_finds_its_queue_behind_any_number_of_lanes_of_others(world: World) -> None:
    tasks = [manifest("a", queue="qa", limit=1), manifest("b", queue="qb", limit=1)]
    worker = await world.register(*tasks, queues=["qb"])
    for n in range(80):
        await world.trigger("a", concurrencyKey=f"k{n}")
    world.clock.move(SECOND)
    mine = await world.trigger("b")

    assert numbers(await worker.fetch(1)) == [mine]


async def test_limit_of_a_queue_holds_and_its_slots_come_back(world: World) -> None:
    worker = await world.register(manifest("work", limit=2))
    made = [await world.trigger() for _ in range(5)]

    first = await worker.fetch()
    assert numbers(first) == made[:2]
    assert await worker.fetch() == []
    await worker.complete(first[0])
    second = await worker.fetch()

    assert numbers(second) == made[2:3]
    await no_drift(world)


async def test_report_hands_out_what_its_own_results_make_room_for(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    made = [await world.trigger() for _ in range(3)]
    run = await worker.fetch_one()

    reported = await worker.report(Result(run.id, run.lease, done=True), want=5)

    assert numbers(reported.runs) == made[1:2]


async def test_every_concurrency_key_has_the_limit_of_its_own(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    for key in ("a", "a", "b", "b", 1, "1", 1.0, 1234567.5, 1234568.5):
        await world.trigger(concurrencyKey=key)
    await world.trigger()

    keys = [run.concurrency_key for run in await worker.fetch()]

    assert sorted(keys, key=str) == ["1", "1234567.5", "1234568.5", None, "a", "b"]


async def test_zero_limit_lets_nothing_start(world: World) -> None:
    worker = await world.register(manifest("work", limit=0))
    await world.trigger()

    assert await worker.fetch() == []


async def test_two_tasks_share_the_limit_of_their_queue_though_one_only_names_it(
    world: World,
) -> None:
    tasks = [manifest("a", queue="q", limit=2), manifest("b", queue="q")]
    worker = await world.register(*tasks)
    for task in ("a", "b", "a", "b"):
        await world.trigger(task)

    assert len(await worker.fetch()) == 2
    await no_drift(world)


async def test_paused_queue_waits_and_goes_on(world: World) -> None:
    worker = await world.register(manifest("a", limit=3), "b")
    await world.trigger("a")
    await world.trigger("b")
    await world.pause("task/a")
    await world.pause("task/b")
    await world.trigger("a", concurrencyKey="k")
    assert await worker.fetch() == []

    await world.pause("task/a", paused=False)
    await world.pause("task/b", paused=False)

    assert len(await worker.fetch()) == 3


async def test_lowered_limit_drains_and_raised_one_fills(world: World) -> None:
    worker = await world.register(manifest("work", limit=3))
    for _ in range(8):
        await world.trigger()
    running = await worker.fetch()
    worker = await world.register(manifest("work", limit=1), worker=worker.id)

    for run in running[:2]:
        await worker.complete(run)
        assert await worker.fetch() == []
    await worker.complete(running[2])
    one = await worker.fetch()
    worker = await world.register(manifest("work", limit=4), worker=worker.id)

    assert len(one) == 1
    assert len(await worker.fetch()) == 3
    await no_drift(world)


async def test_queue_that_gets_a_limit_counts_what_runs_and_waits_already(world: World) -> None:
    worker = await world.register("work")
    for _ in range(6):
        await world.trigger()
    await world.trigger(delay="1m")
    await world.trigger(concurrencyKey="k")
    running = await worker.fetch(3)

    worker = await world.register(manifest("work", limit=4), worker=worker.id)

    assert len([run for run in await worker.fetch() if run.concurrency_key is None]) <= 4
    assert world.rows("select max(running) from lanes") == [(4,)]
    for run in running:
        await worker.complete(run)
    await no_drift(world)


async def test_queue_that_loses_its_limit_runs_everything(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    for _ in range(3):
        await world.trigger()
    running = await worker.fetch()

    worker = await world.register("work", worker=worker.id)
    await world.trigger()

    assert len(await worker.fetch()) == 3
    await worker.complete(running[0])
    worker = await world.register(manifest("work", limit=2), worker=worker.id)
    await world.trigger()
    assert await worker.fetch() == []
    await no_drift(world)


async def test_runs_of_a_lane_start_in_order_of_queueing_less_priority(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    made = []
    for priority in (0, 0, 30, 10):
        made.append(await world.trigger(priority=priority))
        world.clock.move(SECOND)

    order = []
    for _ in made:
        run = await worker.fetch_one()
        order.append(number(run.id))
        await worker.complete(run)

    assert order == [made[2], made[3], made[0], made[1]]


async def test_retry_keeps_its_place_in_the_lane(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    first = await world.trigger()
    for _ in range(3):
        world.clock.move(SECOND)
        await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=0)

    assert numbers(await worker.fetch()) == [first]


async def served(world: World, worker: Worker, turns: int) -> list[str]:
    """What a worker with one slot runs, one after the other: the key, or the queue of a run without."""
    found = []
    for _ in range(turns):
        run = await worker.fetch_one()
        found.append(run.concurrency_key or run.queue)
        await worker.complete(run)
        world.clock.move(1)
    return found


async def test_flooding_key_makes_others_wait_one_turn(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    for _ in range(50):
        await world.trigger(concurrencyKey="flood")
    for _ in range(2):
        for key in "abc":
            await world.trigger(concurrencyKey=key)

    order = await served(world, worker, 8)

    assert sorted(order[:4]) == ["a", "b", "c", "flood"]
    assert sorted(order[4:]) == ["a", "b", "c", "flood"]


async def test_new_keys_do_not_starve_one_that_waits(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    for _ in range(3):
        await world.trigger(concurrencyKey="old")
    order = await served(world, worker, 1)
    for n in range(6):
        await world.trigger(concurrencyKey=f"new{n}")
        world.clock.move(1)
        order += await served(world, worker, 1)

    assert order.count("old") >= 2


@pytest.mark.parametrize("limit", [None, 5])
async def test_queues_take_turns_with_or_without_limits(world: World, limit: int | None) -> None:
    worker = await world.register(manifest("a", limit=limit), "b", "c", "d")
    for _ in range(6):
        for task in "abcd":
            await world.trigger(task)

    order = await served(world, worker, 8)

    assert sorted(order[:4]) == sorted(order[4:])
    assert len(set(order[:4])) == 4


async def test_lanes_with_nothing_for_a_worker_do_not_bar_its_way(world: World) -> None:
    old = await world.register(manifest("work", limit=1), content_hash="1")
    for n in range(60):
        await world.trigger(concurrencyKey=f"k{n}", lockToVersion=old.registered.version)
    await old.leave()
    new = await world.register(manifest("work", limit=1), content_hash="2")
    world.clock.move(SECOND)
    free = await world.trigger(concurrencyKey="free")

    found = [numbers(await new.fetch(1)) for _ in range(3)]

    assert [free] in found


async def test_large_demand_is_filled_from_few_lanes(world: World) -> None:
    worker = await world.register(manifest("a", limit=50), "b")
    for _ in range(20):
        await world.trigger("a")
    for _ in range(3):
        await world.trigger("b")

    assert len(await worker.fetch(23)) == 23


async def test_lanes_without_runs_are_forgotten_after_an_hour(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    for key in ("a", "b"):
        await world.trigger(concurrencyKey=key)
    await world.trigger(concurrencyKey="c", delay="100d")
    for run in await worker.fetch():
        await worker.complete(run)

    world.clock.move(60 * MINUTE + 1)
    await upkeep.prune(world.store, retention_ms=0)

    assert world.rows("select ckey, runs from lanes") == [("c", 1)]
