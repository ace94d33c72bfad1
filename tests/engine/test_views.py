"""Views: one's own and everybody's."""

import pytest

from hairtrigger.engine import views
from hairtrigger.errors import NotFound, Unprocessable
from tests.engine.driving import World

ANN, BEN = 7, 8


async def names(world: World, user: int) -> list[tuple[str, bool, str]]:
    found = await views.all_for(world.store, world.env, user)
    return [(one.name, one.is_shared, one.query) for one in found]


async def test_a_view_is_seen_by_its_owner_and_a_shared_one_by_everybody(world: World) -> None:
    await views.save(world.store, world.env, ANN, name=" Mine ", query="status=FAILED")
    await views.save(world.store, world.env, views.EVERYBODY, name="Ours", query="task=a")
    await views.save(world.store, world.beside("dev").env, ANN, name="Elsewhere", query="")
    await views.save(world.store, world.env, ANN, name="Mine", query="status=CANCELED")

    assert await names(world, ANN) == [("Mine", False, "status=CANCELED"), ("Ours", True, "task=a")]
    assert await names(world, BEN) == [("Ours", True, "task=a")]


async def test_only_its_owner_deletes_a_view_and_only_an_admin_a_shared_one(world: World) -> None:
    await views.save(world.store, world.env, ANN, name="Mine", query="")
    await views.save(world.store, world.env, views.EVERYBODY, name="Ours", query="")
    mine, ours = (one.id for one in await views.all_for(world.store, world.env, ANN))
    delete = views.delete

    with pytest.raises(NotFound):
        await delete(world.store, world.env, mine, user=BEN, may_share=True)
    with pytest.raises(NotFound):
        await delete(world.store, world.beside("dev").env, ours, user=ANN, may_share=True)
    with pytest.raises(Unprocessable, match="an admin"):
        await delete(world.store, world.env, ours, user=BEN, may_share=False)
    assert await delete(world.store, world.env, mine, user=ANN, may_share=False) == "Mine"
    assert await delete(world.store, world.env, ours, user=BEN, may_share=True) == "Ours"
    assert await names(world, ANN) == []


async def test_a_view_has_a_name_and_a_bounded_query_and_there_are_not_too_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST", 1)
    for name, query in ((" ", ""), ("x" * 61, ""), ("a", "x" * 2_001), ("a", "\0")):
        with pytest.raises(Unprocessable):
            await views.save(world.store, world.env, ANN, name=name, query=query)
    await views.save(world.store, world.env, ANN, name="a", query="1")
    await views.save(world.store, world.env, ANN, name="a", query="2")

    with pytest.raises(Unprocessable, match="Delete one first"):
        await views.save(world.store, world.env, ANN, name="b", query="")

    assert await names(world, ANN) == [("a", False, "2")]
