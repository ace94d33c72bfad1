"""Runs as lists show them."""

from dataclasses import dataclass

from markupsafe import Markup

from hairtrigger.rules.run import Run
from hairtrigger.server.dashboard import graphics, words
from hairtrigger.wire import ids


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of a list. Times in ms; ``since`` is when it began, while its duration still grows."""

    run: Run
    id: str
    status: str
    attempt: str
    waited_ms: int | None
    took_ms: int | None
    since: int | None
    bar: Markup
    sign: str

    @property
    def can_cancel(self) -> bool:
        return not self.run.is_final


def row(run: Run, now: int) -> RunRow:
    """A run as it is at this moment."""
    status = words.status_of(run.status, run.state, run.fence, run.flags)
    end = run.finished_at if run.is_final else now
    ready = max(run.created_at, run.delayed_until or 0)
    waited = (run.started_at or (end or now)) - ready if ready <= now else None
    took = (end or now) - run.started_at if run.started_at is not None else None
    grows = run.started_at is not None and not run.is_final
    attempts = run.attempt if run.is_final or not run.fence else max(run.attempt, 1)
    return RunRow(
        run, ids.public("run", run.id), status,
        f"{attempts} of {run.max_attempts}" if attempts > 1 else str(attempts),
        None if waited is None else max(waited, 0), None if took is None else max(took, 0),
        run.started_at if grows else None,
        graphics.duration_bar(None if waited is None else max(waited, 0), took, words.STATUS[status].colour),
        "schedules" if run.schedule is not None else "bolt",
    )  # fmt: skip
