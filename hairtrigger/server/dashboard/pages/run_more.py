"""What else can be done with a run: its log kept as a file, a tag more, its idempotency key freed."""

from collections.abc import Awaitable

import msgspec

from hairtrigger.engine import runs as engine
from hairtrigger.engine import traces
from hairtrigger.errors import HairtriggerError
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import durations, ids

MOST_LINES = 100_000
"""Of a log that is downloaded; what follows is at the API."""


async def log(view: View) -> Answer:
    """The log of a run and its descendants: a JSON object a line."""
    number, cursor, parts, count = view.number("run", "run"), "", [], 0
    while count < MOST_LINES:
        found = await traces.lines(view.store, view.env, number, after=cursor)
        cursor, count = found.cursor, count + len(found.lines)
        parts += [
            msgspec.json.encode({
                "time": durations.iso(line.said.at), "level": line.said.level, "run": ids.public("run", line.run),
                "message": line.said.message, "attributes": line.said.attributes,
            })
            for line in found.lines
        ]  # fmt: skip
        if not found.more:
            break
    return view.file(
        f"{view.call.params['run']}-log.ndjson", b"".join(part + b"\n" for part in parts)
    )


async def tag(view: View) -> Answer:
    """Add a tag."""
    given = (await view.form()).get("tag", "").strip()
    return await _done(view, engine.add_tags(view.store, view.env, view.number("run", "run"), [given]),
                       f"Tagged {given}.")  # fmt: skip


async def free_key(view: View) -> Answer:
    """Free its idempotency key: the next trigger with it makes a new run."""
    run = await engine.retrieve(view.store, view.env, view.number("run", "run"))
    key = run.options.idempotency_key or ""
    return await _done(view, engine.reset_key(view.store, view.env, key, run.task),
                       "The key is free: the next trigger with it makes a new run.")  # fmt: skip


async def _done(view: View, deed: Awaitable[object], said: str) -> Answer:
    """Back to the run, with a word on how it went."""
    try:
        await deed
    except HairtriggerError as error:
        said = str(error)
    return view.go(view.link(f"runs/{view.call.params['run']}"), say=said)


_ONE = "/p/{project}/{env}/runs/{run}"
ROUTES = (
    PageRoute("GET", _ONE + "/log", log),
    PageRoute("POST", _ONE + "/tags", tag, "admin"),
    PageRoute("POST", _ONE + "/free-key", free_key, "admin"),
)
