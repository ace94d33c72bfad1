"""The catalogue: tasks, queues, versions and environments by name and by id.

Small, read by every operation, changed by few: kept in memory and changed only in the transaction that
changes its rows. ``Catalog.steps_*`` run inside a transaction; the store reloads it when one rolls back.
"""

from dataclasses import dataclass, field

import msgspec

from hairtrigger.rules import limits
from hairtrigger.rules.project import Environment
from hairtrigger.store.database import Steps, fetch
from hairtrigger.wire.worker import RetryPolicy, TaskManifest

_manifest = msgspec.json.Decoder(TaskManifest)
_manifests = msgspec.json.Decoder(dict[str, TaskManifest])
DEFAULT_POLICY = RetryPolicy()


@dataclass(slots=True)
class TaskEntry:
    id: int
    env: int
    name: str
    manifest: TaskManifest | None  # None: no version has declared it

    @property
    def policy(self) -> RetryPolicy:
        return self.manifest.retry if self.manifest else DEFAULT_POLICY


@dataclass(slots=True)
class QueueEntry:
    id: int
    env: int
    name: str
    limit: int | None
    declared: bool
    paused: bool
    turn: int = 0  # of its last claim, while it has no limit; known to this server only


@dataclass(slots=True)
class VersionEntry:
    id: int
    env: int
    name: str
    content_hash: str
    created_at: int
    tasks: dict[str, TaskManifest]


@dataclass(slots=True)
class Catalog:
    envs: dict[int, Environment] = field(default_factory=dict)
    tasks: dict[int, TaskEntry] = field(default_factory=dict)
    queues: dict[int, QueueEntry] = field(default_factory=dict)
    versions: dict[int, VersionEntry] = field(default_factory=dict)
    current: dict[int, int] = field(default_factory=dict)  # environment -> version
    task_ids: dict[tuple[int, str], int] = field(default_factory=dict)
    queue_ids: dict[tuple[int, str], int] = field(default_factory=dict)
    version_ids: dict[tuple[int, str], int] = field(default_factory=dict)
    env_queues: dict[int, list[int]] = field(default_factory=dict)

    def replace(self, fresh: "Catalog") -> None:
        """Become what the database says, after a transaction that was rolled back."""
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def task(self, env: int, name: str) -> TaskEntry | None:
        found = self.task_ids.get((env, name))
        return None if found is None else self.tasks[found]

    def queue(self, env: int, name: str) -> QueueEntry | None:
        found = self.queue_ids.get((env, name))
        return None if found is None else self.queues[found]

    def version(self, env: int, name: str) -> VersionEntry | None:
        found = self.version_ids.get((env, name))
        return None if found is None else self.versions[found]

    def current_of(self, env: int) -> VersionEntry | None:
        found = self.current.get(env)
        return None if found is None else self.versions[found]

    def queue_name(self, task: str, manifest: TaskManifest | None) -> str:
        """The queue of a task's runs unless a trigger names another."""
        own = f"task/{task}"
        if manifest is None or manifest.queue is None or manifest.queue.name == own:
            return own
        return limits.queue_name(manifest.queue.name)

    def add_task(self, entry: TaskEntry) -> TaskEntry:
        self.tasks[entry.id] = entry
        self.task_ids[entry.env, entry.name] = entry.id
        return entry

    def add_queue(self, entry: QueueEntry) -> QueueEntry:
        self.queues[entry.id] = entry
        self.queue_ids[entry.env, entry.name] = entry.id
        self.env_queues.setdefault(entry.env, []).append(entry.id)
        return entry

    def add_version(self, entry: VersionEntry) -> VersionEntry:
        self.versions[entry.id] = entry
        self.version_ids[entry.env, entry.name] = entry.id
        return entry

    def need_task(self, env: int, name: str) -> Steps[TaskEntry]:
        """The task of that name, made without a manifest when nobody has declared it."""
        found = self.task(env, name)
        if found is None:
            rows = yield fetch("insert_task", env, name, None)
            found = self.add_task(TaskEntry(rows[0][0], env, name, None))
        return found

    def need_queue(
        self, env: int, name: str, *, limit: int | None = None, declared: bool
    ) -> Steps[QueueEntry]:
        """The queue of that name, made when it is not there."""
        found = self.queue(env, name)
        if found is None:
            rows = yield fetch("insert_queue", env, name, limit, int(declared))
            found = self.add_queue(QueueEntry(rows[0][0], env, name, limit, declared, False))
        return found


def load() -> Steps[Catalog]:
    """The whole catalogue as it stands in the database."""
    catalog = Catalog()
    for row in (yield fetch("all_envs")):
        catalog.envs[row[0]] = Environment(*row)
    for id_, env, name, manifest in (yield fetch("all_tasks")):
        catalog.add_task(
            TaskEntry(id_, env, name, _manifest.decode(manifest) if manifest else None)
        )
    for id_, env, name, limit, declared, paused in (yield fetch("all_queues")):
        catalog.add_queue(QueueEntry(id_, env, name, limit, bool(declared), bool(paused)))
    for id_, env, name, content, created, current, manifest in (yield fetch("all_versions")):
        catalog.add_version(
            VersionEntry(id_, env, name, content, created, _manifests.decode(manifest))
        )
        if current:
            catalog.current[env] = id_
    return catalog
