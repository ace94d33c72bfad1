"""Bulk actions: what fits a filter is cancelled or replayed, once, whoever dies on the way."""

import pytest

from hairtrigger.engine import bulk
from hairtrigger.engine.bulk import Chosen, TooManyReplays
from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.store.narrowing import RunFilter
from tests.clock import MINUTE, SECOND
from tests.engine.driving import World


async def done(world: World, number: int) -> bulk.BulkAction:
    """The action, worked on until it is over."""
    while (await bulk.retrieve(world.store, world.env, number)).status == "PENDING":
        await bulk.work(world.store)
    return await bulk.retrieve(world.store, world.env, number)


async def test_everything_that_fits_is_cancelled_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PAGE", 3)
    wanted = [await world.trigger(tags=["t"]) for _ in range(8)]
    other = await world.trigger()
    elsewhere = await world.beside("dev").trigger(tags=["t"])
    world.clock.move(SECOND)
    number = await bulk.create(
        world.store, world.env, "cancel", Chosen(filter=RunFilter(tags=["t"]))
    )
    world.clock.move(SECOND)
    later = await world.trigger(tags=["t"])

    action = await done(world, number)

    assert await world.statuses(wanted) == ["CANCELED"] * 8
    assert await world.statuses([other, later]) == ["PENDING_VERSION"] * 2
    assert await world.beside("dev").status(elsewhere) == "PENDING_VERSION"
    assert (action.status, action.success, action.failure, action.share) == ("COMPLETED", 8, 0, 1.0)


async def test_a_replay_makes_each_run_once_also_when_its_server_died_in_the_middle(
    world: World,
) -> None:
    worker = await world.register("work")
    made = [await world.trigger(payload=n) for n in range(5)]
    for run in await worker.fetch():
        await worker.complete(run)
    world.clock.move(SECOND)
    number = await bulk.create(world.store, world.env, "replay", Chosen(numbers=made))
    await bulk.work(world.store)  # a server that dies before it remembers how far it was
    await world.write(
        "update bulk_actions set at = null, status = 0, success = 0, completed_at = null"
    )

    action = await done(world, number)

    assert action.success == 5
    assert world.rows("select count(*) from runs") == [(10,)]
    assert world.rows("select count(*) from bulk_runs where action = ?", number) == [(10,)]


async def test_an_action_that_somebody_works_on_is_left_alone_until_its_lease_is_over(
    world: World,
) -> None:
    made = await world.trigger()
    number = await bulk.create(world.store, world.env, "cancel", Chosen(numbers=[made]))
    await world.write("update bulk_actions set lease_until = ?", world.clock.now + bulk.LEASE_MS)

    assert await bulk.work(world.store) > 0
    assert await world.status(made) == "PENDING_VERSION"
    world.clock.move(bulk.LEASE_MS)
    assert (await done(world, number)).success == 1


async def test_an_action_can_be_undone_before_it_begins_and_stopped_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PAGE", 2)
    made = [await world.trigger() for _ in range(4)]
    undone = await bulk.create(
        world.store, world.env, "cancel", Chosen(numbers=made), undo_ms=5 * SECOND
    )
    await bulk.work(world.store)
    await bulk.abort(world.store, world.env, undone)
    world.clock.move(MINUTE)
    await bulk.work(world.store)
    assert await world.statuses(made) == ["PENDING_VERSION"] * 4

    stopped = await bulk.create(world.store, world.env, "cancel", Chosen(numbers=made))
    await bulk.work(world.store)
    await bulk.abort(world.store, world.env, stopped)
    await bulk.work(world.store)

    assert sorted(await world.statuses(made)) == ["CANCELED"] * 2 + ["PENDING_VERSION"] * 2
    action = await bulk.retrieve(world.store, world.env, stopped)
    assert (action.status, action.success) == ("ABORTED", 2)
    with pytest.raises(BadRequest, match="aborted already"):
        await bulk.abort(world.store, world.env, stopped)


async def test_what_fails_is_counted_and_said(world: World) -> None:
    made = await world.trigger()

    number = await bulk.create(world.store, world.env, "replay", Chosen(numbers=[made, made - 1]))
    action = await done(world, number)

    assert (action.success, action.failure, action.problem) == (1, 1, "Run not found")


async def test_an_action_of_another_environment_is_not_there(world: World) -> None:
    number = await bulk.create(world.store, world.env, "cancel", Chosen(numbers=[1]))
    dev = world.beside("dev")

    with pytest.raises(NotFound):
        await bulk.retrieve(dev.store, dev.env, number)
    with pytest.raises(NotFound):
        await bulk.abort(dev.store, dev.env, number)
    assert await bulk.list_page(dev.store, dev.env, size=10, after=None, before=None) == []
    assert [
        one.id
        for one in await bulk.list_page(world.store, world.env, size=10, after=None, before=None)
    ] == [number]


@pytest.mark.parametrize(
    "chosen",
    [Chosen(), Chosen([1], RunFilter()), Chosen(list(range(1, 502)))],
    ids=["nothing", "both", "too many"],
)
async def test_an_action_for_nothing_or_too_much_is_refused(world: World, chosen: Chosen) -> None:
    with pytest.raises(BadRequest):
        await bulk.create(world.store, world.env, "cancel", chosen)


async def test_an_environment_replays_three_at_once_and_cancels_as_much_as_it_likes(
    world: World,
) -> None:
    dev = world.beside("dev")
    made = [
        await bulk.create(world.store, world.env, "replay", Chosen(numbers=[1])) for _ in range(3)
    ]

    with pytest.raises(TooManyReplays):
        await bulk.create(world.store, world.env, "replay", Chosen(numbers=[1]))
    await bulk.create(dev.store, dev.env, "replay", Chosen(numbers=[1]))
    for _ in range(4):
        await bulk.create(world.store, world.env, "cancel", Chosen(numbers=[1]))
    await bulk.abort(world.store, world.env, made[0])
    await bulk.create(world.store, world.env, "replay", Chosen(numbers=[1]))


async def test_a_request_that_is_repeated_is_one_action(world: World) -> None:
    chosen = Chosen(numbers=[1])

    first, again = [
        await bulk.create(world.store, world.env, "cancel", chosen, request_key="k")
        for _ in range(2)
    ]
    other = await bulk.create(world.store, world.env, "cancel", chosen, request_key="j")

    assert first == again != other
