"""Schedules as pages show them: in words, with their next times, and how their last run ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hairtrigger.engine import schedules as engine
from hairtrigger.engine.schedules import Schedule
from hairtrigger.errors import InvalidCron, InvalidTimezone
from hairtrigger.rules import cron
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.server.dashboard.rows import RunRow, row
from hairtrigger.store.store import Store
from hairtrigger.wire import ids


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One schedule of a list. ``words`` say its pattern, or what is wrong with it; ``upcoming`` are its next
    five times (ms), also while it is off."""

    schedule: Schedule
    id: str
    words: str
    upcoming: list[int]
    last: RunRow | None
    is_broken: bool

    def local(self, instant: int) -> str:
        """An instant in the schedule's zone: ``Fri 27 Nov 09:00 GMT``."""
        return local(instant, self.schedule.timezone)


async def listed(
    store: Store, env: Environment, found: Sequence[Schedule], now: int
) -> list[ScheduleRow]:
    """Schedules with the last run of each."""
    last = await engine.last_runs(store, env, found)
    return [made(schedule, last.get(schedule.id), now) for schedule in found]


def made(schedule: Schedule, last: Run | None, now: int) -> ScheduleRow:
    """A schedule as it is at this moment."""
    words, upcoming, broken = "", list[int](), False
    try:
        words = cron.describe(schedule.cron)
        upcoming = cron.upcoming(schedule.cron, schedule.timezone, now)
    except (InvalidCron, InvalidTimezone) as error:  # a zone may have gone with an update
        words, broken = str(error), True
    return ScheduleRow(
        schedule, ids.public("sched", schedule.id), words, upcoming,
        None if last is None else row(last, now), broken,
    )  # fmt: skip


def local(instant: int, zone: str) -> str:
    """An instant in a zone, with the zone's own name: ``Fri 27 Nov 09:00 GMT``."""
    return f"{datetime.fromtimestamp(instant / 1000, ZoneInfo(zone)):%a %-d %b %H:%M %Z}"
