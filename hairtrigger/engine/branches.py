"""Branches of development and preview environments: opened and archived.

A branch is an environment of its own, with its own runs, versions, queues and schedules. Its parent's keys open it,
for requests that name it; its parent's variables are its own, unless it has another value.
Source: Trigger.dev's preview branches.
"""

from dataclasses import replace

from hairtrigger.engine import bulk
from hairtrigger.engine.bulk import Chosen
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.rules import branches as rules
from hairtrigger.rules.project import Environment
from hairtrigger.rules.queues import EnvironmentLimit
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids


def of(catalog: Catalog, parent: Environment) -> list[Environment]:
    """An environment's branches, archived ones too, by name."""
    found = [env for env in catalog.envs.values() if env.parent == parent.id]
    return sorted(found, key=lambda env: env.branch)


def find(catalog: Catalog, parent: Environment, name: str) -> Environment:
    """A branch by its name.

    Raises:
        NotFound: there is none, or it is archived.
    """
    for env in of(catalog, parent):
        if env.branch == name and env.archived_at is None:
            return env
    raise NotFound(
        f"{parent.slug} has no branch {name[:100]!r}. Open it: hairtrigger branches open NAME."
    )


async def open_branch(store: Store, parent: Environment, name: str) -> tuple[Environment, bool]:
    """The branch of that name, made when it is not there, and whether that was so; one that is archived comes back.

    Raises:
        Unprocessable: the name is none, the environment has no branches, or has 100.
    """
    name = rules.check_name(name)
    if parent.type not in rules.PARENTS or parent.parent is not None:
        raise Unprocessable(f"{parent.slug} has no branches: dev and preview have.")
    number = store.make_id()

    def make(catalog: Catalog, now: int) -> Steps[tuple[Environment, bool]]:
        there = of(catalog, parent)
        known = next((env for env in there if env.branch == name), None)
        if known is not None and known.archived_at is None:
            return known, False
        if sum(env.archived_at is None for env in there) >= rules.MAX_BRANCHES:
            raise Unprocessable(
                f"{parent.slug} has {rules.MAX_BRANCHES} branches. Archive one that is not used any more."
            )
        if known is not None:
            yield fetch("archive_env", known.id, None)
            env = replace(known, archived_at=None)
        else:
            taken = {one.slug for one in catalog.envs.values() if one.project == parent.project}
            env = replace(
                parent, id=number, slug=rules.slug_of(parent.kind, name, taken), parent=parent.id,
                public_id=ids.public("env", number), branch=name,
                limit=EnvironmentLimit(plan=catalog.plan.concurrency),
            )  # fmt: skip
            yield fetch("insert_env", number, env.project, env.slug, env.type, env.public_id)
            yield fetch("make_branch", number, parent.id, name)
        catalog.envs[env.id] = env
        return env, True

    env, is_new = await store.change(make)
    if is_new:
        emit("branch.opened", env=parent.slug, branch=name)
    return env, is_new


async def archive(store: Store, parent: Environment, name: str) -> Environment:
    """Give a branch up: nothing is taken for it any more, its schedules end, and what is unfinished is canceled.

    Raises:
        NotFound: there is none, or it is archived already.
    """

    def make(catalog: Catalog, now: int) -> Steps[Environment]:
        env = replace(find(catalog, parent, name), archived_at=now)
        yield fetch("archive_env", env.id, now)
        yield fetch("delete_schedules_of", env.id)
        catalog.envs[env.id] = env
        return env

    env: Environment = await store.change(make)
    title = f"{name} was archived"[: bulk.MAX_NAME]
    await bulk.create(store, env, "cancel", Chosen(filter=RunFilter()), name=title)
    emit("branch.archived", env=parent.slug, branch=name)
    return env
