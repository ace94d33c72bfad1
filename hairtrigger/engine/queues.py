"""Queues: looked up, listed with what runs and waits in them, paused, and limited at run time, one by one or
all of an environment together.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hairtrigger.engine import declarations
from hairtrigger.errors import BadRequest, NotFound, Unprocessable
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


MAX_NOTE = 500  # characters


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when (ms) a queue is paused, by whom, and why, as far as somebody said so."""

    at: int | None
    by: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it stands. ``running`` and ``queued`` count all its keys; instants are in ms.

    ``limit`` is the concurrency limit in force for each key: the override, else that of the code (``base``),
    and no more than the environment's. None is no limit. ``keys`` is how many keys have unfinished runs, 0
    also in a queue without a limit, where nobody counts them. ``is_current``: the current version declares it.
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
    keys: int
    pause: Pause | None
    is_current: bool

    @property
    def full_name(self) -> str:
        """The name that no other queue has: that of a task's own begins with ``task/``."""
        return f"{_OWN}{self.name}" if self.type == "task" else self.name


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
    found = [store.catalog.queue(env.id, name) for name in _declared(store.catalog, env)]
    entries = sorted((one for one in found if one is not None), key=lambda one: _shown(one.name))
    first = (page - 1) * per_page
    return await _all_stand(store, env, entries[first : first + per_page]), len(entries)


async def list_all(
    store: Store, env: Environment, *, text: str = "", page: int, per_page: int
) -> tuple[list[Queue], int]:
    """A page (from 1) of all queues that there ever were, those of the current version first, by name; and
    how many there are. Costs the same as ``list_page``.

    Args:
        text: Only those whose names have it, in capitals or not.
    """
    declared, wanted = _declared(store.catalog, env), text.casefold()
    entries = [
        one for one in store.catalog.queues_of(env.id) if wanted in _shown(one.name)[0].casefold()
    ]
    entries.sort(key=lambda one: (one.name not in declared, _shown(one.name)))
    first = (page - 1) * per_page
    return await _all_stand(store, env, entries[first : first + per_page]), len(entries)


async def pause(
    store: Store, env: Environment, name: str, *, kind: Kind = "custom", paused: bool = True,
    by: str | None = None, note: str | None = None,
) -> Queue:  # fmt: skip
    """Hand out no more runs of a queue, or (``paused=False``) hand them out again. What runs goes on.

    A queue that is paused already stays paused since when it was; a note then replaces the one before.

    Args:
        by: Who does it, for people.
        note: Why, for people; at most 500 characters.
    Raises:
        NotFound: no such queue here. Unprocessable: the note is too long.
    """
    if note is not None and len(note) > MAX_NOTE:
        raise Unprocessable(f"The note has {len(note):,} characters. It may have {MAX_NOTE}.")

    def switch(catalog: Catalog, now: int) -> Steps[QueueEntry]:
        queue = _find(catalog, env, name, kind)
        said: tuple[int | None, str | None, str | None] = (now, by, note)
        if not paused:
            said = None, None, None
        elif queue.paused:
            before = queue.paused_at, queue.paused_by, queue.paused_note
            said = before if note is None else (before[0], by, note)
        queue.paused = paused
        queue.paused_at, queue.paused_by, queue.paused_note = said
        yield fetch("pause_queue", queue.id, int(paused), *said)
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
        yield fetch("limit_env", env.id, limit, burst, now)
        yield from bound(catalog, env.id, EnvironmentLimit(limit, burst, known.limit.plan))

    await store.change(change, lanes=[env.id])
    emit("environment.limited", env=env.slug, limit=limit, burst=burst)
    return await concurrency(store, env)


def bound(catalog: Catalog, env: int, limit: EnvironmentLimit) -> Steps[None]:
    """Let something else bound an environment: what runs in it is counted from now on, or no more."""
    known = catalog.envs[env]
    catalog.envs[env] = replace(known, limit=limit)
    if limit.is_set == known.limit.is_set:
        return
    yield fetch("fill_env_slots", env) if limit.is_set else fetch("drop_slots", -env)
    for queue in catalog.queues_of(env):
        if not queue.is_counted:
            yield fetch("fill_slots" if limit.is_set else "drop_slots", queue.id)


def _override(queue: QueueEntry, limit: int | None, at: int | None, now: int) -> Steps[None]:
    before = queue.limit
    queue.override, queue.overridden_at = limit, at
    yield fetch("override_limit", queue.id, limit, at, now)
    if queue.limit != before:
        yield from declarations.apply_limit(queue, now)


async def _limited(store: Store, env: Environment, queue: QueueEntry) -> Queue:
    emit("queue.limited", queue=queue.name, env=env.slug, limit=queue.limit)
    return await _stands(store, env, queue)


def _declared(catalog: Catalog, env: Environment) -> Collection[str]:
    """The names of the queues that the current version declares."""
    version = catalog.current_of(env.id)
    return declarations.declared_queues(catalog, version) if version is not None else ()


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
    counts = {number: (running, queued, keys) for number, running, queued, keys in rows}
    most, declared = store.catalog.envs[env.id].limit.most_of_queue, _declared(store.catalog, env)
    return [
        _queue(queue, counts.get(queue.id, (0, 0, 0)), most, is_current=queue.name in declared)
        for queue in queues
    ]


def _queue(
    entry: QueueEntry, counts: tuple[int, int, int], most: int | None, *, is_current: bool
) -> Queue:
    name, is_own = _shown(entry.name)
    limit = entry.limit
    pause = Pause(entry.paused_at, entry.paused_by, entry.paused_note) if entry.paused else None
    return Queue(
        entry.id, name, "task" if is_own else "custom", *counts[:2], entry.paused,
        limit if limit is None or most is None else min(limit, most),
        entry.base, entry.override, entry.overridden_at, entry.total_limit, entry.rate,
        counts[2], pause, is_current,
    )  # fmt: skip


def _shown(name: str) -> tuple[str, bool]:
    """The name that people gave, and whether it is a task's."""
    return name.removeprefix(_OWN), name.startswith(_OWN)
