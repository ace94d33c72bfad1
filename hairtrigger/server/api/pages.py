"""Pages of lists: cursors for runs, numbered pages for schedules and queues; and query members read strictly.

Source: Trigger.dev's pagination. A cursor is opaque to clients and checked when it comes back.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hairtrigger.errors import BadRequest
from hairtrigger.wire import durations, ids

MAX_SIZE = 100
MAX_PAGE = 1_000_000
_PERIOD = re.compile(r"[0-9]{1,6}[smhdw]")
_TURN = re.compile(r"[0-9]{1,9}")
_LAST_INSTANT = 253_402_300_799_999  # the end of the year 9999


class Cursors(msgspec.Struct):
    next: str | UnsetType = UNSET
    previous: str | UnsetType = UNSET


class CursorPage(msgspec.Struct):
    """A page of a list that goes on."""

    data: list[Any]
    pagination: Cursors


class Position(msgspec.Struct, rename="camel"):
    current_page: int
    total_pages: int
    count: int


class NumberedPage(msgspec.Struct):
    """A page of a list that is numbered from 1."""

    data: list[Any]
    pagination: Position


class Asked(msgspec.Struct):
    """Which page is wanted. Both cursors are set when the npm client turns back: see ``lists``."""

    size: int
    after: str | None
    before: str | None


def asked(query: Mapping[str, str], size: int = 25) -> Asked:
    """The page that a query asks for.

    Raises:
        BadRequest: a size outside 1 to 100.
    """
    after, before = query.get("page[after]"), query.get("page[before]")
    return Asked(whole(query, "page[size]", size, 1, MAX_SIZE), after or None, before or None)


def cursor_page(data: list[Any], following: str | None, previous: str | None) -> CursorPage:
    """A page with the cursors of its neighbours; a cursor that there is not is left out."""
    return CursorPage(data, Cursors(following or UNSET, previous or UNSET))


def position(asked: Asked, prefix: str = "cursor") -> tuple[int | None, int | None, int]:
    """The number to go on after, or before, and which turn this is of a walk through pages.

    When the npm client turns round it adds one cursor to the other that brought it here. A cursor carries
    the turn in which it was given, so the newer one is what it means.

    Raises:
        BadRequest: a cursor that is none.
    """
    after, before = _cursor(asked.after, prefix), _cursor(asked.before, prefix)
    turn = 1 + max(after[1], before[1])
    if after[0] is not None and before[0] is not None:
        return (after[0], None, turn) if after[1] > before[1] else (None, before[0], turn)
    return after[0], before[0], turn


def _cursor(text: str | None, prefix: str) -> tuple[int | None, int]:
    """Where a page goes on: after or before the thing of this number; and the turn. A bare id is turn 0."""
    if text is None:
        return None, 0
    id_, dot, turn = text.partition(".")
    number = ids.parse(prefix, id_)
    if number is None or (dot and not _TURN.fullmatch(turn)) or (not dot and prefix == "cursor"):
        raise BadRequest(
            f"Invalid cursor {text[:50]!r}. Take it from the pagination of another page."
        )
    return number, int(turn or 0)


def named(number: int | None, turn: int, prefix: str = "cursor") -> str | None:
    """The cursor for a number."""
    return None if number is None else f"{ids.public(prefix, number)}.{turn}"


def cut(
    found: list[int], size: int, *, after: int | None, before: int | None
) -> tuple[list[int], int | None, int | None]:
    """A page of numbers, newest first, from one more than fit it; with the next and the previous cursor.

    Args:
        found: Those older than ``after``, or the nearest ones that are newer than ``before``.
    """
    more = len(found) > size
    if before is not None:
        shown = found[-size:]
        following = shown[-1] if shown else before
        return shown, following, shown[0] if more else None
    shown = found[:size]
    previous = None if after is None else shown[0] if shown else after
    return shown, shown[-1] if more else None, previous


def numbered(query: Mapping[str, str], size: int = 20) -> tuple[int, int]:
    """The page (from 1) and its size that a query asks for; sizes beyond 100 are cut to it.

    Raises:
        BadRequest: not a number, or below 1.
    """
    per_page = whole(query, "perPage", size, 1, MAX_PAGE)
    return whole(query, "page", 1, 1, MAX_PAGE), min(per_page, MAX_SIZE)


def numbered_page(data: list[Any], page: int, per_page: int, count: int) -> NumberedPage:
    """A numbered page; there is always at least one."""
    return NumberedPage(data, Position(page, max(1, -(-count // per_page)), count))


def whole(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number of a query.

    Raises:
        BadRequest: not a number, or outside its range.
    """
    text = query.get(name)
    if not text:
        return default
    if len(text) > 15 or not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise BadRequest(f"{name} is {text[:50]!r}. It must be a number from {least} to {most}.")
    return int(text)


def seconds(query: Mapping[str, str], name: str, most: float) -> float:
    """A number of seconds of a query, at most ``most``; 0 when it is not there.

    Raises:
        BadRequest: not a number, or negative.
    """
    text = query.get(name)
    if not text:
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise BadRequest(f"{name} is {text[:50]!r}. It must be a number of seconds.")
    return min(value, most)


def flag(query: Mapping[str, str], name: str) -> bool | None:
    """True, false, or None when it is not there.

    Raises:
        BadRequest: anything else.
    """
    text = query.get(name)
    if not text:
        return None
    if text not in ("true", "false"):
        raise BadRequest(f"{name} is {text[:50]!r}. It must be true or false.")
    return text == "true"


def names(query: Mapping[str, str], name: str) -> list[str]:
    """The members of a comma list, blank ones dropped."""
    return [part for item in query.get(name, "").split(",") if (part := item.strip())]


def instant(query: Mapping[str, str], name: str) -> int | None:
    """An instant in ms since 1970, from ms or ISO text; None when it is not there.

    Raises:
        BadRequest: anything else.
    """
    text = query.get(name)
    if not text:
        return None
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 15:
        found: int | None = int(text)
    else:
        found = durations.parse_instant(text)
    if found is None or abs(found) > _LAST_INSTANT:
        raise BadRequest(f"{name} is {text[:50]!r}. It must be an ISO 8601 date or ms since 1970.")
    return found


def between(
    query: Mapping[str, str], now: int, since: str, until: str, period: str
) -> tuple[int | None, int | None]:
    """The first and the last instant (ms, both inclusive) that three members of a query leave.

    Raises:
        BadRequest: one of them cannot be read.
    """
    first, last, text = instant(query, since), instant(query, until), query.get(period)
    if text:
        if not _PERIOD.fullmatch(text):
            raise BadRequest(f"{period} is {text[:50]!r}. Write it like 30m, 1h or 7d.")
        first = max(first or 0, now - durations.parse(text, "period"))
    return first, last
