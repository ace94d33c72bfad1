"""Spans of time as pages show them: chosen by a period or by two instants, cut into columns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hairtrigger.errors import BadRequest
from hairtrigger.rules.stats import DAY_MS, HOUR_MS, MINUTE_MS, floor
from hairtrigger.wire import durations

PERIODS = {
    "5m": "Last 5 minutes", "15m": "Last 15 minutes", "1h": "Last hour", "6h": "Last 6 hours",
    "24h": "Last 24 hours", "3d": "Last 3 days", "7d": "Last 7 days", "30d": "Last 30 days",
}  # fmt: skip
_WIDTHS = tuple(n * MINUTE_MS for n in (1, 2, 5, 10, 15, 30)) + tuple(
    n * HOUR_MS for n in (1, 2, 3, 6, 12, 24, 48, 168, 336)
)
_MOST_COLUMNS = 120
_MINUTES_KEPT_MS, _HOURS_KEPT_MS = 7 * DAY_MS, 99 * DAY_MS


@dataclass(frozen=True, slots=True)
class Range:
    """From ``start`` to before ``end`` (ms); ``column`` is the width of a column, ``step`` that of the counts
    that it is made of. ``period`` is empty when two instants were given."""

    start: int
    end: int
    column: int
    step: int
    period: str
    label: str

    @property
    def length(self) -> int:
        return self.end - self.start

    def before(self) -> "Range":
        """The range of the same length before it."""
        return Range(self.start - self.length, self.start, self.column, self.step, "", "")

    def columns(self) -> range:
        """The beginnings of the columns."""
        return range(self.start, self.end, self.column)


def read(query: Mapping[str, str], now: int, *, default: str = "24h") -> Range:
    """The range that a page's query names.

    Raises:
        BadRequest: a period or an instant that cannot be understood.
    """
    if query.get("from") or query.get("to"):
        end = _instant(query, "to") or now
        start = _instant(query, "from") or end - HOUR_MS
        if start >= end:
            raise BadRequest("The range ends before it begins: from must be earlier than to.")
        return _cut(start, end, now, "", "Chosen range")
    period = query.get("period") or default
    if not re.fullmatch(r"[1-9]\d{0,3}[mhdw]", period):
        raise BadRequest(
            f"The period {period[:20]!r} cannot be understood. Write it like 30m, 1h or 7d."
        )
    length = durations.parse(period)
    return _cut(now - length, now + 1, now, period, PERIODS.get(period, f"Last {period}"))


def _cut(start: int, end: int, now: int, period: str, label: str) -> Range:
    width = next((one for one in _WIDTHS if (end - start) / one <= _MOST_COLUMNS), _WIDTHS[-1])
    age = now - start
    step = MINUTE_MS if age < _MINUTES_KEPT_MS else HOUR_MS if age < _HOURS_KEPT_MS else DAY_MS
    width = max(width, step)
    if step == MINUTE_MS and (end - start) / step > 1_500:
        step = HOUR_MS
        width = max(width, step)
    start = floor(start, width)
    return Range(start, start + -(-(end - start) // width) * width, width, step, period, label)


def _instant(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return int(text[:16])
    found = durations.parse_instant(text)
    if found is None:
        raise BadRequest(
            f"{name} is {text[:40]!r}, which is not a date. Write it like 2026-03-01T09:30."
        )
    return found
