"""The hand-outs of a run: as the steps of its timeline, and as what the engine did with it in the order of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from hairtrigger.rules.run import Run, RunError
from hairtrigger.server.dashboard import words
from hairtrigger.store.database import Row
from hairtrigger.wire import ids

_error = msgspec.json.Decoder(RunError)
_WORDS = {
    "failed": ("failed", "failed, and is tried again"),
    "crashed": ("crashed", "took its process with it"),
    "suspect": ("suspect", "was in a process that died, and runs again in one of its own"),
    "lost": ("lost its worker", "was lost: its lease ran out"),
    "timed out": ("timed out", "took too long"),
    "not begun": ("was given back", "was given back before it began"),
    "handed back": ("was given back", "was given back by a worker that stops"),
}
"""Why a hand-out did not end its run: in a word, and in full."""


@dataclass(frozen=True, slots=True)
class Step:
    """A hand-out in the order of time: when it began and ended (ms), how, and the pause after it. ``reason`` is why
    it did not end the run, empty for the last; ``worker`` is empty where nobody kept it."""

    attempt: int
    fence: int
    worker: str
    started_at: int | None
    ended_at: int | None
    how: str
    colour: str
    error: RunError | None = None
    reason: str = ""
    pause_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """One event: at which instant (ms; None where nobody kept it), what, and more about it."""

    at: int | None
    what: str
    more: str = ""
    worker: str = ""


def of_run(run: Run, stored: Iterable[Row]) -> list[Step]:
    """Every hand-out, from those that were tried again (as the store has them) to the one that ended the run or
    goes on."""
    rows = [*stored]
    steps = [
        Step(
            attempt, fence, _worker(worker), started, ended, _WORDS.get(reason, (reason,))[0], "fail",
            _error.decode(error) if error is not None else None, reason, _pause(ended, after),
        )
        for (attempt, fence, worker, started, ended, reason, error), after in zip(
            rows, [*rows[1:], None], strict=False
        )
    ]  # fmt: skip
    began = steps[-1].ended_at if steps else run.started_at
    if run.is_final and run.started_at is not None:
        colour = {"COMPLETED": "ok", "CANCELED": "idle"}.get(run.status, "fail")
        how = run.status.lower().replace("_", " ")
        steps.append(
            Step(run.attempt, run.fence, "", began, run.finished_at, how, colour, run.error)
        )
    elif run.status == "EXECUTING" and run.due_at is None:
        attempt = max(run.attempt, 1)
        steps.append(Step(attempt, run.fence, _worker(run.worker), began, None, "running", "run"))
    return steps


def moments(run: Run, steps: Sequence[Step]) -> list[Moment]:
    """Every event of a run that is kept."""
    found = [Moment(run.created_at, "Triggered", _origin(run))]
    if run.delayed_until:
        found.append(Moment(run.delayed_until, "Due", "it was triggered with a delay"))
    for step in steps:
        lease = f"lease {step.fence}"
        if step.started_at is not None:
            what = f"Attempt {step.attempt} handed out"
            found.append(Moment(step.started_at, what, lease, step.worker))
        if step.reason:
            why = _WORDS.get(step.reason, ("", step.reason))[1]
            found.append(Moment(step.ended_at, f"Attempt {step.attempt} {why}", lease))
    first = next((step.started_at for step in steps if step.started_at is not None), None)
    if run.version:
        found.append(Moment(first, "Bound to its version", run.version))
    if run.due_at is not None and not run.is_final:
        found.append(Moment(run.due_at, "Due again" if run.fence else "Due"))
    if run.expires_at is not None and not run.is_final:
        found.append(Moment(run.expires_at, "Expires, unless it has begun by then"))
    if run.is_final:
        found.append(Moment(run.finished_at, words.STATUS[run.status].word))
    return sorted(found, key=lambda one: one.at or 0)


def _worker(number: int | None) -> str:
    return ids.public("worker", number) if number else ""


def _pause(ended: int | None, after: Row | None) -> int | None:
    """From the end of one hand-out to the beginning of the next."""
    return None if ended is None or after is None or after[3] is None else after[3] - ended


def _origin(run: Run) -> str:
    if run.schedule is not None:
        return "by its schedule"
    if run.options.replay_of is not None:
        return f"again, after {ids.public('run', run.options.replay_of)}"
    if run.batch is not None:
        return f"in {ids.public('batch', run.batch)}"
    return "as a test" if run.options.test else ""
