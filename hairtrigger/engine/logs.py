"""Log lines across runs: the newest runs first, of each its newest lines. All of it reads only.

No index holds lines by time, so a page looks at a bounded number of rows and says how far back it came: a rare
word may give a short page with a cursor to go on from, never a walk through all of history.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec

from hairtrigger.errors import BadRequest
from hairtrigger.rules import tree
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.rules.tree import Line, Said
from hairtrigger.store import pages
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, fetch
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.store.store import Store
from hairtrigger.wire import ids

MOST_LOOKED = 20_000  # rows for a page: lines, spans and runs
MOST_SECONDS, PLAIN_SECONDS = (
    0.2,
    0.05,
)  # that a page looks for lines: for certain ones, and for any
_FEW, _MANY = 8, 40  # runs in one statement: the first of a page, and the later ones
_OF_EACH, _OF_ONE = 500, 2_000  # rows of each run in one statement, and when it is alone
_END = 2**63 - 1
_POSITION = re.compile("[0-9a-f]{1,15}")
LEVELS = ("debug", "info", "log", "warn", "error")
_said = msgspec.json.Decoder(Said)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines. ``runs`` narrows the runs, with the span of time in which they were created; ``words`` are all
    in a line's message or attributes, in capitals or not. Instants in ms, ``end`` is not in the span."""

    runs: RunFilter
    start: int
    end: int
    levels: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    run: int | None = None

    @property
    def patience_s(self) -> float:
        """How long a page looks: with a filter it may take a moment, without one it is only turned to."""
        runs = replace(self.runs, created_from=None, created_to=None)
        is_plain = not self.levels and not self.words and runs == RunFilter()
        return PLAIN_SECONDS if is_plain else MOST_SECONDS

    def holds(self, said: Said) -> bool:
        """Whether a line is wanted."""
        return self.start <= said.at < self.end and said.fits(self.levels, self.words)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: at the lines of a run before a position (0: all of them have been read)."""

    run: int = _END
    position: int = 0

    def text(self) -> str:
        """A cursor."""
        return f"{ids.public('cursor', self.run)}.{self.position:x}"


def place(text: str) -> Place:
    """The place of a cursor; of an empty text, the beginning.

    Raises:
        BadRequest: it is no cursor of ours.
    """
    if not text:
        return Place()
    public, _, position = text.partition(".")
    run = ids.parse("cursor", public)
    if run is None or not _POSITION.fullmatch(position):
        raise BadRequest("The cursor is not one of ours.")
    return Place(run, int(position, 16))


@dataclass(slots=True)
class LogPage:
    """Lines, newest first, with the runs that said them, by number. ``looked`` rows were read of ``of_runs`` runs;
    ``next`` is where to go on, None at the end. ``back_to`` is when (ms) the last run looked at was created."""

    lines: list[Line] = field(default_factory=list)
    runs: dict[int, Run] = field(default_factory=dict)
    looked: int = 0
    of_runs: int = 0
    next: Place | None = None
    back_to: int | None = None


async def page(
    store: Store, env: Environment, wanted: Wanted, *, after: Place | None = None, limit: int
) -> LogPage:
    """A page of at most ``limit`` lines after a place.

    Lines of one page are in the order of time; the runs of a later page were created before those of this one.
    """
    now = store.now()
    found = await store.with_catalog(
        lambda catalog: _page(catalog, env.id, wanted, after or Place(), limit, now)
    )
    found.lines.sort(key=lambda line: (line.said.at, line.run, line.fence, line.seq), reverse=True)
    said = list({line.run: None for line in found.lines})
    found.runs = {run.id: run for run in await store.runs(env.id, said, brief=True)}
    return found


def _page(
    catalog: Catalog, env: int, wanted: Wanted, at: Place, limit: int, now: int
) -> Steps[LogPage]:
    found, size = LogPage(), _FEW
    until = time.monotonic() + wanted.patience_s
    while found.looked < MOST_LOOKED and len(found.lines) < limit:
        if found.looked and time.monotonic() > until:
            break
        if at.position:  # in the middle of a run
            rows = yield fetch("newest_lines", [at.run], [at.position], _OF_ONE)
            at = _take(found, wanted, at.run, rows, limit, full=len(rows) == _OF_ONE)
            continue
        numbers, onward = yield from _runs(catalog, env, wanted, at, size, now)
        rows = yield fetch("newest_lines", numbers, [_END] * len(numbers), _OF_EACH)
        of = _by_run(rows)
        for number in numbers:
            found.of_runs += 1
            at = _take(found, wanted, number, of[number], limit, full=len(of[number]) == _OF_EACH)
            if at.position or len(found.lines) >= limit or found.looked >= MOST_LOOKED:
                break
        else:
            if onward is None:
                return found
            at = Place(onward)
            if len(numbers) < size:  # so many candidates were looked at that it is enough
                break
            size = min(2 * size, _MANY)
    found.next, found.back_to = at, ids.created_at(at.run)
    return found


def _runs(
    catalog: Catalog, env: int, wanted: Wanted, at: Place, size: int, now: int
) -> Steps[tuple[list[int], int | None]]:
    """The next runs, and where to go on; None when these are the last."""
    if wanted.run is not None:
        rows = yield fetch("run_exists", wanted.run, env)
        return [wanted.run] if rows and wanted.run < at.run else [], None
    wanted.runs.created_from, wanted.runs.created_to = wanted.start, wanted.end - 1
    page = yield from pages.page(
        catalog, env, wanted.runs, size=size, after=None if at.run == _END else at.run, before=None,
        now=now, budget_s=wanted.patience_s,
    )  # fmt: skip
    return page.run_ids, page.next


def _by_run(rows: Iterable[Row]) -> dict[int, list[Row]]:
    of: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        of[row[0]].append(row)
    return of


def _take(
    found: LogPage, wanted: Wanted, run: int, rows: list[Row], limit: int, *, full: bool
) -> Place:
    """Take the wanted lines among the newest rows of a run, and say where the page stands then. ``full``: it has
    older ones."""
    found.looked += 1
    found.back_to = ids.created_at(run)
    position = 0
    for _, position, body in sorted(rows, key=lambda row: row[1], reverse=True):
        found.looked += 1
        said = _said.decode(body)
        if wanted.holds(said):
            found.lines.append(Line(run, *tree.place(position), said))
            if len(found.lines) >= limit:
                return Place(run, position)
    return Place(run, position if full else 0)
