"""How far batches are."""

import pytest

from hairtrigger.engine import bulk, progress
from hairtrigger.engine.progress import Progress
from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.wire import ids
from tests.clock import MINUTE, SECOND
from tests.engine.driving import Worker, World


async def mixed(world: World) -> tuple[int, Worker]:
    """A batch of nine: three completed, one failed, two between attempts or running, one not a run, two missing."""
    worker = await world.register("work", "other")
    batch = await world.batch(9)
    await world.add_items(batch, range(6))
    await world.add_items(batch, [6], queue={"name": "!!"})
    for n in range(5):
        run = await worker.fetch_one()
        world.clock.move(SECOND)
        if n < 3:
            await worker.complete(run)
        else:
            await worker.fail(run, retry_in_ms=None if n == 3 else MINUTE)
    await worker.fetch_one()
    return batch, worker


async def one(world: World, batch: int) -> Progress:
    return await progress.retrieve(world.store, world.env, batch)


async def test_a_batch_counts_its_items_by_how_they_stand(world: World) -> None:
    batch, _ = await mixed(world)

    found = await one(world, batch)

    assert dict(found.counts) == {
        "COMPLETED": 3, "FAILED": 1, "REATTEMPTING": 1, "EXECUTING": 1, progress.BROKEN: 1,
    }  # fmt: skip
    assert (found.total, found.made, found.missing, found.failed) == (9, 7, 2, 2)
    assert found.status == "PENDING"
    assert dict(found.tasks) == {"work": 7}
    with pytest.raises(NotFound):
        await one(world.beside("dev"), batch)


async def test_items_stand_in_their_order_with_what_went_wrong(world: World) -> None:
    batch, _ = await mixed(world)
    found = await one(world, batch)

    first = await progress.items(world.store, found, limit=4)
    rest = await progress.items(world.store, found, start=4, limit=10)

    assert [(item.index, item.status) for item in first] == [
        (0, "COMPLETED"), (1, "COMPLETED"), (2, "COMPLETED"), (3, "FAILED"),
    ]  # fmt: skip
    assert [item.status for item in rest] == ["REATTEMPTING", "EXECUTING", progress.BROKEN]
    assert rest[2].run is None
    assert "queue name" in (rest[2].error or "")
    assert (first[0].finished_at or 0) - (first[0].started_at or 0) == SECOND
    public = world.rows("select run_id from batch_items where batch = ? and ix = 0", batch)
    assert first[0].run == public[0][0]


async def test_batches_are_listed_newest_first_page_by_page(world: World) -> None:
    await world.register("work")
    made = []
    for n in range(1, 6):
        made.append(await world.batch(n))
        await world.add_items(made[-1], range(n))
    await world.beside("dev").batch(3)

    first, after = await progress.list_page(world.store, world.env, size=2, after=None, before=None)
    second, more = await progress.list_page(
        world.store, world.env, size=2, after=after, before=None
    )
    last, end = await progress.list_page(world.store, world.env, size=2, after=more, before=None)
    back, _ = await progress.list_page(
        world.store, world.env, size=2, after=None, before=last[0].id
    )

    assert [one.id for one in first + second + last] == made[::-1]
    assert [one.counts["QUEUED"] for one in first + second + last] == [5, 4, 3, 2, 1]
    assert end is None
    assert [one.id for one in back] == [one.id for one in second]


async def test_what_failed_of_a_batch_is_run_again_in_the_background(world: World) -> None:
    batch, worker = await mixed(world)

    number_ = await progress.replay_failed(world.store, world.env, batch, by="Ada")

    action = await bulk.retrieve(world.store, world.env, number_)
    assert (action.kind, action.created_by) == ("replay", "Ada")
    assert action.name == f"Failed runs of {ids.public('batch', batch)}"
    while await bulk.work(world.store) == 0:
        continue
    action = await bulk.retrieve(world.store, world.env, number_)
    assert (action.status, action.success, action.failure) == ("COMPLETED", 1, 0)
    good = await world.batch(1)
    await world.add_items(good, [0])
    for run in await worker.fetch():  # that, and what was replayed
        await worker.complete(run)
    with pytest.raises(BadRequest, match="nothing to replay"):
        await progress.replay_failed(world.store, world.env, good, by="Ada")
    assert (await one(world, good)).status == "COMPLETED"
