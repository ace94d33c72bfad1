"""Buckets, percentiles and sums of counts."""

import math
from collections.abc import Sequence
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.rules import stats
from hairtrigger.rules.stats import Stat
from hairtrigger.wire.statuses import FinalStatus

times = st.lists(st.integers(0, 40 * stats.DAY_MS), min_size=1, max_size=200)
ends = st.lists(
    st.tuples(
        st.sampled_from(FinalStatus),
        st.none() | st.integers(0, 10**7),
        st.none() | st.integers(0, 10**6),
    )
)


def counted(of: Sequence[tuple[FinalStatus, int | None, int | None]]) -> Stat:
    stat = stats.merged([])
    for status, took, waited in of:
        stat.add(status, took, waited)
    return stat


@given(times, st.floats(0, 1))
def test_a_percentile_is_within_four_percent_of_the_nearest_rank(
    all_: list[int], share: float
) -> None:
    exact = sorted(all_)[max(1, math.ceil(len(all_) * share)) - 1]

    found = stats.percentile(
        counted([(FinalStatus.COMPLETED, ms, None) for ms in all_]).took, share
    )

    assert found == pytest.approx(exact, rel=0.04)


@given(st.integers(-5, 10**12))
def test_a_time_lies_in_its_bucket(ms: int) -> None:
    low, high = stats.bounds(stats.bucket(ms))

    assert low * (1 - 1e-9) <= max(ms, 0) <= high * (1 + 1e-9)


@given(ends, ends)
def test_two_counts_added_are_the_count_of_all(some: list, others: list) -> None:  # type: ignore[type-arg]
    total = stats.merged([counted(some), counted(others)])

    assert total == counted(some + others)
    assert total.runs == total.completed + total.canceled + total.failed == len(some) + len(others)
    took = [ms for _, ms, _ in some + others if ms is not None]
    assert total.mean_ms == (pytest.approx(fmean(took)) if took else None)


def test_nothing_has_neither_a_percentile_nor_a_rate() -> None:
    empty = stats.merged([])

    assert (stats.percentile({}, 0.5), empty.success, empty.mean_ms, empty.runs) == (
        None,
        None,
        None,
        0,
    )


def test_success_leaves_out_what_was_canceled() -> None:
    stat = counted(
        [(FinalStatus.COMPLETED, 1, 1)] * 3
        + [(FinalStatus.CANCELED, 1, 1), (FinalStatus.CRASHED, 1, 1)]
    )

    assert stat.success == 0.75
