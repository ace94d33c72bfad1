"""What waits in queues, since when and why."""

import pytest

from hairtrigger.engine import explain, queues, waiting
from hairtrigger.wire.worker import QueueManifest
from tests.clock import MINUTE, SECOND
from tests.engine.driving import World, manifest
from tests.engine.test_queues import limit, queue, with_queue


async def since(world: World, name: str = "task/work") -> int | None:
    found = await queue(world, name)
    return (await waiting.oldest(world.store, [found.id])).get(found.id)


async def whys(world: World, name: str = "task/work") -> list[str]:
    """Why the next runs of a queue wait, in their order."""
    of = await queue(world, name)
    line = await waiting.next_runs(world.store, world.env, of.id, limit=50)
    said = explain.why_next(await explain.situation(world.store, world.env, of), line)
    return [said[run.id] for run in line.runs]


@pytest.mark.parametrize("declared", [None, 1])
async def test_the_oldest_of_a_queue_is_the_run_that_is_next_in_line(
    world: World, declared: int | None
) -> None:
    worker = await world.register(manifest("work", limit=declared))
    began = world.clock.now
    for key in ("b", "a", "b"):
        await world.trigger(concurrencyKey=key)
        world.clock.move(SECOND)

    assert await since(world) == began
    await worker.fetch(1)
    assert await since(world) == began + SECOND
    await worker.fetch(1)
    assert await since(world) == began + 2 * SECOND


async def test_a_priority_makes_no_run_older_than_it_is(world: World) -> None:
    await world.register("work")
    world.clock.move(MINUTE)

    await world.trigger(priority=3600)

    assert await since(world) == world.clock.now


async def test_nothing_waits_in_a_queue_without_runs(world: World) -> None:
    await world.register("work", manifest("mail", limit=2))

    assert await since(world) is None
    assert await since(world, "task/mail") is None
    assert await waiting.oldest(world.store, []) == {}


async def test_keys_of_a_queue_come_page_by_page_with_what_runs_and_waits_in_them(
    world: World,
) -> None:
    worker = await world.register(manifest("work", limit=1))
    began = world.clock.now
    for key in ("c", "a", "a", "b"):
        await world.trigger(concurrencyKey=key)
        world.clock.move(SECOND)
    await worker.fetch(2)  # those whose turn it is: c, and a
    number = (await queue(world)).id

    first, more = await waiting.keys(world.store, number, limit=2)
    rest, end = await waiting.keys(world.store, number, start=more, limit=2)

    assert [(key.name, key.running, key.queued, key.limit) for key in first + rest] == [
        ("a", 1, 1, 1), ("b", 0, 1, 1), ("c", 1, 0, 1),
    ]  # fmt: skip
    assert [key.since for key in first + rest] == [began + 2 * SECOND, began + 3 * SECOND, None]
    assert (more, end) == ("c", "")
    assert await waiting.key_of(world.store, number, "a") is not None
    assert await waiting.key_of(world.store, number, "nobody") is None


@pytest.mark.parametrize("declared", [None, 1])
async def test_the_next_runs_are_those_of_all_keys_in_order(
    world: World, declared: int | None
) -> None:
    await world.register(manifest("work", limit=declared))
    made = []
    for n in range(6):
        made.append(await world.trigger(concurrencyKey=f"k{n % 3}", payload={"n": n}))
        world.clock.move(SECOND)
    last = await world.trigger(priority=60, concurrencyKey="k9")
    await world.trigger(delay="1m")

    number = (await queue(world)).id
    line = await waiting.next_runs(world.store, world.env, number, limit=4)

    assert [run.id for run in line.runs] == [last, *made[:3]]
    assert {run.payload for run in line.runs} == {None}


async def test_each_run_says_why_it_waits(world: World) -> None:
    await world.register(manifest("work", limit=1), slots=9)
    worker = await world.register(manifest("work", limit=1), slots=9)
    for key in ("a", "a", "a"):
        await world.trigger(concurrencyKey=key)
    await worker.fetch(1)
    await world.trigger(concurrencyKey="b")
    await world.trigger()

    assert await whys(world) == [
        "1 of 1 running in the concurrency key a of the queue work, 1 others wait.",
        "1 of 1 running in the concurrency key a of the queue work, 1 others wait.",
        "Ready: the next free worker takes it.",
        "Ready: the next free worker takes it.",
    ]
    await queues.pause(world.store, world.env, "work", kind="task")
    assert set(await whys(world)) == {"The queue work is paused; 4 wait in it."}


async def test_limits_over_all_keys_and_of_the_environment_are_said(world: World) -> None:
    declared = with_queue(manifest("work"), QueueManifest("task/work", 5, total_limit=1))
    worker = await world.register(declared, "other", slots=9)
    for key in ("a", "b"):
        await world.trigger(concurrencyKey=key)
    await worker.fetch(2)

    assert await whys(world) == ["1 of 1 running over all keys of work, 0 others wait."]
    await queues.limit_environment(world.store, world.env, 1)
    await world.trigger("other")
    assert await whys(world, "task/other") == ["1 of 1 running in the environment prod."]


async def test_without_a_worker_or_a_free_slot_runs_say_so(world: World) -> None:
    worker = await world.register("work", slots=1)
    first, second = await world.trigger(), await world.trigger()
    await worker.fetch(1)

    async def why(run: int) -> str:
        return await explain.why_waiting(world.store, world.env, await world.run(run))

    assert await why(first) == ""
    assert (await why(second)).startswith("All 1 slots of 1 workers are busy; 1 runs wait.")
    await worker.leave()
    assert (await why(second)).startswith("No worker of prod is online")


async def test_a_queue_at_its_limit_says_how_many_wait_beside(world: World) -> None:
    worker = await world.register("work")
    await limit(world, 2)
    runs = [await world.trigger() for _ in range(5)]
    await worker.fetch(5)

    said = await explain.why_waiting(world.store, world.env, await world.run(runs[-1]))

    assert said.startswith("2 of 2 running in the queue work, 2 others wait. Wait, or raise it")
