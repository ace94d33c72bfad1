"""Retrying: the policy, and a piece of code within an attempt."""

import pytest

from hairtrigger import AbortTaskRunError, retry
from hairtrigger.sdk.retry_policy import delay_ms
from hairtrigger.wire.worker import RetryPolicy


@pytest.mark.acceptance("S54")
def test_waits_double_up_to_their_limit() -> None:
    plain = RetryPolicy(max_attempts=9, max_timeout_in_ms=5_000, randomize=False)

    assert [delay_ms(plain, attempt, 0.5) for attempt in (1, 2, 3, 4)] == [
        1_000, 2_000, 4_000, 5_000,
    ]  # fmt: skip
    assert delay_ms(RetryPolicy(), 1, 0.5) == 1_500
    assert delay_ms(RetryPolicy(), 1, 0.0) == 1_000


async def test_a_piece_of_code_is_tried_until_it_does_not_raise() -> None:
    tries = []

    async def third_time(attempt: int) -> str:
        tries.append(attempt)
        if attempt < 3:
            raise OSError("down")
        return "done"

    assert await retry.on_raise(third_time, max_attempts=5, min_timeout_in_ms=1) == "done"
    assert tries == [1, 2, 3]


async def test_the_last_error_is_raised_as_it_is() -> None:
    async def never(attempt: int) -> None:
        raise OSError(f"down {attempt}")

    with pytest.raises(OSError, match="down 2"):
        await retry.on_raise(never, max_attempts=2, min_timeout_in_ms=1)


async def test_an_abort_is_not_tried_again() -> None:
    tries = []

    async def aborted(attempt: int) -> None:
        tries.append(attempt)
        raise AbortTaskRunError("no")

    with pytest.raises(AbortTaskRunError):
        await retry.on_raise(aborted, min_timeout_in_ms=1)

    assert tries == [1]
