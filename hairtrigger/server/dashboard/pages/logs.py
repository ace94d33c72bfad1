"""Log lines across runs: found by level, task, run and words, bounded and honest about how far it looked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from markupsafe import Markup

from hairtrigger.engine import logs as engine
from hairtrigger.engine.logs import LEVELS, LogPage
from hairtrigger.rules.run import Run
from hairtrigger.rules.tree import Line
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import jsons, log_search, ranges, search, words
from hairtrigger.server.dashboard.graphics import Column
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import durations, ids

SIZE = 200
_COLUMNS = 60
_MOST_MESSAGE, _MOST_FIELDS = 20_000, 20_000  # characters that are shown of a line
_COLOURS = {"error": "fail", "warn": "retry", "info": "run", "log": "quiet", "debug": "idle"}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line. ``brief`` is the beginning of its message on one line, ``fields`` its attributes as HTML."""

    id: str
    at: int
    clock: str
    day: str
    level: str
    run: Run
    run_id: str
    attempt: int
    brief: str
    message: str
    fields: Markup | None
    hint: str


async def show(view: View) -> Answer:
    """The page, or the parts of it that live."""
    over = ranges.read(view.query, view.store.now())
    asked = log_search.read(view.query)
    after = engine.place(view.query.get("cursor", ""))
    found = await engine.page(view.store, view.env, asked.wanted(over), after=after, limit=SIZE)
    listed = [_row(line, found.runs[line.run]) for line in found.lines if line.run in found.runs]
    columns, span = _columns(found.lines)
    return view.page(
        "pages/logs.html",
        over=over,
        asked=asked,
        keys=log_search.KEYS,
        lines=listed,
        found=found,
        older=None if found.next is None else view.here(cursor=found.next.text()),
        is_first=not view.query.get("cursor"),
        is_short=len(listed) < SIZE,
        columns=columns,
        span=span,
        levels=_levels(view, found, asked),
        periods=ranges.PERIODS,
        choices=search.choices(view.store.catalog, view.env),
    )


def _row(line: Line, run: Run) -> LogRow:
    said = line.said
    message = _ANSI.sub("", said.message)
    first, _, rest = message.strip("\n").partition("\n")
    attributes = bytes(said.attributes).decode()
    fields = hint = None
    if attributes not in ("null", "{}"):
        fields, hint = _fields(attributes)
    instant = durations.iso(said.at)
    return LogRow(
        f"l-{line.run:x}-{line.fence}-{line.seq}", said.at, words.clock(said.at), instant[:10], said.level,
        run, ids.public("run", run.id), line.fence, first[:500] + (" …" if rest or len(first) > 500 else ""),
        message[:_MOST_MESSAGE], fields, hint or "",
    )  # fmt: skip


def _fields(text: str) -> tuple[Markup, str]:
    """Attributes as HTML, and the first of them in a few words."""
    if len(text) > _MOST_FIELDS:
        return Markup('<span class="quiet">{}…</span>').format(text[:_MOST_FIELDS]), ""
    value = msgspec.json.decode(text)
    shown = value.items() if isinstance(value, dict) else ()
    plain = [(k, v) for k, v in shown if isinstance(v, str | int | float | bool)]
    return jsons.html(value), " ".join(f"{key}={str(one)[:40]}" for key, one in plain[:3])


def _columns(lines: Sequence[Line]) -> tuple[list[Column], Range | None]:
    """How many lines there were of each level, over the time that they span (they come newest first)."""
    if len(lines) < 2 or lines[0].said.at - lines[-1].said.at < _COLUMNS:
        return [], None
    first, last = lines[-1].said.at, lines[0].said.at
    width = -(-(last + 1 - first) // _COLUMNS)
    over = Range(first, first + width * _COLUMNS, width, width, "", "")
    found: list[dict[str, int]] = [{} for _ in range(_COLUMNS)]
    for line in lines:
        one = found[(line.said.at - first) // width]
        one[line.said.level] = one.get(line.said.level, 0) + 1
    columns = []
    for n, one in enumerate(found):
        parts = [(_COLOURS[level], one.get(level, 0)) for level in LEVELS[::-1]]
        said = ", ".join(f"{one[level]} {level}" for level in LEVELS[::-1] if level in one)
        at = durations.iso(first + n * width)
        columns.append(Column(f"{at[11:19]}: {said or 'none'}", parts))
    return columns, over


def _levels(
    view: View, found: LogPage, asked: log_search.LogSearch
) -> list[tuple[str, int, str, bool]]:
    """The levels as tabs: the word, how many of them are on the page, the link, and whether one is there."""
    here = asked.levels
    counted: dict[str, int] = dict.fromkeys(LEVELS, 0)
    for line in found.lines:
        counted[line.said.level] = counted.get(line.said.level, 0) + 1
    tabs = [("", len(found.lines), view.here(level=None, cursor=None), not here)]
    return tabs + [
        (level, counted[level], view.here(level=level, cursor=None), here == {level})
        for level in LEVELS[::-1]
    ]


ROUTES = (PageRoute("GET", "/p/{project}/{env}/logs", show),)
