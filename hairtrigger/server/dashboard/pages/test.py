"""Trigger a task from a form: its payload in an editor, every option, what it was given lately, and the same
call as code."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

import msgspec
from msgspec import Raw

from hairtrigger.engine import runs, schedules, tasks, templates
from hairtrigger.engine import trigger as engine
from hairtrigger.engine.schedules import Schedule
from hairtrigger.engine.tasks import Recent, Task
from hairtrigger.errors import HairtriggerError, NotFound, Unprocessable
from hairtrigger.rules.run import Run
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import (
    jsons,
    rows,
    search,
    snippets,
    task_rows,
    tick_form,
    trigger_form,
)
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.trigger_form import Form
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import ids, packets
from hairtrigger.wire.options import MACHINES

SOURCE = "dashboard"
_WIDE = 60  # characters of a payload in the list of recent ones
_options = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Kept:
    """A payload to begin with: where it leads, what it says, and of what it is."""

    href: str
    text: str
    run: str = ""
    at: int = 0
    is_here: bool = False


async def show(view: View) -> Answer:
    """The page, or the strip that follows the run which it has triggered."""
    task = _task(view)
    run = await _run(view, view.query.get("run", ""))
    if view.parts == ["strip"]:
        return view.page("pages/test.html", **_followed(view, run))
    return await _page(view, task, await _filled(view, task, run), run)


async def _page(
    view: View,
    task: Task,
    form: Form,
    run: Run | None = None,
    *,
    status: int = 200,
    refusal: str = "",
) -> Answer:
    recent = await tasks.recent_payloads(view.store, view.env, task)
    planned = await _schedule(view, task)
    return view.page(
        "pages/test.html",
        status=status,
        task=task,
        manifest=task.manifest,
        path=task_rows.path(view.env, task.name),
        form=form,
        refusal=refusal,
        schema=task_rows.schema_text(task),
        recent=[_kept(view, task, one) for one in recent],
        templates=[
            (one, view.here(template=one.id, **{"from": None, "run": None}))
            for one in await templates.all_of(view.store, view.env, task)
        ],
        snippets=_snippets(view, task, form, planned),
        choices=search.choices(view.store.catalog, view.env),
        machines=MACHINES,
        zones=sorted(available_timezones() - {"localtime", "Factory"}) if task.is_scheduled else [],
        planned=planned,
        public=ids.public,
        **_followed(view, run),
    )


def _followed(view: View, run: Run | None) -> dict[str, Any]:
    """What the strip says of the run that was triggered here."""
    return {
        "row": rows.row(run, view.store.now()) if run is not None else None,
        "output": _line(run.output) if run is not None else "",
        "failure": run.error.failure if run is not None and run.error is not None else None,
    }


def _task(view: View) -> Task:
    task = tasks.find(view.store, view.env, view.call.params["task"])
    if task.manifest is None:
        raise NotFound(
            f"No version has declared {task.name[:100]}, so there is nothing to test yet."
        )
    return task


async def _run(view: View, text: str) -> Run | None:
    number = ids.parse("run", text)
    return None if number is None else await runs.retrieve(view.store, view.env, number)


async def _schedule(view: View, task: Task) -> Schedule | None:
    """The schedule whose place a test of a scheduled task takes: its declared one, else another."""
    if not task.is_scheduled:
        return None
    found, _ = await schedules.listed(view.store, view.env, task=task.id, page=1, per_page=20)
    return next((one for one in found if one.declarative), found[0] if found else None)


# what the form begins with


async def _filled(view: View, task: Task, run: Run | None) -> Form:
    """A kept template, another run, the run that was just triggered, the newest payload, or the schema's."""
    if view.query.get("template"):
        return await _of_template(view, task, view.query["template"])
    source = await _run(view, view.query.get("from", "")) or run
    if source is None:
        recent = await tasks.recent_payloads(view.store, view.env, task)
        if recent:
            form = Form(payload=trigger_form.editable((recent[0].kind, recent[0].text)))
        else:
            form = Form(payload=trigger_form.beginning(task))
    else:
        form = trigger_form.of_run(source, task)
    if task.is_scheduled:
        tick_form.fill(
            form, await _schedule(view, task), view.store.now(), is_run=source is not None
        )
    return form


async def _of_template(view: View, task: Task, template_id: str) -> Form:
    for one in await templates.all_of(view.store, view.env, task):
        if one.id == template_id:
            return Form(_options.decode(one.options), one.payload)
    raise NotFound("There is no such template any more.")


def _kept(view: View, task: Task, one: Recent) -> Kept:
    text = bytes(packets.shown(one.kind, one.text)).decode()
    if task.is_scheduled:
        value = msgspec.json.decode(text)
        text = str(value.get("timestamp", "") if isinstance(value, dict) else value)
    run_id = ids.public("run", one.run_id)
    return Kept(
        view.here(template=None, run=None, **{"from": run_id}), _short(text), run_id,
        ids.created_at(one.run_id), view.query.get("from") == run_id,
    )  # fmt: skip


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 1]}…"


def _line(packet: tuple[str, str] | None) -> str:
    if packet is None or packet[0] == packets.STORE or len(packet[1]) > jsons.SHOWN_BYTES:
        return ""
    return _short(bytes(packets.shown(*packet)).decode())


# what is done with it


async def trigger(view: View) -> Answer:
    """Trigger it, marked as a test, and follow the run from this page."""
    task, given = _task(view), await view.form()
    form = await _read(view, task, given)
    if not form.is_wrong:
        options = form.options
        options.test = True
        if task.is_scheduled:
            options.payload_type = packets.SUPER_JSON
            payload: Any = Raw(msgspec.json.encode(form.payload))
        else:
            payload = form.raw
        item = engine.Item(task.name, payload, options, source=SOURCE)
        (outcome,) = await engine.trigger(view.store, view.env, [item])
        if not isinstance(outcome, HairtriggerError):
            return view.go(f"{view.path}?run={ids.public('run', outcome.id)}")
        return await _page(view, task, _again(form, given), status=422, refusal=str(outcome))
    return await _page(view, task, _again(form, given), status=422)


def _again(form: Form, given: dict[str, str]) -> Form:
    """What was typed, to be shown again with its errors."""
    form.values |= {name: given[name] for name in tick_form.FIELDS if name in given}
    form.payload = given.get("payload", "")
    return form


async def _read(view: View, task: Task, given: dict[str, str]) -> Form:
    """What was typed; of a scheduled task the payload is made of its fields."""
    if not task.is_scheduled:
        return trigger_form.read(view.store, view.env, task, given)
    form = trigger_form.read(view.store, view.env, None, {**given, "payload": ""})
    tick_form.read(form, given, await _schedule(view, task), view.store.now())
    return form


async def snippet(view: View) -> Answer:
    """The form as code: drawn anew while somebody types."""
    task, given = _task(view), await view.form()
    form = await _read(view, task, given)
    planned = await _schedule(view, task)
    shown = _snippets(view, task, form, planned)
    return view.page(
        "parts/snippets.html", snippets=shown, path=task_rows.path(view.env, task.name)
    )


def _snippets(
    view: View, task: Task, form: Form, planned: Schedule | None
) -> list[snippets.Snippet]:
    options = trigger_form.read(view.store, view.env, None, form.values).options
    payload = form.payload
    if task.is_scheduled:
        options.payload_type = packets.SUPER_JSON
        payload = payload or tick_form.payload(form, planned, view.store.now())
    return snippets.of(task.name, payload, options, view.call.base_url())


async def keep(view: View) -> Answer:
    """Keep what was typed under a name."""
    task, given = _task(view), await view.form()
    names = tick_form.FIELDS if task.is_scheduled else ()
    values = {name: given[name] for name in (*trigger_form.FIELDS, *names) if given.get(name)}
    try:
        await templates.save(
            view.store, view.env, task, name=given.get("template_name", ""),
            payload=given.get("payload", ""), options=msgspec.json.encode(values).decode(),
        )  # fmt: skip
    except Unprocessable as error:
        form = Form(values, given.get("payload", ""), {"template_name": str(error)})
        return await _page(view, task, form, status=422)
    return view.go(f"{task_rows.path(view.env, task.name)}/test")


async def forget(view: View) -> Answer:
    """Delete a template."""
    task = _task(view)
    await templates.delete(view.store, view.env, task, view.call.params["template"])
    return view.go(f"{task_rows.path(view.env, task.name)}/test")


_ONE = "/p/{project}/{env}/tasks/{task}/test"
ROUTES = (
    PageRoute("GET", _ONE, show),
    PageRoute("POST", _ONE, trigger, "admin", "trigger_bytes"),
    PageRoute("POST", _ONE + "/snippet", snippet, "viewer", "trigger_bytes"),
    PageRoute("POST", _ONE + "/templates", keep, "admin"),
    PageRoute("POST", _ONE + "/templates/{template}/delete", forget, "admin"),
)
