"""Upkeep: what time does. One batch a call; each answers ms until the next call is worth making."""

import random
import time
from typing import Any

from hairtrigger.engine import attempts, audit
from hairtrigger.engine import plans as plan_counts
from hairtrigger.engine.batches import UNSEALED_MS
from hairtrigger.rules import plans
from hairtrigger.rules.attempts import Finish, HandOut, after_result
from hairtrigger.rules.run import RunError
from hairtrigger.store import sessions, settle, stats, watch
from hairtrigger.store import store as stores
from hairtrigger.store.catalog import DEFAULT_POLICY, Catalog
from hairtrigger.store.database import Row, Steps, each, fetch
from hairtrigger.store.settle import Ends, Settled
from hairtrigger.store.store import Store, one
from hairtrigger.store.tick import Change
from hairtrigger.store.watch import LOOK_MS
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import FinalStatus
from hairtrigger.wire.worker import Failure, Result

BATCH = 1_000
BLOBS = 100  # each may be large
FETCHED_MS = 600_000  # that a run waits for a worker which fetches the version it began on
OVERDUE_GRACE_MS = 20_000  # for the worker to stop the code itself, and to say so
IDLE_LANE_MS = 3_600_000
JUMP_MS = 5_000
SLOW = 4  # a tick of a fourth of the lease or longer is too slow to tell from it who is silent
TOLD_MS = 14 * 86_400_000  # how long is shown what alerts have sent
EXPIRED = RunError(
    Failure("Expired", "The run's ttl passed before it could start."), kind="STRING_ERROR"
)


class Clock:
    """Notices when the database's clock moves otherwise than time does."""

    def __init__(self, store: Store) -> None:
        self._wall, self._steady = store.now(), time.monotonic()

    def jump_ms(self, now: int) -> int:
        """By how many ms the clock has jumped since the last look."""
        steady = time.monotonic()
        jump = round((now - self._wall) - (steady - self._steady) * 1000)
        self._wall, self._steady = now, steady
        return jump


async def promote_due(store: Store) -> int:
    """Make delayed runs ready whose time has come."""

    def promote(catalog: Catalog, now: int) -> Steps[tuple[int, int | None]]:
        rows = yield fetch("due_live", now, BATCH)
        lanes: dict[int, int] = {}
        ready: list[Row] = []
        for run_id, lane, tracked, fence, ttl in rows:
            ready.append((run_id, now + ttl if ttl and not fence else None))
            catalog.lower(lane)
            if tracked:
                lanes[lane] = lanes.get(lane, 0) + 1
        yield each("make_ready", ready)
        yield each(
            "lane_moved", [(lane, 0, count, 0, now) for lane, count in sorted(lanes.items())]
        )
        following = yield fetch("next_due")
        return len(rows), following[0][0]

    following = await _peek(store, "next_due")
    if following is None or following > store.now():
        return _until(store, 0, following)
    count, following = await store.change(promote, lanes=None)
    if count:
        emit("runs.promoted", count=count)
    return _until(store, count, following)


async def expire(store: Store) -> int:
    """End runs whose ttl passed before they started."""

    def end(catalog: Catalog, now: int) -> Steps[tuple[list[int], int | None]]:
        rows = yield fetch("expired_live", now, BATCH)
        ends = Ends()
        for row in rows:
            settle.end(ends, row, Finish(FinalStatus.EXPIRED, error=EXPIRED), now)
        yield from settle.write_ends(catalog, ends, now)
        following = yield fetch("next_expiry")
        return [row[0] for row in rows], following[0][0]

    following = await _peek(store, "next_expiry")
    if following is None or following > store.now():
        return _until(store, 0, following)
    expired, following = await store.change(end, lanes=None)
    store.watch.tell(map(watch.run, expired))
    if expired:
        emit("runs.expired", count=len(expired))
    return _until(store, len(expired), following)


async def _peek(store: Store, name: str, *params: int) -> int | None:
    """The first value of a statement, looked at without a transaction that writes."""
    rows = await store.read(stores.one(name, *params), quick=True)
    found: int | None = rows[0][0] if rows else None
    return found


def _until(store: Store, count: int, following: int | None) -> int:
    if count == BATCH:
        return 0
    return LOOK_MS if following is None else max(1, min(LOOK_MS, following - store.now()))


async def rescue_lost(store: Store, clock: Clock, *, lease_ms: int) -> int:
    """Take runs back from workers whose lease is over, and end those that went on for far too long."""
    jump = clock.jump_ms(store.now())
    if abs(jump) > JUMP_MS or _kept_waiting(store, lease_ms):
        if abs(jump) > JUMP_MS:
            emit("clock.jumped", by_ms=jump)
        store.database.was_away, store.committer.tally.slowest = False, 0.0
        await give_full_leases(store, lease_ms=lease_ms)
        return LOOK_MS
    lost: list[tuple[int, Settled]] = []
    ends_at = await _peek(store, "next_lease_end")
    if ends_at is not None and ends_at < store.now():
        lost = await store.change(_sweep_silent(store, lease_ms), lanes=None)
    for worker, settled in lost:
        run = ids.public("run", settled.run_id)
        emit("lease.lost", run=run, attempt=settled.attempt, worker=ids.public("worker", worker))
    overdue: list[Settled] = []
    if await _peek(store, "overdue_live", store.now(), OVERDUE_GRACE_MS) is not None:
        overdue = await store.change(_end_overdue, lanes=None)
    attempts.tell(store, [*(settled for _, settled in lost), *overdue])
    if await _peek(store, "stranded_versions", store.now() - FETCHED_MS) is not None:
        await store.change(_unlock)
    return LOOK_MS


def _sweep_silent(store: Store, lease_ms: int) -> Change:
    """A sweep of the sessions that are silent; of none, when this had to wait for the database: so had they."""
    asked_at = store.now()

    def sweep(catalog: Catalog, now: int) -> Steps[list[tuple[int, Settled]]]:
        if now - asked_at > lease_ms / SLOW:
            store.database.was_away = True
        if store.database.is_away or _kept_waiting(store, lease_ms):
            return []
        return (yield from sessions.sweep_silent(catalog, now))

    return sweep


def _kept_waiting(store: Store, lease_ms: int) -> bool:
    """Whether workers may have asked in vain for their leases to be renewed: a renewal waits for two ticks."""
    return store.database.was_away or store.committer.tally.slowest * 1_000 > lease_ms / SLOW


async def give_full_leases(store: Store, *, lease_ms: int) -> None:
    """Give every session a full lease from now: while the server was away, nobody could renew."""

    def extend(_: Catalog, now: int) -> Steps[None]:
        yield fetch("give_full_leases", now + lease_ms)

    await store.change(extend)


async def keep(store: Store) -> int:
    """Give the database what it needs: its queue vacuumed, its partitions made, this server's number kept."""
    await store.database.keep()
    return 2_000


async def look(store: Store) -> int:
    """Look for what other servers made ready and this one was not told."""
    store.look()
    return round(LOOK_MS * (0.75 + random.random() / 2))  # noqa: S311 (so that servers do not look at once)


def _end_overdue(catalog: Catalog, now: int) -> Steps[list[Settled]]:
    ends = Ends()
    settled = []
    for row in (yield fetch("overdue_live", now, OVERDUE_GRACE_MS)):
        run = HandOut(row[7], row[6], row[8], 1, DEFAULT_POLICY)
        step = after_result(run, Result("", row[6], timed_out=True), 0)
        settle.end(ends, row, step, now, used_ms=now - row[10])
        settled.append(Settled("ok", step, row[0], row[7]))
    yield from settle.write_ends(catalog, ends, now)
    return settled


def _unlock(_: Catalog, now: int) -> Steps[None]:
    """A retry stays with the version it began on while a worker has it, or may come that fetches it; then it may
    move on."""
    yield fetch("unlock_versions", now - FETCHED_MS)


async def abort_batches(store: Store) -> int:
    """Give up on batches whose items did not arrive in time."""
    await store.change(lambda _, now: _aborted(now))
    return 60_000


def _aborted(now: int) -> Steps[None]:
    yield fetch("abort_batches", now - UNSEALED_MS, now)


async def prune(store: Store, *, retention_ms: int) -> int:
    """Forget what is over: expired keys and logins, idle lanes, and runs finished longer ago than
    ``retention_ms`` (0: keep them for ever). Comes back at once while there was more than one batch of
    anything."""
    until = await store.database.forget(store.now() - retention_ms) if retention_ms else 0
    cutoff = ids.first_at(until)

    def forget(catalog: Catalog, now: int) -> Steps[tuple[int, bool]]:
        yield from stats.forget(catalog, now)
        yield from plan_counts.gather_days(now)
        more = yield from _sweep(
            ("expired_keys", now, BATCH),
            ("expired_requests", now, BATCH),
            ("idle_lanes", now - IDLE_LANE_MS, BATCH),
            ("idle_debounces", BATCH),
            ("expired_logins", now, BATCH),
            ("expired_authorizations", now, BATCH),
            ("old_deliveries", now - TOLD_MS, BATCH),
            ("old_audit", ids.first_at(now - audit.KEPT_MS), BATCH),
        )
        if not retention_ms:
            return 0, more
        rows = yield fetch("old_runs", cutoff, now - retention_ms, BATCH)
        run_ids = [row[0] for row in rows]
        if run_ids:
            yield from _forget_runs(run_ids)
        older = yield from _sweep(
            ("orphan_uses", cutoff, BATCH),
            ("old_blobs", now - retention_ms, BLOBS),
            ("old_batches", cutoff, BATCH),
            ("orphan_items", cutoff, BATCH),
            ("old_error_runs", cutoff, BATCH),
            ("old_bulk_runs", cutoff, BATCH),
            ("old_bulk_actions", cutoff, BATCH),
        )
        return len(run_ids), more or older or len(run_ids) == BATCH

    pruned, more = await store.change(forget)
    if pruned:
        emit("runs.pruned", count=pruned)
    return LOOK_MS if more else 60_000


def _sweep(*deletions: tuple[Any, ...]) -> Steps[bool]:
    """Delete what is over, each as much as its last parameter says; whether one of them left some."""
    more = False
    for name, *params in deletions:
        rows = yield fetch(name, *params)
        more = more or len(rows) == params[-1]
    return more


def _forget_runs(run_ids: list[int]) -> Steps[None]:
    yield each("delete_tag", (yield fetch("tags_of_runs", run_ids)))
    for name in (
        "delete_results", "delete_attempts", "delete_changes", "delete_events", "delete_runs",
    ):  # fmt: skip
        yield fetch(name, run_ids)


async def counter_drift(store: Store) -> list[Row]:
    """Lanes whose counters differ from their rows: there is a bug if there is one."""
    rows: list[Row] = await store.read(one("counter_drift"))
    return [tuple(row)[:7] for row in rows]


async def repair_counters(store: Store, *, retention_ms: int = 0) -> int:
    """Set the counters of limits, and what the plan counts, to what their rows say; answers how many were wrong.

    Days of which retention may have forgotten runs stay as they are. Only a bug, or somebody who wrote into the
    database, can have made them differ.
    """

    def repair(_: Catalog, now: int) -> Steps[int]:
        since = plans.kept_from(now, retention_ms)
        days = yield fetch("usage_drift", plans.ORGANIZATION, since, ids.first_at(since))
        for day, counted, made in days:
            yield fetch("count_runs", plans.ORGANIZATION, day, made - counted)
        lanes = yield fetch("counter_drift")
        for row in lanes:
            yield fetch("set_counters", row[0], *tuple(row)[4:7])
        slots = yield fetch("slot_drift")
        for owner, _, running, _ in slots:
            yield fetch("set_slots", owner, running)
        return len(days) + len(lanes) + len(slots)

    count: int = await store.change(repair, lanes=None)
    if count:
        emit("counters.repaired", count=count)
    return count
