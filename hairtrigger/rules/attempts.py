"""What becomes of a run when one of its hand-outs ends.

Whose fault the end was decides whether an attempt is used: an exception is the run's, a drain is ours, a
process that died with several runs in it makes each of them a suspect that runs alone next time. A run with
``max_attempts`` of 1 never begins twice, whatever ended it.
"""

from dataclasses import dataclass

from hairtrigger.rules import retry
from hairtrigger.rules.run import RunError
from hairtrigger.wire.statuses import CANCEL_REQUESTED, SUSPECT, FinalStatus
from hairtrigger.wire.worker import Failure, Packet, Result, RetryPolicy

MAX_IDLE_HAND_OUTS = 20  # hand-outs beyond the attempts: then it is our fault and said so
CANCELED = RunError(Failure("Canceled", "Canceled by user"), kind="STRING_ERROR")


@dataclass(frozen=True, slots=True)
class HandOut:
    """A run that is out with a worker, as far as its end is concerned."""

    attempt: int
    fence: int
    flags: int
    max_attempts: int
    policy: RetryPolicy


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over."""

    status: FinalStatus
    output: Packet | None = None
    error: RunError | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """The run goes back to the queue, after ``delay_ms``."""

    delay_ms: int
    attempt_used: bool
    reason: str
    error: RunError | None = None
    suspect: bool = False


Step = Finish | Again


def after_result(run: HandOut, result: Result, luck: float) -> Step:
    """What follows a worker's report. Cancel wins over everything that is reported after it."""
    if run.flags & CANCEL_REQUESTED:
        return Finish(FinalStatus.CANCELED, error=CANCELED)
    if result.done is not None:
        output = result.done if isinstance(result.done, tuple) else None
        return Finish(FinalStatus.COMPLETED, output=output)
    if result.failed is not None:
        error = RunError(result.failed)
        if result.retry_in_ms is None or run.attempt >= run.max_attempts:
            return Finish(FinalStatus.FAILED, error=error)
        return Again(max(0, result.retry_in_ms), True, "failed", error)
    if result.timed_out:
        message = "The run went on for longer than its max_duration."
        return Finish(FinalStatus.TIMED_OUT, error=_internal("MAX_DURATION_EXCEEDED", message))
    if result.crashed is not None:
        return _after_crash(run, result.crashed, alone=result.alone, luck=luck)
    return _after_hand_back(run, begun=result.begun)


def after_silence(run: HandOut) -> Step:
    """What follows when a worker's lease ends without a word."""
    if run.flags & CANCEL_REQUESTED:
        return Finish(FinalStatus.CANCELED, error=CANCELED)
    error = _internal("WORKER_LOST", "The worker fell silent: its lease ended without a report.")
    if run.attempt >= run.max_attempts:
        return Finish(FinalStatus.SYSTEM_FAILURE, error=error)
    return Again(0, True, "lost", error)


def when_not_begun(run: HandOut) -> Step:
    """What follows when a run was handed out in an answer that never arrived, or its worker left without a
    word on it."""
    if run.flags & CANCEL_REQUESTED:
        return Finish(FinalStatus.CANCELED, error=CANCELED)
    return _after_hand_back(run, begun=False, reason="not begun")


def _after_crash(run: HandOut, failure: Failure, *, alone: bool, luck: float) -> Step:
    error = RunError(failure, kind="INTERNAL_ERROR")
    if not alone and not run.flags & SUSPECT and run.max_attempts > 1:
        return Again(0, False, "suspect", error, suspect=True)
    if run.attempt >= run.max_attempts:
        return Finish(FinalStatus.CRASHED, error=error)
    return Again(retry.delay_ms(run.policy, run.attempt, luck), True, "crashed", error)


def _after_hand_back(run: HandOut, *, begun: bool, reason: str = "handed back") -> Step:
    if begun and run.max_attempts == 1:
        message = (
            "The worker stopped before the run was over, and max_attempts is 1: not begun again."
        )
        return Finish(FinalStatus.SYSTEM_FAILURE, error=_internal("DRAIN_TIMEOUT", message))
    if run.fence - run.attempt >= MAX_IDLE_HAND_OUTS:
        message = f"Handed out {run.fence} times without an end."
        return Finish(FinalStatus.SYSTEM_FAILURE, error=_internal("HANDED_OUT_TOO_OFTEN", message))
    return Again(0, False, reason)


def _internal(code: str, message: str) -> RunError:
    return RunError(Failure(code, message), kind="INTERNAL_ERROR")
