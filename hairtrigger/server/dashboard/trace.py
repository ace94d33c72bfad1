"""A trace and its log lines as the islands of the run page take them: columns, so that 2,000 spans are 20 kB.

Pure: what the engine found comes in, what is encoded as JSON goes out. A row is a run, an attempt, a wait, a
batch of runs or a span; rows stand in the order of the tree, parents first. Source of the names of attributes
by which spans get their kind: OpenTelemetry's semantic conventions.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from hairtrigger.engine.traces import Lines, Trace
from hairtrigger.rules.tree import NOT_BEGUN, SHORT, HandOut, Member, Written, short
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import LiveState

MIN_WAIT_MS = 10  # shorter waits are not told
_CACHES = frozenset({"redis", "valkey", "memcached", "dragonfly", "keydb"})
_KINDS = (
    ("cache", ("cache.",)),
    ("db", ("db.",)),
    ("net", ("http.", "url.", "rpc.", "messaging.", "server.address", "net.peer.")),
    ("cpu", ("cpu.", "process.cpu.")),
)
_BLANK = " " * SHORT
_WAITS = {
    LiveState.DELAYED: "Delayed", LiveState.READY: "Queued", LiveState.HELD: "Waiting for a version",
}  # fmt: skip


class Spans(msgspec.Struct):
    """Rows by column. ``start`` and ``ms`` count from the trace's start; ``ms`` is null while a row is open.

    ``parent`` is a row's place in this answer, -1 for the first. A span whose parent is not told here (it is
    still open, or was told before) stands under its attempt; ``under`` has its parent's id, by place. ``ids``
    has those of spans and batches behind each other, ``SHORT`` characters for each row. What names a row for
    good is its run and, of a span, ``fence`` (the hand-out) and ``seq``; of an attempt and a wait, kind and
    ``fence``; of a batch, its id.
    """

    ids: str = ""
    parent: list[int] = []
    under: dict[int, str] = {}
    kind: list[str] = []
    name: list[str] = []
    detail: list[str] = []
    start: list[int] = []
    ms: list[float | None] = []
    error: list[int] = []
    run: list[int] = []
    fence: list[int] = []
    seq: list[int] = []


class Marks(msgspec.Struct):
    """Warnings (``error`` 0) and errors among the log lines, by column; ``span`` as the id of a span."""

    run: list[int] = []
    fence: list[int] = []
    seq: list[int] = []
    at: list[int] = []
    error: list[int] = []
    span: list[str] = []


class TraceRun(msgspec.Struct):
    id: str
    task: str
    status: str


class TraceAnswer(msgspec.Struct):
    """A trace, or what is new in it. ``start`` and ``now`` in ms since 1970."""

    start: int
    now: int
    live: bool
    cursor: str
    truncated: bool
    runs: list[TraceRun]
    spans: Spans
    marks: Marks


class LineColumns(msgspec.Struct):
    """Log lines by column; ``at`` in ms from the trace's start."""

    run: list[int] = []
    fence: list[int] = []
    seq: list[int] = []
    at: list[int] = []
    level: list[str] = []
    message: list[str] = []
    span: list[str] = []
    attributes: list[msgspec.Raw] = []


class LinesAnswer(msgspec.Struct):
    """A page of log lines. ``more``: the next page has some already; ``looked``: rows read for this one."""

    start: int
    live: bool
    cursor: str
    more: bool
    looked: int
    runs: list[TraceRun]
    lines: LineColumns


@dataclass(slots=True)
class _Row:
    kind: str
    name: str
    start: int
    end: float | None
    run: int
    detail: str = ""
    error: bool = False
    fence: int = 0
    seq: int = 0
    id: str = ""
    under: str = ""
    children: "list[_Row]" = field(default_factory=list)


def answer(found: Trace) -> TraceAnswer:
    """What the trace island draws."""
    root = found.runs[0]
    told = _told(found)
    rows = _structure(found, told)
    _add_spans(found.spans, rows)
    places: dict[int, int] = {}
    walked = list(_walk(rows[root.id, "run"]))
    columns = _columns([row for row, _ in walked], root.created_at, places)
    columns.parent = [parent for _, parent in walked]
    marks = _marks(found.marks, root.created_at, places)
    return TraceAnswer(
        root.created_at, found.now, found.is_live, found.cursor, found.truncated,
        _runs(found.runs, places), columns, marks,
    )  # fmt: skip


def lines(found: Lines, start: int) -> LinesAnswer:
    """What the log island shows. ``start``: of the page's trace, in ms since 1970."""
    places: dict[int, int] = {}
    columns = LineColumns()
    for line in found.lines:
        said = line.said
        columns.run.append(places.setdefault(line.run, len(places)))
        columns.fence.append(line.fence)
        columns.seq.append(line.seq)
        columns.at.append(said.at - start)
        columns.level.append(said.level)
        columns.message.append(said.message)
        columns.span.append(_short(said.span))
        columns.attributes.append(said.attributes)
    return LinesAnswer(
        start,
        found.is_live,
        found.cursor,
        found.more,
        found.looked,
        _runs(found.runs, places),
        columns,
    )


def kind_of(attributes: Mapping[str, Any] | None) -> str:
    """The kind of a span: cache, db, net or cpu by the names of its attributes, else span."""
    if not attributes:
        return "span"
    kind = _by_names(tuple(attributes))
    is_cache = (
        kind == "db" and attributes.get("db.system", attributes.get("db.system.name")) in _CACHES
    )
    return "cache" if is_cache else kind


@lru_cache(4_096)
def _by_names(names: tuple[str, ...]) -> str:
    """The kind that names of attributes tell of; few sets of them are ever used."""
    kinds = (
        kind for kind, beginnings in _KINDS if any(name.startswith(beginnings) for name in names)
    )
    return next(kinds, "span")


def _told(found: Trace) -> set[int]:
    """The runs whose rows are told: what is new, and all above it, so that everything has a place."""
    by_id = {one.id: one for one in found.runs}
    told = {found.runs[0].id}
    for number in (
        found.is_new | {span.run for span in found.spans} | {mark.run for mark in found.marks}
    ):
        above: int | None = number
        while above is not None and above in by_id and above not in told:
            told.add(above)
            above = by_id[above].parent
    return told


def _structure(found: Trace, told: set[int]) -> dict[tuple[int, str], _Row]:
    """The rows of runs, waits, attempts and batches, by run and id, each in its place."""
    rows: dict[tuple[int, str], _Row] = {}
    by_id = {one.id: one for one in found.runs}
    written = {(span.run, span.fence) for span in found.spans}
    batches = _batches(found.runs)
    for one in found.runs:
        if one.id not in told:
            continue
        row = _Row("run", one.task, one.created_at, one.ended_at, one.id, _detail(one), one.is_bad)
        rows[one.id, "run"] = row
        row.children += _waits(one)
        for out in one.hand_outs:
            if out.reason != NOT_BEGUN or (one.id, out.fence) in written:
                rows[one.id, f"a{out.fence}"] = attempt = _attempt(one, out)
                row.children.append(attempt)
        parent = by_id.get(one.parent or 0)
        if parent is not None:
            _place(one, row, parent, rows, batches)
    return rows


def _place(
    one: Member, row: _Row, parent: Member, rows: dict[tuple[int, str], _Row], batches: "_Batches"
) -> None:
    """Under the attempt that ran when it was triggered; with the others of its batch, when it has one."""
    if one.batch is None:
        _attempt_at(parent, one.created_at, rows).children.append(row)
        return
    key = (parent.id, short(ids.public("batch", one.batch)))
    if key not in rows:
        members = batches[parent.id, one.batch]
        start = min(member.created_at for member in members)
        ends = [member.ended_at for member in members]
        end = None if None in ends else max(filter(None, ends))
        detail = f"{len(members)} {'run' if len(members) == 1 else 'runs'}"
        rows[key] = _Row("batch", "batch_trigger", start, end, parent.id, detail, id=key[1])
        _attempt_at(parent, start, rows).children.append(rows[key])
    rows[key].children.append(row)


_Batches = dict[tuple[int, int], list[Member]]


def _batches(members: Iterable[Member]) -> _Batches:
    found: _Batches = {}
    for one in members:
        if one.parent is not None and one.batch is not None:
            found.setdefault((one.parent, one.batch), []).append(one)
    return found


def _attempt_at(parent: Member, instant: int, rows: dict[tuple[int, str], _Row]) -> _Row:
    """The row of the attempt that a run was in at an instant; the run's own when it was in none."""
    begun = [out for out in parent.hand_outs if out.began_at <= instant]
    out = begun[-1] if begun else parent.hand_outs[0] if parent.hand_outs else None
    found = rows.get((parent.id, f"a{out.fence}")) if out is not None else None
    return found or rows[parent.id, "run"]


def _attempt(one: Member, out: HandOut) -> _Row:
    detail = out.reason if out.reason not in ("", "failed") else ""
    return _Row(
        "attempt", f"Attempt {out.attempt}", out.began_at, out.ended_at, one.id, detail,
        out.is_bad, out.fence,
    )  # fmt: skip


def _waits(one: Member) -> Iterator[_Row]:
    """What a run waited for: before its first hand-out, between two, and now."""
    since, name = one.created_at, "Queued"
    for out in one.hand_outs:
        if out.began_at - since >= MIN_WAIT_MS:
            yield _Row("wait", name, since, out.began_at, one.id, fence=out.fence)
        since, name = out.ended_at or out.began_at, "Back-off" if out.is_bad else "Queued"
    is_out = bool(one.hand_outs) and one.hand_outs[-1].ended_at is None
    if one.ended_at is None and not is_out:
        now = _WAITS.get(LiveState(one.state or 0), "Waiting")
        again = "Back-off" if now == "Delayed" and one.hand_outs else now
        yield _Row("wait", again, since, None, one.id, fence=one.fence + 1)
    elif one.ended_at is not None and not is_out and one.ended_at - since >= MIN_WAIT_MS:
        yield _Row("wait", name, since, one.ended_at, one.id, fence=one.fence + 1)


def _add_spans(spans: Iterable[Written], rows: dict[tuple[int, str], _Row]) -> None:
    """Each span under its parent, or under its attempt when that is not told here."""
    made: dict[tuple[int, int], dict[str, _Row]] = {}
    for run, fence, seq, event in spans:
        told, start = event.attributes, event.at
        here = made.setdefault((run, fence), {})
        here[event.span or ""] = _Row(
            kind_of(told), event.message, start, start + (event.duration_ms or 0), run,
            _outcome(told) if told else "", event.error, fence, seq, _short(event.span),
        )  # fmt: skip
    for run, fence, _, event in spans:
        here = made[run, fence]
        row = here[event.span or ""]
        above = here.get(event.parent) if event.parent else None
        if above is None or above is row:
            above = rows.get((run, f"a{fence}")) or rows[run, "run"]
            row.under = _short(event.parent)
        above.children.append(row)


def _walk(root: _Row) -> Iterator[tuple[_Row, int]]:
    """The rows in the order of the tree, each with its parent's place."""
    waiting, place = [(root, -1)], 0
    while waiting:
        row, parent = waiting.pop()
        yield row, parent
        row.children.sort(key=_begin, reverse=True)
        waiting += [(child, place) for child in row.children]
        place += 1


def _begin(row: _Row) -> tuple[int, int]:
    return row.start, row.seq


def _columns(rows: list[_Row], start: int, places: dict[int, int]) -> Spans:
    return Spans(
        ids="".join([row.id or _BLANK for row in rows]),
        under={place: row.under for place, row in enumerate(rows) if row.under},
        kind=[row.kind for row in rows],
        name=[row.name for row in rows],
        detail=[row.detail for row in rows],
        start=[max(0, row.start - start) for row in rows],  # a worker's clock may be behind ours
        ms=[None if row.end is None else _rounded(row.end - row.start) for row in rows],
        error=[int(row.error) for row in rows],
        run=[places.setdefault(row.run, len(places)) for row in rows],
        fence=[row.fence for row in rows],
        seq=[row.seq for row in rows],
    )


def _marks(found: Iterable[Written], start: int, places: dict[int, int]) -> Marks:
    columns = Marks()
    for mark in found:
        columns.run.append(places.setdefault(mark.run, len(places)))
        columns.fence.append(mark.fence)
        columns.seq.append(mark.seq)
        columns.at.append(max(0, mark.event.at - start))
        columns.error.append(int(mark.event.level == "error"))
        columns.span.append(_short(mark.event.span))
    return columns


def _runs(members: Iterable[Member], places: dict[int, int]) -> list[TraceRun]:
    """The runs that columns name, in the order in which they do."""
    by_id = {one.id: one for one in members}
    return [
        TraceRun(ids.public("run", number), by_id[number].task, by_id[number].status)
        for number in places
    ]


def _short(span: str | None) -> str:
    return short(span) if span else ""


def _detail(one: Member) -> str:
    if one.batch_index is not None:
        return f"#{one.batch_index}"
    return one.tags[0] if one.tags else ""


def _outcome(attributes: Mapping[str, Any]) -> str:
    """The status of an answer, where it says more than the name."""
    status = attributes.get("http.response.status_code", attributes.get("http.status_code"))
    return str(status)[:8] if isinstance(status, int) and status >= 400 else ""


def _rounded(ms: float) -> float:
    """As exact as anybody can see."""
    return round(ms) if ms >= 10 else round(ms, 1) if ms >= 1 else max(0.0, round(ms, 3))
