"""Durations and instants, as texts and as ms."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.errors import InvalidDuration
from hairtrigger.wire import durations


@pytest.mark.parametrize(
    ("text", "ms"),
    [("30s", 30_000), ("1h30m", 5_400_000), ("2w", 1_209_600_000), ("1d", 86_400_000), ("1hr", 3_600_000),
     ("5m5m", 600_000), ("1s1w", 604_801_000), ("0s", 0), ("007s", 7_000)],
)  # fmt: skip
def test_duration_is_a_sum_of_numbers_with_units(text: str, ms: int) -> None:
    assert durations.parse(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "5",
        "5 s",
        "-5s",
        "1.5h",
        "5S",
        "1y",
        "٣s",
        "5s\n",
        "9" * 99 + "s",
        "1" * 101,
        "5mm",
    ],
)
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(InvalidDuration) as refused:
        durations.parse(text, "delay")

    assert refused.value.text == text


@given(st.integers(0, durations.MAX_MS // 1_000))
def test_every_duration_comes_back_from_its_text(seconds: int) -> None:
    assert durations.parse(durations.to_text(seconds * 1_000)) == seconds * 1_000


def test_text_rounds_up_to_seconds() -> None:
    assert [durations.to_text(ms) for ms in (0, 1, 90_000, 60_001)] == ["0s", "1s", "1m30s", "1m1s"]


def test_seconds_and_timedeltas_are_durations_too() -> None:
    assert durations.to_ms(1.5) == durations.to_ms(timedelta(seconds=1.5)) == 1_500
    assert durations.to_ms("2s") == 2_000
    for value in (-1, float("nan"), float("inf"), timedelta(days=40_000)):
        with pytest.raises(InvalidDuration):
            durations.to_ms(value)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_every_instant_comes_back_from_its_iso_text(moment: datetime) -> None:
    instant = durations.from_datetime(moment)

    assert durations.parse_instant(durations.iso(instant)) == instant
    assert durations.from_datetime(durations.to_datetime(instant)) == instant


def test_date_without_a_zone_is_utc() -> None:
    there = timezone(timedelta(hours=2))
    expected = durations.from_datetime(datetime(2026, 3, 2, 10, tzinfo=there))

    assert durations.parse_instant("2026-03-02T08:00:00") == expected
    assert durations.parse_instant("2026-03-02T10:00:00+02:00") == expected
    assert durations.parse_instant("tomorrow") is None
    assert durations.iso(expected) == "2026-03-02T08:00:00.000Z"
