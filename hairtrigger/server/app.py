"""The ASGI application: routes, store and loops put together, started and stopped in order.

Requests to hot routes are found by one look-up on the raw path; everything else goes through Starlette,
on the raw path too, so that ``%2F`` in a task id or queue name is not a separator.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from starlette.routing import Match, Router
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from hairtrigger.errors import MethodNotAllowed, NotFound, Unavailable
from hairtrigger.server import answers, door
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import table
from hairtrigger.server.dashboard import door as pages_door
from hairtrigger.server.dashboard import table as pages
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.meter import NO_ROUTE
from hairtrigger.server.routes import Route
from hairtrigger.server.server import Server
from hairtrigger.server.settings import Settings
from hairtrigger.wire.worker import PREFIX

_PREFLIGHT_S = b"300"
# Workers that are turned away lose their leases, and what is done already would be done again.
_ALWAYS = (PREFIX.encode(), b"/healthcheck")


class App:
    """The server as an ASGI application. ``server`` is what its routes work with."""

    def __init__(self, settings: Settings) -> None:
        self.server = Server(settings)
        self.is_full: Callable[[], bool] = lambda: False  # told by whoever counts connections
        self.routes: tuple[Route, ...] = table.ROUTES
        self.pages: tuple[PageRoute, ...] = pages.PAGES
        self._hot = {
            (r.method, r.path.encode()): r for r in self.routes if r.hot and "{" not in r.path
        }
        self._hot_patterns = [(r, _pattern(r)) for r in self.routes if r.hot and "{" in r.path]
        self._router = Router(
            [
                *(_Bound(self.server, route, door.answer).mounted() for route in self.routes),
                *(_Bound(self.server, page, pages_door.answer).mounted() for page in self.pages),
            ],
            redirect_slashes=False,
            default=self._lost,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: bytes = scope["raw_path"]
        method: str = scope["method"]
        if self.is_full() and not path.startswith(_ALWAYS):
            self.server.meter.count(method, NO_ROUTE, 503)
            await answers.send(_turned_away(), send, answers.request_id())
            return
        route = self._hot.get((method, path))
        if route is not None:
            await door.answer(self.server, route, {}, scope, receive, send)
            return
        for route, pattern in self._hot_patterns:
            if route.method == method and (found := pattern.fullmatch(path)):
                params = {key: part.decode("latin-1") for key, part in found.groupdict().items()}
                await door.answer(self.server, route, params, scope, receive, send)
                return
        # A base URL that ends with a slash: the npm client strips it everywhere but in schedules.timezones.
        shown = "/" + path.decode("latin-1").lstrip("/")
        await self._router({**scope, "path": shown}, receive, send)

    async def _lost(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that no route takes: a preflight, a wrong method, or a wrong path."""
        here = [
            bound.route
            for mounted in self._router.routes
            if isinstance(mounted, StarletteRoute)
            and isinstance(bound := mounted.endpoint, _Bound)
            and mounted.path_regex.match(scope["path"])
        ]
        if here and scope["method"] == "OPTIONS":
            result, browsers = _preflight(here, scope), False
        elif here:
            error = MethodNotAllowed(
                f"{scope['method']} is not for {_shown(scope)}: {_methods(here)} is."
            )
            result, browsers = answers.failure(error), here[0].browsers
            result.headers.append((b"allow", _methods(here).encode()))
        else:
            error_404 = NotFound(f"There is nothing at {scope['method']} {_shown(scope)}.")
            result, browsers = answers.failure(error_404), False
        self.server.meter.count(scope["method"], NO_ROUTE, result.status)
        await answers.send(result, send, answers.request_id(), browsers=browsers)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Open before the first request and close after the last, for servers other than ours."""
        await receive()
        await self.server.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.server.drain()
        await self.server.close()
        await send({"type": "lifespan.shutdown.complete"})


class _Bound:
    """A route bound to its server: what Starlette calls when it has found it."""

    def __init__(self, server: Server, route: Route | PageRoute, answer: Any) -> None:
        self.server, self.route, self._answer = server, route, answer

    def mounted(self) -> StarletteRoute:
        return _ExactRoute(self.route.path, self, methods=[self.route.method])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        params = {key: str(part) for key, part in scope["path_params"].items()}
        await self._answer(self.server, self.route, params, scope, receive, send)


class _ExactRoute(StarletteRoute):
    """A route that a wrong method does not match at all: 405 is answered once, for all methods of a path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return (Match.NONE, {}) if match == Match.PARTIAL else (match, child)


def _turned_away() -> Answer:
    """What a request hears, unread, when there are too many connections."""
    answer = answers.failure(Unavailable("There are too many connections. Try again in a second."))
    answer.headers.append((b"connection", b"close"))
    return answer


def _preflight(here: Iterable[Route | PageRoute], scope: Scope) -> Answer:
    """What a browser asks before a call from another origin. Else, the methods."""
    asked = dict(scope["headers"])
    headers = [(b"allow", _methods(here).encode())]
    if any(route.browsers for route in here):
        methods = sorted({route.method for route in here if route.browsers})
        headers += [
            (b"access-control-allow-origin", b"*"),
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-max-age", _PREFLIGHT_S),
        ]
        if wanted := asked.get(b"access-control-request-headers"):
            headers.append((b"access-control-allow-headers", wanted))
    return Answer(b"{}", 200, headers)


def _methods(here: Iterable[Route | PageRoute]) -> str:
    return ", ".join(sorted({route.method for route in here}))


def _shown(scope: Scope) -> str:
    return str(scope["path"])[:200]


def _pattern(route: Route) -> re.Pattern[bytes]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path).encode())
