"""The end of hand-outs: a tick of reports, or of runs whose worker fell silent, in one transaction.

Whoever reports names session and fence; a row that has moved on refuses him ("lost"), and a report that was
settled before is told "ok" again. Slots, batches, keys and metadata follow in the same transaction.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import random

import msgspec

from hairtrigger.errors import HairtriggerError
from hairtrigger.rules import attempts, limits
from hairtrigger.rules.attempts import Again, Finish, HandOut, Step
from hairtrigger.rules.run import RunOptions
from hairtrigger.store.catalog import DEFAULT_POLICY, Catalog
from hairtrigger.store.database import Row, Steps, each, fetch, gather, put
from hairtrigger.store.stats import Finished
from hairtrigger.wire import metadata
from hairtrigger.wire.packets import TYPES
from hairtrigger.wire.statuses import (
    HAS_KEY,
    IN_BATCH,
    RELEASES_KEY,
    REPORTED,
    SUSPECT,
    FinalStatus,
    LiveState,
)
from hairtrigger.wire.worker import Packet, Result

_encode = msgspec.json.Encoder().encode
_options = msgspec.json.Decoder(RunOptions)
_TYPE = {name: position for position, name in enumerate(TYPES)}
_COMPLETED = 10  # columns of a row of ``complete`` that every database answers


@dataclass(slots=True)
class Settle:
    """A worker's word on a run that it holds."""

    run_id: int
    env: int
    worker: int
    fence: int
    result: Result


@dataclass(slots=True)
class Settled:
    """What came of it. ``step`` is None when the report was refused or known already."""

    verdict: str
    step: Step | None = None
    run_id: int = 0
    attempt: int = 0


@dataclass(slots=True)
class Ends:
    """What a tick of ends will write, by table."""

    gone: list[Row] = field(default_factory=list)
    results: list[Row] = field(default_factory=list)
    back: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    lanes: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    stopped: Counter[tuple[int, int]] = field(default_factory=Counter)  # (environment, lane)
    release_keys: list[int] = field(default_factory=list)
    in_batches: list[int] = field(default_factory=list)
    ready: list[tuple[int, int]] = field(
        default_factory=list
    )  # (lane, order_at) of what goes back at once
    finished: Finished = field(default_factory=Finished)


def settle(catalog: Catalog, items: list[Settle], now: int) -> Steps[list[Settled]]:
    """Settle reports, in order."""
    ends = Ends()
    first = {item.run_id: item for item in reversed(items)}
    done = [item for item in first.values() if item.result.done is not None]
    completed = yield from _complete(ends, done, now)
    answers = [
        completed.pop(item.run_id) if item.run_id in completed else Settled("lost")
        for item in items
    ]
    others = [ix for ix, answer in enumerate(answers) if answer.step is None]
    if others:
        yield from _decide(catalog, ends, items, answers, others, now)
    changes = [
        (item.run_id, item.result.metadata)
        for item, answer in zip(items, answers, strict=True)
        if item.result.metadata and answer.step is not None
    ]
    yield from write_ends(catalog, ends, now)
    if changes:  # afterwards: it marks the rows that the ends were read from
        yield from change_metadata(changes, now, lenient=True)
    return answers


def _complete(ends: Ends, items: list[Settle], now: int) -> Steps[dict[int, Settled]]:
    """What is plainly done, by run, in one statement: most reports are that. It is ``after_result`` for a run
    whose row is as its worker believes and which nobody cancels; what is not answered has to be decided."""
    outputs = {
        item.run_id: item.result.done if isinstance(item.result.done, tuple) else None
        for item in items
    }
    rows = yield gather("complete", sorted(
        (item.run_id, item.worker, item.fence, now, item.result.used_ms, *_stored(outputs[item.run_id]))
        for item in items
    ))  # fmt: skip
    answers: dict[int, Settled] = {}
    for row in rows:
        run_id, env, lane, tracked, attempt, flags, task, order_at, started_at, fence, *_ = row
        if len(row) > _COMPLETED:  # SQLite leaves the rest to us
            ends.results.append(row[_COMPLETED:])
        ready_at = order_at if fence == 1 else None
        ends.finished.add(env, task, run_id, FinalStatus.COMPLETED, now, started_at, ready_at)
        ends.stopped[env, lane] += 1
        if tracked:
            _move(ends, lane, LiveState.RUNNING, None)
        if flags & IN_BATCH:
            ends.in_batches.append(run_id)
        step = Finish(FinalStatus.COMPLETED, output=outputs[run_id])
        answers[run_id] = Settled("ok", step, run_id, attempt)
    return answers


def _stored(output: Packet | None) -> tuple[str | None, int | None]:
    return (None, None) if output is None else (output[1], _TYPE[output[0]])


def _decide(
    catalog: Catalog, ends: Ends, items: list[Settle], answers: list[Settled], others: list[int], now: int
) -> Steps[None]:  # fmt: skip
    """Settle those at these positions, in order."""
    rows = {row[0]: row for row in (yield fetch("handed_out", [items[ix].run_id for ix in others]))}
    needed = [items[ix].run_id for ix in others if items[ix].result.done is None]
    policies = yield from policies_of(needed)
    missing: list[int] = []
    for ix in others:
        item = items[ix]
        row = rows.get(item.run_id)
        if (
            row is None
            or row[5] != item.worker
            or row[6] != item.fence
            or row[4] != LiveState.RUNNING
        ):
            missing.append(ix)
            continue
        step = attempts.after_result(hand_out(catalog, row, policies), item.result, random())  # noqa: S311
        end(ends, row, step, now, used_ms=item.result.used_ms, reported=True)
        del rows[item.run_id]
        answers[ix] = Settled("ok", step, item.run_id, row[7])
    if missing:
        yield from _know_repeats(items, answers, missing)


def policies_of(run_ids: list[int]) -> Steps[dict[int, Row]]:
    """Task and own attempt limit of runs whose end is not a plain success."""
    if not run_ids:
        return {}
    found = yield fetch("policies_of", run_ids)
    return {row[0]: row for row in found}


def hand_out(catalog: Catalog, row: Row, policies: dict[int, Row]) -> HandOut:
    """A row of ``handed_out`` as the rules know it."""
    policy, limit = DEFAULT_POLICY, None
    if row[0] in policies:
        _, task_id, limit = policies[row[0]]
        task, version = catalog.tasks[task_id], catalog.versions.get(row[12])
        manifest = version.tasks.get(task.name) if version is not None else None
        policy = manifest.retry if manifest is not None else task.policy
    return HandOut(row[7], row[6], row[8], limit or policy.max_attempts, policy)


def end(
    ends: Ends, row: Row, step: Step, now: int, *, used_ms: int = 0, reported: bool = False
) -> None:
    """Note what the end of one hand-out writes. ``row`` is one of ``handed_out``; ``reported`` says that
    its worker told us."""
    (run_id, env, lane, tracked, state, worker, fence, attempt, flags, started_at, claimed_at, usage_ms,
     version, order_at, task) = row  # fmt: skip
    usage_ms += used_ms
    was_running = state == LiveState.RUNNING
    believed = (run_id, fence, state, flags)
    if was_running:
        ends.stopped[env, lane] += 1
    match step:
        case Finish(status, output, error):
            begun = attempt if was_running or not fence else attempt - 1
            ends.gone.append(believed)
            ready_at = order_at if fence == 1 else None
            ends.finished.add(env, task, run_id, status, now, started_at, ready_at)
            ends.results.append((
                run_id, env, int(status), begun if fence else 0, fence, started_at, now, usage_ms, version,
                *_stored(output),
                None if error is None else _encode(error).decode(), flags | REPORTED if reported else flags,
                claimed_at if was_running else None,
            ))  # fmt: skip
            if tracked:
                _move(ends, lane, state, None)
            if flags & HAS_KEY and status in RELEASES_KEY:
                ends.release_keys.append(run_id)
            if flags & IN_BATCH:
                ends.in_batches.append(run_id)
        case Again(delay_ms, attempt_used, reason, error, suspect):
            after = LiveState.DELAYED if delay_ms > 0 else LiveState.READY
            ends.back.append((
                *believed, int(after), now + delay_ms if delay_ms > 0 else None, attempt + attempt_used,
                SUSPECT if suspect else 0, usage_ms,
            ))  # fmt: skip
            ends.attempts.append((
                run_id, attempt, fence, worker, claimed_at, now, reason,
                None if error is None else _encode(error).decode(),
            ))  # fmt: skip
            if tracked:
                _move(ends, lane, state, after)
            elif after == LiveState.READY:
                ends.ready.append((lane, order_at))


def _move(ends: Ends, lane: int, before: int, after: int | None) -> None:
    """Keep a lane's counters equal to its rows: running, queued, all."""
    counters = ends.lanes[lane]
    counters[0] -= before == LiveState.RUNNING
    counters[1] += (after == LiveState.READY) - (before == LiveState.READY)
    counters[2] -= after is None


def write_ends(catalog: Catalog, ends: Ends, now: int) -> Steps[None]:
    """Write what was noted."""
    yield each("delete_live", ends.gone)
    yield each("insert_results", ends.results)
    yield each("insert_deltas", ends.finished.rows())
    yield each("send_back", ends.back)
    for lane, order_at in ends.ready:
        catalog.lower(lane, order_at)
    yield each("insert_attempts", ends.attempts)
    if ends.lanes:
        catalog.fresh.calm.clear()
    yield each("lane_moved", [(lane, *counts, now) for lane, counts in sorted(ends.lanes.items())])
    yield from free_slots(catalog, ends.stopped)
    if ends.in_batches:
        yield put("batch_finished", ends.in_batches, now)
    if ends.release_keys:
        found = yield fetch("keys_of", ends.release_keys)
        yield each("release_key", [
            (env, task, _options.decode(opts).idempotency_key, run_id) for run_id, env, task, opts in found
        ])  # fmt: skip


def free_slots(catalog: Catalog, stopped: Counter[tuple[int, int]]) -> Steps[None]:
    """Give back what queues count over all their keys, and environments."""
    counted = {
        env: any(map(catalog.is_counted, catalog.queues_of(env)))
        for env in {env for env, _ in stopped}
    }
    tracked = [lane for env, lane in stopped if lane > 0 and counted[env]]
    rows = (yield fetch("queues_of_lanes", tracked)) if tracked else []
    queues: dict[int, int] = {row[0]: row[1] for row in rows}
    freed = Counter[int]()
    for (env, lane), n in stopped.items():
        if counted[env]:
            freed[-lane if lane < 0 else queues[lane]] += n
            freed[-env] += n
    if freed:
        catalog.fresh.calm.clear()
    yield each("slots_freed", sorted(freed.items()))


def _know_repeats(items: list[Settle], answers: list[Settled], missing: list[int]) -> Steps[None]:
    """A report that was settled before is "ok": its answer was lost, not its result."""
    found = yield fetch("settled_before", [items[ix].run_id for ix in missing])
    known = {(run_id, fence) for run_id, fence in found}
    here = {(answer.run_id, items[ix].fence) for ix, answer in enumerate(answers) if answer.step}
    for ix in missing:
        item = items[ix]
        if (item.run_id, item.fence) in known or (item.run_id, item.fence) in here:
            answers[ix] = Settled("ok")


def change_metadata(
    changes: list[tuple[int, list[dict[str, object]]]], now: int, *, lenient: bool = False
) -> Steps[dict[int, str]]:
    """Apply operations to the metadata of runs; answers the whole text of each afterwards.

    ``lenient`` leaves out what cannot be applied: a result must not be lost for it.

    Raises:
        BadRequest, TooLarge: unless lenient; nothing was written.
    """
    rows = yield fetch("metadata_of", [run_id for run_id, _ in changes])
    current: dict[int, str] = {}
    before: dict[int, str | None] = {}
    for run_id, opts, changed in rows:
        given = _options.decode(opts).metadata if opts else None
        current[run_id], before[run_id] = changed if changed is not None else given or "{}", changed
    for run_id, operations in changes:
        if run_id not in current:
            continue
        try:
            text = metadata.apply(current[run_id], operations)
            limits.check_metadata(text)
        except HairtriggerError:
            if not lenient:
                raise
        else:
            current[run_id] = text
    yield each(
        "change_metadata", [(id_, now, text, before[id_]) for id_, text in sorted(current.items())]
    )
    yield each("mark_changed", [(run_id,) for run_id in current])
    return current


__all__ = [
    "Ends", "FinalStatus", "Settle", "Settled", "change_metadata", "end", "free_slots", "hand_out",
    "policies_of", "settle", "write_ends",
]  # fmt: skip
