"""A small real HTTP server that answers what a test tells it to and remembers what it was asked."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from hairtrigger.wire.options import CoalescedTrigger, Triggered

Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]]


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str  # as it was sent, quoted, with the query
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class Answering:
    """The server: ``replies`` maps ``"GET /path"`` to a reply, or to a function of the request."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    replies: dict[str, Reply | Callable[[Asked], Reply]] = field(default_factory=dict)

    def reset(self) -> None:
        self.asked.clear()
        self.replies.clear()
        self.replies["POST /api/hairtrigger/v1/triggers"] = triggers_everything

    def to(self, route: str) -> list[Asked]:
        """The requests of one route, without their queries."""
        method, _, path = route.partition(" ")
        return [a for a in self.asked if a.method == method and a.path.partition("?")[0] == path]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(request.method, request.raw_path, headers, await request.read())
        self.asked.append(asked)
        reply = self.replies.get(f"{asked.method} {asked.path.partition('?')[0]}")
        if callable(reply):
            reply = reply(asked)
        if reply is None:
            reply = (404, {"error": f"nothing at {asked.path}"})
        status, body, *more = reply
        text = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return web.Response(
            status=status,
            body=text,
            headers={"content-type": "application/json", **(more or [{}])[0]},
        )


def triggers_everything(asked: Asked) -> Reply:
    items = msgspec.json.decode(asked.body, type=list[CoalescedTrigger])
    return 200, [Triggered(id=f"run_{item.task}") for item in items]


def a_run(status: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    """A run object as the API sends it."""
    final = status in ("COMPLETED", "FAILED", "CANCELED", "TIMED_OUT")
    return {
        "id": "run_1", "taskIdentifier": "add", "status": status,
        "isQueued": status == "QUEUED", "isExecuting": status == "EXECUTING", "isWaiting": False,
        "isCompleted": final, "isSuccess": status == "COMPLETED",
        "isFailed": final and status != "COMPLETED", "isCancelled": status == "CANCELED",
        "isTest": False, "createdAt": "2026-03-01T09:30:00.000Z",
        "updatedAt": "2026-03-01T09:30:00.000Z", "tags": [], "costInCents": 0,
        "baseCostInCents": 0, "durationMs": 5, "depth": 0, "triggerFunction": "trigger",
        "attemptCount": 1, "relatedRuns": {}, **more,
    }  # fmt: skip


@contextmanager
def answering() -> Iterator[Answering]:
    """The server, on a thread of its own: blocking tests need one as well."""
    server, ready = Answering(), threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=8_000_000)
        app.router.add_route("*", "/{path:.*}", server.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
