"""Durations: ``"1h30m"`` to milliseconds and back.

Source: Trigger.dev's grammar, ``(number unit)+`` with the units w, d, hr, h, m, s in any order, summed.
"""

import re
from datetime import UTC, datetime, timedelta

from hairtrigger.errors import InvalidDuration

_UNITS = {
    "w": 604_800_000,
    "d": 86_400_000,
    "hr": 3_600_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
}
_PART = re.compile(r"(\d+)(hr|[wdhms])")
_WHOLE = re.compile(r"(?:\d+(?:hr|[wdhms]))+")
MAX_TEXT = 100
MAX_MS = (
    100 * 365 * 86_400_000
)  # a century: beyond it a date no longer fits Python's datetime for long


def parse(text: str, what: str = "duration") -> int:
    """Milliseconds of a text such as ``30s``, ``1h30m`` or ``2w``.

    Raises:
        InvalidDuration: when the text does not follow the grammar or is longer than a century.
    """
    if len(text) > MAX_TEXT or not text.isascii() or not _WHOLE.fullmatch(text):
        raise InvalidDuration(text, what)
    total = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if total > MAX_MS:
        raise InvalidDuration(text, what)
    return total


def to_ms(value: str | float | timedelta, what: str = "duration") -> int:
    """Milliseconds of a text, a number of seconds, or a timedelta. Negative ones are refused."""
    if isinstance(value, str):
        return parse(value, what)
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not 0 <= seconds * 1000 <= MAX_MS:
        raise InvalidDuration(str(value), what)
    return round(seconds * 1000)


def to_text(ms: int) -> str:
    """The shortest text of a duration, rounded up to whole seconds: 90,000 is ``1m30s``."""
    seconds = -(-ms // 1000)
    parts: list[str] = []
    for unit, size in (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def iso(instant: int) -> str:
    """An instant in ms since 1970 as ISO 8601 in UTC with milliseconds: ``2026-03-01T09:30:00.000Z``."""
    moment = datetime.fromtimestamp(instant // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant % 1000:03d}Z"


def parse_instant(text: str) -> int | None:
    """An ISO 8601 date as ms since 1970 (UTC when it names no zone), or None when it is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def from_datetime(moment: datetime) -> int:
    """A datetime as ms since 1970; one without a zone is local time, as everywhere in Python."""
    return round(moment.timestamp() * 1000)


def to_datetime(instant: int) -> datetime:
    """An instant in ms since 1970 as an aware datetime in UTC."""
    return datetime.fromtimestamp(instant / 1000, UTC)
