"""What ``verify`` decides of lanes, batches, keys, schedules, tags, and rows that belong to nobody."""

from typing import NamedTuple

import msgspec

from hairtrigger.rules.run import RunOptions
from hairtrigger.rules.verify import Violation
from hairtrigger.wire import durations, ids
from hairtrigger.wire.statuses import RELEASES_KEY

EARLY_MS = 1_000  # by which clocks of two servers may differ
_options = msgspec.json.Decoder(RunOptions)
_tags = msgspec.json.Decoder(list[str])
_PREFIXES = {"batch_items": "batch", "workers": "worker"}  # of those that name no run


class Drift(NamedTuple):
    """A lane whose counters differ from its rows: what it says, and what is."""

    lane: int
    running: int
    queued: int
    runs: int
    is_running: int
    is_queued: int
    are_runs: int
    queue: str
    ckey: str


def counters(row: Drift) -> list[Violation]:
    pairs = (
        ("running", row.running, row.is_running),
        ("queued", row.queued, row.is_queued),
        ("unfinished", row.runs, row.are_runs),
    )
    subject = row.queue + (f" (key {row.ckey})" if row.ckey else "")
    return [
        Violation("counters", subject, f"counts {said} {what}, its rows are {real}")
        for what, said, real in pairs
        if said != real
    ]


def slots(owner: int, running: int, is_running: int, owner_name: str) -> list[Violation]:
    """Judge what is counted over all keys of a queue, or in an environment, when it differs from the rows."""
    subject = owner_name if owner > 0 else f"environment {owner_name}"
    text = f"counts {running} running over all keys, its rows are {is_running}"
    return [Violation("counters", subject, text)]


def usage(day: int, counted: int, made: int) -> list[Violation]:
    """Judge what the plan counts of a day (ms), when it differs from the runs that were made on it."""
    return [Violation("usage", durations.iso(day)[:10], f"counts {counted} runs, there are {made}")]


class BatchRow(NamedTuple):
    """A batch, and what its items say when they are counted."""

    id: int
    env: int
    total: int
    made: int
    open: int
    sealed: int
    aborted: int
    finished_at: int | None
    items: int
    unfinished: int  # runs that it made and that are not over
    beyond: int  # items whose index is not below the total
    unclear: int  # items that have both a run and an error, or neither
    foreign: int  # items whose run is of another environment
    lost: int  # items whose run does not exist, and cannot have been forgotten by retention


def batch(row: BatchRow) -> list[Violation]:
    found: list[str] = []
    if row.made != row.items:
        found.append(f"says it has {row.made} items, there are {row.items}")
    if row.open != row.unfinished:
        found.append(f"counts {row.open} unfinished runs, there are {row.unfinished}")
    if bool(row.sealed) != (row.made >= row.total):
        found.append(f"is {'' if row.sealed else 'not '}sealed with {row.made} of {row.total}")
    over = bool(row.aborted or (row.sealed and not row.open))
    if over != (row.finished_at is not None):
        found.append("is over without an end" if over else "has an end and is not over")
    for count, what in (
        (row.beyond, "beyond its count"),
        (row.unclear, "with neither a run nor an error, or with both"),
        (row.foreign, "with a run of another environment"),
        (row.lost, "with a run that does not exist"),
    ):
        if count:
            found.append(f"has {count} items {what}")
    return [Violation("batches", ids.public("batch", row.id), text) for text in found]


def member(run_id: int, batch_id: int, batch_env: int | None, *, listed: bool) -> list[Violation]:
    """Judge a run that names a batch, which retention cannot have forgotten."""
    if listed:
        return []
    what = "which does not list it" if batch_env is not None else "which does not exist"
    text = f"is of {ids.public('batch', batch_id)}, {what}"
    return [Violation("batches", ids.public("run", run_id), text)]


class KeyRow(NamedTuple):
    """An idempotency key that is in force, and the run that it names."""

    env: int
    task: int
    key: str
    run_id: int
    run_env: int | None
    run_task: int | None
    schedule: int | None
    opts: str | None
    status: int | None
    released: int | None


def key(row: KeyRow, kept_from: int) -> list[Violation]:
    run = ids.public("run", row.run_id)
    if row.run_env is None:
        if row.run_id < kept_from:
            return []
        return [Violation("keys", run, f"is named by the key {row.key!r}, but does not exist")]
    found: list[str] = []
    if (row.run_env, row.run_task) != (row.env, row.task):
        found.append("is of another environment or task than")
    if row.schedule is not None:
        if row.key.partition("@")[0] != f"schedule:{row.schedule}":
            found.append("is not of the schedule of")
    else:
        options = _options.decode(row.opts) if row.opts else RunOptions()
        if options.idempotency_key != row.key:
            found.append("was not triggered with")
        if row.status in RELEASES_KEY or row.released:
            found.append("has released, but is still named by,")
    return [Violation("keys", run, f"{text} the key {row.key!r}") for text in found]


class _Times(msgspec.Struct):
    timestamp: str = ""


class _Tick(msgspec.Struct):
    json: _Times


_tick = msgspec.json.Decoder(_Tick)


class Ticks:
    """Judges the runs of schedules, which come in the order of (schedule, run)."""

    def __init__(self) -> None:
        self._schedule = -1
        self._times: dict[int, int] = {}  # of one schedule: nominal time -> run

    def see(self, schedule: int, run_id: int, created_at: int, payload: str) -> list[Violation]:
        run = ids.public("run", run_id)
        try:
            at = durations.parse_instant(_tick.decode(payload).json.timestamp)
        except ValueError:
            at = None
        if at is None:
            return [Violation("ticks", run, "is a schedule's, but has no time in its payload")]
        if schedule != self._schedule:
            self._schedule, self._times = schedule, {}
        first = self._times.setdefault(at, run_id)
        found: list[str] = []
        if first != run_id:
            name = ids.public("sched", schedule)
            found.append(
                f"is the second run of {name} for {durations.iso(at)}: {ids.public('run', first)} was first"
            )
        if created_at < at - EARLY_MS:
            found.append(f"was made {at - created_at} ms before its time {durations.iso(at)}")
        return [Violation("ticks", run, text) for text in found]


def tag(env: int, text: str, run_id: int, run_env: int | None, tags: str | None) -> list[Violation]:
    """Judge one row of the index of tags."""
    run = ids.public("run", run_id)
    if run_env is None:
        return [Violation("tags", run, f"has the tag {text!r}, but does not exist")]
    if run_env != env:
        return [Violation("tags", run, f"has the tag {text!r} in another environment than its own")]
    if text not in (_tags.decode(tags) if tags else ()):
        return [Violation("tags", run, f"is found by the tag {text!r}, which it does not have")]
    return []


def stray(table: str, number: int) -> list[Violation]:
    """Judge a row that belongs to nobody: always one too many."""
    prefix = _PREFIXES.get(table, "run")
    text = (
        f"has a row in {table}, but {'waits for nothing' if table == 'waits' else 'does not exist'}"
    )
    return [Violation("strays", ids.public(prefix, number), text)]


def overdue(what: str, number: int, at: int, now: int) -> list[Violation]:
    """Judge what was due more than a minute ago."""
    prefix = "worker" if what == "lease" else "run"
    late = durations.to_text(now - at)
    return [Violation("due", ids.public(prefix, number), f"its {what} was over {late} ago")]
