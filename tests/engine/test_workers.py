"""Worker sessions as people see them."""

import pytest

from hairtrigger.engine import workers
from hairtrigger.errors import NotFound
from tests.clock import MINUTE, SECOND
from tests.engine.driving import LEASE_MS, World, number


async def test_a_session_says_what_it_is_and_which_runs_it_holds(world: World) -> None:
    began = world.clock.now
    worker = await world.register(
        "work", "other", slots=4, queues=["task/work", "task/other"], sdk="1.2", runtime="python"
    )
    await world.trigger()
    world.clock.move(SECOND)
    await world.trigger("other")
    first = await worker.fetch_one()
    world.clock.move(SECOND)
    second = await worker.fetch_one()
    await world.cancel(number(second.id))

    (found,) = await workers.list_all(world.store, world.env)

    assert (found.name, found.slots, found.sdk, found.runtime) == ("w", 4, "1.2", "python")
    assert found.version == worker.registered.version
    assert found.is_current
    assert found.queues == ["task/other", "task/work"]
    assert (found.started_at, found.lease_until) == (began, began + LEASE_MS)
    assert [(one.task, one.since, one.is_canceled) for one in found.hands] == [
        (first.task, began + SECOND, False), (second.task, began + 2 * SECOND, True),
    ]  # fmt: skip
    assert await workers.retrieve(world.store, world.env, worker.number) == found


async def test_sessions_of_other_versions_and_environments_are_told_apart(world: World) -> None:
    old = await world.register("work")
    new = await world.register("work", "other")
    elsewhere = await world.beside("dev").register("work")

    found = await workers.list_all(world.store, world.env)

    assert [(one.id, one.is_current, one.queues) for one in found] == [
        (old.number, False, None),
        (new.number, True, None),
    ]
    with pytest.raises(NotFound):
        await workers.retrieve(world.store, world.env, elsewhere.number)
    await new.leave()
    with pytest.raises(NotFound, match="ended"):
        await workers.retrieve(world.store, world.env, new.number)


async def test_runs_between_two_attempts_are_in_nobodys_hands(world: World) -> None:
    worker = await world.register("work")
    await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=MINUTE)

    (found,) = await workers.list_all(world.store, world.env)

    assert found.hands == []
