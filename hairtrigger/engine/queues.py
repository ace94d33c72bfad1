"""Queues: looked up, listed with what runs and waits in them, paused, and limited at run time, one by one or
all of an environment together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hairtrigger.engine import declarations
from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.rules import limits
from hairtrigger.rules.project import Environment
from hairtrigger.rules.queues import EnvironmentLimit
from hairtrigger.store import store as stores
from hairtrigger.store.catalog import Catalog, QueueEntry
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids
from hairtrigger.wire.rates import Rate

Kind = Literal[
    "id", "task", "custom"
]  # how a queue is named: queue_…, its task's id, or its own name
_OWN = "task/"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it stands. ``running`` and ``queued`` count all its keys; instants are in ms.

    ``limit`` is the concurrency limit in force for each key: the override, else that of the code (``base``),
    and no more than the environment's. None is no limit.
    """

    id: int
    name: str  # without task/
    type: Literal["task", "custom"]
    running: int
    queued: int
    paused: bool
    limit: int | None
    base: int | None
    override: int | None
    overridden_at: int | None
    total_limit: int | None
    rate: Rate | None


async def retrieve(store: Store, env: Environment, name: str, *, kind: Kind = "custom") -> Queue:
    """One queue.

    Raises:
        NotFound: no such queue here.
    """
    return await _stands(store, env, _find(store.catalog, env, name, kind))


async def list_page(
    store: Store, env: Environment, *, page: int, per_page: int
) -> tuple[list[Queue], int]:
    """A page (from 1) of the queues that the current version declares, by name, and how many there are.

    Costs one statement for the page (``count_queues``): an index entry for each key of the page's queues,
    for each run that waits in one without a limit, and for each run that executes anywhere. Measured in
    SQLite: 0.6 ms for 25 idle queues, 5 ms with 10,000 keys, 21 ms with 100,000 runs waiting without a limit.
    """
    version = store.catalog.current_of(env.id)
    names = declarations.declared_queues(store.catalog, version) if version is not None else {}
    found = [store.catalog.queue(env.id, name) for name in names]
    entries = sorted((one for one in found if one is not None), key=lambda one: _shown(one.name))
    first = (page - 1) * per_page
    return await _all_stand(store, env, entries[first : first + per_page]), len(entries)


async def pause(
    store: Store, env: Environment, name: str, *, kind: Kind = "custom", paused: bool = True
) -> Queue:
    """Hand out no more runs of a queue, or (``paused=False``) hand them out again. What runs goes on.

    Raises:
        NotFound: no such queue here.
    """

    def switch(catalog: Catalog, _: int) -> Steps[QueueEntry]:
        queue = _find(catalog, env, name, kind)
        queue.paused = paused
        yield fetch("pause_queue", queue.id, int(paused))
        yield fetch("pause_lanes", queue.id, int(paused))
        return queue

    queue: QueueEntry = await store.change(switch, lanes=[env.id])
    emit("queue.paused" if paused else "queue.resumed", queue=queue.name, env=env.slug)
    return await _stands(store, env, queue)


async def override_limit(
    store: Store, env: Environment, name: str, limit: int, *, kind: Kind = "custom"
) -> Queue:
    """Set a concurrency limit that stands before that of the code, until ``reset_limit``: deploys leave it.

    Runs beyond a lowered limit go on. Costs what ``declarations.apply_limit`` says.

    Raises:
        NotFound: no such queue here. BadRequest: not between 0 and 100,000.
    """
    limits.concurrency_limit(limit)

    def change(catalog: Catalog, now: int) -> Steps[QueueEntry]:
        queue = _find(catalog, env, name, kind)
        yield from _override(queue, limit, now, now)
        return queue

    return await _limited(store, env, await store.change(change, lanes=[env.id]))


async def reset_limit(store: Store, env: Environment, name: str, *, kind: Kind = "custom") -> Queue:
    """Let the concurrency limit of the code apply again.

    Raises:
        NotFound: no such queue here. BadRequest: nothing was set at run time.
    """

    def change(catalog: Catalog, now: int) -> Steps[QueueEntry]:
        queue = _find(catalog, env, name, kind)
        if queue.override is None:
            raise BadRequest(
                f"The concurrency limit of queue {queue.name!r} is not overridden: nothing to reset."
            )
        yield from _override(queue, None, None, now)
        return queue

    return await _limited(store, env, await store.change(change, lanes=[env.id]))


@dataclass(frozen=True, slots=True)
class Concurrency:
    """What bounds an environment, and how many of its runs execute now."""

    limit: EnvironmentLimit
    running: int


async def concurrency(store: Store, env: Environment) -> Concurrency:
    """The limit of an environment as it stands."""
    rows = await store.read(stores.one("env_running", env.id))
    return Concurrency(store.catalog.envs[env.id].limit, rows[0][0])


async def limit_environment(
    store: Store, env: Environment, limit: int | None, *, burst: int = 100
) -> Concurrency:
    """Let so many runs of an environment execute at once, from now on; runs beyond it go on.

    Costs a statement for each queue of the environment when a limit begins or ends.

    Args:
        limit: Of each queue, from 0 to 100,000; None: no limit.
        burst: What all queues together may run, in percent of the limit, from 100 to 1,000.

    Raises:
        BadRequest: out of range.
    """
    if limit is not None:
        limits.concurrency_limit(limit)
    limits.burst(burst)

    def change(catalog: Catalog, now: int) -> Steps[None]:
        known = catalog.envs[env.id]
        uncounted = [one.id for one in catalog.queues_of(env.id) if not one.is_counted]
        yield fetch("limit_env", env.id, limit, burst, now)
        catalog.envs[env.id] = replace(known, limit=EnvironmentLimit(limit, burst))
        if (limit is None) == (known.limit.limit is None):
            return
        yield fetch("drop_slots", -env.id) if limit is None else fetch("fill_env_slots", env.id)
        for queue in uncounted:
            yield fetch("drop_slots" if limit is None else "fill_slots", queue)

    await store.change(change, lanes=[env.id])
    emit("environment.limited", env=env.slug, limit=limit, burst=burst)
    return await concurrency(store, env)


def _override(queue: QueueEntry, limit: int | None, at: int | None, now: int) -> Steps[None]:
    before = queue.limit
    queue.override, queue.overridden_at = limit, at
    yield fetch("override_limit", queue.id, limit, at, now)
    if queue.limit != before:
        yield from declarations.apply_limit(queue, now)


async def _limited(store: Store, env: Environment, queue: QueueEntry) -> Queue:
    emit("queue.limited", queue=queue.name, env=env.slug, limit=queue.limit)
    return await _stands(store, env, queue)


def _find(catalog: Catalog, env: Environment, name: str, kind: Kind) -> QueueEntry:
    """A queue of the environment by one of its names."""
    if kind == "id":
        found = catalog.queues.get(ids.parse("queue", name) or 0)
        if found is None or found.env != env.id:
            raise NotFound(f"No queue {name[:200]!r} in this environment.")
        return found
    if kind == "task":
        return _find_of_task(catalog, env, name)
    found = catalog.queue(env.id, name) or catalog.queue(env.id, limits.queue_name(name))
    if found is None:
        raise NotFound(f"No queue named {name[:200]!r} in this environment.")
    return found


def _find_of_task(catalog: Catalog, env: Environment, name: str) -> QueueEntry:
    found = catalog.queue(env.id, f"{_OWN}{name}")
    if found is not None:
        return found
    task = catalog.task(env.id, name)
    if task is None:
        raise NotFound(f"No task {name[:200]!r} in this environment.")
    used = catalog.queue_name(name, task.manifest)
    raise NotFound(f"Task {name!r} has no queue of its own: its runs wait in queue {used!r}.")


async def _stands(store: Store, env: Environment, queue: QueueEntry) -> Queue:
    return (await _all_stand(store, env, [queue]))[0]


async def _all_stand(store: Store, env: Environment, queues: Sequence[QueueEntry]) -> list[Queue]:
    if not queues:
        return []
    numbers = [queue.id for queue in queues]
    rows = await store.read(stores.one("count_queues", numbers, [-number for number in numbers]))
    counts = {number: (running, queued) for number, running, queued in rows}
    most = store.catalog.envs[env.id].limit.limit
    return [_queue(queue, counts.get(queue.id, (0, 0)), most) for queue in queues]


def _queue(entry: QueueEntry, counts: tuple[int, int], most: int | None) -> Queue:
    name, is_own = _shown(entry.name)
    limit = entry.limit
    return Queue(
        entry.id, name, "task" if is_own else "custom", *counts, entry.paused,
        limit if limit is None or most is None else min(limit, most),
        entry.base, entry.override, entry.overridden_at, entry.total_limit, entry.rate,
    )  # fmt: skip


def _shown(name: str) -> tuple[str, bool]:
    """The name that people gave, and whether it is a task's."""
    return name.removeprefix(_OWN), name.startswith(_OWN)
