"""One task: how it is doing over a range, how it is configured, its runs, errors, schedules and versions."""

from typing import Any

from hairtrigger.engine import failures, schedules, stats, tasks
from hairtrigger.engine import runs as engine
from hairtrigger.engine.tasks import Task
from hairtrigger.rules.stats import DAY_MS, Stat, floor, merged, percentile
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import charts, counts, jsons, ranges, rows, spread, task_rows
from hairtrigger.server.dashboard.charts import Chart, Series
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.schedule_rows import listed
from hairtrigger.server.dashboard.view import View
from hairtrigger.store.narrowing import RunFilter

TABS = ("runs", "errors", "schedules", "versions")
MOST = 25
ERRORS_MS = 30 * DAY_MS
_SHARES = (0.5, 0.95, 0.99)


async def show(view: View) -> Answer:
    """The page, or the parts of it that live."""
    now = view.store.now()
    over = ranges.read(view.query, now)
    task = tasks.find(view.store, view.env, view.call.params["task"])
    tab = view.query.get("tab", "runs")
    running = await tasks.running(view.store, view.env)
    return view.page(
        "pages/task.html",
        task=task,
        manifest=task.manifest,
        kind=task_rows.kind(task.manifest),
        path=task_rows.path(view.env, task.name),
        retry=task_rows.retry(task.manifest.retry) if task.manifest is not None else "",
        retry_of=task_rows.retry,
        span=task_rows.span,
        queue=view.store.catalog.queue(view.env.id, task.queue_name),
        queue_path=view.queue(task.queue_name),
        schema=_schema(task),
        over=over,
        periods=ranges.PERIODS,
        running=running.get(task.id, 0),
        tab=tab if tab in TABS else "runs",
        tabs=TABS,
        **(await _figures(view, task, over, now) if _draws(view, "figures") else {}),
        **(await _below(view, task, tab, now) if _draws(view, "below") else {}),
    )


def _draws(view: View, part: str) -> bool:
    """Whether a part is asked for, or all of the page."""
    return not view.parts or part in view.parts


async def _figures(view: View, task: Task, over: Range, now: int) -> dict[str, Any]:
    found = await stats.over_time(
        view.store, view.env.id, start=over.start, end=over.end, step=over.step, task=task.id
    )
    columns = counts.by_column(found, over)
    total = merged(found.values())
    marks = charts.deployments(view.store.catalog, view.env.id, over)
    return {
        "total": total,
        "took": [*(percentile(total.took, share) for share in _SHARES), total.mean_ms],
        "waited": [*(percentile(total.waited, share) for share in _SHARES), total.mean_wait_ms],
        "outcomes": charts.outcomes(columns, over, now, marks),
        "durations": charts.took(columns, over, now, marks),
        "waits": _waits(columns, over, now, marks),
        "spread": spread.of(total.took),
    }


def _waits(columns: dict[int, Stat], over: Range, now: int, marks: list[charts.Mark]) -> Chart:
    """How long runs waited until they first started."""

    def share(part: float) -> list[float | None]:
        return [percentile(stat.waited, part) for stat in columns.values()]

    series = [
        Series(f"p{part * 100:.0f}", colour, share(part))
        for part, colour in zip(_SHARES, ("run", "wait", "crash"), strict=True)
    ]
    return Chart("lines", over.start, over.column, series, now, "Queue time", 1, marks)


def _schema(task: Task) -> dict[str, Any] | None:
    if not task.schema:
        return None
    return {"text": task_rows.schema_text(task), "html": jsons.html(task.schema)}


async def _below(view: View, task: Task, tab: str, now: int) -> dict[str, Any]:
    """What the chosen tab lists."""
    store, env = view.store, view.env
    made: dict[str, Any] = {"rows": [], "groups": [], "planned": [], "versions": []}
    match tab:
        case "errors":
            since = floor(now, DAY_MS) - ERRORS_MS
            wanted = failures.GroupFilter(since, now + 1, DAY_MS, task=task.name)
            made["groups"] = (await failures.list_page(store, env, wanted, size=MOST)).groups
        case "schedules":
            found, _ = await schedules.listed(store, env, task=task.id, page=1, per_page=MOST)
            made["planned"] = await listed(store, env, found, now)
        case "versions":
            known = tasks.versions_of(store, env, task.name)
            made["versions"] = [
                (version, before is None or before.tasks[task.name] != version.tasks[task.name])
                for version, before in zip(known, [*known[1:], None], strict=True)
            ][:MOST]
        case _:
            page = await engine.list_page(
                store, env, RunFilter(tasks=[task.name]), size=MOST, after=None, before=None
            )
            made["rows"] = [rows.row(run, now) for run in page[0]]
    return made


ROUTES = (PageRoute("GET", "/p/{project}/{env}/tasks/{task}", show),)
