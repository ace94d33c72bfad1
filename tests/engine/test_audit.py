"""The audit log, on both databases."""

from hairtrigger.engine import audit, upkeep
from tests.engine.driving import World


async def test_what_was_done_is_read_newest_first_in_pages(world: World) -> None:
    for number in range(5):
        await audit.note(
            world.store, who="ada", action="keys.create", what="Make a key.", subject=str(number),
            address="::1", env=world.env.id if number % 2 else None,
        )  # fmt: skip

    first, following = await audit.page(world.store, size=3)
    second, end = await audit.page(world.store, size=3, before=following)

    assert [one.subject for one in first + second] == ["4", "3", "2", "1", "0"]
    assert [one.env for one in second] == [world.env.id, None]
    assert (first[0].at, first[0].who, first[0].address) == (world.clock.now, "ada", "::1")
    assert end is None


async def test_what_comes_from_outside_is_one_short_line(world: World) -> None:
    await audit.note(
        world.store, who="a\x00b\nc" + "x" * 999, action="a", what="", subject="ü" * 999
    )

    ((entry,), _) = await audit.page(world.store)

    assert entry.who.startswith("a b cxxx")
    assert {len(entry.who), len(entry.subject)} == {200}


async def test_it_is_kept_for_400_days(world: World) -> None:
    await audit.note(world.store, who="ada", action="old", what="")
    world.clock.move(audit.KEPT_MS)
    await audit.note(world.store, who="ada", action="new", what="")
    await upkeep.prune(world.store, retention_ms=0)
    assert len((await audit.page(world.store))[0]) == 2

    world.clock.move(1_000)
    while await upkeep.prune(world.store, retention_ms=0) == 0:
        continue

    assert [one.action for one in (await audit.page(world.store))[0]] == ["new"]
