"""The worker protocol of Python workers: six calls, each one engine verb.

``fetch`` and ``hold`` wait; both are answered at once, and empty, when the server stops.
"""

import msgspec

from hairtrigger.engine import attempts, dequeue, sessions
from hairtrigger.engine import variables as kept
from hairtrigger.errors import BadRequest
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer, Header
from hairtrigger.server.api.packets import signed
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import packets
from hairtrigger.wire.worker import (
    PREFIX,
    AskVariables,
    Fetch,
    Fetched,
    Held,
    Hold,
    Leave,
    Register,
    Registered,
    Report,
    Reported,
    RunInfo,
    Variables,
)

HAND_OUT_BYTES = 4 * 1_048_576  # of payloads stored apart, in one answer
READ_S = 24 * 3_600  # for how long a worker may read one of the others
MAX_LEASES = 20_000  # that one session may hold
_register = msgspec.json.Decoder(Register)
_fetch = msgspec.json.Decoder(Fetch)
_ask_variables = msgspec.json.Decoder(AskVariables)
_report = msgspec.json.Decoder(Report)
_hold = msgspec.json.Decoder(Hold)
_leave = msgspec.json.Decoder(Leave)
_CLOSE: Header = (b"connection", b"close")


class Left(msgspec.Struct):
    """The answer to ``leave``."""

    ok: bool = True


async def register(call: Call) -> Answer:
    """Open a session and make the worker's code known."""
    body = await call.read(_register)
    settings = call.server.settings
    registered = await sessions.register(
        call.server.store, call.server.sessions, call.caller.env, body,
        lease_ms=settings.lease_ms, hold_ms=settings.hold_ms,
    )  # fmt: skip
    return answers.json(registered)


async def fetch(call: Call) -> Answer:
    """Ready runs for free slots; waits for the first one."""
    body = await call.read(_fetch)
    server, env = call.server, call.caller.env
    async with server.live.waiting(env.id, call.receive, worker=True) as stop:
        runs = await dequeue.fetch(
            server.store, server.sessions, env, body,
            wait_s=server.settings.hold_ms / 1_000, stop=stop,
        )  # fmt: skip
    await _fill_stored(call, runs)
    return answers.json(Fetched(runs), headers=_leaving(call))


async def report(call: Call) -> Answer:
    """Settle results, keep log lines, and fill the slots that became free."""
    body = await call.read(_report)
    if call.server.live.is_stopping:
        body.want = 0
    server = call.server
    reported = await attempts.report(server.store, server.sessions, call.caller.env, body)
    await _fill_stored(call, reported.runs)
    return answers.json(reported, headers=_leaving(call))


async def hold(call: Call) -> Answer:
    """Renew what a session holds; waits for something to tell it, at most a third of the lease."""
    body = await call.read(_hold)
    if len(body.leases) > MAX_LEASES:
        raise BadRequest(f"A session holds at most {MAX_LEASES} runs, not {len(body.leases)}.")
    server, env = call.server, call.caller.env
    async with server.live.waiting(env.id, call.receive, worker=True) as stop:
        held = await sessions.hold(
            server.store, server.sessions, env, body, lease_ms=server.settings.lease_ms,
            wait_s=server.settings.lease_ms / 3_000, stop=stop,
        )  # fmt: skip
    return answers.json(held, headers=_leaving(call))


async def variables(call: Call) -> Answer:
    """What the worker's processes find in their environment."""
    await call.read(_ask_variables)
    found = await kept.list_all(call.server.store, call.server.vault, call.caller.env)
    return answers.json(
        Variables(
            {one.name: one.value for one in found}, [one.name for one in found if one.is_secret]
        )
    )


async def leave(call: Call) -> Answer:
    """End a session; what it still held goes back at once."""
    body = await call.read(_leave)
    await sessions.leave(call.server.store, call.server.sessions, call.caller.env, body.worker)
    return answers.json(Left())


async def _fill_stored(call: Call, runs: list[RunInfo]) -> None:
    """Put in the payloads that are stored apart, as many as one answer should carry. Of the others the worker
    gets a signed path, and reads each when its run begins."""
    store, env, room = call.server.store, call.caller.env, HAND_OUT_BYTES
    for run in runs:
        if run.payload is None or run.payload[0] != packets.STORE:
            continue
        path = run.payload[1]
        found = await store.get_blob(env.id, path, most=room) if room else None
        if found is not None:
            run.payload, room = (found[0], found[1].decode()), room - len(found[1])
        else:  # what comes after it is not asked for, so that there are few looks
            run.payload, room = (packets.STORE, signed(call, env, path, "get", READ_S)), 0


def _leaving(call: Call) -> list[Header]:
    """Tells the worker of a stopping server to come back elsewhere."""
    return [_CLOSE] if call.server.live.is_stopping else []


ROUTES = tuple(
    Route(
        "POST", PREFIX + name, handler, "secret", limit="worker_bytes", hot=True, rated=False,
        body=body, returns=returns,
    )
    for name, handler, body, returns in (
        ("register", register, Register, Registered),
        ("fetch", fetch, Fetch, Fetched),
        ("report", report, Report, Reported),
        ("hold", hold, Hold, Held),
        ("leave", leave, Leave, Left),
        ("variables", variables, AskVariables, Variables),
    )
)  # fmt: skip
