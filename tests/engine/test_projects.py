"""Projects and their keys."""

import pytest

from hairtrigger.engine import keys, projects
from hairtrigger.engine.projects import Vault
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.rules.project import Environment
from hairtrigger.store.store import Store


async def opened(store: Store, key: str) -> Environment | None:
    """The environment that a key opens."""
    found = await keys.find(store, key)
    return None if found is None else found[1]


@pytest.fixture
def vault() -> Vault:
    return Vault("a master key")


async def test_keys_are_shown_by_their_ends_only(store: Store, vault: Vault) -> None:
    given = {"dev": "tr_dev_" + "d" * 40 + "1234", "prod": "tr_prod_" + "p" * 40 + "x7Qz"}
    envs, _ = await projects.open_project(store, vault, name="test", keys=given)

    found = await keys.list_all(store, list(envs.values()))

    assert {one.env.slug: one.shown for one in found} == {
        "dev": "tr_dev_…1234",
        "prod": "tr_prod_…x7Qz",
    }
    assert not any(key in repr(found) for key in given.values())


async def test_another_project_has_environments_and_keys_of_its_own(
    store: Store, vault: Vault
) -> None:
    first, _ = await projects.open_project(store, vault, name="test", keys={})

    made = await projects.create_project(store, vault, name=" Shop ", ref="proj_shop1")

    assert [one.env.slug for one in made] == ["dev", "prod"]
    assert {(one.env.project_name, one.env.project_ref) for one in made} == {("Shop", "proj_shop1")}
    assert made[0].env.project != first["dev"].project
    for one in made:
        assert await opened(store, one.key) == one.env
        assert await projects.sealed_keys(store, vault, one.env) == [one.key]
    assert projects.find(store.catalog, "Shop") == made[0].env.project


@pytest.mark.parametrize(
    ("name", "ref", "why"),
    [
        ("", "", "1 to 60"),
        ("x" * 61, "", "1 to 60"),
        ("two\nlines", "", "on one line"),
        ("test", "", "of that name"),
        ("other", "proj_first", "of that reference"),
        ("other", "shop", "is no reference"),
    ],
)
async def test_a_project_that_cannot_be_made_makes_nothing(
    store: Store, vault: Vault, name: str, ref: str, why: str
) -> None:
    await projects.open_project(store, vault, ref="proj_first", name="test", keys={})

    with pytest.raises(Unprocessable, match=why):
        await projects.create_project(store, vault, name=name, ref=ref)

    assert len(store.catalog.envs) == 2


async def test_a_project_gets_staging_once(store: Store, vault: Vault) -> None:
    first, _ = await projects.open_project(store, vault, name="test", keys={})
    project = first["dev"].project

    made = await projects.create_environment(store, vault, project, "staging")

    assert made.key.startswith("tr_stg_")
    assert made.env.type == "STAGING"
    assert await opened(store, made.key) == made.env
    for slug, why in (("staging", "already"), ("qa", "There is no environment 'qa'")):
        with pytest.raises(Unprocessable, match=why):
            await projects.create_environment(store, vault, project, slug)
    with pytest.raises(NotFound, match="no project 'nobody'"):
        projects.find(store.catalog, "nobody")
