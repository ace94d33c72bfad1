"""The list of tasks: which there are, how each is doing, and when it ran last."""

from collections.abc import Callable
from typing import Any

from hairtrigger.engine import tasks as engine
from hairtrigger.rules.stats import DAY_MS, HOUR_MS, Stat, merged
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import bars, ranges, task_rows
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.task_rows import TaskRow
from hairtrigger.server.dashboard.view import View

MOST = 200
"""Tasks of one page; of more, some are found by their names."""
PERIODS = ("1h", "6h", "24h", "3d", "7d", "30d")
_SORTS: dict[str, Callable[[TaskRow], Any]] = {
    "running": lambda row: -row.running,
    "runs": lambda row: -row.total.runs,
    "success": lambda row: 2 if row.total.success is None else row.total.success,
    "p50": lambda row: -(row.p50 or 0),
    "p95": lambda row: -(row.p95 or 0),
    "last": lambda row: -(row.last.run.id if row.last is not None else 0),
}


async def show(view: View) -> Answer:
    """The page, or its list."""
    now = view.store.now()
    over = ranges.read(view.query, now)
    text = view.query.get("q", "").strip()[:200]
    known = engine.all_of(view.store, view.env)
    found = [task for task in known if text.lower() in _hay(task)]
    shown = await _rows(view, found[:MOST], over, now)
    sort = view.query.get("sort", "")
    if sort in _SORTS:
        shown.sort(key=lambda row: (not row.task.is_current, _SORTS[sort](row)))
    version = view.store.catalog.current_of(view.env.id)
    return view.page(
        "pages/tasks.html",
        over=over,
        periods={key: ranges.PERIODS[key] for key in PERIODS},
        text=text,
        sort=sort if sort in _SORTS else "",
        current=[row for row in shown if row.task.is_current],
        old=[row for row in shown if not row.task.is_current],
        known=len(known),
        found=len(found),
        most=MOST,
        current_version=version.name if version is not None else None,
        kind=task_rows.kind,
    )


def _hay(task: engine.Task) -> str:
    manifest = task.manifest
    words = (task.name, task.queue, *((manifest.file, manifest.description) if manifest else ()))
    return "\n".join(words).lower()


async def _rows(view: View, tasks: list[engine.Task], over: Range, now: int) -> list[TaskRow]:
    numbers = [task.id for task in tasks]
    totals = await _totals(view, over, numbers, now)
    day = await _day(view, numbers, now)
    running = await engine.running(view.store, view.env)
    last = await engine.last_runs(view.store, view.env, numbers)
    return [
        task_rows.row(
            view.env, task, total=totals[task.id], day=day[task.id], running=running.get(task.id, 0),
            last=last.get(task.id), now=now,
        )
        for task in tasks
    ]  # fmt: skip


async def _totals(view: View, over: Range, tasks: list[int], now: int) -> dict[int, Stat]:
    """The sum over exactly the range."""
    found = await bars.over_time(view.store, view.env.id, bars.cut(over, now), tasks)
    return {task: merged(of.values()) for task, of in found.items()}


async def _day(view: View, tasks: list[int], now: int) -> dict[int, dict[int, Stat]]:
    """The last 24 hours, by the hour."""
    end = now - now % HOUR_MS + HOUR_MS
    span = bars.Cut(end - DAY_MS, end, HOUR_MS, HOUR_MS, HOUR_MS)
    return await bars.over_time(view.store, view.env.id, span, tasks)


ROUTES = (PageRoute("GET", "/p/{project}/{env}/tasks", show),)
