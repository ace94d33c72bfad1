"""One schedule: made, looked at, changed; and a pattern in words with its next times, while it is typed."""

from typing import Any
from zoneinfo import available_timezones

from hairtrigger.engine import runs as engine_runs
from hairtrigger.engine import schedules as engine
from hairtrigger.engine import tasks
from hairtrigger.engine.schedules import Schedule
from hairtrigger.errors import HairtriggerError, InvalidCron, InvalidTimezone, Unprocessable
from hairtrigger.rules import cron
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import rows, schedule_rows
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.wire import durations, ids
from hairtrigger.wire.options import ScheduleBody

RECENT = 10
PRESETS = (
    ("*/15 * * * *", "Every 15 minutes"), ("0 * * * *", "Every hour"), ("0 9 * * *", "Daily at 9"),
    ("0 9 * * 1-5", "Weekdays at 9"), ("0 8 * * 1", "Mondays at 8"), ("0 0 1 * *", "Monthly"),
)  # fmt: skip
_FIELDS = ("task", "cron", "timezone", "external_id", "deduplication_key")


async def new(view: View) -> Answer:
    """The form of a new schedule."""
    given = {name: view.query.get(name, "") for name in _FIELDS}
    given["cron"] = given["cron"] or "0 9 * * *"
    given["timezone"] = given["timezone"] or "UTC"
    return _form(view, given)


def _form(
    view: View, given: dict[str, str], errors: dict[str, str] | None = None, status: int = 200
) -> Answer:
    return view.page(
        "pages/schedule-new.html",
        status=status,
        **_fields(view, given, errors),
    )


def _fields(
    view: View, given: dict[str, str], errors: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the fields of a schedule are drawn from."""
    return {
        "given": given,
        "errors": errors or {},
        "presets": PRESETS,
        "tasks": tasks.scheduled(view.store, view.env),
        "zones": sorted(available_timezones() - {"localtime", "Factory"}),
        "seen": _seen(given.get("cron", ""), given.get("timezone", "") or "UTC", view.store.now()),
    }  # fmt: skip


def _seen(pattern: str, zone: str, now: int) -> dict[str, Any]:
    """A pattern in words, its next five times in its zone, and what clock changes do to it; or what is wrong."""
    try:
        words, times = cron.describe(pattern), cron.upcoming(pattern, zone, now)
        found = (cron.gap_warning(pattern, zone, now), cron.fold_warning(pattern, zone, now))
    except InvalidCron as error:
        return {"error": f"{error.field}: {error.reason}.", "field": "cron"}
    except InvalidTimezone as error:
        return {"error": str(error), "field": "timezone"}
    return {
        "words": words,
        "next": [{"at": durations.iso(at), "there": schedule_rows.local(at, zone)} for at in times],
        "notes": [note for note in found if note is not None],
    }


async def preview(view: View) -> Answer:
    """What a pattern and a zone mean, as JSON."""
    pattern, zone = view.query.get("cron", "")[:500], view.query.get("timezone", "")[:100] or "UTC"
    seen = _seen(pattern, zone, view.store.now())
    return answers.json(seen, headers=[(b"cache-control", b"no-store")])


async def create(view: View) -> Answer:
    """Make it, or change the one that has this deduplication key."""
    given = await _given(view)
    if not given["task"]:
        return _form(view, given, {"task": "Choose the task that it runs."}, 422)
    try:
        made = await engine.create(view.store, view.env, _body(given))
    except Unprocessable as error:
        return _form(view, given, _placed(error), 422)
    said = "Made." if made.created_at == made.updated_at else "Changed the one with this key."
    return view.go(view.link(f"schedules/{ids.public('sched', made.id)}"), say=said)


async def show(view: View) -> Answer:
    """The page of a schedule."""
    schedule = await engine.retrieve(view.store, view.env, view.call.params["schedule"])
    return await _page(view, schedule, _as_given(schedule))


async def update(view: View) -> Answer:
    """Change it to what the form says."""
    schedule = await engine.retrieve(view.store, view.env, view.call.params["schedule"])
    given = await _given(view)
    body = _body(given)
    body.window = schedule.window
    try:
        await engine.update(view.store, view.env, view.call.params["schedule"], body)
    except Unprocessable as error:
        return await _page(view, schedule, given, _placed(error), 422)
    return view.go(view.link(f"schedules/{ids.public('sched', schedule.id)}"), say="Changed.")


async def _page(
    view: View, schedule: Schedule, given: dict[str, str], errors: dict[str, str] | None = None,
    status: int = 200,
) -> Answer:  # fmt: skip
    now = view.store.now()
    found, _ = await engine_runs.list_page(
        view.store, view.env, RunFilter(schedule=schedule.id), size=RECENT, after=None, before=None
    )
    return view.page(
        "pages/schedule.html",
        status=status,
        row=schedule_rows.made(schedule, found[0] if found else None, now),
        schedule=schedule,
        manifest=_manifest(view, schedule),
        runs=[rows.row(run, now) for run in found],
        deletes=view.query.get("delete") == "1",
        **_fields(view, given, errors),
    )


def _manifest(view: View, schedule: Schedule) -> Any:
    task = view.store.catalog.task(view.env.id, schedule.task)
    return task.manifest if task is not None else None


def _as_given(schedule: Schedule) -> dict[str, str]:
    return {
        "task": schedule.task,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "external_id": schedule.external_id or "",
        "deduplication_key": schedule.dedup or "",
    }


async def _given(view: View) -> dict[str, str]:
    form = await view.form()
    return {name: form.get(name, "").strip() for name in _FIELDS}


def _body(given: dict[str, str]) -> ScheduleBody:
    return ScheduleBody(
        given["task"], given["cron"], given["deduplication_key"] or None, given["external_id"] or None,
        given["timezone"] or None,
    )  # fmt: skip


def _placed(error: HairtriggerError) -> dict[str, str]:
    """An error at the field that it is about."""
    if isinstance(error, InvalidCron):
        return {"cron": f"{error.field}: {error.reason}."}
    return {"timezone" if isinstance(error, InvalidTimezone) else "task": str(error)}


_ALL, _ONE = "/p/{project}/{env}/schedules", "/p/{project}/{env}/schedules/{schedule}"
ROUTES = (
    PageRoute("GET", _ALL + "/new", new),
    PageRoute("GET", _ALL + "/preview", preview),
    PageRoute("POST", _ALL, create, "admin"),
    PageRoute("GET", _ONE, show),
    PageRoute("POST", _ONE, update, "admin"),
)
