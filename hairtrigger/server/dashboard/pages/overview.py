"""Whether all is well, and what needs somebody: figures, charts, tasks, errors, what comes, queues."""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hairtrigger.engine import failures, queues, schedules, stats
from hairtrigger.engine.failures import GroupFilter
from hairtrigger.engine.queues import Queue
from hairtrigger.engine.schedules import Schedule
from hairtrigger.rules.stats import ALL_TASKS, DAY_MS, HOUR_MS, Stat, floor, merged, percentile
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import bars, charts, counts, error_groups, ranges
from hairtrigger.server.dashboard.charts import Bars
from hairtrigger.server.dashboard.graphics import Column
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.server.dashboard.words import duration, percent, plural
from hairtrigger.wire import ids

PERIODS = {name: ranges.PERIODS[name] for name in ("1h", "24h", "7d", "30d")}
FAILED = "FAILED,CRASHED,SYSTEM_FAILURE,TIMED_OUT,EXPIRED"
"""The statuses that a count of failures counts."""
TASKS, ERRORS, COMING, QUEUES = 8, 6, 3, 5  # of each, at most
_MOST_QUEUES = 100  # that are looked at
_AHEAD_MS = 400 * DAY_MS
LEAST_MS = 10  # by which a wait is longer before anybody cares
_FIGURE = re.compile(r"([\d.,]+) ?(\D{1,2})")
_Parts = Mapping[str, Callable[[], Awaitable[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A card: its value and unit, how it changed (``good``, ``bad`` or empty, in words), and its bars."""

    label: str
    value: str
    unit: str
    change: str
    how: str
    hint: str
    bars: Bars
    href: str


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task with what became of its runs in the range."""

    name: str
    is_scheduled: bool
    total: Stat
    columns: list[Column]
    p95: float | None
    is_failing: bool


async def show(view: View) -> Answer:
    """The page, or the parts of it that live: only what they show is computed."""
    now = view.store.now()
    over = ranges.read(view.query, now)
    makers: _Parts = {
        "kpis": lambda: _figures(view, over, now),
        "charts": lambda: _charts(view, over, now),
        "tasks": lambda: _tasks(view, over, now),
        "errors": lambda: _errors(view, over),
        "coming": lambda: _coming(view, now),
        "queues": lambda: _queues(view),
    }
    is_new = not any(task.env == view.env.id for task in view.store.catalog.tasks.values())
    wanted = [name for name in makers if name in view.parts] if view.parts else list(makers)
    if view.parts == ["start"]:  # the first steps have been taken
        wanted = list(makers)
    made = await asyncio.gather(*(makers[name]() for name in wanted if not is_new))
    context = {name: value for part in made for name, value in part.items()}
    return view.page(
        "pages/overview.html",
        over=over,
        periods=PERIODS,
        is_new=is_new,
        failed=FAILED,
        public=ids.public,
        **context,
    )


async def _figures(view: View, over: Range, now: int) -> dict[str, Any]:
    span = bars.cut(over, now)
    found, earlier = await asyncio.gather(
        bars.over_time(view.store, view.env.id, span),
        bars.over_time(view.store, view.env.id, span.before()),
    )
    pulse = await view.server.pulses.of(view.env.id).fresh()
    of, before = found[ALL_TASKS], merged(earlier[ALL_TASKS].values())
    query = {name: view.query.get(name) for name in ("period", "from", "to")}
    figures = [
        _runs(view, query, of, before, over),
        _success(view, query, of, before, over),
        _took(view, query, of, before, over),
        _waited(view, query, of, before, over),
    ]
    return {"figures": figures, "numbers": pulse.numbers}


def _runs(
    view: View, query: dict[str, Any], of: Mapping[int, Stat], before: Stat, over: Range
) -> Figure:
    total = sum(stat.runs for stat in of.values())
    how = ""
    change = "" if not before.runs else f"{_signed((total / before.runs - 1) * 100, 1)}%"
    if total - before.runs > 2 * math.sqrt(total + before.runs):
        how = "good"  # fewer are no fault of anybody
    return Figure(
        "Runs", f"{total:,}", "", change, how, _before(f"{before.runs:,} runs", before),
        bars.counts(
            {at: stat.runs for at, stat in of.items()},
            {at: f"{counts.label(at, over)}: {plural(stat.runs, 'run')}" for at, stat in of.items()},
        ),
        view.link("runs", **query),
    )  # fmt: skip


def _success(
    view: View, query: dict[str, Any], of: Mapping[int, Stat], before: Stat, over: Range
) -> Figure:
    total = merged(of.values())
    shares = {at: stat.success for at, stat in of.items()}
    least = min((share for share in shares.values() if share is not None), default=1.0)
    ground = min(
        0.9, least - 0.05
    )  # what is not rare shows, and what is rare does not look like a fall
    change = how = ""
    if total.success is not None and before.success is not None:
        difference = (total.success - before.success) * 100
        change = _signed(difference, 2)
        if abs(difference) > 200 * _spread(total, before):
            how = "good" if difference > 0 else "bad"
    return Figure(
        "Success rate", percent(total.success), "%" if total.success is not None else "", change, how,
        _before(f"{percent(before.success)} %", before),
        Bars(
            [0.0 if share is None else (share - ground) / (1 - ground) for share in shares.values()],
            [f"{counts.label(at, over)}: {percent(share)} %" for at, share in shares.items()],
        ),
        view.link("runs", status=FAILED, **query),
    )  # fmt: skip


def _spread(one: Stat, other: Stat) -> float:
    """How far apart two shares are by chance alone: a standard deviation of their difference."""
    judged = [stat.completed + stat.failed for stat in (one, other)]
    share = (one.completed + other.completed) / sum(judged)
    return math.sqrt(share * (1 - share) * sum(1 / n for n in judged))


def _took(
    view: View, query: dict[str, Any], of: Mapping[int, Stat], before: Stat, over: Range
) -> Figure:
    total = merged(of.values())
    now, then = percentile(total.took, 0.95), percentile(before.took, 0.95)
    change = how = ""
    if now is not None and then:
        change = f"{_signed((now / then - 1) * 100, 0)}%"
        how = _against(total.took, before.took)
    return Figure(
        "p95 duration", *_figure(duration(now)), change, how, _before(duration(then), before),
        _times({at: percentile(stat.took, 0.95) for at, stat in of.items()}, over),
        view.link("tasks", sort="p95", **query),
    )  # fmt: skip


def _waited(
    view: View, query: dict[str, Any], of: Mapping[int, Stat], before: Stat, over: Range
) -> Figure:
    total = merged(of.values())
    now, then = percentile(total.waited, 0.95), percentile(before.waited, 0.95)
    change = how = ""
    if now is not None and then is not None:
        change = ("+" if now > then else "−" if now < then else "±") + duration(abs(now - then))
        how = _against(total.waited, before.waited) if abs(now - then) >= LEAST_MS else ""
    return Figure(
        "Queue wait p95", *_figure(duration(now)), change, how, _before(duration(then), before),
        _times({at: percentile(stat.waited, 0.95) for at, stat in of.items()}, over),
        view.link("queues"),
    )  # fmt: skip


def _against(now: Mapping[int, int], then: Mapping[int, int]) -> str:
    """Whether the 95th percentile of some times is better or worse than that of others; empty when it may be
    chance: when the ranks between which each lies, in 95 of 100 cases, have times in common."""
    sure = []
    for counted in (now, then):
        number = sum(counted.values())
        if not number:
            return ""
        spread = 2 * math.sqrt(0.95 * 0.05 / number)
        low, high = (percentile(counted, min(0.95 + by, 1)) for by in (-spread, spread))
        sure.append((low or 0, high or 0))
    (low, high), (least, most) = sure
    return "bad" if low > most else "good" if high < least else ""


def _times(of: Mapping[int, float | None], over: Range) -> Bars:
    return bars.times(
        of, {at: f"{counts.label(at, over)}: {duration(ms)}" for at, ms in of.items()}
    )


def _figure(text: str) -> tuple[str, str]:
    """A value and its unit, where there is one of each."""
    match = _FIGURE.fullmatch(text)
    return (match[1], match[2]) if match else (text, "")


def _signed(number: float, digits: int) -> str:
    text = f"{abs(number):,.{digits}f}"
    sign = "±" if float(text.replace(",", "")) == 0 else "+" if number > 0 else "−"
    return sign + text


def _before(text: str, before: Stat) -> str:
    return f"{text} in the same time before" if before.runs else "Nothing in the same time before"


async def _charts(view: View, over: Range, now: int) -> dict[str, Any]:
    found = await stats.over_time(
        view.store, view.env.id, start=over.start, end=over.end, step=over.step
    )
    columns = counts.by_column(found, over)
    marks = charts.deployments(view.store.catalog, view.env.id, over)
    return {
        "outcomes": charts.outcomes(columns, over, now, marks),
        "took": charts.took(columns, over, now, marks),
    }


async def _tasks(view: View, over: Range, now: int) -> dict[str, Any]:
    """The tasks with the most runs. Which they are is told by whole hours or days; what they did, exactly."""
    catalog, env, span = view.store.catalog, view.env.id, bars.cut(over, now)
    known = [task.id for task in catalog.tasks.values() if task.env == env]
    step = span.step if over.length <= 2 * HOUR_MS else max(span.step, HOUR_MS)
    coarse = await stats.by_task(
        view.store, env, start=floor(over.start, step), end=span.end, step=step, tasks=known
    )
    known.sort(
        key=lambda task: (-sum(s.runs for s in coarse[task].values()), catalog.tasks[task].name)
    )
    found = await bars.over_time(view.store, env, span, known[:TASKS])
    lines = [_task(view, task, of, over) for task, of in found.items()]
    lines.sort(key=lambda line: (-line.total.runs, line.name))
    return {"lines": lines, "known": len(known)}


def _task(view: View, task: int, of: Mapping[int, Stat], over: Range) -> TaskLine:
    entry, total = view.store.catalog.tasks[task], merged(of.values())
    columns = [
        Column(
            f"{counts.label(at, over)}: {plural(stat.runs, 'run')}, {stat.failed:,} failed",
            [("fail" if bars.is_failing(stat) else "quiet", stat.runs)],
        )
        for at, stat in of.items()
    ]
    return TaskLine(
        entry.name,
        entry.is_scheduled,
        total,
        columns,
        percentile(total.took, 0.95),
        bars.is_failing(total),
    )


async def _errors(view: View, over: Range) -> dict[str, Any]:
    wanted = GroupFilter(over.start, over.end, over.step, "unresolved")
    page = await failures.list_page(view.store, view.env, wanted, size=ERRORS)
    return {
        "errors": await error_groups.lines(view.store, page.groups, over),
        "new": await failures.count_new(view.store, view.env.id),
    }


async def _coming(view: View, now: int) -> dict[str, Any]:
    found, _ = await schedules.coming(view.store, view.env, until=now + _AHEAD_MS, most=COMING)
    return {"coming": [(one, _local(one)) for one in found]}


def _local(schedule: Schedule) -> str:
    """When it comes, by the clock of its time zone."""
    moment = datetime.fromtimestamp((schedule.next_at or 0) / 1_000, UTC)
    return f"{moment.astimezone(ZoneInfo(schedule.timezone)):%H:%M}"


async def _queues(view: View) -> dict[str, Any]:
    """Those that wait or work the most."""
    found, count = await queues.list_page(view.store, view.env, page=1, per_page=_MOST_QUEUES)
    found.sort(key=_pressure)
    return {"queues": found[:QUEUES], "queue_count": count}


def _pressure(queue: Queue) -> tuple[bool, int, int, str]:
    return not queue.paused, -queue.queued, -queue.running, queue.name


ROUTES = (PageRoute("GET", "/p/{project}/{env}/overview", show),)
