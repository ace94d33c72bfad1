"""The limit of an environment with its burst: over all its queues, set, changed and lifted at run time."""

from typing import Any

import pytest

from hairtrigger.engine import queues
from hairtrigger.errors import BadRequest
from hairtrigger.wire.worker import QueueManifest, RunInfo
from tests.clock import MINUTE
from tests.engine.driving import LEASE_MS, World, exact, manifest, number
from tests.engine.test_queues import complete_all_of, no_drift, queue, with_queue


async def limit_all(world: World, to: int | None, burst: int = 100) -> queues.Concurrency:
    return await queues.limit_environment(world.store, world.env, to, burst=burst)


async def slots_are_true(world: World) -> None:
    """Every counter equals the rows it counts, and there is one for all that executes."""
    counted = dict(world.rows("select owner, running from slots where running <> 0"))
    rows = world.rows(
        "select r.queue, l.env from live l join runs r on r.id = l.run_id where l.state = 2"
    )
    true: dict[int, int] = {}
    for queue_id, env in rows:
        for owner in (queue_id, -env):
            true[owner] = true.get(owner, 0) + 1
    assert counted == true
    await no_drift(world)


def by_task(runs: list[RunInfo]) -> dict[str, int]:
    return {name: sum(run.task == name for run in runs) for name in {run.task for run in runs}}


async def test_no_queue_exceeds_the_limit_of_its_environment_nor_all_together_its_burst(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    worker = await world.register("a", manifest("b", limit=9), "c")
    for task in "aaaaabbbbbccccc":
        await world.trigger(task, concurrencyKey="k")

    await limit_all(world, 2, 250)
    first = await worker.fetch()

    assert len(first) == 5
    assert max(by_task(first).values()) == 2
    assert await worker.fetch() == []
    assert (await queue(world, "task/b")).limit == 2
    assert ("environment.limited", {"env": "prod", "limit": 2, "burst": 250}) in told
    assert (await queues.concurrency(world.store, world.env)).running == 5
    await slots_are_true(world)


async def test_places_of_an_environment_come_back_however_a_run_ends(world: World) -> None:
    worker = await world.register("a", manifest("b", limit=9, retry=exact(max_attempts=3)))
    await limit_all(world, 2, 200)
    for task in "aaaaabbbbb":
        await world.trigger(task)
    running = await worker.fetch()
    assert by_task(running) == {"a": 2, "b": 2}
    mine = {task: [run for run in running if run.task == task] for task in "ab"}

    await worker.complete(mine["a"][0])
    await worker.fail(mine["b"][0], retry_in_ms=MINUTE)
    await world.cancel(number(mine["b"][1].id))
    assert (
        len(await worker.fetch()) == 2
    )  # one that is cancelled keeps its place until it has stopped
    await worker.settle(mine["b"][1], cancelled=True)
    assert len(await worker.fetch()) == 1
    await slots_are_true(world)
    await world.let_pass(2 * LEASE_MS)  # the worker is silent
    await world.let_pass(2 * LEASE_MS)

    await slots_are_true(world)
    again = await world.register("a", manifest("b", limit=9, retry=exact(max_attempts=3)))
    assert max(by_task(await again.fetch()).values()) <= 2
    await slots_are_true(world)


async def test_limit_of_an_environment_is_raised_lowered_and_lifted_with_runs_under_way(
    world: World,
) -> None:
    total = with_queue(manifest("t"), QueueManifest("q", None, 3))
    worker = await world.register("work", total)
    for _ in range(12):
        await world.trigger()
        await world.trigger("t")
    before = await worker.fetch(4)
    await limit_all(world, 4, 100)  # all that runs is counted
    assert await worker.fetch() == []
    await slots_are_true(world)

    await limit_all(world, 6, 100)
    more = await worker.fetch()
    assert len(more) == 2
    await limit_all(world, 1, 100)
    await complete_all_of(worker, before)
    assert await worker.fetch() == []
    await slots_are_true(world)
    await limit_all(world, None)

    own = (await queue(world, "q")).id
    assert [row[0] for row in world.rows("select owner from slots")] == [own]
    rest = await worker.fetch()
    assert by_task([*more, *rest])["t"] == 3
    assert by_task([*before, *more, *rest])["work"] == 12
    await limit_all(world, 100)
    await slots_are_true(world)


async def test_queue_whose_own_total_limit_goes_stays_counted_in_a_limited_environment(
    world: World,
) -> None:
    worker = await world.register(with_queue(manifest("work"), QueueManifest("q", None, 2)))
    for _ in range(5):
        await world.trigger()
    await limit_all(world, 3)
    assert len(await worker.fetch()) == 2

    worker = await world.register(manifest("work", queue="q"), worker=worker.id)
    await world.store.reload()  # as a server that starts

    assert len(await worker.fetch()) == 1
    await slots_are_true(world)


async def test_limit_of_one_environment_leaves_the_others_alone(world: World) -> None:
    dev = world.beside("dev")
    worker = await dev.register("work")
    await limit_all(world, 0)
    for _ in range(3):
        await dev.trigger()

    assert len(await worker.fetch()) == 3


@pytest.mark.parametrize(
    ("to", "burst", "says"),
    [(-1, 100, "between 0 and 100000"), (100_001, 100, "between 0 and 100000"),
     (1, 99, "between 100 and 1000 percent"), (None, 1_001, "between 100 and 1000 percent")],
)  # fmt: skip
async def test_limit_of_an_environment_out_of_range_is_refused(
    world: World, to: int | None, burst: int, says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        await limit_all(world, to, burst)
    assert (await queues.concurrency(world.store, world.env)).limit.limit is None
