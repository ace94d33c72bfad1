"""Rates: ``"100/m"``, how many in how long, and back.

The count is whole; the period is a unit of ``durations`` (``m``: one minute) or a duration (``30s``).
"""

import re

import msgspec

from hairtrigger.errors import InvalidDuration, Unprocessable
from hairtrigger.wire import durations

MAX_COUNT = 1_000_000
MIN_MS, MAX_MS = 1_000, 30 * 86_400_000
_FORM = re.compile(r"(\d{1,9})/(\d[0-9a-z]{0,19}|[a-z]{1,2})", re.ASCII)


class Rate(msgspec.Struct, rename="camel", frozen=True):
    """So many starts in a period of so many ms: 1 to a million, in whole seconds up to 30 days."""

    count: int
    per_ms: int


def parse(text: str, what: str = "rate limit") -> Rate:
    """The rate of a text such as ``100/m``, ``5/s``, ``1000/h`` or ``10/30s``.

    Raises:
        Unprocessable: it has another form, or is out of range.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise _wrong(text, what)
    count, period = match.groups()
    try:
        per_ms = durations.parse(period if period[0].isdigit() else f"1{period}")
    except InvalidDuration:
        raise _wrong(text, what) from None
    return check(Rate(int(count), per_ms), what)


def check(rate: Rate, what: str = "rate limit") -> Rate:
    """A rate within its range.

    Raises:
        Unprocessable: naming the range.
    """
    if not 1 <= rate.count <= MAX_COUNT:
        raise Unprocessable(
            f"The count of a {what} is between 1 and {MAX_COUNT}, not {rate.count}."
        )
    if not MIN_MS <= rate.per_ms <= MAX_MS or rate.per_ms % 1_000:
        raise Unprocessable(
            f"The period of a {what} is between 1s and 30d, in whole seconds, not {rate.per_ms} ms."
        )
    return rate


def to_text(rate: Rate) -> str:
    """The shortest text of a rate: 100 in 60,000 ms is ``100/m``."""
    period = durations.to_text(rate.per_ms)
    one = period.removeprefix("1")
    return f"{rate.count}/{one if one.isalpha() else period}"


def _wrong(text: str, what: str) -> Unprocessable:
    return Unprocessable(
        f"Invalid {what} {text[:100]!r}. Write it like 5/s, 100/m, 1000/h or 10/30s."
    )
