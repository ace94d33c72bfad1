"""What the engine did with a run, in the order of time: its leases, workers and changes of state."""

from collections.abc import Sequence
from dataclasses import dataclass

from hairtrigger.rules.run import Run
from hairtrigger.server.dashboard import words
from hairtrigger.wire import ids

_ENDS = {
    "failed": "failed, and is tried again", "crashed": "took its process with it",
    "suspect": "was in a process that died, and runs again in one of its own",
    "lost": "was lost: its lease ran out", "timed out": "took too long",
    "not begun": "was given back before it began", "handed back": "was given back by a worker that stops",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """One event: at which instant (ms; None where nobody kept it), what, and more about it."""

    at: int | None
    what: str
    more: str = ""
    worker: str = ""


def of_run(run: Run, stored: Sequence[tuple[object, ...]]) -> list[Moment]:
    """Every event that is kept. ``stored`` are the attempts that did not end the run, as the store has them."""
    found = [Moment(run.created_at, "Triggered", _origin(run))]
    if run.delayed_until:
        found.append(Moment(run.delayed_until, "Due", "it was triggered with a delay"))
    for row in stored:
        number, fence, worker, started, ended, reason, _ = row
        name = ids.public("worker", worker) if isinstance(worker, int) and worker else ""
        lease = f"lease {fence}"
        if isinstance(started, int):
            found.append(Moment(started, f"Attempt {number} handed out", lease, name))
        end = _ENDS.get(str(reason), str(reason))
        found.append(
            Moment(ended if isinstance(ended, int) else None, f"Attempt {number} {end}", lease)
        )
    if run.fence and (not stored or run.fence != stored[-1][1]):
        name = ids.public("worker", run.worker) if run.worker else ""
        began = found[-1].at if stored else run.started_at
        found.append(
            Moment(began, f"Attempt {max(run.attempt, 1)} handed out", f"lease {run.fence}", name)
        )
    if run.version:
        began = next((one.at for one in found if one.worker or "handed out" in one.what), None)
        found.append(Moment(began, "Bound to its version", run.version))
    if run.due_at is not None and not run.is_final:
        found.append(Moment(run.due_at, "Due again" if run.fence else "Due"))
    if run.expires_at is not None and not run.is_final:
        found.append(Moment(run.expires_at, "Expires, unless it has begun by then"))
    if run.is_final:
        found.append(Moment(run.finished_at, words.STATUS[run.status].word))
    return sorted(found, key=lambda one: one.at or 0)


def _origin(run: Run) -> str:
    if run.schedule is not None:
        return "by its schedule"
    if run.options.replay_of is not None:
        return f"again, after {ids.public('run', run.options.replay_of)}"
    if run.batch is not None:
        return f"in {ids.public('batch', run.batch)}"
    return "as a test" if run.options.test else ""
