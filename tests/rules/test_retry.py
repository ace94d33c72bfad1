"""How long until the next attempt: the exact delays of the original, and any policy at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.rules import retry
from hairtrigger.wire.worker import RetryPolicy


def delays(count: int, **policy: float) -> list[int]:
    exact = RetryPolicy(randomize=False, **policy)  # type: ignore[arg-type]  # whole numbers, but for factor
    return [retry.delay_ms(exact, attempt, 0.9) for attempt in range(1, count + 1)]


@pytest.mark.acceptance("S38", "S92")
def test_delays_double_from_the_smallest() -> None:
    assert delays(4, min_timeout_in_ms=1_000, factor=2) == [1_000, 2_000, 4_000, 8_000]


@pytest.mark.acceptance("S39")
def test_no_delay_exceeds_the_longest() -> None:
    found = delays(8, min_timeout_in_ms=1_000, max_timeout_in_ms=10_000, factor=2)

    assert found == [1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000]


@pytest.mark.acceptance("S38")
def test_jitter_stretches_by_one_to_two() -> None:
    policy = RetryPolicy()

    assert [retry.delay_ms(policy, 1, luck) for luck in (0, 0.5, 0.999)] == [1_000, 1_500, 1_999]
    assert [retry.delay_ms(policy, 2, luck) for luck in (0, 0.5, 0.999)] == [2_000, 3_000, 3_998]


def test_jitter_does_not_exceed_the_longest_either() -> None:
    assert retry.delay_ms(RetryPolicy(max_timeout_in_ms=1_200), 1, 0.9) == 1_200


@pytest.mark.acceptance("S54")
def test_default_is_three_attempts_from_one_second_to_a_minute() -> None:
    policy = RetryPolicy()

    assert (policy.max_attempts, policy.factor, policy.randomize) == (3, 2, True)
    assert (policy.min_timeout_in_ms, policy.max_timeout_in_ms) == (1_000, 60_000)


@given(
    least=st.integers(0, 10**9), most=st.integers(0, 10**9), factor=st.floats(0, 1e6),
    attempt=st.integers(1, 10_000), luck=st.floats(0, 1, exclude_max=True), randomize=st.booleans(),
)  # fmt: skip
def test_delay_is_never_negative_nor_too_long(
    least: int, most: int, factor: float, attempt: int, luck: float, randomize: bool
) -> None:
    policy = RetryPolicy(3, factor, least, most, randomize)

    assert 0 <= retry.delay_ms(policy, attempt, luck) <= most
