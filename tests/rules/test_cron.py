"""Cron patterns, time zones and clock changes, against tables and a brute-force reference."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hairtrigger.errors import InvalidCron, InvalidTimezone
from hairtrigger.rules import cron

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(text: str, zone: str = "UTC") -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return (moment - EPOCH) // timedelta(milliseconds=1)


def utc(instant: int) -> str:
    return (EPOCH + timedelta(milliseconds=instant)).strftime("%Y-%m-%dT%H:%M")


def fires(pattern: str, zone: str, start: str, end: str) -> list[str]:
    """The ticks of [start, end), local times of the zone, written in UTC."""
    return [utc(tick) for tick in walk(pattern, zone, at(start, zone), at(end, zone))]


def walk(pattern: str, zone: str, start: int, end: int) -> Iterator[int]:
    """The ticks of [start, end)."""
    instant = cron.next_fire(pattern, zone, start - 1)
    while instant < end:
        yield instant
        instant = cron.next_fire(pattern, zone, instant)


BERLIN, SANTIAGO, LORD_HOWE = "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"
GAP, TWICE = ("2026-03-29", "2026-03-30"), ("2026-10-25", "2026-10-26")


@pytest.mark.acceptance("S28")
@pytest.mark.parametrize(
    ("pattern", "zone", "day", "ticks"),
    [
        ("30 2 * * *", BERLIN, GAP, ["03-29T01:00"]),
        ("0 1-3 * * *", BERLIN, GAP, ["03-29T00:00", "03-29T01:00"]),
        ("*/30 2 * * *", BERLIN, GAP, []),
        ("30 2 * * *", BERLIN, TWICE, ["10-25T00:30"]),
        ("0 1-3 * * *", BERLIN, TWICE, ["10-24T23:00", "10-25T00:00", "10-25T02:00"]),
        ("*/30 2 * * *", BERLIN, TWICE, [f"10-25T0{t}" for t in ("0:00", "0:30", "1:00", "1:30")]),
        ("0 0 * * *", SANTIAGO, ("2026-09-05T12:00", "2026-09-06T12:00"), ["09-06T04:00"]),
        ("15 2 * * *", LORD_HOWE, ("2026-10-04", "2026-10-05"), ["10-03T15:30"]),
        ("45 1 * * *", LORD_HOWE, ("2027-04-04", "2027-04-05"), ["04-03T14:45"]),
        ("*/30 0 6 9 *", SANTIAGO, ("2026-09-01", "2026-10-01"), []),
        ("*/30 4 * * *", LORD_HOWE, ("2027-04-04", "2027-04-05"), ["04-03T17:30", "04-03T18:00"]),
        ("30 23 30 12 *", "Pacific/Apia", ("2011-12-01", "2012-02-01"), ["12-30T10:00"]),
    ],
)
def test_clock_change_moves_fixed_times_and_leaves_intervals_to_elapsed_time(
    pattern: str, zone: str, day: tuple[str, str], ticks: list[str]
) -> None:
    assert [tick[5:] for tick in fires(pattern, zone, *day)] == ticks


@pytest.mark.acceptance("S28", "S56")
def test_hourly_pattern_fires_each_elapsed_hour_of_the_short_and_the_long_day() -> None:
    short, long = fires("0 * * * *", BERLIN, *GAP), fires("0 * * * *", BERLIN, *TWICE)

    assert short == [utc(at("2026-03-28T23:00") + hour * HOUR) for hour in range(23)]
    assert long == [utc(at("2026-10-24T22:00") + hour * HOUR) for hour in range(25)]


def test_second_pass_is_for_intervals_also_when_asked_within_the_repeated_hour() -> None:
    in_first, in_second = at("2026-10-25T00:45"), at("2026-10-25T01:10")

    assert utc(cron.next_fire("*/30 2 25 10 *", BERLIN, in_first)) == "2026-10-25T01:00"
    assert utc(cron.next_fire("30 2 * * *", BERLIN, in_second)) == "2026-10-26T01:30"


@pytest.mark.acceptance("S28")
def test_daily_pattern_fires_once_a_day_at_nine_over_years_and_zones() -> None:
    for zone in ("UTC", BERLIN, "America/New_York", LORD_HOWE):
        ticks = walk("0 9 * * *", zone, at("2026-06-01"), at("2029-01-01"))
        clocks = [datetime.fromtimestamp(tick / 1000, ZoneInfo(zone)) for tick in ticks]

        assert {(clock.hour, clock.minute) for clock in clocks} == {(9, 0)}
        days = [clock.date().toordinal() for clock in clocks]
        assert days == list(range(days[0], days[0] + len(days)))
        assert len(days) > 365 * 2


ROW = pytest.mark.acceptance


@pytest.mark.parametrize(
    ("pattern", "ticks"),
    [
        pytest.param("* * * * *", "15T10:31 15T10:32 15T10:33 15T10:34 15T10:35", marks=ROW("S55")),
        pytest.param("0 * * * *", "15T11:00 15T12:00 15T13:00", marks=ROW("S56")),
        pytest.param("0 0 * * *", "16T00:00 17T00:00", marks=ROW("S57")),
        pytest.param("0 9 * * *", "16T09:00 17T09:00", marks=ROW("S58")),
        pytest.param("0 0 * * 0", "20T00:00 27T00:00", marks=ROW("S59")),
        pytest.param("0 0 1 * *", "10-01T00:00 11-01T00:00 12-01T00:00", marks=ROW("S60")),
        pytest.param("*/15 * * * *", "15T10:45 15T11:00 15T11:15 15T11:30", marks=ROW("S61")),
        ("5,10,50 * * * *", "15T10:50 15T11:05 15T11:10"),
        ("0 9-11 * * *", "15T11:00 16T09:00 16T10:00"),
        ("0 8-12/2 * * *", "15T12:00 16T08:00"),
        ("0 5-5/2 * * *", "16T05:00 17T05:00"),
        ("10/25 11 * * *", "15T11:10 15T11:35 16T11:10"),
        ("0 9 * * MON-FRI", "16T09:00 17T09:00 18T09:00 21T09:00"),
        ("0 0 1 oct,Dec *", "10-01T00:00 12-01T00:00"),
        ("0 9 L * *", "30T09:00 10-31T09:00 11-30T09:00"),
        ("0 9 * * 5L", "25T09:00 10-30T09:00"),
        ("0 0 13 * 5", "18T00:00 25T00:00 10-02T00:00 10-09T00:00 10-13T00:00 10-16T00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00 2032-02-29T00:00"),
    ],
)
def test_pattern_fires_at_its_times_in_utc(pattern: str, ticks: str) -> None:
    asked, base = at("2026-09-15T10:30:20"), "2026-09-"  # a Tuesday
    expected = [base[: 16 - len(tick)] + tick for tick in ticks.split()]

    assert [utc(tick) for tick in cron.upcoming(pattern, "UTC", asked, len(expected))] == expected


@pytest.mark.acceptance("S59")
def test_zero_seven_and_names_all_mean_sunday() -> None:
    sundays = cron.upcoming("0 0 * * 0", "UTC", at("2026-09-15"), 60)

    for pattern in ("0 0 * * 7", "0 0 * * SUN", "0 0 * * sun"):
        assert cron.upcoming(pattern, "UTC", at("2026-09-15"), 60) == sundays
    assert {datetime.fromtimestamp(tick / 1000, UTC).strftime("%a") for tick in sundays} == {"Sun"}


@pytest.mark.acceptance("S62")
def test_five_times_are_upcoming_when_no_count_is_given() -> None:
    assert len(cron.upcoming("0 9 * * *", "Asia/Tokyo", 0)) == 5


def test_next_time_is_strictly_later_to_the_millisecond() -> None:
    nine = at("2026-09-15T09:00")

    assert cron.next_fire("0 9 * * *", "UTC", nine - 1) == nine
    assert cron.next_fire("0 9 * * *", "UTC", nine) == nine + DAY
    assert cron.next_fire("0 9 * * *", "UTC", nine + 1) == nine + DAY


@pytest.mark.acceptance("S61")
@pytest.mark.parametrize(
    ("pattern", "field", "reason"),
    [
        ("0 0 9 * * *", "pattern", "has 6"),
        ("@daily", "pattern", "has 1"),
        ("", "pattern", "has 0"),
        ("9" * 5000 + " * * * *", "pattern", "longer"),
        ("60 * * * *", "minute", "'60' is not 0-59"),
        ("0,5,x * * * *", "minute", "'x'"),
        ("*/0 * * * *", "minute", "step of 1 or more"),
        ("-1 * * * *", "minute", "'-1'"),
        ("0 24 * * *", "hour", "'24' is not 0-23"),
        ("0 17-9 * * *", "hour", "runs backwards: write 9-17"),
        ("0 0 0 * *", "day-of-month", "'0' is not 1-31"),
        ("0 0 32 * *", "day-of-month", "'32'"),
        ("0 0 ? * *", "day-of-month", "'?'"),
        ("0 0 30 2 *", "day-of-month", "no date"),
        ("0 0 31 4,6,9,11 *", "day-of-month", "no date"),
        ("0 0 */29 2 MON#5", "day-of-month", "no date"),
        ("0 0 * 13 *", "month", "'13' is not 1-12"),
        ("0 0 * * 8", "day-of-week", "'8' is not 0-7"),
        ("0 0 * * L", "day-of-week", "'L'"),
        ("0 0 * * FRI-SUN", "day-of-week", "'FRI-SUN'"),
    ],
)
def test_invalid_pattern_is_refused_naming_field_and_reason(
    pattern: str, field: str, reason: str
) -> None:
    with pytest.raises(InvalidCron) as refusal:
        cron.check(pattern, "UTC")

    assert refusal.value.field == field
    assert reason in refusal.value.reason
    assert len(str(refusal.value)) < 1000


def test_interval_that_only_ever_falls_into_gaps_is_refused() -> None:
    last_sunday_of_march = "*/30 2 25-31 3 */7"

    with pytest.raises(InvalidCron) as refusal:
        cron.check(last_sunday_of_march, BERLIN)

    assert refusal.value.field == "hour"
    cron.check(last_sunday_of_march, "UTC")


STRANGE = "europe|Europe|../etc/passwd|/etc/localtime|UTC\0|localtime|right/UTC|zone.tab|+02|\ud800"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "x" * 5000, *STRANGE.split("|")])
def test_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidTimezone):
        cron.check("0 9 * * *", zone)


@pytest.mark.parametrize(
    ("pattern", "after", "now", "missed"),
    [
        ("0 9 * * *", "2026-09-10T09:00", "2026-09-15T08:59", "2026-09-14T09:00"),
        ("0 9 * * *", "2026-09-10T09:00", "2026-09-15T09:00", "2026-09-15T09:00"),
        ("0 9 * * *", "2026-09-15T09:00", "2026-09-16T08:59", None),
        ("0 9 * * *", "2026-09-15T09:00", "2026-09-15T09:00", None),
        ("0 9 * * *", "2026-09-15T09:00", "2026-09-14T00:00", None),
        ("* * * * *", "1990-01-01", "2026-09-15T10:30:59", "2026-09-15T10:30"),
        ("* 3 1 1 *", "1990-01-01", "2026-09-15", "2026-01-01T03:59"),
        ("0 0 29 2 *", "1990-01-01", "2026-09-15", "2024-02-29T00:00"),
    ],
)
def test_latest_missed_time_lies_after_the_last_and_not_after_now(
    pattern: str, after: str, now: str, missed: str | None
) -> None:
    latest = cron.latest_missed(pattern, "UTC", at(after), at(now))

    assert (latest and utc(latest)) == missed


@settings(deadline=None)
@given(
    after=st.integers(at("2026-10-20"), at("2026-10-30")),
    span=st.integers(0, 3 * DAY),
    pattern=st.sampled_from(["*/7 * * * *", "30 2 * * *", "*/30 2 * * *", "0 1-3 * * *"]),
)
def test_latest_missed_time_is_the_last_of_a_walk(after: int, span: int, pattern: str) -> None:
    ticks = list(walk(pattern, BERLIN, after + 1, after + span + 1))

    latest = cron.latest_missed(pattern, BERLIN, after, after + span)

    assert latest == (ticks[-1] if ticks else None)


@pytest.mark.acceptance("S62")
@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("* * * * *", "Every minute"),
        ("0 * * * *", "At the start of every hour"),
        ("0 9 * * *", "At 09:00 every day"),
        ("30 17 * * MON-FRI", "At 17:30 on Monday through Friday"),
        ("0 0 L * *", "At 00:00 on the last day of every month"),
        ("0 0 22 * *", "At 00:00 on the 22nd day of every month"),
        ("*/32 * * * *", "Every 32nd minute of every hour"),
    ],
)
def test_pattern_is_described_in_words(pattern: str, words: str) -> None:
    assert cron.describe(pattern) == words


def test_interval_patterns_are_those_whose_minute_or_hour_begins_with_a_star() -> None:
    intervals = ["* * * * *", "*/15 2 * * *", "0 * * * *", "0 */2 * * *"]
    fixed = ["0 2 * * *", "0 0-23 * * *", "0-59 2 * * *", "5/15 2 */2 */2 *"]

    assert [cron.is_interval(pattern) for pattern in intervals + fixed] == [True] * 4 + [False] * 4


@pytest.mark.parametrize(
    ("pattern", "zone", "when", "then"),
    [
        ("30 2 * * *", BERLIN, "02:30 does not exist on 2026-03-29", "it fires at 03:00 instead."),
        ("*/30 2 * * *", BERLIN, "02:00 does not exist on 2026-03-29", "it does not fire then."),
        ("0 0 * * *", SANTIAGO, "00:00 does not exist on 2026-09-06", "it fires at 01:00 instead."),
    ],
)
def test_time_that_falls_into_a_gap_is_warned_of(
    pattern: str, zone: str, when: str, then: str
) -> None:
    assert cron.gap_warning(pattern, zone, at("2026-01-01")) == f"{when} in {zone}: {then}"


@pytest.mark.parametrize("pattern", ["30 3 * * *", "30 2 1 * *", "*/15 * * * *", "*/30 1,3 * * *"])
def test_time_that_no_gap_skips_is_not_warned_of(pattern: str) -> None:
    assert cron.gap_warning(pattern, BERLIN, at("2026-01-01")) is None


@pytest.mark.parametrize(
    ("pattern", "zone", "said"),
    [
        ("30 2 * * *", BERLIN, "02:30 comes twice on 2026-10-25 in Europe/Berlin: it fires the first time only."),
        ("*/30 2 * * *", BERLIN, "02:00 comes twice on 2026-10-25 in Europe/Berlin: it fires both times."),
        (
            "45 1 * * *",
            LORD_HOWE,
            "01:45 comes twice on 2026-04-05 in Australia/Lord_Howe: it fires the first time only.",
        ),
        ("30 3 * * *", BERLIN, None),
        ("30 2 1 * *", BERLIN, None),
        ("*/15 * * * *", BERLIN, None),
        ("30 2 * * *", "UTC", None),
    ],
)  # fmt: skip
def test_time_that_comes_twice_is_warned_of(pattern: str, zone: str, said: str | None) -> None:
    assert cron.fold_warning(pattern, zone, at("2026-01-01")) == said


@pytest.mark.parametrize("pattern", ["*/7 * * * *", "30 2 * * *", "0 1-3 * * *", "*/30 2 * * *"])
@pytest.mark.parametrize("day", ["2026-03-28T13:00", "2026-10-24T13:00", "2026-06-01T00:00"])
def test_times_between_two_instants_are_those_that_come_one_after_the_other(
    pattern: str, day: str
) -> None:
    start = at(day, BERLIN)

    found = cron.between(pattern, BERLIN, start, start + DAY, 1_000)

    assert list(found) == list(walk(pattern, BERLIN, start + 1, start + DAY + 1))
    assert cron.between(pattern, BERLIN, start, start + DAY, 1) == found[:1]


@dataclass(frozen=True)
class Reference:
    """A pattern as text, and as what its fields match: shares nothing with the code under test."""

    text: str
    minutes: Collection[int]
    hours: Collection[int]
    on_day: Callable[[datetime], bool] = lambda local: True

    def matches(self, local: datetime) -> bool:
        return local.minute in self.minutes and local.hour in self.hours and self.on_day(local)

    def ticks(self, clock: list[tuple[int, datetime]]) -> list[int]:
        """The instants of a clock at which it fires.

        Intervals look at each minute that the clock shows; fixed times at each that it reaches or
        jumps over for the first time.
        """
        if self.text.startswith("*") or self.text.split()[1].startswith("*"):
            return [instant for instant, local in clock if self.matches(local)]
        found, reached = [], clock[0][1] - timedelta(minutes=1)
        for instant, local in clock:
            fired = False
            while reached < local:
                reached += timedelta(minutes=1)
                fired = fired or self.matches(reached)
            if fired:
                found.append(instant)
        return found


def clock(zone: str, start: int, end: int) -> list[tuple[int, datetime]]:
    """What the clock on the wall shows at each minute."""
    key = ZoneInfo(zone)
    return [
        (instant, datetime.fromtimestamp(instant / 1000, key).replace(tzinfo=None))
        for instant in range(start, end, MINUTE)
    ]


def is_last(local: datetime, days: int) -> bool:
    return (local + timedelta(days=days)).month != local.month


def weekend(local: datetime) -> bool:
    return local.isoweekday() > 5


ALL, QUARTERS = range(60), range(0, 60, 15)
PATTERNS = [
    Reference("* * * * SUN", ALL, ALL, lambda d: d.isoweekday() == 7),
    Reference("*/15 * * * *", QUARTERS, ALL),
    Reference("7-59/13 */2 * * *", range(7, 60, 13), range(0, 24, 2)),
    Reference("*/10 0-3 * * 0,6", range(0, 60, 10), range(4), weekend),
    Reference("0 * * * *", [0], ALL),
    Reference("0 9 * * *", [0], [9]),
    Reference("0,15,30,45 0-23 * * *", QUARTERS, ALL),
    Reference("0-59 0-3 * * SAT-7", ALL, range(4), weekend),
    Reference("30 2 * * *", [30], [2]),
    Reference("45 1 L * *", [45], [1], lambda d: is_last(d, 1)),
    Reference("5 0 * * 6L,7L", [5], [0], lambda d: weekend(d) and is_last(d, 7)),
    Reference("0 0 1,28 * SAT,0", [0], [0], lambda d: d.day in (1, 28) or weekend(d)),
    Reference("20 1-9/2 * 4,SEP *", [20], range(1, 10, 2), lambda d: d.month in (4, 9)),
]
# The day of each change: an hour, midnight, half an hour, midnight twice, at a quarter to.
CHANGES = {
    BERLIN: ("2026-03-29", "2026-10-25"),
    SANTIAGO: ("2026-04-05", "2026-09-06"),
    LORD_HOWE: ("2026-04-05", "2026-10-04"),
    "America/Havana": ("2026-03-08", "2026-11-01"),
    "Pacific/Chatham": ("2026-04-05", "2026-09-27"),
}


@pytest.mark.acceptance("S28", "S61")
@pytest.mark.parametrize("zone", CHANGES)
def test_ten_thousand_ticks_agree_with_trying_every_minute(zone: str) -> None:
    compared = 0
    for day in CHANGES[zone]:
        start, end = at(day) - 6 * DAY, at(day) + 6 * DAY
        minutes = clock(zone, start, end)
        for pattern in PATTERNS:
            expected = pattern.ticks(minutes)
            ticks = list(walk(pattern.text, zone, start, end))

            assert [utc(tick) for tick in ticks] == [utc(tick) for tick in expected], pattern.text
            compared += len(ticks)
    assert compared > 10_000


PLACES = [(zone, day) for zone, days in CHANGES.items() for day in days]
Field = tuple[str, Collection[int]]


def fields(limit: int) -> st.SearchStrategy[Field]:
    """A field of numbers below a limit: its text, and the values that it matches."""
    number, step = st.integers(0, limit - 1), st.integers(1, limit)
    ranges = st.builds(range, number, st.integers(1, limit), step).filter(len)
    return st.one_of(
        step.map(lambda n: (f"*/{n}", range(0, limit, n))),
        st.sets(number, min_size=1).map(lambda n: (",".join(map(str, n)), n)),
        ranges.map(lambda r: (f"{r.start}-{r.stop - 1}/{r.step}", r)),
    )


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(PLACES), fields(60), fields(24))
def test_any_minutes_and_hours_agree_with_trying_every_minute_of_a_clock_change(
    place: tuple[str, str], minute: Field, hour: Field
) -> None:
    zone, start, end = place[0], at(place[1]) - DAY, at(place[1]) + DAY
    pattern = Reference(f"{minute[0]} {hour[0]} * * *", minute[1], hour[1])

    ticks = list(walk(pattern.text, zone, start, end))

    assert ticks == pattern.ticks(clock(zone, start, end))
