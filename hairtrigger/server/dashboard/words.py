"""How the pages say numbers, times and states. What the browser has to say by itself (static/js/words.js) is
tested against the same cases."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hairtrigger.server.dashboard.graphics import Segment
from hairtrigger.wire import durations
from hairtrigger.wire.statuses import CANCEL_REQUESTED, LiveState

THIN = "\u202f"


class Look(NamedTuple):
    """How a status looks: its word, the name of its colour, and of its glyph."""

    word: str
    colour: str
    glyph: str


STATUS = {
    "PENDING_VERSION": Look("Pending version", "retry", "pending"),
    "DELAYED": Look("Delayed", "idle", "delayed"),
    "QUEUED": Look("Queued", "idle", "queued"),
    "DEQUEUED": Look("Dequeued", "run", "dequeued"),
    "EXECUTING": Look("Executing", "run", "executing"),
    "WAITING": Look("Waiting", "wait", "waiting"),
    "REATTEMPTING": Look("Reattempting", "retry", "reattempting"),
    "PAUSED": Look("Paused", "ice", "paused"),
    "COMPLETED": Look("Completed", "ok", "completed"),
    "FAILED": Look("Failed", "fail", "failed"),
    "CRASHED": Look("Crashed", "crash", "crashed"),
    "SYSTEM_FAILURE": Look("System failure", "crash", "crashed"),
    "TIMED_OUT": Look("Timed out", "late", "timed-out"),
    "CANCELED": Look("Canceled", "idle", "canceled"),
    "EXPIRED": Look("Expired", "idle", "expired"),
}


def status_of(name: str, state: int | None, fence: int, flags: int) -> str:
    """The status that people see: the public one, but for runs between two attempts."""
    if state in (LiveState.DELAYED, LiveState.READY) and fence and not flags & CANCEL_REQUESTED:
        return "REATTEMPTING"
    return name


def duration(ms: float | None) -> str:
    """``812 µs``, ``43 ms``, ``1.24 s``, ``38.2 s``, ``4m 12s``, ``3h 07m``, ``2d 4h``; a dash for None."""
    if ms is None:
        return "–"
    if 0 < ms < 0.9995:
        return f"{ms * 1000:.0f} µs"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3_600:
        return f"{whole // 60}m {whole % 60:02d}s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60}h {minutes % 60:02d}m"
    return f"{minutes // 1_440}d {minutes % 1_440 // 60}h"


def count(number: float) -> str:
    """``99,999``, then ``482k`` and ``1.2M``."""
    if abs(number) < 100_000:
        return f"{number:,.0f}"
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.9995:
            value = number / size
            return f"{value:.0f}{unit}" if value >= 99.95 or unit == "k" else f"{value:.1f}{unit}"
    return f"{number:,.0f}"


def rate(per_s: float) -> str:
    """``182/s``, ``7.4/s``, ``0.2/s``."""
    return f"{per_s:,.0f}/s" if per_s >= 9.95 or per_s == 0 else f"{per_s:.1f}/s"


def percent(share: float | None) -> str:
    """``98.07``: two digits, never rounded up to 100 nor down to 0; a dash for None."""
    if share is None:
        return "–"
    if share in (0, 1):
        return f"{share * 100:.0f}"
    return f"{min(max(math.floor(share * 10_000) / 100, 0.01), 99.99):.2f}"


def size(number: int) -> str:
    """``118 B``, ``4.1 kB``, ``2.3 MB``."""
    if number < 1_000:
        return f"{number} B"
    for scale, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number} B"


def ago(instant: int, now: int) -> str:
    """How long ago within a day (``now``, ``29s ago``, ``4m ago``, ``2h ago``), or ahead (``in 42m``); else the
    date."""
    seconds = (now - instant) / 1000
    if abs(seconds) >= 86_400:
        return f"{_moment(instant):%-d %b %H:%M}"
    if abs(seconds) < 1:
        return "now"
    size, unit = next((s, u) for s, u in ((3_600, "h"), (60, "m"), (1, "s")) if abs(seconds) >= s)
    number = f"{abs(seconds) // size:.0f}{unit}"
    return f"{number} ago" if seconds > 0 else f"in {number}"


def until(instant: int, now: int) -> str:
    """How long until an instant: ``in 42s``, ``in 42 min``, ``in 1 h 42 min``, ``in 3 d 4 h``; ``now`` when it
    has come."""
    seconds = math.ceil((instant - now) / 1000)
    if seconds <= 0:
        return "now"
    if seconds < 60:
        return f"in {seconds}s"
    minutes = seconds // 60
    if minutes < 60:
        return f"in {minutes} min"
    if minutes < 1_440:
        return f"in {minutes // 60} h {minutes % 60} min"
    return f"in {minutes // 1_440} d {minutes % 1_440 // 60} h"


def clock(instant: int, zone: str = "UTC") -> str:
    """``18:04:11.208`` in a time zone."""
    moment = _moment(instant).astimezone(ZoneInfo(zone))
    return f"{moment:%H:%M:%S}.{instant % 1000:03d}"


def iso(instant: int | None) -> str:
    """ISO 8601 in UTC; empty for None."""
    return "" if instant is None else durations.iso(instant)


def plural(number: int, one: str, many: str = "") -> str:
    """``1 run``, ``2 runs``."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant / 1000, UTC)


def shares(counted: Mapping[str, int]) -> list[Segment]:
    """Counts by status as the parts of a bar."""
    total = sum(counted.values()) or 1
    order = list(STATUS)
    return [
        Segment(number / total, STATUS[status].colour)
        for status, number in sorted(counted.items(), key=lambda one: -order.index(one[0]))
    ]
