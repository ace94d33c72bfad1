"""The catalogue: tasks, queues, versions and environments by name and by id.

Small, read by every operation, changed by few: kept in memory and changed only in the transaction that
changes its rows. ``Catalog.steps_*`` run inside a transaction; the store reloads it when one rolls back.
"""

from dataclasses import dataclass, field

import msgspec

from hairtrigger.rules import limits, plans
from hairtrigger.rules.plans import Numbers, Plan
from hairtrigger.rules.project import Environment
from hairtrigger.rules.queues import EnvironmentLimit
from hairtrigger.store.database import Steps, fetch
from hairtrigger.wire.rates import Rate
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

    @property
    def is_scheduled(self) -> bool:
        """Whether it takes the ticks of schedules."""
        return self.manifest is not None and self.manifest.scheduled


@dataclass(slots=True)
class QueueEntry:
    id: int
    env: int
    name: str
    base: int | None  # the concurrency limit that the code declares, for each key
    declared: bool
    paused: bool
    override: int | None = None  # what stands in its place since overridden_at
    overridden_at: int | None = None
    total_limit: int | None = None  # over all keys
    rate_limit: int | None = None  # starts in rate_ms
    rate_ms: int | None = None
    paused_at: int | None = None
    paused_by: str | None = None
    paused_note: str | None = None
    # known to this server only, of runs without a lane: the turn of the last claim, the order_at in front of
    # which nothing is left to claim, and when all were looked at
    turn: int = 0
    low: int = 0
    looked_at: int = 0

    @property
    def limit(self) -> int | None:
        """The concurrency limit in force, for each key."""
        return self.base if self.override is None else self.override

    @property
    def is_counted(self) -> bool:
        """Whether something bounds all of its keys together."""
        return self.total_limit is not None or self.rate is not None

    @property
    def rate(self) -> Rate | None:
        return Rate(self.rate_limit, self.rate_ms) if self.rate_limit and self.rate_ms else None


@dataclass(slots=True)
class VersionEntry:
    id: int
    env: int
    name: str
    content_hash: str
    created_at: int
    tasks: dict[str, TaskManifest]
    promoted_at: int | None = None  # when it became current last
    archive: str | None = None  # the SHA-256 of its code's archive


@dataclass(slots=True)
class Fresh:
    """What one transaction has made ready, for the claims at its end.

    ``lanes``: those without a limit that runs came into, with the lowest order_at of each; ``drained``: those of
    them that a claim has emptied; ``calm``: environments in which nothing else is known to be ready.
    """

    lanes: dict[int, int] = field(default_factory=dict)
    drained: set[int] = field(default_factory=set)
    calm: set[int] = field(default_factory=set)

    def clear(self) -> None:
        for part in (self.lanes, self.drained, self.calm):
            part.clear()


@dataclass(slots=True)
class Catalog:
    envs: dict[int, Environment] = field(default_factory=dict)
    plan: Plan = plans.UNLIMITED  # the organisation's
    plan_numbers: Numbers = field(default_factory=Numbers)
    tasks: dict[int, TaskEntry] = field(default_factory=dict)
    queues: dict[int, QueueEntry] = field(default_factory=dict)
    versions: dict[int, VersionEntry] = field(default_factory=dict)
    current: dict[int, int] = field(default_factory=dict)  # environment -> version
    task_ids: dict[tuple[int, str], int] = field(default_factory=dict)
    queue_ids: dict[tuple[int, str], int] = field(default_factory=dict)
    version_ids: dict[tuple[int, str], int] = field(default_factory=dict)
    env_queues: dict[int, list[int]] = field(default_factory=dict)
    with_lanes: set[int] = field(default_factory=set)  # environments that have some
    look_at: int | None = None  # when a rate lets the next run start that waits for it
    fresh: Fresh = field(default_factory=Fresh)  # of the transaction that goes on just now
    calm: set[int] = field(default_factory=set)  # environments where a claim left nothing ready
    unlooked: dict[int, int] = field(default_factory=dict)  # since when claims took fresh runs only

    def replace(self, fresh: "Catalog") -> None:
        """Become what the database says, after a transaction that was rolled back."""
        for id_, queue in self.queues.items():
            if id_ in fresh.queues:
                fresh.queues[id_].turn = queue.turn
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def holder(self, env: Environment) -> Environment:
        """The environment whose keys open one: that of which it is a branch, else itself."""
        return env if env.parent is None else self.envs[env.parent]

    def queues_of(self, env: int) -> list[QueueEntry]:
        return [self.queues[id_] for id_ in self.env_queues.get(env, ())]

    def lower(self, lane: int, order_at: int = 0) -> None:
        """A run became ready in a lane: a claim must begin no later than there."""
        if lane < 0:
            queue = self.queues[-lane]
            queue.low = min(queue.low, order_at)
            self.fresh.lanes[lane] = min(self.fresh.lanes.get(lane, order_at), order_at)

    def lower_again(self, fresh: Fresh) -> None:
        """As ``lower``, for all that a transaction has lowered, once it is committed."""
        for lane, order_at in list(fresh.lanes.items()):
            if -lane in self.queues:
                self.lower(lane, order_at)

    def is_counted(self, queue: QueueEntry) -> bool:
        """Whether what runs of a queue is counted over all its keys."""
        return queue.is_counted or self.envs[queue.env].limit.is_set

    def is_laned(self, env: int) -> bool:
        """Whether anything in an environment is limited, so that its runs are counted."""
        if env in self.with_lanes or self.envs[env].limit.is_set:
            return True
        if any(queue.limit is not None or queue.is_counted for queue in self.queues_of(env)):
            self.with_lanes.add(env)  # from now on: lanes outlive their limit
            return True
        return False

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

    def need_queue(self, env: int, name: str, *, declared: bool) -> Steps[QueueEntry]:
        """The queue of that name, made without limits when it is not there."""
        found = self.queue(env, name)
        if found is None:
            rows = yield fetch("insert_queue", env, name, int(declared))
            found = self.add_queue(QueueEntry(rows[0][0], env, name, None, declared, False))
        return found


def load() -> Steps[Catalog]:
    """The whole catalogue as it stands in the database."""
    catalog = Catalog()
    for name, *numbers in (yield fetch("organization")):
        catalog.plan_numbers = Numbers(*numbers)
        catalog.plan = plans.plan_of(plans.check(name), catalog.plan_numbers)
    for id_, project, ref, title, slug, kind, public_id, lim, burst, *branch in (
        yield fetch("all_envs")
    ):
        catalog.envs[id_] = Environment(
            id_,
            project,
            ref,
            title,
            slug,
            kind,
            public_id,
            EnvironmentLimit(lim, burst, catalog.plan.concurrency),
            *branch,
        )
    for id_, env, name, manifest in (yield fetch("all_tasks")):
        catalog.add_task(
            TaskEntry(id_, env, name, _manifest.decode(manifest) if manifest else None)
        )
    for id_, env, name, base, declared, paused, *limits_ in (yield fetch("all_queues")):
        catalog.add_queue(QueueEntry(id_, env, name, base, bool(declared), bool(paused), *limits_))
    for id_, env, name, content, created, current, manifest, *rest in (yield fetch("all_versions")):
        catalog.add_version(
            VersionEntry(id_, env, name, content, created, _manifests.decode(manifest), *rest)
        )
        if current:
            catalog.current[env] = id_
    catalog.with_lanes = {row[0] for row in (yield fetch("envs_with_lanes"))}
    return catalog
