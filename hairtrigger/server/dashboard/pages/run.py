"""One run: where it stands, how it went, what it was given and gave; and what can be done with it."""

from dataclasses import dataclass
from typing import Any

import msgspec

from hairtrigger.engine import explain, tasks, traces
from hairtrigger.engine import runs as engine
from hairtrigger.errors import BadRequest, HairtriggerError, NotFound, TooLarge, Unprocessable
from hairtrigger.rules.run import Run
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import (
    as_code,
    error_groups,
    frames,
    hand_outs,
    jsons,
    rows,
    search,
    task_rows,
    trigger_form,
)
from hairtrigger.server.dashboard import trace as shaping
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.server.dashboard.words import plural
from hairtrigger.wire import ids, packets
from hairtrigger.wire.options import MACHINES, ReplayBody

MOST_AT_ONCE = 200


async def show(view: View) -> Answer:
    """The page of a run."""
    run = await engine.retrieve(view.store, view.env, view.number("run", "run"))
    return view.page("pages/run.html", **await _context(view, run))


async def peek(view: View) -> Answer:
    """A run from the side of a list."""
    run = await engine.retrieve(view.store, view.env, view.number("run", "run"))
    return view.page("parts/peek.html", **await _context(view, run))


async def _context(view: View, run: Run) -> dict[str, Any]:
    now = view.store.now()
    root, parent, children = await engine.relations(view.store, view.env, run)
    found = hand_outs.of_run(run, await engine.failed_attempts(view.store, view.env, run.id))
    counted: dict[str, int] = {}
    for child in children:
        counted[child.status] = counted.get(child.status, 0) + 1
    return {
        "run": run,
        "row": rows.row(run, now),
        "steps": found,
        "moments": hand_outs.moments(run, found),
        "why": await explain.why_waiting(view.store, view.env, run),
        "root": root,
        "parent": parent,
        "children": [rows.row(child, now) for child in children],
        "counted": counted,
        "payload": _shown(run.payload),
        "output": _shown(run.output),
        "metadata": msgspec.json.decode(run.metadata) if run.metadata else {},
        "same": await error_groups.same(view.store, view.env, run),
        **frames.context(run.error),
        "snippets": as_code.of_run(ids.public("run", run.id), view.call.base_url()),
        "tab": view.query.get("tab", ""),
        "public": ids.public,
        "jsons": jsons,
        **_replay(view, run),
    }  # fmt: skip


def _replay(view: View, run: Run) -> dict[str, Any]:
    """What the form begins with that runs it again. A payload that is no plain JSON stays as it was."""
    task = tasks.find(view.store, view.env, run.task)
    form = trigger_form.of_run(run, task)
    if (
        run.payload is None
        or run.payload[0] != packets.JSON
        or len(form.payload) > jsons.SHOWN_BYTES
    ):
        form.payload = ""
    return {
        "form": form, "refusal": "", "machines": MACHINES,
        "schema": task_rows.schema_text(task),
        "choices": search.choices(view.store.catalog, view.env),
        "retry": task.manifest.retry if task.manifest is not None else None,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """A payload or output: as HTML when it is small, its size in bytes, and its text."""

    html: object
    size: int
    text: str
    kind: str


def _shown(packet: tuple[str, str] | None) -> Value | None:
    if packet is None:
        return None
    kind, text = packet
    size = len(text.encode())
    if kind == packets.STORE or size > jsons.SHOWN_BYTES:
        return Value(None, size, "", kind)
    return Value(jsons.pretty(kind, text), size, text, kind)


async def trace(view: View) -> Answer:
    """The trace of a run and its descendants, or what is new of it after a cursor."""
    found = await traces.trace(
        view.store, view.env, view.number("run", "run"), after=view.query.get("after", "")
    )
    return answers.json(shaping.answer(found), headers=[(b"cache-control", b"no-store")])


async def log(view: View) -> Answer:
    """A page of the log of a run and its descendants, narrowed by level, text and span."""
    query, number = view.query, view.number("run", "run")
    run = await engine.retrieve(view.store, view.env, number)
    levels = [level for level in query.get("levels", "").split(",") if level]
    found = await traces.lines(
        view.store, view.env, number, after=query.get("after", ""), levels=levels,
        text=query.get("text", ""), span=traces.reach(query["span"]) if query.get("span") else None,
    )  # fmt: skip
    return answers.json(
        shaping.lines(found, run.created_at), headers=[(b"cache-control", b"no-store")]
    )


async def payload(view: View) -> Answer:
    """The whole payload or output, to be kept."""
    run = await engine.retrieve(view.store, view.env, view.number("run", "run"))
    which = view.call.params["which"]
    packet = {"payload": run.payload, "output": run.output}.get(which)
    if packet is None:
        raise NotFound(f"This run has no {which[:20]}.")
    body = await engine.whole(view.store, view.env, packet)
    return view.file(f"{view.call.params['run']}-{which}.json", body)


async def cancel(view: View) -> Answer:
    """Cancel the runs of a form."""
    numbers = await _numbers(view)
    for number in numbers:
        await engine.cancel(view.store, view.env, number)
    return answers.json({"said": f"Canceled {plural(len(numbers), 'run')}."})


async def replay(view: View) -> Answer:
    """Run the runs of a form again, as they were."""
    numbers = await _numbers(view)
    made, problems = [], []
    for number in numbers:
        try:
            outcome = await engine.replay(view.store, view.env, number, ReplayBody())
        except HairtriggerError as error:
            problems.append(str(error))
        else:
            made.append(ids.public("run", outcome.id))
    said = f"Replayed {plural(len(made), 'run')}." + (f" {problems[0]}" if problems else "")
    return answers.json({"said": said, "ids": made}, 200 if made else 422)


async def _numbers(view: View) -> list[int]:
    given = [value for name, value in await view.form_pairs() if name == "id"]
    found = [ids.parse("run", text) for text in given]
    if not given or None in found:
        raise BadRequest("The form names no run, or something that is none.")
    if len(found) > MOST_AT_ONCE:
        raise BadRequest(f"At most {MOST_AT_ONCE} runs at once.")
    return [number for number in found if number is not None]


async def cancel_one(view: View) -> Answer:
    """Cancel this run, and come back to it."""
    await engine.cancel(view.store, view.env, view.number("run", "run"))
    return view.go(view.link(f"runs/{view.call.params['run']}"), say="Canceled.")


async def replay_one(view: View) -> Answer:
    """Run it again, with what the form says otherwise; to the new run. What is wrong comes back in the form."""
    run = await engine.retrieve(view.store, view.env, view.number("run", "run"))
    given = await view.form()
    task = tasks.find(view.store, view.env, run.task)
    form = trigger_form.read(view.store, view.env, task if given.get("payload") else None, given)
    refusal = ""
    if not form.is_wrong:
        try:
            outcome = await engine.replay(view.store, view.env, run.id, form.replay)
        except (BadRequest, TooLarge, Unprocessable) as error:
            refusal = str(error)
        else:
            return view.go(view.link(f"runs/{ids.public('run', outcome.id)}"), say="Running again.")
    context = await _context(view, run) | {"form": form, "refusal": refusal}
    return view.page("pages/run.html", status=422, **context)


ROUTES = (
    PageRoute("POST", "/p/{project}/{env}/runs/cancel", cancel, "admin"),
    PageRoute("POST", "/p/{project}/{env}/runs/replay", replay, "admin"),
    PageRoute("GET", "/p/{project}/{env}/runs/{run}", show),
    PageRoute("GET", "/p/{project}/{env}/runs/{run}/peek", peek),
    PageRoute("GET", "/p/{project}/{env}/runs/{run}/trace", trace),
    PageRoute("GET", "/p/{project}/{env}/runs/{run}/logs", log),
    PageRoute("GET", "/p/{project}/{env}/runs/{run}/download/{which}", payload),
    PageRoute("POST", "/p/{project}/{env}/runs/{run}/cancel", cancel_one, "admin"),
    PageRoute("POST", "/p/{project}/{env}/runs/{run}/replay", replay_one, "admin", "trigger_bytes"),
)
