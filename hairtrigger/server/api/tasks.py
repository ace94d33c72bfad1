"""Triggering tasks: one run for one request, or several requests of a process that travel together.

The hottest routes of the server. All decisions are the engine's; here bodies become its items and its
outcomes become answers. Source: Trigger.dev's ``POST /api/v1/tasks/{taskId}/trigger``.
"""

import msgspec

from hairtrigger.engine import trigger as engine
from hairtrigger.errors import BadRequest, HairtriggerError, Unavailable
from hairtrigger.rules.project import Environment
from hairtrigger.server import answers, auth, requests, tokens
from hairtrigger.server.answers import Answer, Header
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import ids
from hairtrigger.wire.options import CoalescedTrigger, TriggerBody, Triggered, TriggerOptions

MAX_TRIGGERS = 500
MAX_SOURCE = 40
_body = msgspec.json.Decoder(TriggerBody)
_bodies = msgspec.json.Decoder(list[CoalescedTrigger])
_NO_OPTIONS = TriggerOptions()


class Handle(msgspec.Struct, rename="camel"):
    """What a trigger is answered with."""

    id: str
    is_cached: bool


async def trigger(call: Call) -> Answer:
    """Trigger a task: make one run of it, or find the one that its idempotency key names."""
    task, caller = call.params["task"], call.caller
    caller.demand(auth.TRIGGER, tasks=(task,))
    body = await call.read(_body)
    options = _options(call, body.options or _NO_OPTIONS)
    item = engine.Item(
        task, body.payload, options, source=_source(call), trace=requests.trace_of(call.headers)
    )
    (outcome,) = await engine.trigger(
        call.server.store, caller.env, [item],
        request_key=call.request_key("trigger", task), one_time=caller.one_time,
    )  # fmt: skip
    if isinstance(outcome, HairtriggerError):
        raise outcome
    id_ = ids.public("run", outcome.id)
    headers = await handle_headers(
        call, caller.env, (f"read:runs:{id_}", f"write:inputStreams:{id_}")
    )
    return answers.json(Handle(id_, outcome.cached), headers=headers)


async def triggers(call: Call) -> Answer:
    """Trigger up to 500 runs that are nothing to each other: each has its own answer or its own error."""
    bodies = await call.read(_bodies)
    if len(bodies) > MAX_TRIGGERS:
        raise BadRequest(f"{len(bodies)} triggers in one request; the limit is {MAX_TRIGGERS}.")
    source = _source(call)
    items = [
        engine.Item(one.task, one.payload, one.options, source=source, trace=one.trace)
        for one in bodies
    ]
    outcomes = await engine.trigger(
        call.server.store, call.caller.env, items, request_key=call.request_key("triggers")
    )
    answered = [
        _refusal(outcome)
        if isinstance(outcome, HairtriggerError)
        else Triggered(ids.public("run", outcome.id), outcome.cached)
        for outcome in outcomes
    ]
    return answers.json(answered, headers=[_claims(call.caller.env)])


def _refusal(error: HairtriggerError) -> Triggered:
    return Triggered(error=str(error), code=error.code, status=error.status, details=error.details)


async def handle_headers(call: Call, env: Environment, scopes: tuple[str, ...]) -> list[Header]:
    """The headers with a ready public token for something just made, and with the claims to sign one. Where no token
    can be made the thing is made all the same, and has none."""
    try:
        key = (await call.server.keyring.root_keys(env))[0]
    except Unavailable:
        return [_claims(env)]
    return [(b"x-trigger-jwt", tokens.mint(key, env.public_id, scopes).encode()), _claims(env)]


def _claims(env: Environment) -> Header:
    """What a caller with the secret key needs to sign public tokens of its own."""
    return (b"x-trigger-jwt-claims", b'{"sub":"%s","pub":true}' % env.public_id.encode())


def _source(call: Call) -> str | None:
    """Where the caller says that it triggers from: free text, kept short."""
    source = call.headers.get(b"x-trigger-source")
    return source[:MAX_SOURCE].decode("latin-1") if source else None


def _options(call: Call, options: TriggerOptions) -> TriggerOptions:
    """The body's options, with the idempotency key that bare HTTP callers send as headers."""
    key = call.headers.get(b"idempotency-key")
    if key and options.idempotency_key is None:
        ttl = call.headers.get(b"idempotency-key-ttl")
        options = msgspec.structs.replace(options, idempotency_key=key.decode("latin-1"))
        if ttl:
            options.idempotency_key_ttl = ttl.decode("latin-1")
    return options


ROUTES = (
    Route(
        "POST", "/api/v1/tasks/{task}/trigger", trigger, "token", (auth.TRIGGER,),
        limit="trigger_bytes", browsers=True, hot=True, body=TriggerBody, returns=Handle,
    ),
    Route(
        "POST", "/api/hairtrigger/v1/triggers", triggers, "secret", limit="triggers_bytes", hot=True,
        body=list[CoalescedTrigger], returns=list[Triggered],
    ),
)  # fmt: skip
