"""Handing out: versions, queues that workers serve, limits, concurrency keys, pauses, fairness, order."""

import asyncio

import pytest

from hairtrigger.engine import dequeue, upkeep
from hairtrigger.errors import UnknownWorker
from hairtrigger.wire import ids
from hairtrigger.wire.worker import Fetch, Result, RunInfo
from tests.clock import MINUTE, SECOND
from tests.engine.driving import Worker, World, manifest, number


def numbers(runs: list[RunInfo]) -> list[int]:
    return [number(run.id) for run in runs]


async def no_drift(world: World) -> None:
    assert await upkeep.counter_drift(world.store) == []


async def test_waiting_fetch_is_answered_by_a_trigger(world: World) -> None:
    worker = await world.register("work")
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    fetching = asyncio.ensure_future(
        dequeue.fetch(world.store, world.known, world.env, Fetch(worker.id, 5), wait_s=30, stop=stop)
    )
    await asyncio.sleep(0)

    run_id = await world.trigger()

    assert numbers(await asyncio.wait_for(fetching, 5)) == [run_id]


async def test_waiting_fetch_is_answered_empty_when_the_server_stops(world: World) -> None:
    worker = await world.register("work")

    assert await worker.fetch() == []


async def test_cancelled_fetch_loses_nothing(world: World) -> None:
    worker = await world.register("work")
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    fetching = asyncio.ensure_future(
        dequeue.fetch(world.store, world.known, world.env, Fetch(worker.id, 5), wait_s=30, stop=stop)
    )
    await asyncio.sleep(0)
    fetching.cancel()
    await asyncio.gather(fetching, return_exceptions=True)

    run_id = await world.trigger()

    assert numbers(await worker.fetch()) == [run_id]


async def test_fetch_for_nothing_gets_nothing(world: World) -> None:
    worker = await world.register("work")
    await world.trigger()

    assert await worker.fetch(0) == []
    assert await worker.fetch(-1) == []


async def test_two_workers_never_get_the_same_run(world: World) -> None:
    workers = [await world.register("work") for _ in range(3)]
    made = {await world.trigger() for _ in range(30)}

    dealt = await asyncio.gather(*(worker.fetch(7) for worker in workers for _ in range(2)))

    found = [run for runs in dealt for run in numbers(runs)]
    assert len(found) == len(set(found)) == 30
    assert set(found) == made


async def test_unknown_and_foreign_sessions_get_nothing(world: World) -> None:
    dev = await world.beside("dev").register("work")
    gone = await world.register("work")
    await gone.leave()
    await world.trigger()

    for id in (dev.id, gone.id, "worker_" + "0" * 24, "nonsense"):
        with pytest.raises(UnknownWorker):
            await dequeue.fetch(
                world.store, world.known, world.env, Fetch(id, 1), wait_s=0,
                stop=asyncio.get_running_loop().create_future(),
            )  # fmt: skip


async def test_session_that_ended_while_it_waited_gets_nothing(world: World) -> None:
    worker = await world.register("work")
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    fetching = asyncio.ensure_future(
        dequeue.fetch(world.store, world.known, world.env, Fetch(worker.id, 5), wait_s=30, stop=stop)
    )
    await asyncio.sleep(0)

    await worker.leave()

    with pytest.raises(UnknownWorker):
        await asyncio.wait_for(fetching, 5)


async def test_current_version_gets_new_runs_and_an_older_one_only_its_own(world: World) -> None:
    old = await world.register("work", content_hash="1")
    pinned = await world.trigger(lockToVersion=old.registered.version)
    new = await world.register("work", content_hash="2")
    free = await world.trigger()

    assert numbers(await old.fetch()) == [pinned]
    assert numbers(await new.fetch()) == [free]
    assert (await world.run(free)).version == new.registered.version


@pytest.mark.acceptance("S42")
async def test_retry_stays_with_the_version_it_began_on(world: World) -> None:
    old = await world.register("work", content_hash="1")
    run_id = await world.trigger()
    await old.fail(await old.fetch_one(), retry_in_ms=SECOND)
    new = await world.register("work", content_hash="2")

    await world.let_pass(SECOND)

    assert await new.fetch() == []
    run = await old.fetch_one()
    assert (number(run.id), run.attempt, run.version) == (run_id, 2, old.registered.version)


async def test_retry_moves_on_when_no_worker_has_its_version_any_more(world: World) -> None:
    old = await world.register("work", content_hash="1")
    await world.trigger()
    await old.fail(await old.fetch_one(), retry_in_ms=0)
    new = await world.register("work", content_hash="2")
    assert await new.fetch() == []

    await old.leave()
    await world.look()

    run = await new.fetch_one()
    assert (run.attempt, run.version) == (2, new.registered.version)


async def test_run_pinned_by_its_trigger_never_moves_to_another_version(world: World) -> None:
    old = await world.register("work", content_hash="1")
    await world.trigger(lockToVersion=old.registered.version)
    await old.leave()
    new = await world.register("work", content_hash="2")

    await world.look()

    assert await new.fetch() == []


async def test_task_that_a_new_version_lacks_is_held_and_comes_back_with_it(world: World) -> None:
    both = await world.register("work", "other")
    run_id = await world.trigger()
    less = await world.register("other")

    assert await less.fetch() == []
    assert await world.status(run_id) == "PENDING_VERSION"
    held = await world.run(run_id)
    assert (held.fence, held.started_at, held.version) == (0, None, None)

    again = await world.register("work", "other")
    assert again.registered.version == both.registered.version
    assert numbers(await again.fetch()) == [run_id]


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


async def test_worker_that_serves_some_queues_gets_their_runs_only(world: World) -> None:
    tasks = [manifest("a", queue="qa", limit=5), manifest("b", queue="qb"), manifest("c", queue="qc")]
    worker = await world.register(*tasks, queues=["qa", "qb"])
    mine = [await world.trigger("a"), await world.trigger("b")]
    await world.trigger("c")

    assert numbers(await worker.fetch()) == mine


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


async def test_two_tasks_share_the_limit_of_their_queue_though_one_only_names_it(world: World) -> None:
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


async def served(world: World, worker: Worker, turns: int) -> list[str | None]:
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

    assert sorted(map(str, order[:4])) == ["a", "b", "c", "flood"]
    assert sorted(map(str, order[4:])) == ["a", "b", "c", "flood"]


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

    assert sorted(map(str, order[:4])) == sorted(map(str, order[4:]))
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


async def test_run_carries_what_an_executor_needs(world: World) -> None:
    worker = await world.register("work")
    parent = await world.trigger()
    await worker.fetch_one()
    run_id = await world.trigger(
        payload=[1], parentRunId=ids.public("run", parent), maxAttempts=7, maxDuration=90, test=True,
        metadata={"a": 1}, idempotencyKey="hash", idempotencyKeyOptions={"key": "shown"}, priority=2,
    )  # fmt: skip

    run = await worker.fetch_one()

    assert run.id == ids.public("run", run_id)
    assert (run.parent, run.root) == (ids.public("run", parent),) * 2
    assert (run.max_attempts, run.max_duration_ms, run.is_test, run.priority_ms) == (7, 90_000, True, 2_000)
    assert (run.idempotency_key, run.queue, run.used_ms, run.started_at) == ("shown", "task/work", 0, None)
    assert bytes(run.metadata or b"") == b'{"a":1}'
