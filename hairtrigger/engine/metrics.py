"""What a whole installation is doing and has done, in numbers for operators and autoscalers. Reads only."""

from collections import defaultdict
from dataclasses import dataclass, field

from hairtrigger.engine import declarations
from hairtrigger.engine.waiting import MOST_KEYS
from hairtrigger.rules.project import Environment
from hairtrigger.rules.stats import ALL_TASKS, DAY_MS, Stat
from hairtrigger.store import stats
from hairtrigger.store.catalog import Catalog, QueueEntry
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store

MOST_QUEUES, MOST_TASKS = 1_000, 1_000
"""How many are told of, in all environments together: those of current versions first, then the oldest."""

Finished = dict[tuple[int, int], Stat]
"""What finished, by environment and task; ``ALL_TASKS`` is the sum over all."""


@dataclass(slots=True)
class QueueNumbers:
    """What a queue holds now, over all its keys. ``waiting_since`` (ms): since when the run that is next in
    line could have started; None when there is none."""

    entry: QueueEntry
    queued: int = 0
    running: int = 0
    delayed: int = 0
    retrying: int = 0
    waiting_since: int | None = None


@dataclass(slots=True)
class EnvironmentNumbers:
    """What an environment does now. ``held`` wait for code; ``slots`` are those of the ``workers`` whose
    lease is not over."""

    env: Environment
    running: int = 0
    held: int = 0
    workers: int = 0
    slots: int = 0


@dataclass(slots=True)
class Picture:
    """One look at everything. ``now`` is the instant of it (ms); ``left_out`` counts queues and tasks beyond
    the most that are told of."""

    now: int
    environments: dict[int, EnvironmentNumbers]
    queues: dict[int, QueueNumbers]
    tasks: dict[int, tuple[int, str]]  # environment and name, by number
    finished: Finished
    left_out: dict[str, int] = field(default_factory=dict)


async def look(store: Store, *, since: int) -> Picture:
    """Everything as it stands, on one snapshot.

    Costs four statements and one for each environment: an entry of an index for each run in the hands of a
    worker, each that waits (up to the bounds of ``queries/metrics.sql``) and each concurrency key, and a row for
    each task and day since ``since``.

    Args:
        since: The beginning of a day (ms): only runs created from then on are among the finished.
    """
    return await store.with_catalog(lambda catalog: _look(catalog, store.now(), since))


async def finished_before(store: Store, instant: int) -> Finished:
    """What finished of all runs that were created before the beginning of a day (ms). A row for each task and
    day there ever was: not to be asked often."""
    return await store.with_catalog(
        lambda catalog: _finished(catalog, list(_tasks(catalog)), 0, instant)
    )


def _look(catalog: Catalog, now: int, since: int) -> Steps[Picture]:
    queues, tasks = _queues(catalog), _tasks(catalog)
    picture = Picture(
        now,
        {env.id: EnvironmentNumbers(env) for env in catalog.envs.values()},
        {queue.id: QueueNumbers(queue) for queue in queues},
        tasks,
        {},
        {"queue": len(catalog.queues) - len(queues), "task": len(catalog.tasks) - len(tasks)},
    )
    yield from _count_queues(catalog, picture)
    for env, held in (yield fetch("held_by_env", list(picture.environments))):
        picture.environments[env].held = held
    for env, workers, slots in (yield fetch("slots_by_env", now)):
        known = picture.environments[env]
        known.workers, known.slots = workers, slots
    picture.finished = yield from _finished(catalog, list(tasks), since, now + DAY_MS)
    return picture


def _count_queues(catalog: Catalog, picture: Picture) -> Steps[None]:
    numbers = list(picture.queues)
    for queue, queued in (yield fetch("queued_by_queue", numbers)):
        picture.queues[queue].queued += queued
    for queue, running in (yield fetch("running_by_queue")):
        if queue in picture.queues:
            picture.queues[queue].running = running
        picture.environments[catalog.queues[queue].env].running += running
    for queue, delayed, retrying in (yield fetch("later_by_queue")):
        if queue in picture.queues:
            known = picture.queues[queue]
            known.delayed, known.retrying = delayed, retrying
    for queue, since in (yield fetch("oldest_waiting", numbers, MOST_KEYS)):
        picture.queues[queue].waiting_since = since


def _finished(catalog: Catalog, tasks: list[int], start: int, end: int) -> Steps[Finished]:
    """By days, as they are rolled up: what finished in the last second may not be among it."""
    found: Finished = {}
    by_env: dict[int, list[int]] = defaultdict(list)
    for task in tasks:
        by_env[catalog.tasks[task].env].append(task)
    for env in catalog.envs:
        wanted = [ALL_TASKS, *sorted(by_env[env])]
        for task, stat in (yield from stats.totals(env, wanted, start=start, end=end)).items():
            found[env, task] = stat
    return found


def _queues(catalog: Catalog) -> list[QueueEntry]:
    declared = {
        (env, name)
        for env in catalog.envs
        if (version := catalog.current_of(env)) is not None
        for name in declarations.declared_queues(catalog, version)
    }
    found = sorted(
        catalog.queues.values(), key=lambda one: ((one.env, one.name) not in declared, one.id)
    )
    return found[:MOST_QUEUES]


def _tasks(catalog: Catalog) -> dict[int, tuple[int, str]]:
    current = {
        (env, name)
        for env in catalog.envs
        if (version := catalog.current_of(env)) is not None
        for name in version.tasks
    }
    found = sorted(
        catalog.tasks.values(), key=lambda one: ((one.env, one.name) not in current, one.id)
    )
    return {one.id: (one.env, one.name) for one in found[:MOST_TASKS]}
