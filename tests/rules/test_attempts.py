"""Whose fault the end of a hand-out was, row by row, and what follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.rules import attempts
from hairtrigger.rules.attempts import Again, Finish, HandOut, Step
from hairtrigger.wire.statuses import CANCEL_REQUESTED, SUSPECT, FinalStatus
from hairtrigger.wire.worker import Failure, Result, RetryPolicy

POLICY = RetryPolicy(randomize=False)
BROKE, DIED = Failure("ValueError", "no"), Failure("SIGSEGV", "died")


def held(attempt: int = 1, *, most: int = 3, fence: int | None = None, flags: int = 0) -> HandOut:
    return HandOut(attempt, attempt if fence is None else fence, flags, most, POLICY)


def after(run: HandOut, **result: object) -> Step:
    return attempts.after_result(run, Result("run", run.fence, **result), 0.5)  # type: ignore[arg-type]


def status(step: Step) -> FinalStatus | None:
    return step.status if isinstance(step, Finish) else None


def test_return_finishes_with_its_output() -> None:
    assert after(held(), done=True) == Finish(FinalStatus.COMPLETED)
    assert after(held(), done=("text/plain", "x")) == Finish(
        FinalStatus.COMPLETED, ("text/plain", "x")
    )


@pytest.mark.acceptance("S37", "S41")
@pytest.mark.parametrize("most", [1, 2, 3, 8])
def test_exception_is_tried_again_until_the_attempts_are_used_up(most: int) -> None:
    for attempt in range(1, most):
        step = after(held(attempt, most=most), failed=BROKE, retry_in_ms=7)
        assert isinstance(step, Again)
        assert (step.delay_ms, step.attempt_used, step.reason) == (7, True, "failed")

    last = after(held(most, most=most), failed=BROKE, retry_in_ms=7)

    assert status(last) is FinalStatus.FAILED
    assert isinstance(last, Finish)
    assert last.error is not None
    assert last.error.failure == BROKE


def test_abort_fails_at_once() -> None:
    assert status(after(held(), failed=BROKE)) is FinalStatus.FAILED


def test_delay_before_now_is_none() -> None:
    step = after(held(), failed=BROKE, retry_in_ms=-5)

    assert isinstance(step, Again)
    assert step.delay_ms == 0


def test_time_limit_ends_a_run_for_good() -> None:
    assert status(after(held(), timed_out=True)) is FinalStatus.TIMED_OUT


@pytest.mark.parametrize(("attempt", "delay_ms"), [(1, 1_000), (2, 2_000)])
def test_crash_alone_is_tried_again_by_the_policy(attempt: int, delay_ms: int) -> None:
    step = after(held(attempt), crashed=DIED)

    assert isinstance(step, Again)
    assert (step.delay_ms, step.attempt_used, step.suspect) == (delay_ms, True, False)
    assert status(after(held(3), crashed=DIED)) is FinalStatus.CRASHED


def test_crash_among_others_makes_a_suspect_without_using_an_attempt() -> None:
    step = after(held(3), crashed=DIED, alone=False)

    assert isinstance(step, Again)
    assert (step.delay_ms, step.attempt_used, step.suspect) == (0, False, True)


def test_second_death_of_a_suspect_is_its_own() -> None:
    assert status(after(held(3, flags=SUSPECT), crashed=DIED, alone=False)) is FinalStatus.CRASHED
    assert isinstance(after(held(2, flags=SUSPECT), crashed=DIED, alone=False), Again)


def test_silence_uses_an_attempt_and_starts_again_at_once() -> None:
    step = attempts.after_silence(held(2))

    assert isinstance(step, Again)
    assert (step.delay_ms, step.attempt_used, step.reason) == (0, True, "lost")
    assert status(attempts.after_silence(held(3))) is FinalStatus.SYSTEM_FAILURE


@pytest.mark.parametrize("begun", [True, False])
def test_drain_uses_no_attempt(begun: bool) -> None:
    step = after(held(3), handed_back=True, begun=begun)

    assert isinstance(step, Again)
    assert (step.delay_ms, step.attempt_used) == (0, False)


def test_answer_that_never_arrived_uses_no_attempt_even_of_one() -> None:
    step = attempts.when_not_begun(held(most=1))

    assert isinstance(step, Again)
    assert not step.attempt_used


@pytest.mark.parametrize(
    ("result", "end"),
    [({"handed_back": True}, FinalStatus.SYSTEM_FAILURE), ({"crashed": DIED}, FinalStatus.CRASHED),
     ({"crashed": DIED, "alone": False}, FinalStatus.CRASHED),
     ({"failed": BROKE, "retry_in_ms": 0}, FinalStatus.FAILED), ({"timed_out": True}, FinalStatus.TIMED_OUT)],
)  # fmt: skip
def test_one_attempt_is_never_begun_twice(result: dict[str, object], end: FinalStatus) -> None:
    assert status(after(held(most=1), **result)) is end
    assert status(attempts.after_silence(held(most=1))) is FinalStatus.SYSTEM_FAILURE


def test_one_attempt_that_was_not_begun_may_still_begin() -> None:
    assert isinstance(after(held(most=1), handed_back=True, begun=False), Again)


def test_hand_outs_without_an_end_are_given_up() -> None:
    assert isinstance(attempts.when_not_begun(held(fence=20)), Again)
    assert status(attempts.when_not_begun(held(fence=21))) is FinalStatus.SYSTEM_FAILURE
    assert isinstance(attempts.when_not_begun(held(5, most=9, fence=24)), Again)


RESULTS = st.fixed_dictionaries(
    {},
    optional={
        "done": st.just(True), "failed": st.just(BROKE), "retry_in_ms": st.integers(-10, 10**6),
        "cancelled": st.booleans(), "handed_back": st.booleans(), "crashed": st.just(DIED),
        "timed_out": st.booleans(), "begun": st.booleans(), "alone": st.booleans(),
    },
)  # fmt: skip
RUNS = st.builds(
    HandOut, attempt=st.integers(1, 10), fence=st.integers(1, 40), flags=st.sampled_from([0, SUSPECT]),
    max_attempts=st.integers(1, 10), policy=st.just(POLICY),
)  # fmt: skip


@given(run=RUNS, result=RESULTS)
def test_cancel_wins_over_any_report(run: HandOut, result: dict[str, object]) -> None:
    canceled = HandOut(
        run.attempt, run.fence, run.flags | CANCEL_REQUESTED, run.max_attempts, POLICY
    )

    for step in (
        after(canceled, **result), attempts.after_silence(canceled), attempts.when_not_begun(canceled)
    ):  # fmt: skip
        assert step == Finish(FinalStatus.CANCELED, error=attempts.CANCELED)


@given(run=RUNS, result=RESULTS)
def test_no_more_attempts_than_allowed_are_ever_begun(
    run: HandOut, result: dict[str, object]
) -> None:
    step = after(run, **result)

    if isinstance(step, Again) and step.attempt_used:
        assert run.attempt < run.max_attempts
    if isinstance(step, Again):
        assert step.delay_ms >= 0
