"""Handing out: the claim at the end of a tick.

A demand is what one worker session has room for. Ready runs of queues without a limit are taken lane by
lane in turns; those with a limit by open lanes in order of their turn, each at most its free slots and its
share. A queue at its limit is in no index that is read here, so 10,000 blocked keys cost nothing.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hairtrigger.errors import UnknownWorker
from hairtrigger.rules import queues
from hairtrigger.rules.queues import Lane
from hairtrigger.rules.run import RunOptions
from hairtrigger.store import settle
from hairtrigger.store.catalog import Catalog, VersionEntry
from hairtrigger.store.database import Row, Steps, each, fetch, gather
from hairtrigger.store.intake import write
from hairtrigger.store.rows import Rows
from hairtrigger.wire import ids
from hairtrigger.wire.packets import TYPES
from hairtrigger.wire.rates import Rate
from hairtrigger.wire.statuses import CHANGED, SUSPECT
from hairtrigger.wire.worker import RunInfo

_options = msgspec.json.Decoder(RunOptions)
_tags = msgspec.json.Decoder(list[str])
_NO_OPTIONS = RunOptions()
_HAND_OUT = 8  # columns of a claimed row that are of the hand-out, before those of the run
FRESH_MS = 5  # that claims in a row may be content with the runs that came in with them
LOOK_MS = 1_000  # a claim looks at all ready rows at least so often, else from the last claimed on


@dataclass(slots=True)
class Demand:
    """How many runs a worker session has room for."""

    env: int
    worker: int
    version: int
    want: int
    queues: frozenset[str] | None = None  # None: all
    looked_at: int = (
        0  # when its session was known to be there, or looked at because nothing was ready
    )


def claim(
    catalog: Catalog, demand: Demand, rows: Rows | None, now: int, turn: int
) -> Steps[list[RunInfo]]:
    """Hand out up to ``demand.want`` ready runs: marked as running, with all that an executor needs.

    Args:
        rows: What the transaction has made and not written yet. It is, before this looks at what is ready.
    Raises:
        UnknownWorker: the session has ended; nobody would ever notice that what it got is not being run.
    """
    while True:
        infos, lanes = yield from _claim(catalog, demand, rows, now, turn)
        if infos or (not lanes and now - demand.looked_at < LOOK_MS):
            break
        demand.looked_at = now
        found = yield fetch("session_lives", demand.worker)
        if not found:
            raise UnknownWorker("This worker session has ended. Register again.")
        version = found[0][0]
        if version == demand.version:
            break
        demand.version, demand.queues = version, decode_queues(found[0][1])  # on another server
    return infos


def _claim(
    catalog: Catalog, demand: Demand, rows: Rows | None, now: int, turn: int
) -> Steps[tuple[list[RunInfo], bool]]:
    """As ``claim``: nothing for a session that is not as the demand says. And whether anything was ready."""
    version = catalog.versions[demand.version]
    pinned_only = catalog.current.get(demand.env) != demand.version
    statement = "claim_pinned" if pinned_only else "claim"
    shared = yield from _shared_room(catalog, demand.env, now)
    is_content = not pinned_only and _is_content(catalog, demand, now)
    if rows is not None and not is_content:
        yield from write(catalog, rows, now)
    lanes = yield from _lanes(catalog, demand, shared, now, is_content=is_content)
    was_ready = bool(lanes)
    claimed: list[Row] = []
    taken = Counter[int]()
    while lanes and len(claimed) < demand.want:
        granted = queues.may_start(lanes, shared.queues, shared.env, demand.want - len(claimed))
        if rows is not None and rows.ready:
            found = rows.hand_out(granted, demand.worker, demand.version, now)
        else:
            found = yield gather(statement, [
                (demand.worker, now, demand.version, lane, n, _low(catalog, lane)) for lane, n in granted
            ])  # fmt: skip
        got = Counter(row[7] for row in found)
        claimed += found
        taken.update({lane: got[lane] for lane, _ in granted})
        for lane in lanes:
            shared.take(lane.queue, got[lane.id])
        short = {lane for lane, n in granted if got[lane] < n}
        catalog.fresh.drained |= short
        if not short:
            break  # whoever was given a share used it
        lanes = [  # what the short ones could not use is for the others
            Lane(lane.id, lane.queue, lane.room - got[lane.id])
            for lane in lanes if lane.id not in short
        ]  # fmt: skip
    if len(claimed) < demand.want and demand.queues is None and not pinned_only:
        catalog.calm.add(demand.env)
    yield from _count(catalog, demand.env, taken, shared, now, turn)
    if not claimed:
        return [], was_ready
    _remember(catalog, claimed)
    claimed.sort(key=lambda row: (row[4], row[0]))
    return (yield from _describe(catalog, version, claimed, now)), was_ready


def decode_queues(text: str | None) -> frozenset[str] | None:
    """The queues that a session of table ``workers`` serves; None for all."""
    return frozenset(_tags.decode(text)) if text else None


@dataclass(slots=True)
class _Room:
    """What the lanes of an environment share, and what a claim took of it."""

    queues: dict[int, int | None]
    env: int | None
    buckets: dict[int, tuple[int, int]]  # a queue's tokens, and the instant they are of
    taken: Counter[int] = field(default_factory=Counter)

    def take(self, queue: int, n: int) -> None:
        bound = self.queues.get(queue)
        if bound is not None:
            self.queues[queue] = bound - n
        if self.env is not None:
            self.env -= n
        self.taken[queue] += n


def _shared_room(catalog: Catalog, env: int, now: int) -> Steps[_Room]:
    """What may start over all keys of each queue that has such a bound, and in the environment."""
    limit = catalog.envs[env].limit
    bounded = [queue for queue in catalog.queues_of(env) if catalog.is_counted(queue)]
    if not bounded:
        return _Room({}, None, {})
    owners = [queue.id for queue in bounded] + ([-env] if limit.is_set else [])
    slots = {row[0]: row for row in (yield fetch("slots_of", owners))}
    room = _Room({}, None, {})
    for queue in bounded:
        _, running, tokens, tokens_at = slots.get(queue.id, (queue.id, 0, 0, 0))
        if queue.rate is not None:
            tokens, tokens_at = queues.refill(
                tokens, tokens_at, now, count=queue.rate.count, per_ms=queue.rate.per_ms
            )
            room.buckets[queue.id] = tokens, tokens_at
            _look_again(catalog, queue.rate, tokens, tokens_at)
        room.queues[queue.id] = limit.free_of_queue(
            running,
            total_limit=queue.total_limit,
            tokens=tokens if queue.rate is not None else None,
        )
    room.env = limit.free(slots[-env][1] if -env in slots else 0)
    return room


def _look_again(catalog: Catalog, rate: Rate, tokens: int, tokens_at: int) -> None:
    """Nobody tells of a token that has been earned: note when to look."""
    at = queues.next_start(tokens, tokens_at, count=rate.count, per_ms=rate.per_ms)
    if at > tokens_at:
        catalog.look_at = at if catalog.look_at is None else min(at, catalog.look_at)


def _lanes(
    catalog: Catalog, demand: Demand, shared: _Room, now: int, *, is_content: bool
) -> Steps[list[Lane]]:
    """The lanes to take from, in the order of their turns."""
    if not is_content:
        catalog.unlooked.pop(demand.env, None)
    served = [
        queue for queue in catalog.queues_of(demand.env)
        if not queue.paused and (demand.queues is None or queue.name in demand.queues)
        and shared.queues.get(queue.id) != 0
    ]  # fmt: skip
    if not served or shared.env == 0:
        return []
    # A queue that had no limit before, or has one no more, may have runs of both kinds.
    for queue in served:
        if now - queue.looked_at >= LOOK_MS:  # another server may have put something in front
            queue.low, queue.looked_at = 0, now
    lows: list[Any] = [[-queue.id for queue in served], [queue.low for queue in served]]
    if is_content:
        fresh = catalog.fresh.lanes.keys() - catalog.fresh.drained
        rows = [(-queue.id, queue.id, None, None) for queue in served if -queue.id in fresh]
    elif not catalog.is_laned(demand.env):
        rows = yield fetch("ready_lanes", *lows)
    elif len(served) == len(catalog.env_queues[demand.env]):
        rows = yield fetch("open_lanes", *lows, demand.env, demand.want + 50)
    else:
        ids_ = [queue.id for queue in served]
        rows = yield fetch("open_lanes_of", *lows, demand.env, demand.want + 50, ids_)
    found = [
        (catalog.queues[queue].turn if turn is None else turn, id_, queue,
         demand.want if room is None else room)
        for id_, queue, room, turn in rows
    ]  # fmt: skip
    return [Lane(id_, queue, room) for _, id_, queue, room in sorted(found)]


def _is_content(catalog: Catalog, demand: Demand, now: int) -> bool:
    """Whether a claim need not look for what is ready: nothing was left of it, and runs came in since. Whatever
    else has become ready is found by the next claim that looks, which comes soon."""
    env = demand.env
    came = any(-queue in catalog.fresh.lanes for queue in catalog.env_queues[env])
    is_calm = demand.queues is None and came and env in catalog.fresh.calm
    return is_calm and now - catalog.unlooked.setdefault(env, now) < FRESH_MS


def _low(catalog: Catalog, lane: int) -> int:
    return catalog.queues[-lane].low if lane < 0 else 0


def _remember(catalog: Catalog, claimed: list[Row]) -> None:
    """In front of what was claimed there is nothing more, but for what other servers put there."""
    for row in claimed:
        if row[7] < 0:
            queue = catalog.queues[-row[7]]
            queue.low = max(queue.low, row[4] - LOOK_MS)


def _count(
    catalog: Catalog, env: int, taken: Counter[int], shared: _Room, now: int, turn: int
) -> Steps[None]:
    """Keep the counters equal to the rows. A lane that had nothing for this worker steps back too, or it
    would bar the way."""
    for lane in taken:
        if lane < 0:
            catalog.queues[-lane].turn = turn
    tracked = [(lane, n, turn, now) for lane, n in sorted(taken.items()) if lane > 0]
    yield each("lane_claimed", tracked)
    if not shared.taken:
        return
    rows: list[Row] = []
    for queue, n in shared.taken.items():
        if n and catalog.is_counted(catalog.queues[queue]):
            tokens, tokens_at = shared.buckets.get(queue, (0, 0))
            spent = n * queues.MILLI if queue in shared.buckets else 0
            rows.append((queue, n, tokens - spent, tokens_at))
    if catalog.envs[env].limit.is_set:
        rows.append((-env, shared.taken.total(), 0, 0))
    yield each("slots_claimed", sorted(rows))


def _describe(
    catalog: Catalog, version: VersionEntry, claimed: list[Row], now: int
) -> Steps[list[RunInfo]]:
    if len(claimed[0]) > _HAND_OUT:  # PostgreSQL answers both at once
        rows = {row[0]: (row[0], *row[_HAND_OUT:]) for row in claimed}
    else:
        rows = {row[0]: row for row in (yield fetch("claimed_runs", [row[0] for row in claimed]))}
    changed = [row[0] for row in claimed if row[3] & CHANGED]
    changes = {row[0]: row for row in (yield fetch("changes_of", changed))} if changed else {}
    infos, held = [], []
    for hand_out in claimed:
        run = rows[hand_out[0]]
        if catalog.tasks[run[1]].name in version.tasks:
            infos.append(_info(catalog, version, hand_out, run, changes.get(hand_out[0])))
        else:  # the only version that knew this task is gone
            held.append(hand_out)
    yield each("hold_back", [(row[0], now) for row in held])
    lanes: dict[int, int] = defaultdict(int)
    for row in held:
        if row[7] > 0:
            lanes[row[7]] += 1
    for lane, count in lanes.items():
        yield fetch("lane_moved", lane, -count, 0, 0, now)
    if held:
        env = version.env
        yield from settle.free_slots(catalog, Counter((env, row[7]) for row in held))
    return infos


def _info(
    catalog: Catalog, version: VersionEntry, hand_out: Row, run: Row, change: Row | None
) -> RunInfo:
    run_id, fence, attempt, flags, _, started_at, usage_ms, _ = hand_out[:_HAND_OUT]
    (_, task_id, queue, ckey, created_at, payload, payload_type, tags, parent, root, batch, schedule,
     max_attempts, max_duration, opts) = run  # fmt: skip
    task = catalog.tasks[task_id]
    options = _options.decode(opts) if opts else _NO_OPTIONS
    metadata = options.metadata
    if change is not None:
        metadata = change[1] if change[1] is not None else metadata
        tags = change[2] or tags
        if change[5] is not None:
            payload, payload_type = change[4], change[5]
        max_attempts = change[6] or max_attempts
        max_duration = change[7] or max_duration
    return RunInfo(
        id=ids.public("run", run_id),
        lease=fence,
        attempt=attempt,
        task=task.name,
        max_attempts=max_attempts or version.tasks[task.name].retry.max_attempts,
        created_at=created_at,
        queue=catalog.queues[queue].name,
        version=version.name,
        payload=None if payload is None else (TYPES[payload_type], payload),
        max_duration_ms=max_duration,
        used_ms=usage_ms,
        tags=_tags.decode(tags) if tags else [],
        metadata=msgspec.UNSET if metadata is None else msgspec.Raw(metadata.encode()),
        parent=None if parent is None else ids.public("run", parent),
        root=None if root is None else ids.public("run", root),
        batch=None if batch is None else ids.public("batch", batch),
        schedule=None if schedule is None else ids.public("sched", schedule),
        idempotency_key=options.key_options.key if options.key_options else options.idempotency_key,
        concurrency_key=ckey,
        priority_ms=options.priority_ms,
        is_test=options.test,
        replay_of=None if options.replay_of is None else ids.public("run", options.replay_of),
        started_at=started_at if fence > 1 else None,
        isolated=bool(flags & SUSPECT),
        trace=options.trace,
    )
