"""Variables of an environment, sealed in the database."""

import pytest

from hairtrigger.engine import variables
from hairtrigger.engine.projects import Vault
from hairtrigger.errors import BadRequest, NotFound, Unavailable
from hairtrigger.rules import variables as rules

from .driving import World

VAULT = Vault("a master key")


async def test_variables_are_of_one_environment_and_sealed(world: World) -> None:
    await variables.put(world.store, VAULT, world.env, {"B": "two", "A": "one"}, secret=True)
    await variables.put(world.store, VAULT, world.env, {"A": "brand new"})

    found = await variables.list_all(world.store, VAULT, world.env)

    assert [(one.name, one.value, one.is_secret, one.shown) for one in found] == [
        ("A", "brand new", True, rules.REDACTED), ("B", "two", True, rules.REDACTED),
    ]  # fmt: skip
    assert await variables.list_all(world.store, VAULT, world.envs["dev"]) == []
    assert "brand new" not in repr(world.rows("select sealed from variables"))
    await variables.delete(world.store, world.env, "A")
    with pytest.raises(NotFound):
        await variables.retrieve(world.store, VAULT, world.env, "A")
    with pytest.raises(NotFound):
        await variables.delete(world.store, world.env, "A")


async def test_there_are_so_many_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST", 2)
    await variables.put(world.store, VAULT, world.env, {"A": "1", "B": "2"})

    await variables.put(world.store, VAULT, world.env, {"A": "3"})
    with pytest.raises(BadRequest, match="at most 2"):
        await variables.put(world.store, VAULT, world.env, {"A": "4", "C": "4"})

    found = await variables.list_all(world.store, VAULT, world.env)
    assert {one.name: one.value for one in found} == {"A": "3", "B": "2"}


async def test_another_master_key_is_said(world: World) -> None:
    await variables.put(world.store, VAULT, world.env, {"A": "1"})

    with pytest.raises(Unavailable, match="HAIRTRIGGER_MASTER_KEY"):
        await variables.list_all(world.store, Vault("another"), world.env)
