"""Rates: text to numbers and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.errors import Unprocessable
from hairtrigger.wire import durations, rates
from hairtrigger.wire.rates import MAX_COUNT, MAX_MS, MIN_MS, Rate
from tests.clock import DAY, HOUR, MINUTE, SECOND

RATES = st.builds(
    Rate,
    st.integers(1, MAX_COUNT),
    st.integers(MIN_MS // 1_000, MAX_MS // 1_000).map(lambda s: s * 1_000),
)


@pytest.mark.parametrize(
    ("text", "count", "per_ms"),
    [("100/m", 100, MINUTE), ("5/s", 5, SECOND), ("1000/h", 1_000, HOUR), ("10/30s", 10, 30 * SECOND),
     ("1/d", 1, DAY), ("2/w", 2, 7 * DAY), ("7/1m30s", 7, 90 * SECOND), ("3/hr", 3, HOUR),
     ("1/30d", 1, 30 * DAY)],
)  # fmt: skip
def test_rate_is_a_count_and_a_period(text: str, count: int, per_ms: int) -> None:
    assert rates.parse(text) == Rate(count, per_ms)


@pytest.mark.parametrize(
    "text",
    ["", "100", "100/", "/m", "100/0s", "0/m", "-1/m", "1.5/m", "1/ms", "1/500ms", "1 / m", "1/y", "1/M",
     "1//m", "1/m/m", "1000001/m", "1/31d", "1/m30s", "1/m\n", "١/m",
     "9" * 400 + "/m", "1/" + "9" * 400 + "s"],
)  # fmt: skip
def test_what_is_no_rate_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(Unprocessable, match=r"like 5/s|between 1"):
        rates.parse(text)


@given(RATES)
def test_text_of_a_rate_is_read_back(rate: Rate) -> None:
    assert rates.parse(rates.to_text(rate)) == rate


@given(st.integers(1, MAX_COUNT), st.sampled_from(["s", "m", "h", "d", "w"]))
def test_single_unit_is_written_without_its_one(count: int, unit: str) -> None:
    rate = rates.parse(f"{count}/1{unit}")

    assert rate == rates.parse(f"{count}/{unit}") == Rate(count, durations.parse(f"1{unit}"))
    assert rates.to_text(rate) == f"{count}/{unit}"


@given(st.text(max_size=30))
def test_any_text_is_a_rate_within_its_range_or_refused(text: str) -> None:
    try:
        rate = rates.parse(text)
    except Unprocessable:
        return
    assert rates.check(rate) == rate


@pytest.mark.parametrize(
    "rate",
    [
        Rate(0, 1_000),
        Rate(MAX_COUNT + 1, 1_000),
        Rate(1, 999),
        Rate(1, 1_500),
        Rate(1, MAX_MS + 1_000),
    ],
)
def test_rate_that_no_text_could_be_is_refused(rate: Rate) -> None:
    with pytest.raises(Unprocessable, match="between"):
        rates.check(rate)
