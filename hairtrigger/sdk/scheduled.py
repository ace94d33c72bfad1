"""What a scheduled task receives: when it was due, and for which schedule."""

from datetime import datetime

import msgspec


class ScheduledPayload(
    msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True
):
    """The payload of a scheduled run.

    ``timestamp`` is the instant it was due (not when it started), ``last_timestamp`` the one before, None
    at first. ``upcoming`` are the next five. All are aware, in UTC; ``timezone`` is the schedule's.
    ``external_id`` is what ``schedules.create`` was given. Source: Trigger.dev scheduled payload.
    """

    timestamp: datetime
    last_timestamp: datetime | None = None
    timezone: str = "UTC"
    schedule_id: str = ""
    external_id: str | None = None
    upcoming: list[datetime] = []
