"""Queues: what waits, why, and until when; paused and limited from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hairtrigger.engine import explain, waiting
from hairtrigger.engine import queues as engine
from hairtrigger.engine.numbers import Numbers
from hairtrigger.engine.queues import Queue
from hairtrigger.errors import BadRequest, HairtriggerError
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import rows
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import durations, ids
from hairtrigger.wire.rates import Rate

SIZE, KEYS, NEXT = 50, 50, 50


@dataclass(frozen=True, slots=True)
class Line:
    """One queue of the list. ``most`` is what its running runs are measured by, None without a limit over all
    of its keys; ``since`` is when (ms) its next run began to wait."""

    queue: Queue
    id: str
    href: str
    state: str
    word: str
    most: int | None
    since: int | None
    rate: str


async def show(view: View) -> Answer:
    """All queues, those of the current version first."""
    page = view.page_number
    text = view.query.get("q", "").strip()
    found, count = await engine.list_all(view.store, view.env, text=text, page=page, per_page=SIZE)
    now = (await view.server.pulses.of(view.env.id).fresh()).numbers
    busiest = sorted(now.by_queue, key=lambda number: -now.by_queue[number])
    shown = [queue.id for queue in found if queue.queued]
    oldest = await waiting.oldest(view.store, list(dict.fromkeys([*shown, *busiest])))
    first = min(oldest, key=lambda number: oldest[number], default=None)
    return view.page(
        "pages/queues.html",
        lines=[_line(view, queue, oldest.get(queue.id)) for queue in found],
        count=count,
        text=text,
        **view.turns(count, SIZE),
        queued_in=len(now.by_queue),
        limit=view.env.limit,
        oldest=None if first is None else oldest[first],
        oldest_in=None if first is None else view.store.catalog.queues[first].name,
        oldest_href=None if first is None else view.queue(view.store.catalog.queues[first].name),
    )


async def one(view: View) -> Answer:
    """One queue: which runs come next and why they wait, its keys and its limits."""
    return await _one(view)


async def _one(
    view: View, *, status: int = 200, given: Mapping[str, str] | None = None, problem: str = ""
) -> Answer:
    queue = await _queue(view)
    now = (await view.server.pulses.of(view.env.id).fresh()).numbers
    tab = view.query.get("tab", "")
    context: dict[str, Any] = {
        "next_up": [], "whys": {}, "short": False, "keys": [], "more": None, "start": "",
    }  # fmt: skip
    context |= await (_keys(view, queue) if tab == "keys" else _next(view, queue, now))
    oldest = await waiting.oldest(view.store, [queue.id])
    return view.page(
        "pages/queue.html",
        status=status,
        line=_line(view, queue, oldest.get(queue.id)),
        tab=tab,
        given=given or {},
        problem=problem,
        has_keys=queue.limit is not None,
        **context,
    )


async def _next(view: View, queue: Queue, now: Numbers) -> dict[str, Any]:
    line = await waiting.next_runs(view.store, view.env, queue.id, limit=NEXT)
    there = await explain.situation(view.store, view.env, queue, now)
    moment = view.store.now()
    return {
        "next_up": [rows.row(run, moment) for run in line.runs],
        "whys": explain.why_next(there, line),
        "short": line.short,
    }


async def _keys(view: View, queue: Queue) -> dict[str, Any]:
    start = view.query.get("key", "")
    found, more = await waiting.keys(view.store, queue.id, start=start, limit=KEYS)
    return {"keys": found, "more": view.here(key=more) if more else None, "start": start}


async def pause(view: View) -> Answer:
    """Hand out no more of its runs, with a note for everybody who looks."""
    form = await view.form()
    user = view.visitor.user if view.visitor is not None else None
    by = user.name if user is not None and user.id else None
    note = " ".join(form.get("note", "").split()) or None
    queue = await _queue(view)
    try:
        await engine.pause(view.store, view.env, queue.full_name, by=by, note=note)
    except HairtriggerError as error:
        return await _one(view, status=error.status, given=form, problem=str(error))
    return _back(view, queue, form, f"Paused {queue.name}.")


async def resume(view: View) -> Answer:
    """Hand its runs out again."""
    queue = await _queue(view)
    await engine.pause(view.store, view.env, queue.full_name, paused=False)
    return _back(view, queue, await view.form(), f"Resumed {queue.name}.")


async def override(view: View) -> Answer:
    """Set a concurrency limit that stands before that of the code."""
    form = await view.form()
    queue = await _queue(view)
    try:
        limit = whole(form.get("limit", ""), "The limit")
        await engine.override_limit(view.store, view.env, queue.full_name, limit)
    except HairtriggerError as error:
        return await _one(view, status=error.status, given=form, problem=str(error))
    return _back(view, queue, form, f"{limit:,} at once in {queue.name}.")


async def reset(view: View) -> Answer:
    """Let the limit of the code apply again."""
    queue = await _queue(view)
    await engine.reset_limit(view.store, view.env, queue.full_name)
    return _back(view, queue, {}, "The limit of the code applies again.")


def whole(text: str, what: str) -> int:
    """A whole number of a form.

    Raises:
        BadRequest: it is none.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest(f"{what} is a whole number, 0 or more.")
    return int(text)


async def _queue(view: View) -> Queue:
    return await engine.retrieve(view.store, view.env, view.call.params["name"])


def _back(view: View, queue: Queue, form: Mapping[str, str], said: str) -> Answer:
    to_list = form.get("to") == "list"
    return view.go(view.link("queues") if to_list else view.queue(queue.full_name), say=said)


def _line(view: View, queue: Queue, since: int | None) -> Line:
    bounds = [
        one for one in (queue.total_limit, None if queue.keys else queue.limit) if one is not None
    ]
    most = min(bounds, default=None)
    state, word = "idle", "Idle"
    if queue.paused:
        state, word = "ice", "Paused"
    elif most is not None and queue.running >= most and queue.queued:
        state, word = "retry", "At its limit"
    elif queue.running:
        state, word = "run", "Working"
    elif queue.queued:
        state, word = "idle", "Waiting"
    href = view.queue(queue.full_name)
    return Line(
        queue, ids.public("queue", queue.id), href, state, word, most, since, _rate(queue.rate)
    )


def _rate(rate: Rate | None) -> str:
    return "" if rate is None else f"{rate.count:,} / {durations.to_text(rate.per_ms)}"


_ONE = "/p/{project}/{env}/queues/{name}"
ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/queues", show),
    PageRoute("GET", _ONE, one),
    PageRoute("POST", _ONE + "/pause", pause, "admin"),
    PageRoute("POST", _ONE + "/resume", resume, "admin"),
    PageRoute("POST", _ONE + "/limit", override, "admin"),
    PageRoute("POST", _ONE + "/reset", reset, "admin"),
)
