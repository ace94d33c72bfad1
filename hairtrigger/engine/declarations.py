"""What a version of the code declares: its tasks, their queues and schedules.

Steps of the transaction in which a worker registers (or a deployment is promoted): afterwards the catalogue
says what the version says, and runs that waited for one of its tasks are ready.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from hairtrigger.engine import alerting
from hairtrigger.rules import cron, limits
from hairtrigger.rules.project import Environment
from hairtrigger.store import intake, schedules
from hairtrigger.store.catalog import Catalog, QueueEntry, VersionEntry
from hairtrigger.store.database import Row, Steps, each, fetch, gather
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import LiveState
from hairtrigger.wire.worker import QueueManifest, Register, TaskManifest

UNLIMITED = 2**31 - 1
_encode = msgspec.json.Encoder().encode
MakeId = Callable[[], int]
T = TypeVar("T")


def check(tasks: Sequence[TaskManifest]) -> None:
    """Refuse what could not be declared.

    Raises:
        InvalidCron, InvalidTimezone: a schedule that can never fire. BadRequest, Unprocessable: the name or
            a limit of a queue.
    """
    for task in tasks:
        if task.cron is not None:
            cron.check(task.cron.pattern, task.cron.timezone)
        if task.queue is not None:
            limits.check_queue(task.queue)


def need_version(
    catalog: Catalog, env: Environment, body: Register, now: int, *, make_id: MakeId
) -> Steps[VersionEntry]:
    """The version with this content, made when it is new."""
    entry = version_of(catalog, env, body, now, make_id=make_id)
    if entry.id in catalog.versions:
        return entry
    manifest = _encode(entry.tasks).decode()
    yield fetch("insert_version", entry.id, env.id, entry.name, entry.content_hash, now, manifest)
    return catalog.add_version(entry)


def version_of(
    catalog: Catalog, env: Environment, body: Register, now: int, *, make_id: MakeId
) -> VersionEntry:
    """The version with this content: the one that is there, or what a new one would be."""
    tasks = {task.id: task for task in body.tasks}
    manifest = _encode(tasks)
    content = body.content_hash or hashlib.sha256(manifest).hexdigest()
    content = hashlib.sha256(content.encode() + manifest).hexdigest()
    for entry in catalog.versions.values():
        if (
            entry.env == env.id
            and entry.content_hash == content
            and body.version in ("", entry.name)
        ):
            return entry
    name = body.version or _next_name(catalog, env, now)
    if catalog.version(env.id, name) is not None:
        name = _next_name(catalog, env, now)
    return VersionEntry(make_id(), env.id, name, content, now, tasks)


def _next_name(catalog: Catalog, env: Environment, now: int) -> str:
    """``YYYYMMDD.N``, counting the versions of that day."""
    day = f"{datetime.fromtimestamp(now / 1000, UTC):%Y%m%d}"
    numbers = [
        int(tail) for head, _, tail in (
            entry.name.partition(".") for entry in catalog.versions.values() if entry.env == env.id
        ) if head == day and tail.isdigit()
    ]  # fmt: skip
    return f"{day}.{max(numbers, default=0) + 1}"


def compare(before: VersionEntry | None, after: VersionEntry) -> dict[str, list[str]]:
    """Which tasks were added, changed and removed."""
    old = before.tasks if before is not None else {}
    new = after.tasks
    return {
        "added": sorted(new.keys() - old.keys()),
        "changed": sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
        "removed": sorted(old.keys() - new.keys()),
    }


def make_current(
    catalog: Catalog, env: Environment, version: VersionEntry, now: int, *, make_id: MakeId
) -> Steps[None]:
    """Let the environment run this version from now on."""
    before = catalog.current_of(env.id)
    if before is not version:
        yield fetch("make_current", env.id, version.id, now)
        catalog.current[env.id], version.promoted_at = version.id, now
        said = f"{before.name} was current before." if before else "It is the first one."
        yield from alerting.note_deployment(
            make_id, env, "deployment.succeeded", version.name, said, now
        )
    for manifest in version.tasks.values():
        task = yield from catalog.need_task(env.id, manifest.id)
        if task.manifest != manifest:
            yield fetch("update_task", task.id, _encode(manifest).decode())
            task.manifest = manifest
    for queue in declared_queues(catalog, version).values():
        yield from _declare_queue(catalog, env, queue, now)
    yield from schedules.sync(catalog, env, version, now, make_id=make_id)
    yield from _release_held(catalog, env, now)


def declared_queues(catalog: Catalog, version: VersionEntry) -> dict[str, QueueManifest]:
    """The queues of a version by name. Several tasks may declare one: each limit is the last that any of
    them gives, so that a task which only names the queue lifts none."""
    found: dict[str, QueueManifest] = {}
    for manifest in version.tasks.values():
        name = catalog.queue_name(manifest.id, manifest)
        known, given = found.get(name, QueueManifest(name)), manifest.queue or QueueManifest(name)
        found[name] = QueueManifest(
            name,
            _last(given.concurrency_limit, known.concurrency_limit),
            _last(given.total_limit, known.total_limit),
            _last(given.rate, known.rate),
        )
    return found


def _last(given: T | None, known: T | None) -> T | None:
    return known if given is None else given


def _declare_queue(
    catalog: Catalog, env: Environment, manifest: QueueManifest, now: int
) -> Steps[None]:
    queue = yield from catalog.need_queue(env.id, manifest.name, declared=True)
    before, was_counted, rate = queue.limit, catalog.is_counted(queue), manifest.rate
    declared = (
        manifest.concurrency_limit, manifest.total_limit,
        None if rate is None else rate.count, None if rate is None else rate.per_ms,
    )  # fmt: skip
    known = queue.base, queue.total_limit, queue.rate_limit, queue.rate_ms
    if known != declared or not queue.declared:
        yield fetch("declare_queue", queue.id, *declared, now)
        queue.base, queue.total_limit, queue.rate_limit, queue.rate_ms = declared
        queue.declared = True
    if catalog.is_counted(queue) != was_counted:
        # or what runs already would be given back without ever having been counted
        yield fetch("drop_slots" if was_counted else "fill_slots", queue.id)
    if queue.limit != before:
        yield from apply_limit(queue, now)


def apply_limit(queue: QueueEntry, now: int) -> Steps[None]:
    """Bring existing lanes to a queue's limit; unfinished runs of a queue that had none get lanes.

    Costs a write for each lane of the queue; for one that had no limit, a read of all unfinished runs and a
    write for each of the queue's.
    """
    yield fetch("limit_lanes", queue.id, UNLIMITED if queue.limit is None else queue.limit)
    if queue.limit is None:
        return
    members: dict[str, list[Row]] = {}
    for row in (yield fetch("untracked_of_queue", -queue.id)):
        members.setdefault(row[1], []).append(row)
    filled: list[Row] = []
    for ckey, rows in sorted(members.items()):
        states = [row[2] for row in rows]
        filled.append((
            queue.env, queue.id, ckey, queue.limit, states.count(LiveState.RUNNING),
            states.count(LiveState.READY), len(rows), ids.first_at(now), int(queue.paused), now,
        ))  # fmt: skip
    lanes = yield gather("fill_lane", filled)
    yield each("track", [(row[0], lane) for ckey, lane in lanes for row in members[ckey]])


def _release_held(catalog: Catalog, env: Environment, now: int) -> Steps[None]:
    """Runs that waited for a version with their task become ready, in the order of triggering."""
    released, lanes = [], dict[int, int]()
    for run_id, _, lane, tracked, task, queue, ttl, version, _ in (
        yield fetch("held_runs", env.id)
    ):
        if intake.is_known(catalog, catalog.tasks[task], catalog.queues[queue], version):
            released.append((run_id, now + ttl if ttl else None))
            catalog.lower(lane)
            if tracked:
                lanes[lane] = lanes.get(lane, 0) + 1
    yield each("release_held", released)
    yield each("lane_moved", [(lane, 0, count, 0, now) for lane, count in sorted(lanes.items())])
