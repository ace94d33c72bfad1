"""Batches: announced, filled, sealed, repeated, aborted; their counters."""

import asyncio

import pytest

from hairtrigger.engine import batches
from hairtrigger.engine.batches import Added
from hairtrigger.errors import BadRequest, NotFound, Unprocessable
from hairtrigger.wire import ids
from hairtrigger.wire.options import CreateBatch
from tests.clock import DAY, MINUTE
from tests.engine.driving import World


async def found(world: World, batch: int) -> batches.Batch:
    return await batches.retrieve(world.store, world.env, batch)


async def test_batch_is_pending_then_processing_then_completed(world: World) -> None:
    worker = await world.register("work")
    batch = await world.batch(3)
    assert (await found(world, batch)).status == "PENDING"
    assert await world.add_items(batch, [0, 1]) == Added(2, 0, sealed=False, enqueued=2, expected=3)

    assert await world.add_items(batch, [2]) == Added(1, 0, sealed=True, enqueued=3, expected=3)
    assert (await found(world, batch)).status == "PROCESSING"
    running = await worker.fetch()
    await worker.complete(running[0])
    await worker.fail(running[1])
    assert (await found(world, batch)).status == "PROCESSING"
    await world.cancel((await found(world, batch)).run_ids[2])
    await worker.settle(running[2], cancelled=True)

    done = await found(world, batch)
    assert (done.status, done.open, done.finished_at) == ("COMPLETED", 0, world.clock.now)
    assert [run.batch for run in running] == [ids.public("batch", batch)] * 3


async def test_items_in_any_order_are_listed_in_theirs(world: World) -> None:
    batch = await world.batch(5)

    await world.add_items(batch, [3, 0, 4, 2, 1])

    run_ids = (await found(world, batch)).run_ids
    payloads = [(await world.run(run_id)).payload for run_id in run_ids]
    assert payloads == [("application/json", str(n)) for n in range(5)]
    assert [(await world.run(run_id)).options.batch_index for run_id in run_ids] == list(range(5))


async def test_index_seen_before_stays_as_it_was_first(world: World) -> None:
    batch = await world.batch(4)
    await world.add_items(batch, [0, 1])

    again = await world.add_items(batch, [0, 1, 2, 2])
    sealed = await world.add_items(batch, [0, 1, 2, 3])
    after = await world.add_items(batch, [0, 1, 2, 3])

    assert again == Added(1, 3, sealed=False, enqueued=3, expected=4)
    assert sealed == Added(1, 3, sealed=True, enqueued=4, expected=4)
    assert after == Added(0, 4, sealed=True, enqueued=4, expected=4)
    assert world.rows("select count(*) from runs") == [(4,)]


async def test_concurrent_uploads_make_each_item_once(world: World) -> None:
    batch = await world.batch(50)

    added = await asyncio.gather(*(world.add_items(batch, range(50)) for _ in range(5)))

    assert sum(one.accepted for one in added) == 50
    assert all(one.sealed for one in added)
    assert world.rows("select count(*), count(distinct ix) from batch_items") == [(50, 50)]
    assert world.rows("select count(*) from runs") == [(50,)]


async def test_bad_item_fails_alone_and_is_recorded(world: World) -> None:
    worker = await world.register("work")
    batch = await world.batch(2)

    await world.add_items(batch, [0], tags=[str(n) for n in range(11)])
    await world.add_items(batch, [1])
    await worker.complete(await worker.fetch_one())

    done = await found(world, batch)
    assert (done.status, len(done.run_ids)) == ("PARTIAL_FAILED", 1)
    assert [(error.index, error.task, error.code) for error in done.errors] == [
        (0, "work", "unprocessable")
    ]


async def test_batch_of_bad_items_only_is_aborted(world: World) -> None:
    batch = await world.batch(1)

    await world.add_items(batch, [0], lockToVersion="20000101.1")

    assert (await found(world, batch)).status == "ABORTED"


async def test_index_beyond_the_count_is_refused_as_a_whole(world: World) -> None:
    batch = await world.batch(2)

    for indexes in ([0, 2], [-1]):
        with pytest.raises(Unprocessable):
            await world.add_items(batch, indexes)

    assert world.rows("select count(*) from runs") == [(0,)]


@pytest.mark.parametrize("count", [0, -1, 1_001])
async def test_batch_has_one_to_a_thousand_items(world: World, count: int) -> None:
    with pytest.raises(BadRequest):
        await world.batch(count)


async def test_batch_that_is_never_filled_is_aborted_after_half_an_hour(world: World) -> None:
    worker = await world.register("work")
    batch = await world.batch(2)
    await world.add_items(batch, [0])
    await world.let_pass(30 * MINUTE)
    assert (await found(world, batch)).status == "PENDING"
    worker = await world.register("work", worker=worker.id)

    await world.let_pass(1)

    aborted = await found(world, batch)
    assert (aborted.status, aborted.finished_at) == ("ABORTED", world.clock.now)
    with pytest.raises(Unprocessable):
        await world.add_items(batch, [1])
    await worker.complete(await worker.fetch_one())
    assert (await found(world, batch)).finished_at == aborted.finished_at


async def test_item_that_an_existing_key_answers_lists_that_run(world: World) -> None:
    worker = await world.register("work")
    existing = await world.trigger(idempotencyKey="k")
    batch = await world.batch(3)

    await world.add_items(batch, [0, 1], idempotencyKey="k")
    await world.add_items(batch, [2])
    for run in await worker.fetch():
        await worker.complete(run)

    done = await found(world, batch)
    assert done.run_ids[:2] == [existing, existing]
    assert (done.status, done.open) == ("COMPLETED", 0)


async def test_item_that_a_debounce_moves_is_not_waited_for(world: World) -> None:
    worker = await world.register("work")
    batch = await world.batch(3)

    await world.add_items(batch, [0, 1, 2], debounce={"key": "k", "delay": "1s"})
    await world.let_pass(1_000)
    await worker.complete(await worker.fetch_one())

    done = await found(world, batch)
    assert len(set(done.run_ids)) == 1
    assert (done.status, done.open) == ("COMPLETED", 0)


async def test_repeated_request_is_the_same_batch(world: World) -> None:
    made = [
        await batches.create(world.store, world.env, CreateBatch(2), request_key="r")
        for _ in range(2)
    ]
    other = await batches.create(world.store, world.envs["dev"], CreateBatch(2), request_key="r")

    assert made[0].id == made[1].id != other.id
    assert not made[1].cached


async def test_key_answers_the_batch_and_says_cached_only_when_it_is_complete(world: World) -> None:
    first = await batches.create(world.store, world.env, CreateBatch(1, idempotency_key="k"))
    again = await batches.create(world.store, world.env, CreateBatch(1, idempotency_key="k"))
    assert (again.id, again.cached) == (first.id, False)
    await world.add_items(first.id, [0])

    once_more = await batches.create(world.store, world.env, CreateBatch(5, idempotency_key="k"))
    world.clock.move(30 * DAY)
    late = await batches.create(world.store, world.env, CreateBatch(1, idempotency_key="k"))

    assert (once_more.id, once_more.cached, once_more.run_count) == (first.id, True, 1)
    assert late.id != first.id


async def test_key_of_an_aborted_batch_is_free_again(world: World) -> None:
    first = await world.batch(1, idempotency_key="k")
    await world.let_pass(30 * MINUTE + 1)

    second = await world.batch(1, idempotency_key="k")

    assert second != first
    assert (await world.add_items(second, [0])).sealed


async def test_runs_of_a_batch_are_children_of_its_parent(world: World) -> None:
    parent = await world.trigger()
    batch = await world.batch(1, parent_run_id=ids.public("run", parent))
    await world.add_items(batch, [0])

    (child,) = (await found(world, batch)).run_ids

    assert (await world.run(child)).parent == parent


async def test_batch_of_a_cancelled_parent_makes_no_runs(world: World) -> None:
    parent = await world.trigger()
    batch = await world.batch(1, parent_run_id=ids.public("run", parent))
    await world.cancel(parent)

    await world.add_items(batch, [0])

    assert (await found(world, batch)).status == "ABORTED"


async def test_batch_of_another_environment_is_not_there(world: World) -> None:
    batch, dev = await world.batch(1), world.beside("dev")

    with pytest.raises(NotFound):
        await found(dev, batch)
    with pytest.raises(NotFound):
        await dev.add_items(batch, [0])
