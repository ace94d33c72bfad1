"""New runs enter here, a whole tick of them in one transaction.

A call is what one request asked for: all its runs are made, or found, or none is. Keys are looked up before
anything is written, and folded within the tick, so that two callers with one key get one run.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from hairtrigger.errors import Unprocessable
from hairtrigger.rules.run import RunOptions
from hairtrigger.store.allowance import Allowance
from hairtrigger.store.asking import Call, Debounce, Made, NewRun
from hairtrigger.store.catalog import Catalog, QueueEntry, TaskEntry
from hairtrigger.store.database import Conflict, Steps, each, fetch, gather
from hairtrigger.store.rows import LANE, STATE, TRACKED, Known, Rows
from hairtrigger.wire import ids, packets
from hairtrigger.wire.statuses import (
    CANCEL_REQUESTED,
    HAS_CHILDREN,
    HAS_KEY,
    IN_BATCH,
    FinalStatus,
    LiveState,
)

REQUEST_MEMORY_MS = 24 * 3_600_000
MAX_DEPTH = 100  # of runs that trigger runs
_STORE = packets.TYPES.index(packets.STORE)
_options = msgspec.json.Encoder()
_NO_OPTIONS = RunOptions()


def look_up(calls: list[Call], now: int) -> Steps[Known]:
    """What is remembered of these requests: what each has made before."""
    asked = {(call.env, name) for call in calls for name in _names(call)}
    found = (
        (yield gather("request_made", [(*name, now) for name in sorted(asked)])) if asked else []
    )
    return {(env, name): text for text, env, name in found}


def take(catalog: Catalog, calls: list[Call], known: Known, now: int) -> Steps[list[list[Made]]]:
    """Make what is asked for; one list of answers for each call. ``known``: see ``look_up``."""
    answers, rows = yield from prepare(catalog, calls, known, now)
    yield from write(catalog, rows, now)
    return answers


def prepare(
    catalog: Catalog, calls: list[Call], known: Known, now: int
) -> Steps[tuple[list[list[Made]], Rows]]:
    """As ``take``, but for the rows, which the caller has to ``write``."""
    rows = Rows(Allowance(catalog.plan, now), known_requests=known)
    yield from rows.allowance.reserve(calls)
    answers = []
    for call in calls:
        answers.append((yield from _take_call(catalog, call, rows, now)))
    yield from rows.allowance.settle()
    return answers, rows


def _names(call: Call) -> Iterator[str]:
    """Under which names a call is remembered, so that it makes nothing twice."""
    if call.request_key is not None:
        yield call.request_key
    if call.one_time is not None:
        yield call.one_time.name


def _take_call(catalog: Catalog, call: Call, rows: Rows, now: int) -> Steps[list[Made]]:
    known: dict[int, Made] = {}
    found: list[Made] | None = None
    if call.request_key is not None:
        found = _made_before(call, call.request_key, rows)
        known = {position: one for position, one in enumerate(found or ()) if one.id}
        if all(position in known for position in range(len(call.runs))):
            return [known[position] for position in range(len(call.runs))]
    if call.one_time is not None:
        name = call.env, call.one_time.name
        if name in rows.fresh_requests or name in rows.known_requests:
            return [Made(error=call.one_time.spent("trigger a task")) for _ in call.runs]
    parents = yield from _parents(call)
    made: list[Made] = []
    for position, run in enumerate(call.runs):
        if position in known:
            made.append(known[position])
        else:
            made.append((yield from _take_run(catalog, run, rows, parents, now)))
    if all(one.error is not None for one in made):
        return made  # what was refused is not remembered: mended, it may be asked for again
    if call.one_time is not None:
        rows.requests.append((call.env, call.one_time.name, "", call.one_time.expires_at, now))
        rows.fresh_requests[call.env, call.one_time.name] = []
    if call.request_key is not None:
        text = _text_of(made)
        if found is None:
            until = now + REQUEST_MEMORY_MS
            rows.requests.append((call.env, call.request_key, text, until, now))
        else:
            _, before = rows.again.get((call.env, call.request_key), ("", _text_of(found)))
            rows.again[call.env, call.request_key] = text, before
        rows.fresh_requests[call.env, call.request_key] = made
    return made


def _text_of(made: list[Made]) -> str:
    """What a request is remembered to have made."""
    return msgspec.json.encode([(one.id, one.cached) for one in made]).decode()


def _made_before(call: Call, request_key: str, rows: Rows) -> list[Made] | None:
    """What the same request made earlier; what it could not make has no id, and is tried again."""
    name = call.env, request_key
    fresh, known = rows.fresh_requests.get(name), rows.known_requests.get(name)
    if fresh is None and known is not None:
        return [Made(*one) for one in msgspec.json.decode(known)]
    return fresh


def _parents(call: Call) -> Steps[dict[int, tuple[int, int, bool, bool]]]:
    """For each parent named: its root, its depth, whether it has been cancelled, and is unfinished."""
    named = sorted({run.parent for run in call.runs if run.parent is not None})
    if not named:
        return {}
    found = yield fetch("parents", call.env, named)
    return {
        id_: (
            root,
            depth,
            bool(flags & CANCEL_REQUESTED) or final == FinalStatus.CANCELED,
            final is None,
        )
        for id_, root, depth, flags, final in found
    }


def _take_run(
    catalog: Catalog,
    run: NewRun,
    rows: Rows,
    parents: dict[int, tuple[int, int, bool, bool]],
    now: int,
) -> Steps[Made]:
    task = yield from catalog.need_task(run.env, run.task)
    if run.key is not None:
        existing = rows.fresh_keys.get((run.env, task.id, run.key))
        if existing is None:
            for row in (yield fetch("key_taken", run.env, task.id, run.key, now)):
                existing = row[0]
        if existing is not None:
            return Made(existing, cached=True)
    refused = rows.allowance.refusal(run.id)
    if refused is not None and run.debounce is None:
        return Made(error=refused)
    if run.payload_type == _STORE and not (yield from _store(run, now)):
        return Made(
            error=Unprocessable("The payload's storage path names nothing in this environment.")
        )
    if run.debounce is not None:
        yield from write(catalog, rows, now)  # an earlier call of this tick must be found
        moved = yield from _debounced(run, task, run.debounce, rows, now)
        if moved is not None:
            return Made(moved)
        if refused is not None:
            return Made(error=refused)
    root, depth = None, 0
    if run.parent is not None:
        if run.parent not in parents:
            return Made(error=Unprocessable("The parent run does not exist in this environment."))
        root, parent_depth, canceled, is_unfinished = parents[run.parent]
        if canceled:
            return Made(
                error=Unprocessable("The parent run was canceled: it can trigger no more runs.")
            )
        depth = parent_depth + 1
        if depth > MAX_DEPTH:
            return Made(error=Unprocessable(f"Runs are nested deeper than {MAX_DEPTH} levels."))
        if is_unfinished:
            rows.parents.add(run.parent)
    name = run.queue or catalog.queue_name(run.task, task.manifest)
    own = name == f"task/{run.task}"
    queue = yield from catalog.need_queue(run.env, name, declared=own)
    rows.allowance.take(run.id)
    ready = _add(catalog, run, task, queue, rows, root=root, depth=depth, now=now)
    if run.key is not None:
        rows.keys.append((run.env, task.id, run.key, run.id, now + run.key_ttl_ms, now))
        rows.fresh_keys[run.env, task.id, run.key] = run.id
    return Made(run.id, ready=ready)


def _add(
    catalog: Catalog,
    run: NewRun,
    task: TaskEntry,
    queue: QueueEntry,
    rows: Rows,
    *,
    root: int | None,
    depth: int,
    now: int,
) -> bool:
    """Put the rows of one run together; answers whether it is ready at once."""
    manifest = task.manifest
    ttl = run.ttl_ms
    if ttl is None:
        ttl = manifest.ttl_ms if manifest and manifest.ttl_ms is not None else run.default_ttl_ms
    max_duration = run.max_duration_ms
    if max_duration is None and manifest:
        max_duration = manifest.max_duration_ms
    options = run.options
    text = None
    if options is not None and options != _NO_OPTIONS:
        text = _options.encode(options).decode()
    rows.runs.append((
        run.id, run.env, task.id, queue.id, run.ckey, run.created_at, run.payload, run.payload_type,
        _options.encode(run.tags).decode() if run.tags else None, run.version, run.parent, root, run.batch,
        run.schedule, depth, run.max_attempts, max_duration, ttl, text,
    ))  # fmt: skip
    if run.payload_type == _STORE:
        rows.stored.append((run.id, run.env, run.payload))
    rows.tags.extend((run.env, tag, run.id) for tag in run.tags)
    state, at, expires = LiveState.READY, None, None
    if run.delay_until is not None and run.delay_until > now:
        state, at = LiveState.DELAYED, run.delay_until
    elif not is_known(catalog, task, queue, run.version):
        state = LiveState.HELD
    if at is None and ttl:
        expires = now + ttl
    flags = (HAS_KEY if run.key is not None else 0) | (IN_BATCH if run.batch is not None else 0)
    order_at = (at or run.created_at) - run.priority_ms
    live: list[Any] = [
        run.id, run.env, -queue.id, int(state), 0, order_at, at, expires, flags, run.version,
        task.id, None, 0, None, None,
    ]  # fmt: skip
    if queue.limit is None:
        rows.live.append(live)
        if state is LiveState.READY:
            catalog.lower(-queue.id, order_at)
            rows.ready[-queue.id].append((live, rows.runs[-1]))
    else:
        catalog.fresh.calm.clear()
        rows.tracked[queue.id, run.ckey or ""].append(live)
    return state is LiveState.READY


def _store(run: NewRun, now: int) -> Steps[bool]:
    """Put a payload apart, or keep the one that is there from being forgotten; False when there is none."""
    if run.stored is not None:
        yield fetch("put_blob", run.env, run.payload, run.stored.type, run.stored.body, now)
        return True
    return bool((yield fetch("need_blob", run.env, run.payload, now)))


def is_known(catalog: Catalog, task: TaskEntry, queue: QueueEntry, version: int | None) -> bool:
    """Whether some version of the code can run it: else the run is held until one comes."""
    if not queue.declared:
        return False
    pinned = catalog.versions[version] if version is not None else catalog.current_of(task.env)
    return pinned is not None and task.name in pinned.tasks


def _debounced(
    run: NewRun, task: TaskEntry, debounce: Debounce, rows: Rows, now: int
) -> Steps[int | None]:
    """Move the waiting run of the same key on; None when a new one is due."""
    found = yield fetch("debounced", run.env, task.id, debounce.key)
    before, latest, at = found[0] if found else (None, 0, None)
    until = now + debounce.delay_ms
    if before is not None and at is not None and until <= latest:
        run_id = int(before)
        if not (yield fetch("move_delayed", run_id, until)):
            raise Conflict("the debounced run has just become due")
        yield fetch("remember_delay", run_id, now, until)
        if debounce.trailing:
            if run.payload_type == _STORE:
                yield fetch("use_blob", run_id, run.env, run.payload)
            if run.tags:
                yield each("delete_tag", (yield fetch("tags_of_runs", [run_id])))
            yield fetch(
                "replace_payload", run_id, now, run.payload, run.payload_type or 0,
                run.options.metadata if run.options else None,
                _options.encode(run.tags).decode() if run.tags else None,
                run.max_attempts, run.max_duration_ms,
            )  # fmt: skip
            yield each("insert_tags", [(run.env, tag, run_id) for tag in run.tags])
        yield fetch("mark_changed", run_id)
        return run_id
    if rows.allowance.refusal(run.id) is not None:
        return None
    if run.delay_until is None:
        run.delay_until = until
    latest = now + debounce.latest_ms
    yield fetch("remember_debounce", run.env, task.id, debounce.key, run.id, latest, before)
    return None


def write(catalog: Catalog, rows: Rows, now: int) -> Steps[None]:
    """Write what has been put together, and forget it."""
    yield each("insert_runs", rows.runs)
    yield from _enter_lanes(catalog, rows, now)
    yield each("insert_live", rows.live)
    yield each("insert_tags", rows.tags)
    yield each("use_blob", rows.stored)
    # in their order: of two servers with the same keys one waits, and neither for the other
    yield each("take_key", sorted(rows.keys))
    yield each("remember_request", sorted(rows.requests))
    yield each("remember_again", [(*name, *texts) for name, texts in sorted(rows.again.items())])
    yield each("hold_sessions", sorted(rows.sessions))
    yield each("mark_parents", [(parent, HAS_CHILDREN) for parent in sorted(rows.parents)])
    rows.clear()


def _enter_lanes(catalog: Catalog, rows: Rows, now: int) -> Steps[None]:
    if not rows.tracked:
        return
    turn = ids.first_at(now)
    entering = []
    for (queue_id, ckey), members in sorted(rows.tracked.items()):
        queue = catalog.queues[queue_id]
        ready = sum(1 for live in members if live[STATE] == LiveState.READY)
        entering.append((
            queue.env, queue_id, ckey, queue.limit, ready, len(members), turn, int(queue.paused), now
        ))  # fmt: skip
    for queue_id, ckey, lane in (yield gather("enter_lane", entering)):
        for live in rows.tracked[queue_id, ckey]:
            live[LANE], live[TRACKED] = lane, 1
            rows.live.append(live)
