"""Traces: what a run and its descendants did and said, for whoever looks. All of it reads only.

Everything here is bounded: a tree has at most ``MAX_RUNS`` runs and ``MAX_SPANS`` spans, of which the deepest
are left out; lines come in pages.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import msgspec

from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.rules import reading, tree
from hairtrigger.rules.project import Environment
from hairtrigger.rules.reading import Cursor
from hairtrigger.rules.tree import Line, Member, Said, Written
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store
from hairtrigger.wire import ids
from hairtrigger.wire.worker import Event

MAX_RUNS = 1_000
MAX_SPANS = 10_000
MAX_LINES = 2_000  # of a page
MAX_LOOKED = 5_000  # rows for a page, of which a filter may leave few
_AT_ONCE = 100  # runs in one statement
_EARLY_MS = (
    60_000  # by which clocks of two servers may differ: children are younger than their parents
)
_MARKS = ("warn", "error")
_event = msgspec.json.Decoder(Event)
_said = msgspec.json.Decoder(Said)
_tags = msgspec.json.Decoder(list[str])


@dataclass(slots=True)
class Trace:
    """A tree of runs with their spans, and the lines that are marked in it (warnings and errors).

    ``runs`` come parents first; all of them, also those that a cursor leaves nothing new of. ``is_new`` are
    those that changed since the cursor. ``now`` is the clock (ms) at the snapshot.
    """

    runs: list[Member]
    is_new: set[int]
    spans: list[Written] = field(default_factory=list)
    marks: list[Written] = field(default_factory=list)
    now: int = 0
    cursor: str = ""
    truncated: bool = False

    @property
    def is_live(self) -> bool:
        return any(run.ended_at is None for run in self.runs)


@dataclass(slots=True)
class Lines:
    """A page of log lines, by run and position. ``looked`` rows were read for it; ``more`` wait already."""

    runs: list[Member]
    lines: list[Line] = field(default_factory=list)
    cursor: str = ""
    more: bool = False
    looked: int = 0
    truncated: bool = False

    @property
    def is_live(self) -> bool:
        return any(run.ended_at is None for run in self.runs)


@dataclass(frozen=True, slots=True)
class Reach:
    """What part of a tree is asked for: a run with its descendants, or one hand-out, or spans of it."""

    run: int
    fence: int | None = None
    spans: frozenset[str] = frozenset()  # their short ids

    def holds(self, line: Line) -> bool:
        if self.fence is None:
            return True
        if line.fence != self.fence or not self.spans:
            return line.fence == self.fence
        return line.said.span is not None and tree.short(line.said.span) in self.spans


def reach(text: str) -> Reach:
    """A reach from ``run_…``, ``run_….2`` or ``run_….2.aB3-x,…``.

    Raises:
        BadRequest: it is none.
    """
    public, _, rest = text.partition(".")
    fence, _, spans = rest.partition(".")
    number = ids.parse("run", public)
    if number is None or not (fence.isdecimal() or not rest) or len(fence) > 9:
        raise BadRequest("A span is named as run_…, run_….2 or run_….2.aB3-x.")
    return Reach(number, int(fence) if fence else None, frozenset(filter(None, spans.split(","))))


async def trace(store: Store, env: Environment, run_id: int, *, after: str = "") -> Trace:
    """A run's tree with its spans; with ``after``, a cursor of an earlier answer, only what is new since.

    Raises:
        NotFound: there is no such run here. BadRequest: the cursor.
    """
    since = reading.read(run_id, after) if after else Cursor()
    now = store.now()
    return await store.with_catalog(lambda catalog: _trace(catalog, env.id, run_id, since, now=now))


async def lines(
    store: Store, env: Environment, run_id: int, *, after: str = "", limit: int = MAX_LINES,
    levels: Collection[str] = (), text: str = "", span: Reach | None = None,
) -> Lines:  # fmt: skip
    """A page of what a run and its descendants said; with ``after``, what follows on an earlier page.

    Args:
        limit: Of lines, 1 to ``MAX_LINES``.
        levels: Only these: debug, info, log, warn, error; empty for all.
        text: Only lines that have it in their message or attributes, in capitals or not.
        span: Only what it holds.
    Raises:
        NotFound: there is no such run here. BadRequest: the cursor.
    """
    top = span.run if span is not None else run_id
    since = reading.read(top, after) if after else Cursor()
    wanted = _Wanted(min(max(limit, 1), MAX_LINES), frozenset(levels), text.casefold(), span)
    now = store.now()
    return await store.with_catalog(
        lambda catalog: _lines(catalog, env.id, top, since, wanted, now=now)
    )


def _trace(catalog: Catalog, env: int, root: int, since: Cursor, *, now: int) -> Steps[Trace]:
    members, truncated = yield from _tree(catalog, env, root)
    found = Trace(members, {one.id for one in members if _has_changed(one, since)}, now=now)
    positions = dict(since.positions)
    left = MAX_SPANS
    for runs, afters in _ahead(members, since):
        rows = yield fetch("tree_spans", runs, afters, left + since.seen_of(runs))
        for run, position, body in rows:
            if not reading.advance(positions, since, run, position):
                continue
            written = Written(run, *tree.place(position), _event.decode(body))
            if written.event.level == "span":
                found.spans.append(written)
            elif written.event.level in _MARKS:
                found.marks.append(written)
        left -= len(rows)
        if left <= 0:
            truncated = True
            break
    found.truncated = truncated
    found.cursor = reading.write(root, now, 0, (one.reader for one in members), positions)
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which lines are."""

    limit: int
    levels: frozenset[str]
    text: str
    span: Reach | None

    @property
    def is_alone(self) -> bool:
        """Whether all are of one run."""
        return self.span is not None and self.span.fence is not None

    @property
    def most_rows(self) -> int:
        """How many rows are worth a look: most of them are lines, unless few of those are wanted."""
        few = self.levels or self.text or self.is_alone
        return MAX_LOOKED if few else self.limit

    def holds(self, line: Line) -> bool:
        if self.span is not None and not self.span.holds(line):
            return False
        return line.said.fits(self.levels, (self.text,))


def _lines(
    catalog: Catalog, env: int, root: int, since: Cursor, wanted: _Wanted, *, now: int
) -> Steps[Lines]:
    members, truncated = yield from _tree(catalog, env, root, alone=wanted.is_alone)
    members.sort(key=lambda one: one.id)
    found = Lines(members, truncated=truncated)
    positions, last = dict(since.positions), 0
    for runs, afters in _ahead(members, since):
        most = wanted.most_rows - found.looked + 1 + since.seen_of(runs)
        rows = yield fetch("tree_lines", runs, afters, most)
        for run, position, body in rows:
            if since.has_seen(run, position):
                continue
            if found.looked >= wanted.most_rows or len(found.lines) >= wanted.limit:
                found.more = True
                break
            found.looked += 1
            last = run
            reading.advance(positions, since, run, position)
            line = Line(run, *tree.place(position), _said.decode(body))
            if wanted.holds(line):
                found.lines.append(line)
        if found.more:
            break
    # a page that ended early has not looked at all that was new
    upto = max(since.upto, last) if found.more and since.upto else 0
    at = since.at if found.more and since.at else now
    found.cursor = reading.write(root, at, upto, (one.reader for one in members), positions)
    return found


def _ahead(members: list[Member], since: Cursor) -> Iterator[tuple[list[int], list[int]]]:
    """Runs that may have said something since, and after which positions: as many as one statement takes."""
    ahead = [
        (one.id, after)
        for one in members
        if one.fence and (after := since.after(one.reader)) is not None
    ]
    for start in range(0, len(ahead), _AT_ONCE):
        part = ahead[start : start + _AT_ONCE]
        yield [run for run, _ in part], [after for _, after in part]


def _tree(
    catalog: Catalog, env: int, root: int, *, alone: bool = False
) -> Steps[tuple[list[Member], bool]]:
    """A run and its descendants, level by level, and whether some were left out."""
    numbers, truncated = [root], False
    if not alone:
        numbers, truncated = yield from _descend(root)
    found = yield from members(catalog, env, numbers)
    if root not in found:
        raise NotFound("Run not found")
    return [found[number] for number in numbers if number in found], truncated


def members(catalog: Catalog, env: int, numbers: list[int]) -> Steps[dict[int, Member]]:
    """The runs of an environment among some, with their hand-outs in order."""
    found: dict[int, Member] = {}
    for part in _parts(numbers):
        for row in (yield fetch("tree_runs", part, env)):
            tags = _tags.decode(row[6]) if row[6] else []
            found[row[0]] = tree.member(row, catalog.tasks[row[1]].name, tags)
    others = [number for number in numbers if number in found and tree.had_others(found[number])]
    for part in _parts(others):
        for run_id, *rest in (yield fetch("tree_attempts", part)):
            found[run_id].hand_outs.append(tree.hand_out(*rest))
    for number in others:
        found[number].hand_outs.sort(key=lambda one: one.fence)
    return found


def _descend(root: int) -> Steps[tuple[list[int], bool]]:
    """The numbers of a run and its descendants, level by level, and whether some were left out."""
    numbers, level = [root], [root]
    first = ids.first_at(ids.created_at(root) - _EARLY_MS)
    while level:
        room = MAX_RUNS - len(numbers)
        level = sorted(row[0] for row in (yield fetch("tree_children", level, first, room + 1)))
        numbers += level[:room]
        if len(level) > room:
            return numbers, True
    return numbers, False


def _parts(numbers: list[int]) -> Iterator[list[int]]:
    return (numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE))


def _has_changed(one: Member, since: Cursor) -> bool:
    instants = [one.created_at, one.ended_at]
    for out in one.hand_outs:
        instants += [out.began_at, out.ended_at]
    return since.is_new(*instants)
