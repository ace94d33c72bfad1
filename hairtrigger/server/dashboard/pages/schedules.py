"""The list of schedules: what runs when, over a strip of the next 24 hours; and what can be done with each."""

from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from hairtrigger.engine import schedules as engine
from hairtrigger.engine import tasks
from hairtrigger.errors import InvalidCron, InvalidTimezone
from hairtrigger.rules import cron
from hairtrigger.rules.stats import DAY_MS, MINUTE_MS, floor
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import schedule_rows
from hairtrigger.server.dashboard.graphics import Column
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.server.dashboard.words import plural
from hairtrigger.wire import durations, ids

SIZE = 50
COLUMN_MS = 10 * MINUTE_MS
MOST = 300
"""Schedules that the strip looks at: those that fire next."""
_MOST_TICKS = 1_500  # of one of them: once a minute is 1,440
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Strip:
    """The runs to come, by columns of ten minutes from ``start`` (ms)."""

    start: int
    columns: list[Column]
    runs: int
    schedules: int
    more: bool

    @property
    def ticks(self) -> list[tuple[float, int]]:
        """Where the axis names a time: the share of its width, and the instant."""
        every = DAY_MS // 12
        first = floor(self.start, every) + every
        return [((at - self.start) / DAY_MS, at) for at in range(first, self.start + DAY_MS, every)]


async def show(view: View) -> Answer:
    """The page, or the parts of it that live."""
    now = view.store.now()
    if view.parts == ["strip"]:
        return view.page("pages/schedules.html", strip=await _strip(view, now))
    page = view.page_number
    text = view.query.get("q", "").strip()[:200]
    name = view.query.get("task", "")
    task = view.store.catalog.task(view.env.id, name) if name else None
    found, count = await engine.listed(
        view.store, view.env, task=(task.id if task else -1) if name else 0, text=text, page=page, per_page=SIZE,
    )  # fmt: skip
    return view.page(
        "pages/schedules.html",
        rows=await schedule_rows.listed(view.store, view.env, found, now),
        count=count,
        text=text,
        task=name,
        tasks=tasks.scheduled(view.store, view.env),
        strip=None if view.parts == ["list"] else await _strip(view, now),
        **view.turns(count, SIZE),
        back=urlencode(view.query),
    )


async def _strip(view: View, now: int) -> Strip:
    start = floor(now, COLUMN_MS)
    coming, more = await engine.coming(view.store, view.env, until=start + DAY_MS - 1, most=MOST)
    places: dict[int, Counter[str]] = {
        at: Counter() for at in range(start, start + DAY_MS, COLUMN_MS)
    }
    for schedule in coming:
        for at in _times(schedule, start):
            if at > now:
                places[floor(at, COLUMN_MS)][schedule.task] += 1
    columns = [Column(_said(at, tasks), [("run", tasks.total())]) for at, tasks in places.items()]
    total = sum(column.total for column in columns)
    return Strip(start, columns, total, len(coming), more)


def _times(schedule: engine.Schedule, start: int) -> tuple[int, ...]:
    try:
        until = start + DAY_MS - 1
        return cron.between(schedule.cron, schedule.timezone, start - 1, until, _MOST_TICKS)
    except (InvalidCron, InvalidTimezone):  # a zone may have gone with an update
        return ()


def _said(at: int, tasks: Counter[str]) -> str:
    """``00:00 UTC: 3 runs: nightly-backup, remind-user × 2``."""
    named = [f"{name} × {n}" if n > 1 else name for name, n in tasks.most_common(_NAMED)]
    more = f" and {len(tasks) - _NAMED} more tasks" if len(tasks) > _NAMED else ""
    runs = f"{plural(tasks.total(), 'run')}: {', '.join(named)}{more}" if tasks else "none"
    return f"{durations.iso(at)[11:16]} UTC: {runs}"


async def run_now(view: View) -> Answer:
    """Trigger the task of a schedule now, as its clock would."""
    number = await engine.run_now(view.store, view.env, view.call.params["schedule"])
    where = view.link(f"runs/{ids.public('run', number)}")
    return view.go(where, say="Running now.")


async def pause(view: View) -> Answer:
    """Switch a schedule off."""
    return await _switch(view, active=False)


async def resume(view: View) -> Answer:
    """Switch a schedule on again: it fires from now on."""
    return await _switch(view, active=True)


async def _switch(view: View, *, active: bool) -> Answer:
    changed = await engine.switch(view.store, view.env, view.call.params["schedule"], active=active)
    return await _back(view, f"{'Resumed' if active else 'Paused'} {changed.task}.")


async def delete(view: View) -> Answer:
    """Delete a schedule that was made here or over the API."""
    gone = await engine.delete(view.store, view.env, view.call.params["schedule"])
    return view.go(view.link("schedules"), say=f"Deleted a schedule of {gone.task}.")


async def _back(view: View, say: str) -> Answer:
    """To where the form was: the page of the schedule, or the list as it was narrowed."""
    form = await view.form()
    if "back" in form:  # its switch has said it
        query = urlencode(parse_qsl(form["back"]))
        return view.go(view.link("schedules") + (f"?{query}" if query else ""))
    return view.go(view.link(f"schedules/{view.call.params['schedule']}"), say=say)


_ONE = "/p/{project}/{env}/schedules/{schedule}"
ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/schedules", show),
    PageRoute("POST", _ONE + "/run", run_now, "admin"),
    PageRoute("POST", _ONE + "/pause", pause, "admin"),
    PageRoute("POST", _ONE + "/resume", resume, "admin"),
    PageRoute("POST", _ONE + "/delete", delete, "admin"),
)
