"""Handing out: the claim at the end of a tick.

A demand is what one worker session has room for. Ready runs of queues without a limit are taken lane by
lane in turns; those with a limit by open lanes in order of their turn, each at most its free slots and its
share. A queue at its limit is in no index that is read here, so 10,000 blocked keys cost nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from hairtrigger.errors import UnknownWorker
from hairtrigger.rules.run import RunOptions
from hairtrigger.store.catalog import Catalog, VersionEntry
from hairtrigger.store.database import Row, Steps, each, fetch
from hairtrigger.wire import ids
from hairtrigger.wire.packets import TYPES
from hairtrigger.wire.statuses import CHANGED, SUSPECT
from hairtrigger.wire.worker import RunInfo

_options = msgspec.json.Decoder(RunOptions)
_tags = msgspec.json.Decoder(list[str])
_NO_OPTIONS = RunOptions()


@dataclass(slots=True)
class Demand:
    """How many runs a worker session has room for."""

    env: int
    worker: int
    version: int
    want: int
    queues: frozenset[str] | None = None  # None: all


def claim(catalog: Catalog, demand: Demand, now: int, turn: int) -> Steps[list[RunInfo]]:
    """Hand out up to ``demand.want`` ready runs: marked as running, with all that an executor needs.

    Raises:
        UnknownWorker: the session has ended; nobody would ever notice that what it got is not being run.
    """
    if not (yield fetch("session_lives", demand.worker)):
        raise UnknownWorker("This worker session has ended. Register again.")
    version = catalog.versions[demand.version]
    pinned_only = catalog.current.get(demand.env) != demand.version
    statement = "claim_pinned" if pinned_only else "claim"
    claimed: list[Row] = []
    for lane, room in (yield from _lanes(catalog, demand)):
        n = min(room, demand.want - len(claimed))
        if n <= 0:
            break
        rows = yield fetch(statement, demand.worker, now, demand.version, lane, n)
        claimed += rows
        if lane < 0:
            catalog.queues[-lane].turn = turn
        else:  # one that had nothing for this worker steps back too, or it would bar the way
            yield fetch("lane_claimed", lane, len(rows), turn, now)
    if not claimed:
        return []
    claimed.sort(key=lambda row: (row[4], row[0]))
    return (yield from _describe(catalog, version, claimed, now))


def _lanes(catalog: Catalog, demand: Demand) -> Steps[Iterable[tuple[int, int]]]:
    """The lanes to take from, in order, each with how many at most."""
    queues = [
        queue for queue in map(catalog.queues.__getitem__, catalog.env_queues.get(demand.env, ()))
        if not queue.paused and (demand.queues is None or queue.name in demand.queues)
    ]  # fmt: skip
    if not queues:
        return ()
    # A queue that had no limit before, or has one no more, may have runs of both kinds.
    found = [
        (catalog.queues[-row[0]].turn, row[0], demand.want)
        for row in (yield fetch("ready_lanes", [-queue.id for queue in queues]))
    ]
    if demand.queues is None:
        opened = yield fetch("open_lanes", demand.env, demand.want + 50)
    else:
        served = [queue.id for queue in queues]
        opened = yield fetch("open_lanes_of", demand.env, demand.want + 50, served)
    found += [(row[3], row[0], min(row[1], row[2])) for row in opened]
    found.sort()
    return _dealt([(lane, room) for _, lane, room in found], demand.want)


def _dealt(lanes: list[tuple[int, int]], want: int) -> Iterable[tuple[int, int]]:
    """A fair share for every lane first, then whatever is left to whoever has more."""
    if len(lanes) > 1:
        share = max(1, want // len(lanes))
        yield from ((lane, min(room, share)) for lane, room in lanes)
        lanes = [(lane, room - share) for lane, room in lanes if room > share]
    yield from lanes


def _describe(
    catalog: Catalog, version: VersionEntry, claimed: list[Row], now: int
) -> Steps[list[RunInfo]]:
    run_ids = [row[0] for row in claimed]
    rows = {row[0]: row for row in (yield fetch("claimed_runs", run_ids))}
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
    return infos


def _info(
    catalog: Catalog, version: VersionEntry, hand_out: Row, run: Row, change: Row | None
) -> RunInfo:
    run_id, fence, attempt, flags, _, started_at, usage_ms, _ = hand_out
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
