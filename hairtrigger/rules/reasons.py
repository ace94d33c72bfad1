"""Reasons: why a run is where it is, why it was executed again and how it ended; a code for programs, a sentence
for people, and what to do about it. What holds up a run in its queue is in ``engine/holdups``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hairtrigger.rules.run import Run, RunError
from hairtrigger.wire import durations, ids

_error = msgspec.json.Decoder(RunError)
_IDLE = frozenset({"handed back", "not begun", "suspect"})  # ends that use no attempt


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. ``fix`` is what to do, empty when there is nothing; ``at`` the instant (ms) that it is of."""

    code: str
    message: str
    fix: str = ""
    at: int | None = None

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.message} {self.fix}" if self.fix else self.message


def repeats(rows: Iterable[Sequence[Any]]) -> list[Reason]:
    """Why each hand-out did not end its run, in their order.

    Args:
        rows: (attempt, fence, worker, started, ended, reason, error as JSON or None), times in ms.
    """
    return [_repeat(*row) for row in rows]


def _repeat(
    attempt: int, _: int, worker: int | None, started: int | None, ended: int, reason: str,
    error: str | None,
) -> Reason:  # fmt: skip
    who = ids.public("worker", worker) if worker else "its worker"
    after = "" if started is None else f" {durations.to_text(ended - started)} after it began"
    said = f": {_said(_error.decode(error))}" if error else ""
    what = {
        "failed": f"failed{said or '.'}",
        "crashed": f"took its process with it{said or '.'}",
        "suspect": f"was in a process that died with several runs in it{said or '.'} Each of them runs alone now.",
        "lost": f"was lost: {who} fell silent, and its lease ended{after}.",
        "handed back": f"was handed back by {who}, which was stopping.",
        "not begun": f"never reached {who}: the answer that handed it out was lost, or it left first.",
    }.get(reason, f"ended: {reason}.")
    uncounted = " The attempt does not count." if reason in _IDLE else ""
    code = reason.replace(" ", "_")
    return Reason(code, f"Attempt {attempt} {what}{uncounted}", _FIXES.get(reason, ""), ended)


_FIXES = {
    "crashed": "Look for what ends a process: its memory, a native library, os._exit.",
    "lost": "Look at that worker about then: it was killed, frozen, or cut off from the server. "
    "What must never begin twice needs max_attempts=1.",
}


def ended(run: Run, parent: Run | None) -> Reason:
    """How a finished run came to its end."""
    at, tries = run.finished_at, f"attempt {run.attempt} of {run.max_attempts}"
    error = f": {_said(run.error)}" if run.error is not None else "."
    match run.status:
        case "COMPLETED":
            return Reason("completed", f"Completed in {tries}.", at=at)
        case "CANCELED":
            return _canceled(run, parent)
        case "EXPIRED":
            ttl = durations.to_text(run.ttl_ms or 0)
            message = f"Expired before it began: its ttl of {ttl} passed while it waited."
            return Reason("expired", message, "Give it a longer ttl, or its queue more room.", at)
        case "TIMED_OUT":
            most = f" of {durations.to_text(run.max_duration_ms)}" if run.max_duration_ms else ""
            message = f"Stopped in {tries}: it ran for longer than its max_duration{most}."
            return Reason("timed_out", message, "Raise max_duration, or make it shorter.", at)
        case "CRASHED":
            message = f"Crashed in {tries}{error}"
            return Reason("crashed", message, _FIXES["crashed"], at)
        case "SYSTEM_FAILURE":
            fix = _FIXES["lost"] if run.error and run.error.failure.name == "WORKER_LOST" else ""
            return Reason("system_failure", f"Given up in {tries}{error}", fix, at)
    fix = "Run it again with `hairtrigger runs replay` once the cause is mended."
    if run.attempt < run.max_attempts:
        return Reason("not_retried", f"Failed for good in {tries}{error}", fix, at)
    return Reason("attempts_used_up", f"Failed in {tries}, the last{error}", fix, at)


def _canceled(run: Run, parent: Run | None) -> Reason:
    along = ""
    if parent is not None and parent.status == "CANCELED":
        along = f" together with the run that triggered it, {ids.public('run', parent.id)}"
    if run.started_at is None:
        return Reason(
            "canceled_before_start", f"Canceled before it began{along}.", at=run.finished_at
        )
    message = f"Canceled in attempt {max(run.attempt, 1)} of {run.max_attempts}{along}."
    return Reason("canceled", message, at=run.finished_at)


def _said(error: RunError) -> str:
    """An error in one line that ends like a sentence."""
    message = " ".join(error.failure.message.split())[:200]
    text = error.failure.name if not message else f"{error.failure.name}: {message}"
    return text if text.endswith((".", "!", "?")) else f"{text}."
