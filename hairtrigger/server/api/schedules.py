"""Schedules made over the API, and those that tasks declare: looked up, listed, edited, switched.

Source: Trigger.dev's schedules API.
"""

from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, UnsetType

from hairtrigger.engine import schedules as engine
from hairtrigger.errors import BadRequest
from hairtrigger.rules import cron
from hairtrigger.rules.project import Environment
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import pages, present
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids
from hairtrigger.wire.options import ScheduleBody


class ScheduleEnvironment(msgspec.Struct, rename="camel"):
    id: str
    type: str


class ScheduleObject(msgspec.Struct, rename="camel", kw_only=True):
    id: str
    type: str
    task: str
    active: bool
    deduplication_key: str | UnsetType = UNSET
    external_id: str | UnsetType = UNSET
    generator: present.Generator
    timezone: str
    window: str | UnsetType = UNSET
    next_run: str | UnsetType = UNSET
    next_run_effective_at: str | UnsetType = UNSET
    environments: list[ScheduleEnvironment]


class ScheduleId(msgspec.Struct):
    id: str


class Timezones(msgspec.Struct):
    timezones: list[str]


_body = msgspec.json.Decoder(ScheduleBody)


async def create(call: Call) -> Answer:
    """Make a schedule, or change the one that has this deduplication key."""
    body = await call.read(_body)
    if body.deduplication_key is None:
        raise BadRequest(
            'deduplicationKey is missing. Give any text; "" never matches another schedule.'
        )
    made = await engine.create(
        call.server.store, call.caller.env, body, request_key=call.request_key()
    )
    return answers.json(shown(made, call.caller.env))


async def update(call: Call) -> Answer:
    """Replace a schedule; what is left out takes its default."""
    body = await call.read(_body)
    changed = await engine.update(call.server.store, call.caller.env, _id(call), body)
    return answers.json(shown(changed, call.caller.env))


async def retrieve(call: Call) -> Answer:
    """A schedule by its id or its deduplication key."""
    found = await engine.retrieve(call.server.store, call.caller.env, _id(call))
    return answers.json(shown(found, call.caller.env))


async def list_schedules(call: Call) -> Answer:
    """The environment's schedules, declared ones too, in numbered pages."""
    page, per_page = pages.numbered(call.query())
    found, count = await engine.list_page(
        call.server.store, call.caller.env, page=page, per_page=per_page
    )
    data = [shown(schedule, call.caller.env) for schedule in found]
    return answers.json(pages.numbered_page(data, page, per_page, count))


async def delete(call: Call) -> Answer:
    """Delete a schedule that was made over the API."""
    deleted = await engine.delete(call.server.store, call.caller.env, _id(call))
    return answers.json(ScheduleId(ids.public("sched", deleted.id)))


async def activate(call: Call) -> Answer:
    """Let a schedule fire again, from now on."""
    changed = await engine.switch(call.server.store, call.caller.env, _id(call), active=True)
    return answers.json(shown(changed, call.caller.env))


async def deactivate(call: Call) -> Answer:
    """Stop a schedule from firing; what it misses is not made up for."""
    changed = await engine.switch(call.server.store, call.caller.env, _id(call), active=False)
    return answers.json(shown(changed, call.caller.env))


async def timezones(call: Call) -> Answer:
    """The time zones that a schedule may name."""
    names = sorted(available_timezones() - {"UTC", "localtime", "Factory"})
    first = [] if pages.flag(call.query(), "excludeUtc") else ["UTC"]
    return answers.json(Timezones(first + names))


def shown(schedule: engine.Schedule, env: Environment) -> ScheduleObject:
    """A schedule as the API shows it."""
    following: str | UnsetType = UNSET
    if schedule.active and schedule.next_at is not None:
        following = durations.iso(schedule.next_at)
    return ScheduleObject(
        id=ids.public("sched", schedule.id),
        type="DECLARATIVE" if schedule.declarative else "IMPERATIVE",
        task=schedule.task,
        active=schedule.active,
        deduplication_key=schedule.dedup or UNSET,
        external_id=schedule.external_id or UNSET,
        generator=present.Generator(schedule.cron, cron.describe(schedule.cron)),
        timezone=schedule.timezone,
        window=schedule.window or UNSET,
        next_run=following,
        next_run_effective_at=following,
        environments=[ScheduleEnvironment(env.public_id, env.type)],
    )


def _id(call: Call) -> str:
    return call.params["schedule"]


_ONE = "/api/v1/schedules/{schedule}"
ROUTES = (
    Route("POST", "/api/v1/schedules", create, "secret", body=ScheduleBody, returns=ScheduleObject, audited=True),
    Route(
        "GET", "/api/v1/schedules", list_schedules, "secret", returns=pages.NumberedPage,
        query=("page", "perPage"),
    ),
    Route("GET", _ONE, retrieve, "secret", returns=ScheduleObject),
    Route("PUT", _ONE, update, "secret", body=ScheduleBody, returns=ScheduleObject, audited=True),
    Route("DELETE", _ONE, delete, "secret", returns=ScheduleId, audited=True),
    Route("POST", _ONE + "/activate", activate, "secret", returns=ScheduleObject, audited=True),
    Route("POST", _ONE + "/deactivate", deactivate, "secret", returns=ScheduleObject, audited=True),
    Route(
        "GET", "/api/v1/timezones", timezones, "anybody", rated=False, returns=Timezones,
        query=("excludeUtc",),
    ),
)  # fmt: skip
