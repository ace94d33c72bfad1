"""How numbers and times are said; the browser's own words (static/js/words.js) go by the same cases."""

import pytest

from hairtrigger.server.dashboard import words

DURATIONS = [
    (0, "0 ms"), (0.0004, "0 µs"), (0.812, "812 µs"), (1, "1 ms"), (43.4, "43 ms"), (999.4, "999 ms"),
    (999.6, "1.00 s"), (1_240, "1.24 s"), (9_994, "9.99 s"), (9_996, "10.0 s"), (38_200, "38.2 s"),
    (59_940, "59.9 s"), (59_960, "1m 00s"), (252_000, "4m 12s"), (3_599_600, "1h 00m"), (11_220_000, "3h 07m"),
    (86_400_000, "1d 0h"), (187_200_000, "2d 4h"),
]  # fmt: skip
COUNTS = [
    (0, "0"), (9_366, "9,366"), (99_999, "99,999"), (100_000, "100k"), (482_104, "482k"), (999_499, "999k"),
    (999_600, "1.0M"), (1_234_567, "1.2M"), (99_940_000, "99.9M"), (123_456_789, "123M"), (2_500_000_000, "2.5B"),
]  # fmt: skip
RATES = [
    (0, "0/s"),
    (0.2, "0.2/s"),
    (7.44, "7.4/s"),
    (9.96, "10/s"),
    (182.4, "182/s"),
    (12_345, "12,345/s"),
]
AGO = [
    (0, "now"), (900, "now"), (1_000, "1s ago"), (29_900, "29s ago"), (60_000, "1m ago"), (3_599_000, "59m ago"),
    (7_200_000, "2h ago"), (-2_000, "in 2s"), (-2_520_000, "in 42m"), (-80_000_000, "in 22h"),
]  # fmt: skip

UNTIL = [
    (-5, "now"), (0, "now"), (900, "in 1s"), (42_000, "in 42s"), (2_520_000, "in 42 min"),
    (6_120_000, "in 1 h 42 min"), (86_399_000, "in 23 h 59 min"), (273_600_000, "in 3 d 4 h"),
]  # fmt: skip


@pytest.mark.parametrize(("ms", "text"), DURATIONS)
def test_durations_have_three_digits(ms: float, text: str) -> None:
    assert words.duration(ms) == text


@pytest.mark.parametrize(("number", "text"), COUNTS)
def test_counts_are_exact_below_a_hundred_thousand(number: int, text: str) -> None:
    assert words.count(number) == text


@pytest.mark.parametrize(("per_s", "text"), RATES)
def test_rates(per_s: float, text: str) -> None:
    assert words.rate(per_s) == text


@pytest.mark.parametrize(("ms", "text"), AGO)
def test_times_within_a_day_are_relative(ms: int, text: str) -> None:
    now = 1_800_000_000_000

    assert words.ago(now - ms, now) == text


@pytest.mark.parametrize(("ms", "text"), UNTIL)
def test_what_comes_is_counted_down(ms: int, text: str) -> None:
    now = 1_800_000_000_000

    assert words.until(now + ms, now) == text


def test_times_further_away_are_dates() -> None:
    assert words.ago(1_700_000_000_000, 1_800_000_000_000) == "14 Nov 22:13"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "–"),
        (0, "0"),
        (1, "100"),
        (0.99999, "99.99"),
        (0.0000001, "0.01"),
        (0.98074, "98.07"),
        (0.5, "50.00"),
    ],
)
def test_a_percentage_is_whole_only_when_it_is(share: float | None, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (4_100, "4.1 kB"), (2_340_000, "2.3 MB")]
)
def test_sizes(number: int, text: str) -> None:
    assert words.size(number) == text
