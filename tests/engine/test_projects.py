"""Projects and their keys."""

from hairtrigger.engine import projects
from hairtrigger.store.store import Store


async def test_keys_are_shown_by_their_ends_only(store: Store) -> None:
    vault = projects.Vault("a master key")
    keys = {"dev": "tr_dev_" + "d" * 40 + "1234", "prod": "tr_prod_" + "p" * 40 + "x7Qz"}
    envs = await projects.open_project(store, vault, name="test", keys=keys)

    found = await projects.key_hints(store, envs["prod"].project)

    assert {one.env.slug: one.shown for one in found} == {
        "dev": "tr_dev_…1234",
        "prod": "tr_prod_…x7Qz",
    }
    assert not any(key in repr(found) for key in keys.values())
