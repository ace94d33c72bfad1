"""Our one run status and the names that the public API shows for it.

Unfinished runs have a ``LiveState`` (and a fence: how often they were handed out), finished ones a
``FinalStatus``. Public names exist nowhere else. Source: Trigger.dev, API version 2025-07-16.
"""

from enum import IntEnum


class LiveState(IntEnum):
    DELAYED = 0
    READY = 1
    RUNNING = 2
    WAITING = 3
    RESUMABLE = 4
    HELD = 5  # no known version has the task


class FinalStatus(IntEnum):
    COMPLETED = 0
    FAILED = 1
    CANCELED = 2
    CRASHED = 3
    SYSTEM_FAILURE = 4
    EXPIRED = 5
    TIMED_OUT = 6


# Bits of live.flags: what else is due when a run changes.
WAITED_FOR, IN_BATCH, CANCEL_REQUESTED, CHANGED, HAS_KEY, SUSPECT, HAS_CHILDREN = (
    1, 2, 4, 8, 16, 32, 64,
)  # fmt: skip
# A bit of results.flags: the run ended by its worker's own report.
REPORTED = 128

FINAL = tuple(status.name for status in FinalStatus)
PUBLIC = (
    "PENDING_VERSION", "DELAYED", "QUEUED", "DEQUEUED", "EXECUTING", "WAITING", *FINAL,
)  # fmt: skip
# Names of older clients, accepted in filters and never answered.
_OLD = {
    "WAITING_FOR_DEPLOY": "PENDING_VERSION",
    "FROZEN": "WAITING",
    "REATTEMPTING": "EXECUTING",
    "INTERRUPTED": "FAILED",
    "PENDING": "QUEUED",
}
# What releases an idempotency key, so that a failed run can be triggered again.
RELEASES_KEY = frozenset(FinalStatus) - {FinalStatus.COMPLETED, FinalStatus.CANCELED}


def of_live(state: int, fence: int, flags: int) -> str:
    """The public name of an unfinished run."""
    if state == LiveState.RUNNING:
        return "CANCELED" if flags & CANCEL_REQUESTED else "EXECUTING"
    if state == LiveState.READY:
        return "QUEUED"
    if state == LiveState.DELAYED:
        return "EXECUTING" if fence else "DELAYED"
    return "PENDING_VERSION" if state == LiveState.HELD else "WAITING"


def of_final(status: int) -> str:
    """The public name of a finished run."""
    return FINAL[status]


def canonical(name: str) -> str | None:
    """The current public name for a name in a filter, or None when it is none."""
    name = _OLD.get(name, name)
    return name if name in PUBLIC else None


def flags_of(name: str) -> dict[str, bool]:
    """The seven booleans that every run object carries beside its status."""
    final = name in FINAL
    return {
        "isQueued": name in ("QUEUED", "DELAYED", "PENDING_VERSION"),
        "isExecuting": name in ("EXECUTING", "DEQUEUED"),
        "isWaiting": name == "WAITING",
        "isCompleted": final,
        "isSuccess": name == "COMPLETED",
        "isFailed": final and name != "COMPLETED",
        "isCancelled": name == "CANCELED",
    }
