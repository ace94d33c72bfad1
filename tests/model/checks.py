"""The invariants, by SQL over the whole database, and the model's view beside the stored one."""

from collections.abc import Callable
from typing import Any

from hairtrigger.wire import statuses
from tests.model import reference
from tests.model.reference import Model

Row = tuple[Any, ...]
Rows = Callable[..., list[Row]]
STATES = {0: "delayed", 1: "ready", 2: "running", 5: "held"}


def places(rows: Rows, model: Model, finished: dict[int, Row]) -> None:
    """Every run is in exactly one place, as the model says; what is over never changes.

    ``finished`` remembers the results seen so far.
    """
    live = {
        row[0]: row
        for row in rows(
            "select run_id, state, worker, fence, attempt, order_at, at, expires_at, flags, version from live"
        )
    }
    over = {row[0]: row for row in rows("select * from results")}
    assert live.keys().isdisjoint(over)
    assert live.keys() | over.keys() == model.runs.keys()
    for run_id, row in live.items():
        _place(model.runs[run_id], row)
    for run_id, row in over.items():
        assert statuses.of_final(row[2]) == model.runs[run_id].status, run_id
        assert finished.setdefault(run_id, row) == row, "a result changed"


def _place(run: reference.Run, row: Row) -> None:
    _, state, worker, fence, attempt, order_at, at, expires, flags, version = row
    assert statuses.of_live(state, fence, flags) == run.public, run
    assert (STATES[state], worker, fence, attempt, order_at, at, expires, version) == (
        run.state, run.worker, run.fence, run.attempt, run.order_at, run.at, run.expires, run.version,
    )  # fmt: skip
    assert bool(flags & statuses.SUSPECT) == run.suspect
    assert fence <= attempt + 1 + reference.IDLE_HAND_OUTS


def counters(rows: Rows, model: Model) -> None:
    """A batch counts its runs that are not over."""
    for batch, opened, made in rows("select id, open, made from batches"):
        group = model.batches[batch]
        unfinished = [run for run in group.items.values() if model.runs[run].status is None]
        assert (opened, made) == (len(unfinished), len(group.items))


def holders(rows: Rows, model: Model) -> None:
    """What runs is held by a session that exists, and nothing else is held."""
    assert not rows(
        "select run_id from live where (state = 2) <> (worker is not null) "
        "or (worker is not null and worker not in (select id from workers))"
    )
    assert {row[0] for row in rows("select id from workers")} == model.sessions.keys()


def keys(rows: Rows, model: Model) -> None:
    """One run for each living key, and none that has released it."""
    found = {
        (task, key): run_id
        for task, key, run_id in rows(
            "select t.name, i.key, i.run_id from idempotency i join tasks t on t.id = i.task "
            "where i.expires_at > ? and i.key not like 'schedule:%'", model.now,
        )
    }  # fmt: skip
    assert found == {name: run for name, (run, until) in model.keys.items() if until > model.now}


def attempts(rows: Rows) -> None:
    """The attempts of a run count from 1 without gaps, and their hand-outs grow."""
    last: dict[int, tuple[int, int]] = {}
    for run_id, fence, attempt in rows(
        "select run_id, fence, attempt from attempts union all "
        "select run_id, fence, attempt from results where attempt > 0 and flags & 128 <> 0 order by 1, 2"
    ):
        before = last.get(run_id, (0, 0))
        assert fence > before[0]
        assert before[1] <= attempt <= before[1] + 1
        last[run_id] = (fence, attempt)


def environments(rows: Rows) -> None:
    """All that belongs to a run has its environment."""
    for table in ("live", "results"):
        assert not rows(
            f"select 1 from {table} x join runs r on r.id = x.run_id where r.env <> x.env"
        )
    assert not rows(
        "select c.id from runs c left join runs p on p.id = c.parent "
        "where c.parent is not null and (p.env is null or p.env <> c.env)"
    )
