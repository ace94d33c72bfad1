"""When a schedule fires: cron patterns, time zones and clock changes.

Called by the API, the dashboard and the CLI to check and describe patterns, and by the engine's
schedule verbs for next and missed times. Never reads a clock: callers pass the instant.
"""

import re
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from hairtrigger.errors import InvalidCron, InvalidTimezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_DAY_MS = 86_400_000
_HORIZON_YEARS = 50  # cronsim gives up after as many
_START = datetime(2026, 1, 1)  # any time serves to learn whether a pattern ever fires
_MAX_LENGTH = 500  # all values of all five fields as lists take 358 characters

_ALLOWED = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31 or L",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT (5L is the last Friday)",
}
# cron(5) reads "5-5/2" as 5; cronsim 2.8 reads it as "5/2": 5, 7, 9 and so on to the field's end.
_ONE_VALUE = re.compile(r"\b0*(\w+)-0*\1/0*[1-9][0-9]*\b", re.IGNORECASE)
_SUFFIXES = {"1": "st", "2": "nd", "3": "rd"}


def check(cron: str, timezone: str) -> None:
    """Accept a schedule's pattern and zone, or say what is wrong with them.

    Args:
        cron: Five fields, ``minute hour day-of-month month day-of-week``: lists, ranges, steps,
            names, ``L``. Nicknames such as ``@daily`` and a sixth field are refused.
        timezone: An IANA name.
    Raises:
        InvalidCron: naming the field and what is wrong in it; also when no instant ever matches.
        InvalidTimezone: when the zone is unknown.
    Source: cron(5); Trigger.dev schedules.
    """
    next_fire(cron, timezone, (_START.replace(tzinfo=UTC) - _EPOCH) // _MS)


def next_fire(cron: str, timezone: str, after: int) -> int:
    """When a schedule fires next, as an instant in ms.

    A fixed pattern (see ``is_interval``) fires a time that a clock change skips at the end of the
    gap, and a time that comes twice the first time only. An interval pattern follows elapsed
    time: nothing fires in a gap, and both passes of a repeated hour count.

    Args:
        cron: Five fields, as in ``check``.
        timezone: An IANA name.
        after: Instant in ms; the answer is strictly later.
    Raises:
        InvalidCron: with the field and what is wrong in it; also when nothing matches in 50 years.
        InvalidTimezone: when the zone is unknown.
    Source: cron(8) of Debian for clock changes.
    """
    zone, interval = _zone(timezone), is_interval(cron)
    here = _local(after, zone)
    start, earliest = here.replace(tzinfo=None, fold=0), after
    if interval:
        first, second = _passes(start, zone)
        if after == first < second:
            # In the first pass of a repeated hour: its rest comes next, then times before `start`.
            change = _clock_change(zone, first, second)
            local = next(_local_ticks(cron, start), None)
            if local is not None and _passes(local, zone)[0] < change:
                return _passes(local, zone)[0]
            start = _local(change, zone).replace(tzinfo=None, fold=0) - _SECOND
            earliest = change - 1
    for local in _local_ticks(cron, start):
        if local.year > here.year + _HORIZON_YEARS:
            break
        for instant in _fires(local, zone, interval):
            if instant > earliest:
                return instant
    raise InvalidCron(cron, "hour", f"no such time comes up within 50 years in {timezone}")


def upcoming(cron: str, timezone: str, after: int, count: int = 5) -> list[int]:
    """The next times a schedule fires, as instants in ms, earliest first.

    Args:
        cron: Five fields, as in ``check``.
        timezone: An IANA name.
        after: Instant in ms; all answers are strictly later.
        count: How many, 0 or more.
    Raises:
        InvalidCron, InvalidTimezone: as ``next_fire``.
    """
    instants: list[int] = []
    for _ in range(count):
        after = next_fire(cron, timezone, after)
        instants.append(after)
    return instants


@lru_cache(maxsize=512)
def between(cron: str, timezone: str, after: int, until: int, most: int) -> tuple[int, ...]:
    """All times a schedule fires in a span, as instants in ms, earliest first; remembered.

    Costs some microseconds for each; ten times that in a span in which clocks change.

    Args:
        cron: Five fields, as in ``check``.
        timezone: An IANA name.
        after: Instant in ms; all answers are strictly later.
        until: Instant in ms; all answers are this or earlier. At most a day after ``after``.
        most: So many at most.
    Raises:
        InvalidCron, InvalidTimezone: as ``next_fire``.
    """
    zone = _zone(timezone)
    offset = _offset(after, zone)
    found: list[int] = []
    if offset != _offset(until, zone):
        following = next_fire(cron, timezone, after)
        while following <= until and len(found) < most:
            found.append(following)
            following = next_fire(cron, timezone, following)
        return tuple(found)
    begin = _local(after, zone).replace(tzinfo=None, fold=0)
    for local in _local_ticks(cron, begin):
        instant = (local.replace(tzinfo=UTC) - offset - _EPOCH) // _MS
        if instant > until or len(found) >= most:
            break
        if instant > after:
            found.append(instant)
    return tuple(found)


def latest_missed(cron: str, timezone: str, after: int, now: int) -> int | None:
    """The last time a schedule should have fired, as an instant in ms; None when none was missed.

    Bisects, so that the cost grows with the logarithm of the time missed.

    Args:
        cron: Five fields, as in ``check``.
        timezone: An IANA name.
        after: Instant in ms up to which nothing is missed; the answer is strictly later.
        now: Instant in ms; the answer is this or earlier.
    Raises:
        InvalidCron, InvalidTimezone: as ``next_fire``.
    """
    following = next_fire(cron, timezone, after)
    if following > now:
        return None
    latest, bound = following, now
    while (following := next_fire(cron, timezone, latest)) <= now:
        middle = (following + bound) // 2
        beyond = next_fire(cron, timezone, middle)
        if beyond <= now:
            latest = beyond
        else:
            latest, bound = following, middle
    return latest


def is_interval(cron: str) -> bool:
    """Whether a pattern repeats with elapsed time (``*/15``) instead of at fixed times of the day.

    It does when its minute or hour begins with ``*``; the two kinds differ when clocks change.

    Raises:
        InvalidCron: as ``check``.
    Source: cron(8) of Debian.
    """
    _, minute, hour, *_ = _parsed(cron).parts
    return minute.startswith("*") or hour.startswith("*")


def describe(cron: str) -> str:
    """A pattern in English words with 24-hour times, such as "At 09:00 every day".

    Raises:
        InvalidCron: as ``check``.
    """
    words = _parsed(cron).explain()
    # cronsim 2.8 says "21th", "22th" and "23th".
    return re.sub(r"\b([2-9])([123])th\b", lambda m: m[1] + m[2] + _SUFFIXES[m[2]], words)


def gap_warning(cron: str, timezone: str, after: int) -> str | None:
    """A sentence on the next time of a schedule that a clock change skips, and what happens then.

    None when there is no such time within 366 days, and for interval patterns of every hour, whose
    rhythm goes on.

    Args:
        cron: Five fields, as in ``check``.
        timezone: An IANA name.
        after: Instant in ms to look from.
    Raises:
        InvalidCron, InvalidTimezone: as ``next_fire``.
    """
    zone, interval = _zone(timezone), is_interval(cron)
    if interval and _parsed(cron).hours == set(range(24)):
        return None
    for day in range(366):
        before, later = after + day * _DAY_MS, after + (day + 1) * _DAY_MS
        if _offset(before, zone) >= _offset(later, zone):
            continue
        change = _clock_change(zone, before, later)
        resumes = _local(change, zone).replace(tzinfo=None)
        skipped = next(
            _local_ticks(cron, _local(change - 1000, zone).replace(tzinfo=None)), resumes
        )
        if skipped < resumes:
            then = "it does not fire then" if interval else f"it fires at {resumes:%H:%M} instead"
            return f"{skipped:%H:%M} does not exist on {skipped:%Y-%m-%d} in {timezone}: {then}."
    return None


def fold_warning(cron: str, timezone: str, after: int) -> str | None:
    """A sentence on the next time of a schedule that a clock change brings twice, and what happens then.

    None when there is no such time within 366 days, and for interval patterns of every hour, whose
    rhythm goes on. The arguments and errors are those of ``gap_warning``.
    """
    zone, interval = _zone(timezone), is_interval(cron)
    if interval and _parsed(cron).hours == set(range(24)):
        return None
    for day in range(366):
        before, later = after + day * _DAY_MS, after + (day + 1) * _DAY_MS
        back = _offset(before, zone) - _offset(later, zone)
        if back <= timedelta():
            continue
        again = _local(_clock_change(zone, before, later), zone).replace(tzinfo=None, fold=0)
        twice = next(_local_ticks(cron, again - _SECOND), again + back)
        if twice < again + back:
            then = "both times" if interval else "the first time only"
            return f"{twice:%H:%M} comes twice on {twice:%Y-%m-%d} in {timezone}: it fires {then}."
    return None


def _fires(local: datetime, zone: ZoneInfo, interval: bool) -> tuple[int, ...]:
    """The instants at which a matching local time fires, earliest first."""
    first, second = _passes(local, zone)
    if first > second:
        return () if interval else (_clock_change(zone, second, first),)
    return (first, second) if interval else (first,)


def _passes(local: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """The instants of a local time before and after a clock change; equal when there is none.

    The first is smaller when the time comes twice, greater when a gap skips it.
    Source: PEP 495, on ``fold``.
    """
    aware = local.replace(tzinfo=zone)
    return (aware - _EPOCH) // _MS, (aware.replace(fold=1) - _EPOCH) // _MS


def _clock_change(zone: ZoneInfo, before: int, later: int) -> int:
    """The first instant in ms with a new offset, when it changes once between the two."""
    old = _offset(before, zone)
    while later - before > 1:
        middle = (before + later) // 2
        if _offset(middle, zone) == old:
            before = middle
        else:
            later = middle
    return later


def _offset(instant: int, zone: ZoneInfo) -> timedelta:
    offset = _local(instant, zone).utcoffset()
    assert offset is not None  # a ZoneInfo always knows it
    return offset


def _local(instant: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + instant * _MS).astimezone(zone)


def _local_ticks(cron: str, start: datetime) -> Iterator[datetime]:
    """The matching local times after one, without regard to clock changes.

    cronsim 2.8 is only ever given naive times. With a zone, an interval pattern fires at a midnight
    that does not exist (``*/30 0 6 9 *`` in America/Santiago, 2026), and loses a tick on the day of
    a half-hour change (``*/30 4 * * *`` in Australia/Lord_Howe, 4 Apr 2027: 04:30 but no 04:00).
    """
    ticks = copy(_parsed(cron))
    ticks.dt = start.replace(microsecond=0)
    return ticks


@lru_cache(maxsize=1024)
def _parsed(cron: str) -> CronSim:
    """A pattern, read and known to match some date. Copy it before use: iterating moves it."""
    if len(cron) > _MAX_LENGTH:
        reason = f"it is longer than {_MAX_LENGTH} characters"
        raise InvalidCron(cron[:_MAX_LENGTH], "pattern", reason)
    if (count := len(cron.split())) != 5:
        raise InvalidCron(cron, "pattern", f"it must have 5 fields, and has {count}")
    try:
        pattern = CronSim(_ONE_VALUE.sub(r"\1", cron), _START)
    except CronSimError as error:
        raise InvalidCron(cron, *_complaint(cron)) from error
    if next(copy(pattern), None) is None:
        raise InvalidCron(cron, *_complaint(cron))
    return pattern


def _complaint(cron: str) -> tuple[str, str]:
    """The field that makes a pattern invalid, and what is wrong in it."""
    for index, (field, text) in enumerate(zip(_ALLOWED, cron.split(), strict=True)):
        for term in text.split(","):
            alone = ["*"] * 5
            alone[index] = term
            try:
                CronSim(" ".join(alone), _START)
            except CronSimError:
                return field, f"{term!r} {_flaw(term, field)}"
    return "day-of-month", "no date ever matches it together with the month and day-of-week"


def _flaw(term: str, field: str) -> str:
    value, slash, step = term.partition("/")
    if slash and step.strip("0") == "":
        return "needs a step of 1 or more"
    if re.fullmatch(r"\d+-\d+", value) and not slash:
        start, end = value.split("-")
        if int(start) > int(end):
            return f"runs backwards: write {end}-{start}"
    return f"is not {_ALLOWED[field]}, *, a range such as 1-5 or a step such as */2"


@lru_cache(maxsize=1024)
def _zone(timezone: str) -> ZoneInfo:
    """A zone by its IANA name.

    `localtime`, `posix/` and `right/` are files of one machine, on which servers can differ.
    """
    if timezone == "localtime" or timezone.startswith(("posix/", "right/")):
        raise InvalidTimezone(timezone)
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidTimezone(timezone) from error
