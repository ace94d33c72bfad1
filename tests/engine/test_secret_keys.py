"""Secret keys: made, used, ended, rotated and revoked."""

from typing import Any

import pytest

from hairtrigger.engine import keys, projects
from hairtrigger.engine.projects import Vault
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.rules import keys as rules
from hairtrigger.rules.project import Environment
from hairtrigger.store.store import Store
from tests.clock import DAY, HOUR, Clock

ROOT = "tr_dev_" + "r" * 43
Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def vault() -> Vault:
    return Vault("a master key")


@pytest.fixture
async def env(store: Store, vault: Vault) -> Environment:
    envs, _ = await projects.open_project(store, vault, name="test", keys={"dev": ROOT})
    return envs["dev"]


async def opens(store: Store, key: str) -> Environment | None:
    found = await keys.find(store, key)
    return None if found is None else found[1]


async def test_a_key_that_was_made_opens_its_environment_and_is_kept_nowhere(
    store: Store, env: Environment, told: Told
) -> None:
    key, text = await keys.create(store, env, name=" Shop ")

    assert text.startswith("tr_dev_sk_")
    assert len(text) == len("tr_dev_sk_") + 24
    assert await opens(store, text) == env
    listed = await keys.list_all(store, [env])
    assert [(one.name, one.is_root) for one in listed] == [("Shop", False), (None, True)]
    assert key.shown == f"tr_dev_sk_…{text[-4:]}"
    assert text not in repr(listed) + repr(told)
    assert told[-1] == ("key.created", {"env": "dev", "key": key.public_id, "title": "Shop"})


async def test_a_key_ends_when_its_time_is_over(
    store: Store, env: Environment, clock: Clock
) -> None:
    _, text = await keys.create(store, env, name="short", life_ms=HOUR)

    clock.move(HOUR - 1)
    assert await opens(store, text) == env
    clock.move(1)
    assert await opens(store, text) is None


async def test_a_revoked_key_opens_nothing_and_its_name_is_free_again(
    store: Store, env: Environment
) -> None:
    key, text = await keys.create(store, env, name="Shop")
    _, other = await keys.create(store, env, name="Other")

    assert await keys.revoke(store, env, key.id) == "Shop"

    assert await opens(store, text) is None
    assert await opens(store, other) == env
    with pytest.raises(NotFound, match="to revoke"):
        await keys.revoke(store, env, key.id)
    await keys.create(store, env, name="Shop")


async def test_a_key_of_another_environment_and_a_root_key_cannot_be_revoked(
    store: Store, env: Environment
) -> None:
    (prod,) = (one for one in store.catalog.envs.values() if one.slug == "prod")
    key, text = await keys.create(store, prod, name="Shop")
    (root,) = (one for one in await keys.list_all(store, [env]) if one.is_root)

    for number in (key.id, root.id):
        with pytest.raises(NotFound):
            await keys.revoke(store, env, number)

    assert await opens(store, text) == prod
    assert await opens(store, ROOT) == env


async def test_a_rotated_root_key_and_its_tokens_are_good_for_another_day(
    store: Store, vault: Vault, env: Environment, clock: Clock
) -> None:
    key, text, ends_at = await keys.rotate(store, vault, env)

    assert ends_at == store.now() + DAY
    assert await projects.sealed_keys(store, vault, env) == [text, ROOT]
    assert [await opens(store, one) for one in (text, ROOT)] == [env, env]
    clock.move(DAY)
    assert await projects.sealed_keys(store, vault, env) == [text]
    assert await opens(store, ROOT) is None
    _, third, _ = await keys.rotate(store, vault, env)
    roots = [one for one in await keys.list_all(store, [env]) if one.is_root]
    assert [one.hint for one in roots] == [third[-4:], key.hint]


async def test_a_root_key_that_is_rotated_twice_ends_as_it_was_told_the_first_time(
    store: Store, vault: Vault, env: Environment, clock: Clock
) -> None:
    await keys.rotate(store, vault, env)
    clock.move(DAY - HOUR)
    await keys.rotate(store, vault, env)

    clock.move(HOUR)

    assert await opens(store, ROOT) is None


async def test_the_latest_use_of_a_key_is_remembered(store: Store, env: Environment) -> None:
    key, _ = await keys.create(store, env, name="Shop")

    await keys.note_uses(store, {key.id: 2_000})
    await keys.note_uses(store, {key.id: 1_000, 7: 1})
    await keys.note_uses(store, {})

    assert {one.name: one.used_at for one in await keys.list_all(store, [env])} == {
        "Shop": 2_000, None: None,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\nb"])
async def test_a_name_that_is_none_makes_no_key(store: Store, env: Environment, name: str) -> None:
    with pytest.raises(Unprocessable, match="1 to 60 characters"):
        await keys.create(store, env, name=name)

    assert len(await keys.list_all(store, [env])) == 1


async def test_names_are_unique_lives_bounded_and_keys_not_too_many(
    store: Store, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keys.create(store, env, name="Shop")
    with pytest.raises(Unprocessable, match="has a key 'Shop' already"):
        await keys.create(store, env, name="Shop")
    for life_ms in (0, -1, rules.MAX_LIFE_MS + 1):
        with pytest.raises(Unprocessable, match="ten years"):
            await keys.create(store, env, name="Other", life_ms=life_ms)
    monkeypatch.setattr(rules, "MAX_KEYS", 1)
    with pytest.raises(Unprocessable, match="has 1 keys"):
        await keys.create(store, env, name="Other")
