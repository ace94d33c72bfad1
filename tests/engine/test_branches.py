"""Branches, opened and archived, on both databases."""

import asyncio

import pytest

from hairtrigger.engine import branches, bulk, keys, projects, variables
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.rules import branches as rules
from hairtrigger.rules.project import Environment
from tests.engine.driving import World, manifest

VAULT = projects.Vault("a master key")


@pytest.fixture
async def preview(world: World) -> Environment:
    """The preview environment of the world's project."""
    made = await projects.create_environment(world.store, VAULT, world.env.project, "preview")
    return made.env


def inside(world: World, env: Environment) -> World:
    """The same store from a branch."""
    return World(world.store, world.clock, {env.slug: env}, env, world.known)


async def test_a_branch_has_its_own_runs_and_the_keys_of_its_parent(
    world: World, preview: Environment
) -> None:
    env, is_new = await branches.open_branch(world.store, preview, "refs/heads/feature/mail")
    again, is_again = await branches.open_branch(world.store, preview, "feature/mail")
    mail = inside(world, env)
    await mail.register("work")
    run = await mail.trigger()

    assert (is_new, is_again, again) == (True, False, env)
    assert (env.branch, env.slug, env.kind) == ("feature/mail", "preview-feature-mail", "preview")
    assert await mail.status(run) == "QUEUED"
    assert await world.store.runs(preview.id, [run]) == []
    assert await projects.sealed_keys(world.store, VAULT, env) == await projects.sealed_keys(
        world.store, VAULT, preview
    )
    assert [key.is_root for key in await keys.list_all(world.store, [env])] == []
    await world.store.reload()
    assert world.store.catalog.envs[env.id] == env


async def test_a_branch_is_made_once_by_all_who_open_it_at_once(
    world: World, preview: Environment
) -> None:
    opened = await asyncio.gather(
        *(branches.open_branch(world.store, preview, "x") for _ in range(4))
    )

    assert len({env.id for env, _ in opened}) == 1
    assert sum(is_new for _, is_new in opened) == 1
    assert len(branches.of(world.store.catalog, preview)) == 1


async def test_an_archived_branch_is_over_and_comes_back_with_its_history(
    world: World, preview: Environment
) -> None:
    env, _ = await branches.open_branch(world.store, preview, "x")
    other, _ = await branches.open_branch(world.store, preview, "y")
    here, there = inside(world, env), inside(world, other)
    for one in (here, there):
        await one.register("work")
    ended, waiting, foreign = await here.trigger(), await here.trigger(), await there.trigger()
    await here.cancel(ended)

    gone = await branches.archive(world.store, preview, "x")
    while await bulk.work(world.store) == 0:
        continue

    assert gone.archived_at == world.clock.now
    assert [await here.status(run) for run in (ended, waiting)] == ["CANCELED", "CANCELED"]
    assert await there.status(foreign) == "QUEUED"
    with pytest.raises(NotFound):
        branches.find(world.store.catalog, preview, "x")
    with pytest.raises(NotFound):
        await branches.archive(world.store, preview, "x")
    back, is_new = await branches.open_branch(world.store, preview, "x")
    assert (back.id, back.archived_at, is_new) == (env.id, None, True)
    assert branches.find(world.store.catalog, preview, "x") == back
    assert await here.status(waiting) == "CANCELED"


async def test_schedules_of_an_archived_branch_end(world: World, preview: Environment) -> None:
    env, _ = await branches.open_branch(world.store, preview, "x")
    here = inside(world, env)
    await here.register(manifest("tick", cron="* * * * *"))
    there = f"select count(*) from schedules where env = {env.id}"
    assert world.rows(there) == [(1,)]

    await branches.archive(world.store, preview, "x")

    assert world.rows(there) == [(0,)]


async def test_a_branch_has_the_variables_of_its_parent_unless_it_has_its_own(
    world: World, preview: Environment
) -> None:
    env, _ = await branches.open_branch(world.store, preview, "x")
    await variables.put(world.store, VAULT, preview, {"A": "1", "B": "1"}, secret=True)
    await variables.put(world.store, VAULT, env, {"B": "2", "C": "2"})

    found = await variables.list_all(world.store, VAULT, env)
    with pytest.raises(NotFound):
        await variables.delete(world.store, env, "A")
    await variables.delete(world.store, env, "B")
    left = await variables.list_all(world.store, VAULT, env)

    assert [(one.name, one.value, one.inherited) for one in found] == [
        ("A", "1", True), ("B", "2", False), ("C", "2", False),
    ]  # fmt: skip
    assert [(one.name, one.value) for one in left] == [("A", "1"), ("B", "1"), ("C", "2")]
    assert [one.name for one in await variables.list_all(world.store, VAULT, preview)] == ["A", "B"]


async def test_only_some_environments_have_branches_and_not_too_many(
    world: World, preview: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_BRANCHES", 2)
    env, _ = await branches.open_branch(world.store, preview, "one")
    await branches.open_branch(world.store, preview, "two")

    for parent in (world.envs["prod"], env):
        with pytest.raises(Unprocessable, match="has no branches"):
            await branches.open_branch(world.store, parent, "x")
    with pytest.raises(Unprocessable, match="Archive one"):
        await branches.open_branch(world.store, preview, "three")
    await branches.archive(world.store, preview, "one")
    assert (await branches.open_branch(world.store, preview, "three"))[1]
    with pytest.raises(Unprocessable, match="Archive one"):
        await branches.open_branch(world.store, preview, "one")
    assert (await branches.open_branch(world.store, world.envs["dev"], "one"))[0].kind == "dev"
