"""Queues over the API: looked up, listed, paused, resumed, limited at run time.

Source: Trigger.dev's queues API; ``totalLimit`` and ``rateLimit`` are members of our own.
"""

from typing import Literal, get_args

import msgspec

from hairtrigger.engine import queues as engine
from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.server import answers, auth
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import pages
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids, rates

DEFAULT_SIZE = 25


class QueueConcurrency(msgspec.Struct, rename="camel"):
    current: int | None
    base: int | None
    override: int | None
    overridden_at: str | None
    overridden_by: str | None


class QueueObject(msgspec.Struct, rename="camel"):
    id: str
    name: str
    type: str
    running: int
    queued: int
    paused: bool
    concurrency_limit: int | None
    concurrency: QueueConcurrency
    total_limit: int | None
    rate_limit: str | None


class SetConcurrency(msgspec.Struct, rename="camel"):
    concurrency_limit: int | None
    burst: int = 100


class Concurrency(msgspec.Struct, rename="camel"):
    concurrency_limit: int | None
    burst: int
    running: int


class PauseQueue(msgspec.Struct):
    action: Literal["pause", "resume"]
    type: engine.Kind = "id"


class OverrideLimit(msgspec.Struct, rename="camel"):
    concurrency_limit: int
    type: engine.Kind = "id"


class ResetLimit(msgspec.Struct):
    type: engine.Kind = "id"


_pause = msgspec.json.Decoder(PauseQueue)
_override = msgspec.json.Decoder(OverrideLimit)
_concurrency = msgspec.json.Decoder(SetConcurrency)
_reset = msgspec.json.Decoder(ResetLimit)


async def list_queues(call: Call) -> Answer:
    """The queues of the environment's current version, in numbered pages."""
    page, per_page = pages.numbered(call.query(), DEFAULT_SIZE)
    found, count = await engine.list_page(
        call.server.store, call.caller.env, page=page, per_page=per_page
    )
    return answers.json(pages.numbered_page([shown(one) for one in found], page, per_page, count))


async def retrieve(call: Call) -> Answer:
    """A queue by its id, its task or its name: `type` says which."""
    kind, name = _kind(call.query().get("type")), _name(call)
    try:
        found = await engine.retrieve(call.server.store, call.caller.env, name, kind=kind)
    except NotFound:
        call.caller.demand(auth.READ_QUEUE, queues=[name])
        raise
    public = ids.public("queue", found.id)
    stored = f"task/{found.name}" if found.type == "task" else found.name
    call.caller.demand(auth.READ_QUEUE, queues=[public, stored])
    return answers.json(shown(found))


async def pause(call: Call) -> Answer:
    """Start no more runs of a queue, or start them again; what runs goes on."""
    body = await call.read(_pause)
    changed = await engine.pause(
        call.server.store,
        call.caller.env,
        _name(call),
        kind=body.type,
        paused=body.action == "pause",
    )
    return answers.json(shown(changed))


async def override_limit(call: Call) -> Answer:
    """Set a concurrency limit that stands before that of the code; deploys leave it."""
    body = await call.read(_override)
    changed = await engine.override_limit(
        call.server.store, call.caller.env, _name(call), body.concurrency_limit, kind=body.type
    )
    return answers.json(shown(changed))


async def reset_limit(call: Call) -> Answer:
    """Let the concurrency limit of the code apply again."""
    body = await call.read(_reset)
    changed = await engine.reset_limit(
        call.server.store, call.caller.env, _name(call), kind=body.type
    )
    return answers.json(shown(changed))


async def concurrency(call: Call) -> Answer:
    """How many runs of the environment may execute at once, and how many do."""
    found = await engine.concurrency(call.server.store, call.caller.env)
    return answers.json(_shown_concurrency(found))


async def limit_environment(call: Call) -> Answer:
    """Limit how many runs of the environment execute at once; null lifts the limit."""
    body = await call.read(_concurrency)
    changed = await engine.limit_environment(
        call.server.store, call.caller.env, body.concurrency_limit, burst=body.burst
    )
    return answers.json(_shown_concurrency(changed))


def _shown_concurrency(found: engine.Concurrency) -> Concurrency:
    return Concurrency(found.limit.limit, found.limit.burst, found.running)


def shown(queue: engine.Queue) -> QueueObject:
    """A queue as the API shows it."""
    at = queue.overridden_at
    return QueueObject(
        id=ids.public("queue", queue.id),
        name=queue.name,
        type=queue.type,
        running=queue.running,
        queued=queue.queued,
        paused=queue.paused,
        concurrency_limit=queue.limit,
        concurrency=QueueConcurrency(
            queue.limit, queue.base, queue.override, None if at is None else durations.iso(at), None
        ),
        total_limit=queue.total_limit,
        rate_limit=None if queue.rate is None else rates.to_text(queue.rate),
    )


def _name(call: Call) -> str:
    """The queue that the path names: slashes in it are encoded twice, and once is decoded already."""
    return call.params["queue"].replace("%2F", "/").replace("%2f", "/")


def _kind(text: str | None) -> engine.Kind:
    for kind in get_args(engine.Kind):
        if kind == (text or "id"):
            return kind  # type: ignore[no-any-return]  # one of the literals, which get_args does not tell
    raise BadRequest(f"type is {text!r:.60}. It must be id, task or custom.")


_ONE = "/api/v1/queues/{queue}"
_ENVIRONMENT = "/api/hairtrigger/v1/concurrency"
ROUTES = (
    Route(
        "GET", "/api/v1/queues", list_queues, "secret", returns=pages.NumberedPage,
        query=("page", "perPage"),
    ),
    Route(
        "GET", _ONE, retrieve, "token", (auth.READ_QUEUE,), returns=QueueObject, query=("type",)
    ),
    Route("POST", _ONE + "/pause", pause, "secret", body=PauseQueue, returns=QueueObject, audited=True),
    Route(
        "POST", _ONE + "/concurrency/override", override_limit, "secret", body=OverrideLimit,
        returns=QueueObject, audited=True,
    ),
    Route(
        "POST", _ONE + "/concurrency/reset", reset_limit, "secret", body=ResetLimit,
        returns=QueueObject, audited=True,
    ),
    Route("GET", _ENVIRONMENT, concurrency, "secret", returns=Concurrency),
    Route(
        "PUT", _ENVIRONMENT, limit_environment, "secret", body=SetConcurrency, returns=Concurrency,
        audited=True,
    ),
)  # fmt: skip
