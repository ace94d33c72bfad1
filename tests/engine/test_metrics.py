"""Everything that an installation does, in one look: equal to what each part of it is told by itself."""

from hairtrigger.engine import metrics, queues, stats, workers
from hairtrigger.rules.stats import ALL_TASKS, DAY_MS, floor
from hairtrigger.wire.statuses import FinalStatus
from tests.clock import DAY, SECOND
from tests.engine.driving import World, manifest


async def rolled_up(world: World) -> None:
    while await stats.roll_up(world.store) == 0:
        pass


async def test_a_look_shows_what_the_parts_show(world: World) -> None:
    worker = await world.register(manifest("work", queue="limited", limit=2), "other", slots=8)
    for _ in range(4):
        await world.trigger()
    await world.trigger("other")
    await world.trigger("other", delay="1h")
    await world.trigger("unknown")
    await worker.fetch(3)
    world.clock.move(5 * SECOND)

    picture = await metrics.look(world.store, since=0)

    listed, _ = await queues.list_all(world.store, world.env, page=1, per_page=50)
    numbers = picture.queues
    assert {(q.id, q.queued, q.running) for q in listed} == {
        (q.entry.id, q.queued, q.running) for q in numbers.values()
    }
    by_name = {one.entry.name: one for one in numbers.values()}
    since = by_name["limited"].waiting_since
    assert by_name["limited"].queued == 2
    assert since is not None
    assert picture.now - since == 5 * SECOND
    assert by_name["task/other"].delayed == 1
    assert by_name["task/other"].waiting_since is None
    here = picture.environments[world.env.id]
    (session,) = await workers.list_all(world.store, world.env)
    assert (here.workers, here.slots, here.running) == (1, 8, len(session.hands))
    assert here.held == 1


async def test_retries_are_told_apart_from_what_was_delayed(world: World) -> None:
    worker = await world.register("work")
    await world.trigger()
    (run,) = await worker.fetch(1)
    await worker.fail(run, retry_in_ms=60_000)

    (queue,) = (await metrics.look(world.store, since=0)).queues.values()

    assert (queue.delayed, queue.retrying, queue.running) == (0, 1, 0)


async def test_what_finished_is_the_same_whichever_day_it_is_divided_at(world: World) -> None:
    worker = await world.register("work")
    for _ in range(2):
        await world.trigger()
        (run,) = await worker.fetch(1)
        await worker.complete(run)
        await rolled_up(world)
        world.clock.move(DAY)
    today = floor(world.clock.now, DAY_MS)

    for since in (0, today - DAY_MS, today):
        before = await metrics.finished_before(world.store, since)
        after = (await metrics.look(world.store, since=since)).finished

        for task in (ALL_TASKS, world.store.catalog.task_ids[world.env.id, "work"]):
            key = world.env.id, task
            counted = sum(
                found[key].outcomes.get(FinalStatus.COMPLETED, 0)
                for found in (before, after)
                if key in found
            )
            assert counted == 2
