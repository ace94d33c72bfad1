"""Tasks as people look at them: which there are, what they do now, and what they were given lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hairtrigger.engine import runs
from hairtrigger.errors import NotFound
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.rules.stats import DAY_MS
from hairtrigger.store.catalog import Catalog, TaskEntry, VersionEntry
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store, one
from hairtrigger.wire import ids
from hairtrigger.wire.packets import STORE, TYPES
from hairtrigger.wire.worker import TaskManifest

LAST_MS = 30 * DAY_MS
"""How far back the last run of a task is looked for."""
RECENT, SHOWN_CHARS = 10, 20_000
_CHUNK, _CHUNKS = 25, 8  # runs whose payloads are compared, until ten are different
_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Task:
    """A task of an environment. ``manifest`` is None when no version has ever declared it."""

    id: int
    name: str
    manifest: TaskManifest | None
    queue_name: str  # of its runs, unless a trigger names another
    is_current: bool  # in the version that the environment runs

    @property
    def queue(self) -> str:
        """The name of its queue as people give it."""
        return self.queue_name.removeprefix("task/")

    @property
    def is_scheduled(self) -> bool:
        return self.manifest is not None and self.manifest.scheduled

    @property
    def schema(self) -> Any:
        """The JSON schema of its payload, if it is known."""
        return self.manifest.payload_schema if self.manifest is not None else None


def all_of(store: Store, env: Environment) -> list[Task]:
    """The tasks of an environment: those of the current version by name, then the others."""
    catalog = store.catalog
    found = [_task(catalog, entry) for entry in catalog.tasks.values() if entry.env == env.id]
    return sorted(found, key=lambda task: (not task.is_current, task.name))


def find(store: Store, env: Environment, name: str) -> Task:
    """One task.

    Raises:
        NotFound: nobody has declared or triggered it here.
    """
    entry = store.catalog.task(env.id, name)
    if entry is None:
        raise NotFound(f"There is no task {name[:100]} in {env.slug}. Start a worker that has it.")
    return _task(store.catalog, entry)


def scheduled(store: Store, env: Environment) -> list[str]:
    """The names of the tasks that take the ticks of schedules, sorted."""
    known = store.catalog.tasks.values()
    return sorted(one.name for one in known if one.env == env.id and one.is_scheduled)


def versions_of(store: Store, env: Environment, name: str) -> list[VersionEntry]:
    """The versions that have a task, newest first."""
    found = [
        one for one in store.catalog.versions.values() if one.env == env.id and name in one.tasks
    ]
    return sorted(found, key=lambda version: -version.id)


async def running(store: Store, env: Environment) -> dict[int, int]:
    """How many runs of each task (by its number) execute now. Costs an entry of an index for each."""
    return dict(tuple(row) for row in await store.read(one("running_by_task", env.id)))


async def last_runs(store: Store, env: Environment, tasks: Sequence[int]) -> dict[int, Run]:
    """The newest run of each task that has had one within thirty days, without payload and output."""
    since = ids.first_at(store.now() - LAST_MS)
    found = await store.read(one("last_of_tasks", list(tasks), env.id, since))
    return await runs.of_each(store, env, found)


@dataclass(frozen=True, slots=True)
class Recent:
    """A payload that a run was given: its data type and its text."""

    run_id: int
    kind: str
    text: str


async def recent_payloads(store: Store, env: Environment, task: Task) -> list[Recent]:
    """The last ten payloads of a task that differ, newest first, each of its newest run. Large ones are left
    out. Looks at 200 runs at most."""
    return await store.read(_recent(env.id, task.id))


def _recent(env: int, task: int) -> Steps[list[Recent]]:
    found: dict[tuple[str, str], Recent] = {}
    start = _END
    for _ in range(_CHUNKS):
        numbers = [row[0] for row in (yield fetch("ids_of_task_older", env, start, _CHUNK, task))]
        if not numbers:
            break
        for run_id, kind, text in (yield fetch("payloads_of", numbers, env, SHOWN_CHARS)):
            if text is not None and kind is not None and TYPES[kind] != STORE:
                found.setdefault((TYPES[kind], text), Recent(run_id, TYPES[kind], text))
        if len(found) >= RECENT or len(numbers) < _CHUNK:
            break
        start = numbers[-1]
    return list(found.values())[:RECENT]


def _task(catalog: Catalog, entry: TaskEntry) -> Task:
    version = catalog.current_of(entry.env)
    is_current = version is not None and entry.name in version.tasks
    queue = catalog.queue_name(entry.name, entry.manifest)
    return Task(entry.id, entry.name, entry.manifest, queue, is_current)
