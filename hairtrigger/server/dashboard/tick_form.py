"""What the test page asks of a scheduled task in the place of a payload: for when, for which zone, for whom."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hairtrigger.engine import schedules
from hairtrigger.engine.schedules import Schedule
from hairtrigger.errors import InvalidTimezone
from hairtrigger.rules import cron
from hairtrigger.server.dashboard.trigger_form import Form
from hairtrigger.wire import durations

FIELDS = ("timestamp", "last_timestamp", "timezone", "external_id")
_MIDNIGHT = "0 0 * * *"


def fill(form: Form, schedule: Schedule | None, now: int, *, is_run: bool) -> None:
    """Begin with the payload of a run, or with what the schedule would send at this moment."""
    value = msgspec.json.decode(form.payload) if is_run and form.payload else None
    found: dict[str, Any] = value if isinstance(value, dict) else {}
    zone = str(found.get("timezone") or (schedule.timezone if schedule is not None else "UTC"))
    at = durations.parse_instant(str(found.get("timestamp", ""))) or now
    last = durations.parse_instant(str(found.get("lastTimestamp", "")))
    external = found.get("externalId")
    if not found and schedule is not None:
        last, external = schedule.last_at, schedule.external_id
    form.payload = ""
    form.values |= {
        "timestamp": _local(at, zone),
        "last_timestamp": "" if last is None else _local(last, zone),
        "timezone": zone,
        "external_id": str(external or ""),
    }


def read(form: Form, given: Mapping[str, str], schedule: Schedule | None, now: int) -> None:
    """Check what was typed, and make the payload of it."""
    form.values |= {name: given.get(name, "").strip() for name in FIELDS}
    zone = form["timezone"] or "UTC"
    try:
        cron.check(_MIDNIGHT, zone)
    except InvalidTimezone as error:
        form.errors["timezone"] = str(error)
        return
    for name in ("timestamp", "last_timestamp"):
        if form[name] and _instant(form[name], zone) is None:
            form.errors[name] = "This is no date and time. Write it like 2026-03-01T09:30."
    form.payload = payload(form, schedule, now)


def payload(form: Form, schedule: Schedule | None, now: int) -> str:
    """The payload that the fields stand for, as super+json; what cannot be read is as if it were empty."""
    zone = form["timezone"] or "UTC"
    try:
        cron.check(_MIDNIGHT, zone)
    except InvalidTimezone:
        zone = "UTC"
    return schedules.sample(
        schedule, _instant(form["timestamp"], zone) or now, timezone=zone,
        last_at=_instant(form["last_timestamp"], zone), external_id=form["external_id"] or None,
    )  # fmt: skip


def _local(instant: int, zone: str) -> str:
    """An instant as a field of a date and time has it."""
    try:
        there = ZoneInfo(zone)
    except (ValueError, KeyError):
        there = ZoneInfo("UTC")
    return f"{datetime.fromtimestamp(instant / 1000, there):%Y-%m-%dT%H:%M:%S}"


def _instant(text: str, zone: str) -> int | None:
    """A date and time of a zone, unless it names its own."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return durations.from_datetime(
        moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    )
