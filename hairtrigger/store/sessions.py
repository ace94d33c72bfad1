"""Worker sessions: who is there, what each holds, and what becomes of it when he goes."""

from hairtrigger.errors import UnknownWorker
from hairtrigger.rules import attempts
from hairtrigger.store import settle
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.settle import Ends, Settled
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import CANCEL_REQUESTED, LiveState
from hairtrigger.wire.worker import Held, Hold, Notice

LOST_ANSWER_MS = (
    10_000  # a run handed out so long ago that its answer must have arrived, or never will
)


def renew(
    catalog: Catalog, now: int, *, worker: int, hold: Hold, lease_ms: int, listed_at: int | None
) -> Steps[tuple[Held, list[Settled]]]:
    """Extend a session's lease and compare what it says it holds with what it was given.

    Answers what it is to be told, and what became of runs that it never got. Those are looked for among what had
    been handed out by ``listed_at`` (ms), when its list came; None: later looks may see more than the list knew.
    A hold may be written much later than it came, when the worker has long had other runs.

    Raises:
        UnknownWorker: the session has ended.
    """
    if not (yield fetch("renew_worker", worker, now + lease_ms)):
        raise UnknownWorker("This worker session has ended. Register again.")
    rows = {row[0]: row for row in (yield fetch("held_by", worker))}
    lost, notices, named = [], [], set()
    for text, lease, seen in hold.leases:
        run_id = ids.parse("run", text)
        row = rows.get(run_id) if run_id is not None else None
        if row is None or row[1] != lease:
            lost.append(text)
            continue
        named.add(run_id)
        if row[2] & CANCEL_REQUESTED and seen < 1:
            notices.append(Notice(text, 1, cancel=True))
    until = -1 if listed_at is None else listed_at if hold.quiet else listed_at - LOST_ANSWER_MS - 1
    strays = [row[0] for row in rows.values() if row[0] not in named and row[3] <= until]
    # handed out after the list was made: their cancels must not wait for the next one
    notices += [
        Notice(ids.public("run", row[0]), 1, cancel=True) for row in rows.values()
        if row[0] not in named and row[0] not in strays and row[2] & CANCEL_REQUESTED
    ]  # fmt: skip
    settled = (yield from _give_back(catalog, strays, now)) if strays else []
    return Held(lost, notices), settled


def _give_back(catalog: Catalog, strays: list[int], now: int) -> Steps[list[Settled]]:
    """Runs that were handed out in an answer that got lost go back as if they never left."""
    rows = yield fetch("handed_out", strays)
    policies = yield from settle.policies_of(strays)
    ends = Ends()
    settled = []
    for row in rows:
        step = attempts.when_not_begun(settle.hand_out(catalog, row, policies))
        settle.end(ends, row, step, now)
        settled.append(Settled("ok", step, row[0], row[7]))
    yield from settle.write_ends(catalog, ends, now)
    return settled


def end_session(catalog: Catalog, now: int, *, worker: int, silent: bool) -> Steps[list[Settled]]:
    """Forget a session; what it still held was lost with it, or was never begun when it left in order."""
    yield fetch("delete_worker", worker)  # first: it waits for claims under way, which give it more
    rows = yield fetch("handed_out_to", worker)
    policies = yield from settle.policies_of([row[0] for row in rows])
    ends = Ends()
    settled = []
    for row in rows:
        if row[4] != LiveState.RUNNING:
            continue
        run = settle.hand_out(catalog, row, policies)
        # Whatever began was reported before it left.
        step = attempts.after_silence(run) if silent else attempts.when_not_begun(run)
        settle.end(ends, row, step, now)
        settled.append(Settled("ok", step, row[0], row[7]))
    yield from settle.write_ends(catalog, ends, now)
    return settled


def sweep_silent(catalog: Catalog, now: int) -> Steps[list[tuple[int, Settled]]]:
    """End the sessions whose lease is over; answers (worker, what came of a run) for each run."""
    found: list[tuple[int, Settled]] = []
    for worker, _, _ in (yield fetch("silent_workers", now)):
        settled = yield from end_session(catalog, now, worker=worker, silent=True)
        found += [(worker, one) for one in settled]
    return found
