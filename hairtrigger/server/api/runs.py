"""Runs: looked up, waited for, cancelled, replayed, moved and marked. Lists are in ``lists``.

Every look-up is within the caller's environment; an id of another one is simply not found.
Source: Trigger.dev's runs API.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from hairtrigger.engine import runs as engine
from hairtrigger.engine import schedules
from hairtrigger.errors import NotFound
from hairtrigger.rules import cron
from hairtrigger.rules.run import Run
from hairtrigger.server import answers, auth
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import packets as stored
from hairtrigger.server.api import pages, present
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import ids, packets
from hairtrigger.wire.options import ReplayBody

MAX_WAIT_S = 20.0
MAX_EVENTS = 1_000


class RunId(msgspec.Struct):
    id: str


class Reschedule(msgspec.Struct):
    delay: str


class AddTags(msgspec.Struct):
    tags: str | list[str]


class Message(msgspec.Struct):
    message: str


class ChangeMetadata(msgspec.Struct, rename="camel"):
    metadata: dict[str, Any] | None = None
    operations: list[dict[str, Any]] | None = None
    parent_operations: list[dict[str, Any]] | None = None
    root_operations: list[dict[str, Any]] | None = None


class Metadata(msgspec.Struct):
    metadata: Any


class RunResult(msgspec.Struct, rename="camel"):
    ok: bool
    id: str
    task_identifier: str
    output: str | UnsetType = UNSET
    output_type: str | UnsetType = UNSET
    error: dict[str, Any] | UnsetType = UNSET


class EventPage(msgspec.Struct):
    """Log lines and spans of a run after a cursor; ``final`` says that the run adds no more."""

    events: list[present.EventObject]
    next: str
    final: bool


_replay = msgspec.json.Decoder(ReplayBody)
_reschedule = msgspec.json.Decoder(Reschedule)
_tags = msgspec.json.Decoder(AddTags)
_metadata = msgspec.json.Decoder(ChangeMetadata)


async def retrieve(call: Call) -> Answer:
    """A run with its payload, result and relations; with ``wait``, as soon as it is final."""
    wait_s = pages.seconds(call.query(), "wait", MAX_WAIT_S)
    number = call.number("run", "run")
    run = await readable(call, number)
    if wait_s and not run.is_final:
        run = await call.server.live.until_changed(
            call.server.store, number, env=call.caller.env.id, receive=call.receive, wait_s=wait_s,
            look=lambda: _found(call, number), enough=_is_final,
        )  # fmt: skip
    return answers.json(await shown(call, run))


async def cancel(call: Call) -> Answer:
    """Cancel a run and everything that it triggered; one that has ended stays as it is."""
    number = ids.parse("run", call.params["run"])
    await _may_cancel(call, number)
    if number is None:
        raise NotFound("Run not found")
    await engine.cancel(call.server.store, call.caller.env, number)
    return answers.json(RunId(ids.public("run", number)))


async def replay(call: Call) -> Answer:
    """Trigger a run's task again with its payload, but for what the body overrides."""
    number = call.number("run", "run")
    body = await call.read(_replay)
    key = call.request_key("replay", call.params["run"])
    outcome = await engine.replay(call.server.store, call.caller.env, number, body, request_key=key)
    return answers.json(RunId(ids.public("run", outcome.id)))


async def reschedule(call: Call) -> Answer:
    """Move a run that is still delayed."""
    number = call.number("run", "run")
    body = await call.read(_reschedule)
    run = await engine.reschedule(call.server.store, call.caller.env, number, body.delay)
    return answers.json(await shown(call, run))


async def add_tags(call: Call) -> Answer:
    """Add tags to a run, finished ones too; all of them or none."""
    number = call.number("run", "run")
    body = await call.read(_tags)
    count = await engine.add_tags(call.server.store, call.caller.env, number, body.tags)
    return answers.json(Message(f"Successfully set {count} new tag{'' if count == 1 else 's'}."))


async def change_metadata(call: Call) -> Answer:
    """Replace a run's metadata, or apply operations to it, its parent and its root."""
    number = call.number("run", "run")
    body = await call.read(_metadata)
    own = [{"type": "update", "value": body.metadata}] if body.metadata is not None else []
    text = await engine.change_metadata(
        call.server.store, call.caller.env, number,
        {
            "own": own + (body.operations or []),
            "parent": body.parent_operations or [],
            "root": body.root_operations or [],
        },
    )  # fmt: skip
    return answers.json(Metadata(Raw(text.encode())))


async def read_metadata(call: Call) -> Answer:
    """A run's metadata as an object; an empty one when there is none."""
    run = await _found(call, call.number("run", "run"))
    return answers.json(Metadata(Raw((run.metadata or "{}").encode())))


async def result(call: Call) -> Answer:
    """How a run ended, as its worker said it; 404 while it has not."""
    run = await readable(call, call.number("run", "run"))
    if not run.is_final:
        raise NotFound("The run is not finished")
    return answers.json(result_of(run))


def result_of(run: Run) -> RunResult:
    """How a finished run ended."""
    found = RunResult(run.status == "COMPLETED", ids.public("run", run.id), run.task)
    if not found.ok:
        found.error = present.stored_error(run)
    elif run.output is not None:
        found.output_type, found.output = run.output
    else:
        found.output_type = packets.JSON
    return found


async def events(call: Call) -> Answer:
    """A run's log lines and spans after a cursor; with ``wait``, as soon as there are any."""
    query = call.query()
    wait_s = pages.seconds(query, "wait", MAX_WAIT_S)
    limit = pages.whole(query, "limit", 200, 1, MAX_EVENTS)
    after = pages.whole(query, "after", 0, 0, 1 << 53)
    number = call.number("run", "run")
    await readable(call, number)

    async def look() -> EventPage:
        rows, final = await engine.events(
            call.server.store, call.caller.env, number, after=after, limit=limit
        )
        position = rows[-1][0] if rows else after
        shown = [present.event(text) for _, text in rows]
        return EventPage(shown, str(position), final and len(rows) < limit)

    page = await look()
    if wait_s and not page.events and not page.final:
        page = await call.server.live.until_changed(
            call.server.store, number, env=call.caller.env.id, receive=call.receive, wait_s=wait_s,
            look=look, enough=lambda p: bool(p.events) or p.final,
        )  # fmt: skip
    return answers.json(page)


async def shown(call: Call, run: Run) -> present.RunObject:
    """A run as the API shows it, with its relations and its schedule."""
    store, env = call.server.store, call.caller.env
    root, parent, children = await engine.relations(store, env, run)
    schedule = None
    if run.schedule is not None:
        schedule = await _schedule(call, run.schedule)
    found = present.whole(run, root=root, parent=parent, children=children, schedule=schedule)
    if run.payload is not None and run.payload[0] == packets.STORE:
        found.payload_presigned_url = stored.download_url(call, env, run.payload[1])
    if run.output is not None and run.output[0] == packets.STORE:
        found.output_presigned_url = stored.download_url(call, env, run.output[1])
    return found


async def _schedule(call: Call, number: int) -> present.RunSchedule | None:
    """The schedule that made a run, unless it has been deleted since."""
    id_ = ids.public("sched", number)
    try:
        found = await schedules.retrieve(call.server.store, call.caller.env, id_)
    except NotFound:
        return None
    return present.RunSchedule(
        id_, present.Generator(found.cron, cron.describe(found.cron)),
        found.external_id or UNSET, found.dedup or UNSET,
    )  # fmt: skip


async def _found(call: Call, number: int) -> Run:
    return await engine.retrieve(call.server.store, call.caller.env, number)


async def readable(call: Call, number: int) -> Run:
    """The run, when the caller may read it."""
    run = await _found(call, number)
    call.caller.demand(auth.READ_RUN, **_facts(run))
    return run


async def _may_cancel(call: Call, number: int | None) -> None:
    """Checked before existence: a token for another run learns nothing about this one."""
    if call.caller.token is None:
        return
    facts: dict[str, Any] = {"runs": (call.params["run"],)}
    if number is not None and not call.caller.may(auth.CANCEL_RUN, facts):
        try:
            facts = _facts(await _found(call, number))
        except NotFound:
            pass
    call.caller.demand(auth.CANCEL_RUN, **facts)


def _facts(run: Run) -> dict[str, Any]:
    """What scopes may name to reach a run."""
    batch = () if run.batch is None else (ids.public("batch", run.batch),)
    return {
        "runs": (ids.public("run", run.id),),
        "tasks": (run.task,),
        "tags": run.tags,
        "batch": batch,
    }


def _is_final(run: Run) -> bool:
    return run.is_final


_RUN = "/api/v1/runs/{run}"
_READ = (auth.READ_RUN,)
ROUTES = (
    Route(
        "GET", "/api/v3/runs/{run}", retrieve, "token", _READ, browsers=True, hot=True,
        returns=present.RunObject, query=("wait",),
    ),
    Route(
        "POST", "/api/v2/runs/{run}/cancel", cancel, "token", (auth.CANCEL_RUN,), browsers=True,
        returns=RunId,
    ),
    Route(
        "POST", _RUN + "/cancel", cancel, "token", (auth.CANCEL_RUN,), browsers=True, returns=RunId
    ),
    Route(
        "POST", _RUN + "/replay", replay, "secret", limit="trigger_bytes", body=ReplayBody, returns=RunId
    ),
    Route("POST", _RUN + "/reschedule", reschedule, "secret", body=Reschedule, returns=present.RunObject),
    Route("POST", _RUN + "/tags", add_tags, "secret", body=AddTags, returns=Message),
    Route(
        "PUT", _RUN + "/metadata", change_metadata, "secret", limit="metadata_bytes",
        body=ChangeMetadata, returns=Metadata,
    ),
    Route("GET", _RUN + "/metadata", read_metadata, "secret", returns=Metadata),
    Route("GET", _RUN + "/result", result, "token", _READ, browsers=True, returns=RunResult),
    Route(
        "GET", _RUN + "/events", events, "token", _READ, browsers=True, returns=EventPage,
        query=("after", "wait", "limit"),
    ),
)  # fmt: skip
