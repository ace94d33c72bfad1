"""``schedules``: tasks that fire by the clock, and schedules made at run time.

The blocking mirror is generated from this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Unpack
from urllib.parse import urlencode

import msgspec

from hairtrigger.sdk.api import Answer, ApiCall, decoded, nothing, reads, segment
from hairtrigger.sdk.client import Client, default
from hairtrigger.sdk.decorators import ScheduledDecorator, task_of
from hairtrigger.sdk.options import ScheduledTaskOptions
from hairtrigger.sdk.page import Ask, Listed, Page
from hairtrigger.sdk.scheduled import ScheduledPayload
from hairtrigger.sdk.task import Task
from hairtrigger.wire.options import ScheduleBody


class Generator(msgspec.Struct):
    """The pattern of a schedule, and the same in words."""

    expression: str
    description: str = ""


class Schedule(msgspec.Struct, rename="camel", kw_only=True):
    """A schedule.

    ``type`` is DECLARATIVE for one that comes from a task's ``cron``, IMPERATIVE for one that was
    created. ``next_run`` is None while it is not active.
    """

    id: str
    type: Literal["DECLARATIVE", "IMPERATIVE"]
    task: str
    active: bool
    generator: Generator
    timezone: str = "UTC"
    next_run: datetime | None = None
    deduplication_key: str | None = None
    external_id: str | None = None
    window: str | None = None

    @property
    def cron(self) -> str:
        """The pattern."""
        return self.generator.expression


class Schedules:
    """The schedules of an environment."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    def task(self, **options: Unpack[ScheduledTaskOptions]) -> ScheduledDecorator:
        """Make a scheduled task: ``@schedules.task(id="daily-digest", cron="0 9 * * *")``.

        Its function takes a ``ScheduledPayload``, and may take the context after it; or nothing. Without
        ``cron`` it runs by the schedules that ``schedules.create`` makes for it.

        Raises:
            ProjectError: for another shape, an unknown option, or an id that another function has.
        """
        return lambda fn: task_of(fn, dict(options), scheduled=True)

    async def create(
        self,
        *,
        task: str | Task[ScheduledPayload, Any],
        cron: str,
        deduplication_key: str,
        timezone: str = "UTC",
        external_id: str | None = None,
        window: str | None = None,
    ) -> Schedule:
        """Make a schedule, or change the one that has this deduplication key.

        Args:
            cron: Five fields: minute, hour, day of month, month, day of week.
            timezone: An IANA name.
            external_id: Comes back in the payload, such as the id of a user.

        Raises:
            Unprocessable: for a pattern, time zone or task that the server does not take.
        """
        body = ScheduleBody(
            task=task if isinstance(task, str) else task.id,
            cron=cron,
            deduplication_key=deduplication_key,
            external_id=external_id,
            timezone=timezone,
            window=window,
        )
        return await self._client.send(create_schedule_call(body))

    async def update(
        self,
        schedule_id: str,
        /,
        *,
        task: str | Task[ScheduledPayload, Any] | None = None,
        cron: str | None = None,
        timezone: str | None = None,
        external_id: str | None = None,
        window: str | None = None,
    ) -> Schedule:
        """Change a schedule; what is left out stays.

        Raises:
            Unprocessable: also for a declarative schedule, which changes with its code.
        """
        now = await self.retrieve(schedule_id)  # the API replaces the whole
        task_id = task if task is None or isinstance(task, str) else task.id
        body = ScheduleBody(
            task=task_id or now.task,
            cron=cron or now.cron,
            timezone=timezone or now.timezone,
            external_id=now.external_id if external_id is None else external_id,
            window=now.window if window is None else window,
        )
        return await self._client.send(update_schedule_call(schedule_id, body))

    async def retrieve(self, schedule_id: str, /) -> Schedule:
        """A schedule, by its id or its deduplication key."""
        return await self._client.send(schedule_call("retrieve", "GET", schedule_id))

    def list(self, *, limit: int | None = None) -> Page[Schedule]:
        """All schedules of the environment, ``limit`` in a page (20, at most 100)."""
        return Page(self._client, list_schedules_calls(limit))

    async def activate(self, schedule_id: str, /) -> Schedule:
        """Let a schedule fire again."""
        return await self._client.send(schedule_call("activate", "POST", schedule_id))

    async def deactivate(self, schedule_id: str, /) -> Schedule:
        """Keep a schedule from firing; what it misses is not made up for."""
        return await self._client.send(schedule_call("deactivate", "POST", schedule_id))

    async def delete(self, schedule_id: str, /) -> None:
        """Delete a schedule that was created; a declarative one goes with its code."""
        request = f"DELETE /api/v1/schedules/{segment(schedule_id)}"
        await self._client.send(ApiCall("schedules.delete", request, returns=nothing))

    del_ = delete

    async def timezones(self) -> tuple[str, ...]:
        """The names of all time zones that a schedule can have."""
        return await self._client.send(timezones_call())


schedules = Schedules()

_read = reads(Schedule)
_page = msgspec.json.Decoder(Listed[Schedule])


def create_schedule_call(body: ScheduleBody) -> ApiCall[Schedule]:
    """Make a schedule."""
    encoded = msgspec.json.encode(body)
    return ApiCall("schedules.create", "POST /api/v1/schedules", body=encoded, returns=_read)


def update_schedule_call(schedule_id: str, body: ScheduleBody) -> ApiCall[Schedule]:
    """Replace a schedule."""
    request = f"PUT /api/v1/schedules/{segment(schedule_id)}"
    encoded = msgspec.json.encode(body)
    return ApiCall("schedules.update", request, body=encoded, returns=_read)


def schedule_call(verb: str, method: str, schedule_id: str) -> ApiCall[Schedule]:
    """Retrieve, activate or deactivate a schedule."""
    end = "" if verb == "retrieve" else f"/{verb}"
    request = f"{method} /api/v1/schedules/{segment(schedule_id)}{end}"
    return ApiCall(f"schedules.{verb}", request, returns=_read)


def _read_page(answer: Answer) -> Listed[Schedule]:
    return decoded(_page, answer)


def list_schedules_calls(limit: int | None) -> Ask:
    """The calls for the pages of all schedules."""

    def ask(cursor: str | None) -> ApiCall[Listed[Schedule]]:
        query: Mapping[str, Any] = {"page": cursor or 1, "perPage": limit or 20}
        request = f"GET /api/v1/schedules?{urlencode(query)}"
        return ApiCall("schedules.list", request, returns=_read_page)

    return ask


class _Timezones(msgspec.Struct):
    timezones: tuple[str, ...]


def timezones_call() -> ApiCall[tuple[str, ...]]:
    """Ask for the time zones."""
    read = reads(_Timezones)

    def names(answer: Answer) -> tuple[str, ...]:
        return read(answer).timezones

    return ApiCall("schedules.timezones", "GET /api/v1/timezones", returns=names)
