"""Schedules: made by API, changed, switched, and fired."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hairtrigger.engine import runs
from hairtrigger.engine.trigger import DEV_TTL_MS
from hairtrigger.errors import (
    HairtriggerError,
    InvalidCron,
    InvalidTimezone,
    NotFound,
    PlanLimitReached,
    Unprocessable,
)
from hairtrigger.rules import cron
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run, RunOptions
from hairtrigger.store import intake
from hairtrigger.store import store as stores
from hairtrigger.store.asking import Call, NewRun
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, each, fetch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import durations, ids, packets
from hairtrigger.wire.options import ScheduleBody

KEY_TTL_MS = 30 * 86_400_000
SAMPLE_ID = "sched_sample"
EARLY_MS = 60_000  # by which a run may be older than the tick that it is of, as clocks tell
_Refused = tuple["Schedule", int, HairtriggerError]  # of which time, and why
_SUPER_JSON = packets.TYPES.index(packets.SUPER_JSON)


@dataclass(slots=True)
class Schedule:
    """A schedule as it stands. Instants in ms; ``next_at`` is None while it is switched off."""

    id: int
    env: int
    task: str
    declarative: bool
    cron: str
    timezone: str
    dedup: str | None
    external_id: str | None
    window: str | None
    active: bool
    next_at: int | None
    last_at: int | None
    created_at: int
    updated_at: int


def _schedule(catalog: Catalog, row: Row) -> Schedule:
    id_, env, task, declarative, *rest = row
    schedule = Schedule(id_, env, catalog.tasks[task].name, bool(declarative), *rest)
    schedule.active = bool(schedule.active)
    return schedule


def _schedules(catalog: Catalog, name: str, *params: Any) -> Steps[list[Schedule]]:
    return [_schedule(catalog, row) for row in (yield fetch(name, *params))]


async def create(
    store: Store, env: Environment, body: ScheduleBody, *, request_key: str | None = None
) -> Schedule:
    """Make a schedule; one with the same deduplication key is changed instead.

    Raises:
        InvalidCron, InvalidTimezone, Unprocessable: an unknown task, or one that takes no schedule.
    """
    task = _scheduled_task(store.catalog, env, body.task)
    timezone = body.timezone or "UTC"
    cron.check(body.cron, timezone)
    dedup = body.deduplication_key or None
    number = store.make_id()

    def make(_: Catalog, now: int) -> Steps[int]:
        next_at = cron.next_fire(body.cron, timezone, now)
        found = (yield fetch("schedule_by_dedup", env.id, dedup)) if dedup is not None else []
        if not found and request_key is not None:
            made = yield fetch("request_made", env.id, f"schedule:{request_key}", now)
            if made:
                return int(made[0][0])
        if found:
            yield fetch(
                "update_schedule", found[0][0], body.cron, timezone, next_at, now, body.external_id,
                body.window, task,
            )  # fmt: skip
            return int(found[0][0])
        yield fetch(
            "insert_schedule", number, env.id, task, 0, body.cron, timezone, dedup, body.external_id,
            body.window, next_at, now,
        )  # fmt: skip
        if request_key is not None:
            ends = now + intake.REQUEST_MEMORY_MS
            kept = (env.id, f"schedule:{request_key}", str(number), ends, now)
            yield each("remember_request", [kept])
        return number

    return await retrieve(store, env, ids.public("sched", await store.change(make)))


async def update(store: Store, env: Environment, schedule_id: str, body: ScheduleBody) -> Schedule:
    """Replace a schedule made by API; what is left out is the default.

    Raises:
        NotFound; Unprocessable: a declarative one; InvalidCron, InvalidTimezone.
    """
    schedule = await _editable(store, env, schedule_id)
    task = _scheduled_task(store.catalog, env, body.task)
    timezone = body.timezone or "UTC"
    cron.check(body.cron, timezone)

    def change(_: Catalog, now: int) -> Steps[None]:
        next_at = cron.next_fire(body.cron, timezone, now)
        yield fetch(
            "update_schedule", schedule.id, body.cron, timezone, next_at, now, body.external_id, body.window,
            task,
        )  # fmt: skip

    await store.change(change)
    return await retrieve(store, env, schedule_id)


async def delete(store: Store, env: Environment, schedule_id: str) -> Schedule:
    """Delete a schedule made by API.

    Raises:
        NotFound; Unprocessable: a declarative one.
    """
    schedule = await _editable(store, env, schedule_id)
    await store.change(lambda _catalog, _now: stores.one("delete_schedule", schedule.id))
    return schedule


async def switch(store: Store, env: Environment, schedule_id: str, *, active: bool) -> Schedule:
    """Switch a schedule on or off. It fires from now on; what was missed meanwhile is not made up for.

    Raises:
        NotFound: no such schedule here.
    """
    schedule = await retrieve(store, env, schedule_id)

    def change(catalog: Catalog, now: int) -> Steps[None]:
        for row in (yield fetch("schedule", schedule.id, env.id)):  # as it is now
            found = _schedule(catalog, row)
            if found.active != active:
                next_at = cron.next_fire(found.cron, found.timezone, now) if active else None
                yield fetch("switch_schedule", found.id, int(active), next_at, now)

    await store.change(change)
    return await retrieve(store, env, schedule_id)


async def retrieve(store: Store, env: Environment, schedule_id: str) -> Schedule:
    """One schedule, by its id or its deduplication key.

    Raises:
        NotFound: no such schedule here.
    """
    number = ids.parse("sched", schedule_id)
    statement = ("schedule", number, env.id) if number is not None else (
        "schedule_by_dedup", env.id, schedule_id
    )  # fmt: skip
    found = await store.with_catalog(lambda catalog: _schedules(catalog, *statement), quick=True)
    if not found:
        raise NotFound("Schedule not found")
    return found[0]


async def listed(
    store: Store, env: Environment, *, task: int = 0, text: str = "", page: int, per_page: int
) -> tuple[list[Schedule], int]:
    """A page (from 1) of the environment's schedules, those that are on by their next time, and how many
    there are.

    Args:
        task: A task's number; 0: any.
        text: A part of the external id or the deduplication key.
    """
    for sign in "~%_":
        text = text.replace(sign, f"~{sign}")
    narrow = (env.id, task, f"%{text.lower()}%" if text else "")
    found = await store.with_catalog(
        lambda catalog: _schedules(
            catalog, "schedules_listed", *narrow, per_page, (page - 1) * per_page
        )
    )
    count = await store.read(stores.one("count_schedules_listed", *narrow))
    return found, int(count[0][0])


async def coming(
    store: Store, env: Environment, *, until: int, most: int
) -> tuple[list[Schedule], bool]:
    """The schedules that fire next, up to an instant (ms), and whether there are more than ``most``."""
    found = await store.with_catalog(
        lambda catalog: _schedules(catalog, "coming_schedules", env.id, until, most + 1)
    )
    return found[:most], len(found) > most


async def last_runs(
    store: Store, env: Environment, schedules: Sequence[Schedule]
) -> dict[int, Run]:
    """The newest run of each of some schedules, without payload and output."""
    if not schedules:
        return {}
    since = min(one.last_at or one.created_at for one in schedules) - EARLY_MS
    numbers = [one.id for one in schedules]
    found = await store.read(stores.one("last_of_schedules", numbers, ids.first_at(since)))
    return await runs.of_each(store, env, found)


async def list_page(
    store: Store, env: Environment, *, page: int, per_page: int
) -> tuple[list[Schedule], int]:
    """A page (from 1) of the environment's schedules, newest first, and how many there are in all."""
    found = await store.with_catalog(
        lambda catalog: _schedules(
            catalog, "schedules_of_env", env.id, per_page, (page - 1) * per_page
        )
    )
    count = await store.read(stores.one("count_schedules", env.id), quick=True)
    return found, int(count[0][0])


def _scheduled_task(catalog: Catalog, env: Environment, name: str) -> int:
    task = catalog.task(env.id, name)
    if task is None or task.manifest is None:
        raise Unprocessable(
            f"No task {name!r} in this environment. Start a worker that has it first."
        )
    if not task.manifest.scheduled:
        raise Unprocessable(f"{name} is not a scheduled task: declare it with schedules.task().")
    return task.id


async def _editable(store: Store, env: Environment, schedule_id: str) -> Schedule:
    schedule = await retrieve(store, env, schedule_id)
    if schedule.declarative:
        raise Unprocessable(
            "This schedule is declared in code: change it there and start the worker again."
        )
    return schedule


async def run_now(store: Store, env: Environment, schedule_id: str) -> int:
    """Trigger a schedule's task as its clock would, for this instant; answers the run's number. Its next
    time, and the last one that later runs are told, stay as they are.

    Raises:
        NotFound: no such schedule here. InvalidCron, InvalidTimezone: it can never fire again.
    """
    schedule = await retrieve(store, env, schedule_id)
    number = store.make_id()
    run = _tick(schedule, ids.created_at(number), number)
    if env.is_development:
        run.default_ttl_ms = DEV_TTL_MS
    made = (await store.trigger(Call(env.id, [run])))[0]
    if made.error is not None:
        raise made.error
    emit("schedule.fired", task=schedule.task, at=ids.created_at(number))
    return made.id


async def fire_due(store: Store) -> int:
    """Trigger what is due, each tick once. Answers ms until the next look is worth it.

    A tick that the plan has no room for is told, and not made up for: the schedule goes on with its next one.
    """
    upcoming = await store.read(stores.one("next_tick"), quick=True)
    next_at = upcoming[0][0]
    if next_at is None or next_at > store.now():
        return max(1, min(next_at - store.now(), 1_000)) if next_at is not None else 1_000
    fired, refused, next_at = await store.change(
        lambda catalog, now: _fire(catalog, now, store.make_id), lanes=None
    )
    for task, at in fired:
        emit("schedule.fired", task=task, at=at)
    for schedule, at, error in refused:
        emit(
            "schedule.refused", schedule=ids.public("sched", schedule.id), task=schedule.task, at=at,
            error=str(error),
        )  # fmt: skip
    return max(0, min(next_at - store.now(), 1_000)) if next_at is not None else 1_000


def _fire(
    catalog: Catalog, now: int, make_id: Callable[[], int]
) -> Steps[tuple[list[tuple[str, int]], list[_Refused], int | None]]:
    fired: list[tuple[str, int]] = []
    refused: list[_Refused] = []
    for row in (yield fetch("due_schedules", now)):
        schedule = _schedule(catalog, row)
        assert schedule.next_at is not None, "only active schedules are due"
        try:
            following = cron.next_fire(schedule.cron, schedule.timezone, now)
            late = cron.latest_missed(schedule.cron, schedule.timezone, schedule.next_at, now)
            at = late if late is not None else schedule.next_at
            run = _tick(schedule, at, make_id())
        except (InvalidCron, InvalidTimezone):  # a zone is gone, a pattern never comes again
            yield fetch("switch_schedule", schedule.id, 0, None, now)
            emit("schedule.broken", schedule=ids.public("sched", schedule.id), task=schedule.task)
            continue
        env = catalog.envs[schedule.env]
        if env.is_development and not (yield fetch("live_sessions", env.id))[0][0]:
            yield fetch("move_schedule", schedule.id, following, None)
            continue
        made = (yield from intake.take(catalog, [Call(env.id, [run])], {}, now))[0][0]
        if isinstance(made.error, PlanLimitReached):
            yield fetch("move_schedule", schedule.id, following, None)
            refused.append((schedule, at, made.error))
            continue
        yield fetch("move_schedule", schedule.id, following, at)
        fired.append((schedule.task, at))
    upcoming = yield fetch("next_tick")
    return fired, refused, upcoming[0][0]


def _tick(schedule: Schedule, at: int, number: int) -> NewRun:
    run = NewRun(number, schedule.env, schedule.task, ids.created_at(number), schedule=schedule.id)
    run.payload, run.payload_type = payload(schedule, at), _SUPER_JSON
    run.key, run.key_ttl_ms = f"schedule:{schedule.id}@{at}", KEY_TTL_MS
    run.options = RunOptions(
        external_id=schedule.external_id, function="trigger", source="schedule"
    )
    return run


def payload(schedule: Schedule, at: int) -> str:
    """What a scheduled task receives for its tick at an instant, as super+json."""
    return _payload(
        ids.public("sched", schedule.id), schedule.declarative, at, schedule.timezone,
        cron.upcoming(schedule.cron, schedule.timezone, at), schedule.last_at, schedule.external_id,
    )  # fmt: skip


def sample(
    schedule: Schedule | None, at: int, *, timezone: str, last_at: int | None = None,
    external_id: str | None = None,
) -> str:  # fmt: skip
    """What a scheduled task would receive from a schedule at an instant, to try it with; of a made-up one
    that never fires when there is none.

    Raises:
        InvalidTimezone: not an IANA name.
    """
    cron.check("0 0 * * *", timezone)
    name = SAMPLE_ID if schedule is None else ids.public("sched", schedule.id)
    upcoming = [] if schedule is None else cron.upcoming(schedule.cron, timezone, at)
    declarative = schedule is not None and schedule.declarative
    return _payload(name, declarative, at, timezone, upcoming, last_at, external_id)


def _payload(
    schedule_id: str, declarative: bool, at: int, timezone: str, upcoming: Sequence[int],
    last_at: int | None, external_id: str | None,
) -> str:  # fmt: skip
    value: dict[str, object] = {
        "scheduleId": schedule_id,
        "type": "DECLARATIVE" if declarative else "IMPERATIVE",
        "timestamp": durations.iso(at),
        "timezone": timezone,
        "upcoming": [durations.iso(one) for one in upcoming],
    }
    dates: dict[str, list[str]] = {"timestamp": ["Date"]}
    if last_at is not None:
        value["lastTimestamp"] = durations.iso(last_at)
        dates["lastTimestamp"] = ["Date"]
    if external_id is not None:
        value["externalId"] = external_id
    dates |= {f"upcoming.{position}": ["Date"] for position in range(len(upcoming))}
    return msgspec.json.encode({"json": value, "meta": {"values": dates}}).decode()
