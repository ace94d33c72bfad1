"""The way of one request through the server: found route → caller → limits → handler → answer.

The same for routes found by the router and for the hot ones that bypass it. Every error leaves here as
JSON; an error that is nobody's plan leaves as a 500 with an id that is in the log, and nothing else.
"""

import traceback

from hairtrigger.errors import ApiError, HairtriggerError
from hairtrigger.rules.accounts import Action
from hairtrigger.server import answers, audit, auth, requests
from hairtrigger.server.answers import Header, Message, Receive, Send
from hairtrigger.server.rates import Refused
from hairtrigger.server.requests import Call, ClientGone
from hairtrigger.server.routes import Route
from hairtrigger.server.server import Server
from hairtrigger.telemetry.events import emit


class Internal(ApiError):
    """A defect of ours, told by its number only."""

    code, status = "internal", 500


async def answer(
    server: Server,
    route: Route,
    params: dict[str, str],
    scope: Message,
    receive: Receive,
    send: Send,
) -> None:
    """Answer one request that has found its route. ``params`` are still percent-encoded."""
    span, spans = None, server.spans
    if spans is not None:
        around = requests.trace_of(dict(scope["headers"]))
        span = spans.request(route.method, route.path, around)
    if spans is None or span is None:
        await _answer(server, route, params, scope, receive, send)
        return
    status: int | None = None
    try:
        status = await _answer(server, route, params, scope, receive, send)
    finally:
        spans.answered(span, status)


async def _answer(
    server: Server,
    route: Route,
    params: dict[str, str],
    scope: Message,
    receive: Receive,
    send: Send,
) -> int | None:
    """The same; answers the status, None when the caller has gone."""
    name = answers.request_id()
    rated: list[Header] = []
    try:
        call = Call(server, scope, receive, params)
        requests.refuse_oversized_head(scope, call.headers)
        for key, part in params.items():
            if "%" in part:
                params[key] = requests.path_part(part)
        call.size_limit = getattr(server.settings, route.limit)
        if route.access != "anybody":
            if route.rated:
                rated = server.buckets.take(call.headers.get(b"authorization", b""))
            await _admit(call, route)
        result = await route.handler(call)
        if route.audited and not call.only_asks:
            await audit.note_call(call, route, result)
    except ClientGone:
        return None
    except Refused as error:
        result, rated = answers.failure(error), error.headers
    except HairtriggerError as error:
        result = answers.failure(error)
    except Exception as error:  # noqa: BLE001 (a defect must not leave the caller without an answer)
        result = _defect(name, route, error)
    if rated:
        result.headers = [*result.headers, *rated]
    server.meter.count(route.method, route.path, result.status)
    await answers.send(result, send, name, browsers=route.browsers)
    return result.status


async def _admit(call: Call, route: Route) -> None:
    """Find out who asks."""
    server, headers = call.server, call.headers
    if route.access == "person":
        call.user = await auth.person(server, headers)
    elif route.access in ("member", "admin"):
        action: Action = "change" if route.access == "admin" else "read"
        call.caller = await auth.member(server, headers, call.params, action)
    else:
        call.caller = await auth.identify(
            server, headers, public=route.access == "token", branchless=route.trunk
        )


def _defect(name: str, route: Route, error: Exception) -> answers.Answer:
    emit(
        "request.failed",
        id=name,
        route=f"{route.method} {route.path}",
        error=type(error).__name__,
        trace="".join(traceback.format_exception(error)),
    )
    return answers.failure(
        Internal(f"Internal error {name}. The server's log has the details under this id.")
    )
