"""Handing out: versions, queues that workers serve, limits, concurrency keys, pauses, fairness, order."""

import asyncio

import pytest

from hairtrigger.engine import dequeue
from hairtrigger.errors import UnknownWorker
from hairtrigger.wire import ids
from hairtrigger.wire.worker import Fetch, RunInfo
from tests.clock import SECOND
from tests.engine.driving import World, manifest, number


def numbers(runs: list[RunInfo]) -> list[int]:
    return [number(run.id) for run in runs]


async def test_waiting_fetch_is_answered_by_a_trigger(world: World) -> None:
    worker = await world.register("work")
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    fetching = asyncio.ensure_future(
        dequeue.fetch(
            world.store, world.known, world.env, Fetch(worker.id, 5), wait_s=30, stop=stop
        )
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
        dequeue.fetch(
            world.store, world.known, world.env, Fetch(worker.id, 5), wait_s=30, stop=stop
        )
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
        dequeue.fetch(
            world.store, world.known, world.env, Fetch(worker.id, 5), wait_s=30, stop=stop
        )
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


async def test_worker_that_serves_some_queues_gets_their_runs_only(world: World) -> None:
    tasks = [
        manifest("a", queue="qa", limit=5),
        manifest("b", queue="qb"),
        manifest("c", queue="qc"),
    ]
    worker = await world.register(*tasks, queues=["qa", "qb"])
    mine = [await world.trigger("a"), await world.trigger("b")]
    await world.trigger("c")

    assert numbers(await worker.fetch()) == mine


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
    assert (run.max_attempts, run.max_duration_ms, run.is_test, run.priority_ms) == (
        7,
        90_000,
        True,
        2_000,
    )
    assert (run.idempotency_key, run.queue, run.used_ms, run.started_at) == (
        "shown",
        "task/work",
        0,
        None,
    )
    assert bytes(run.metadata or b"") == b'{"a":1}'
