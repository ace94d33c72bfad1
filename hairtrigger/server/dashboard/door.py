"""The way of a request for a page: who looks → which environment → what it does → answer.

As the door of the API, but for people: errors are pages, whoever is not known is sent to the sign-in, and what
changes something must come from a page of ours.
"""

import asyncio
import gzip
import traceback
from collections.abc import Mapping
from urllib.parse import quote

from hairtrigger.errors import ApiError, HairtriggerError, NotFound
from hairtrigger.rules.project import Environment
from hairtrigger.server import answers, audit, requests
from hairtrigger.server.answers import Answer, Message, Receive, Send
from hairtrigger.server.dashboard import render, stream
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.stream import Stream
from hairtrigger.server.dashboard.view import View
from hairtrigger.server.requests import Call, ClientGone
from hairtrigger.server.server import Server
from hairtrigger.telemetry.events import emit

WORTH_ZIPPING = 1_000  # bytes


class _Defect(ApiError):
    code, status = "internal", 500


async def answer(
    server: Server,
    route: PageRoute,
    params: dict[str, str],
    scope: Message,
    receive: Receive,
    send: Send,
) -> None:
    """Answer one request that has found its page. ``params`` are still percent-encoded."""
    name = answers.request_id()
    view: View | None = None
    call = Call(server, scope, receive, params)
    try:
        requests.refuse_oversized_head(scope, call.headers)
        for key, part in params.items():
            if "%" in part:
                params[key] = requests.path_part(part)
        call.size_limit = getattr(server.settings, route.limit)
        view = View(call, None, None, call.query())
        view.visitor = await server.visitors.who(scope)
        result = await _through(route, view)
    except ClientGone:
        return
    except HairtriggerError as error:
        result = _failure(view, error, name)
    except Exception as error:  # noqa: BLE001 (a defect must not leave the caller without an answer)
        emit(
            "request.failed", id=name, route=f"{route.method} {route.path}", error=type(error).__name__,
            trace="".join(traceback.format_exception(error)),
        )  # fmt: skip
        result = _failure(view, _Defect("Something of ours broke."), name)
    server.meter.count(
        route.method, route.path, 200 if isinstance(result, Stream) else result.status
    )
    if isinstance(result, Stream):
        await _stream(server, call, result, send, name)
        return
    await answers.send(_zipped(call, result), send, name)


async def _stream(server: Server, call: Call, result: Stream, send: Send, name: str) -> None:
    """Streams end when the server stops, and hold no place among waiting calls: a browser has one."""
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with server.live.told_to_stop(stop):
        await stream.send(result, call.receive, send, name, stop)


def _zipped(call: Call, result: Answer) -> Answer:
    """Pages compress to a tenth; what was compressed before is left alone."""
    names = {header[0] for header in result.headers}
    if (
        len(result.body) < WORTH_ZIPPING
        or b"content-encoding" in names
        or b"gzip" not in call.headers.get(b"accept-encoding", b"")
    ):
        return result
    headers = [*result.headers, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
    return Answer(gzip.compress(result.body, 4, mtime=0), result.status, headers, result.type)


async def _through(route: PageRoute, view: View) -> Answer | Stream:
    if route.role != "anybody":
        if view.visitor is None:
            return _to_sign_in(view)
        view.visitor.demand("change" if route.role == "admin" else "read")
    if "project" in view.call.params:
        view.environment = _environment(view)
    if route.method != "GET":
        await _check_ours(view)
        try:
            form = await view.form() if route.audited else {}
            result = await route.handler(view)
            if route.audited and isinstance(result, Answer) and result.status < 400:
                await audit.note(view.call, route, form, who=_who(view, form), env=view.environment)
            return result
        finally:
            view.server.fragments.forget()  # what was drawn before shows what was
    if view.parts:
        role = view.visitor.user.role if view.visitor is not None else ""
        key = (
            view.call.scope["raw_path"],
            view.call.scope["query_string"],
            tuple(view.parts),
            role,
            view.server.pulses.of(view.env.id).beat.seq if view.environment is not None else 0,
        )
        return await view.server.fragments.get(key, lambda: route.handler(view))
    return await route.handler(view)


def _who(view: View, form: Mapping[str, str]) -> str:
    """Whoever looks; who has just signed in is named by the form."""
    if view.visitor is None:
        return form.get("email", "")
    return view.visitor.user.email or "somebody at this machine"


async def _check_ours(view: View) -> None:
    """A page of ours says so by its token: in a header when a script sends it, else in its form."""
    visitors, scope = view.server.visitors, view.call.scope
    if view.visitor is None:
        visitors.check_origin(scope)
        return
    given = view.call.headers.get(b"x-csrf", b"").decode("latin-1")
    visitors.check_form(scope, view.visitor, given or (await view.form()).get("csrf", ""))


def _environment(view: View) -> Environment:
    project, slug = view.call.params["project"], view.call.params["env"]
    for env in view.store.catalog.envs.values():
        if env.slug == slug and env.project_ref == project:
            return env
    raise NotFound(
        f"There is no environment {slug[:50]} in a project {project[:50]} on this server."
    )


def _to_sign_in(view: View) -> Answer:
    """Sign in, then come back here. A part of a page that lives on sends its whole page there."""
    query = view.call.scope["query_string"].decode("latin-1")
    here = view.path + (f"?{query}" if query else "")
    where = "/sign-in" + (
        f"?next={quote(here)}" if here != "/" and view.call.scope["method"] == "GET" else ""
    )
    if b"hx-request" in view.call.headers or view.parts:
        return Answer(b"", 401, [(b"hx-redirect", where.encode()), *render.HEADERS])
    return view.go(where)


def _failure(view: View | None, error: HairtriggerError, name: str) -> Answer:
    plain = answers.failure(error)
    if view is None or view.parts or b"application/json" in view.call.headers.get(b"accept", b""):
        return plain
    kept = [header for header in plain.headers if header[0] in (b"retry-after", b"connection")]
    return view.page(
        "pages/error.html", status=error.status, headers=kept, error=error, request=name
    )
