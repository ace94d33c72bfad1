"""An ingest endpoint as Axiom's: checks what arrives and keeps it, and fails as it is told to."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

TOKEN, DATASET = "xaat-secret", "jobs/prod"


class Endpoint:
    """``fail`` are answers for the next requests, first things first: a status, or seconds to be slow."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: list[int] = []  # how many events each request had
        self.fail: list[int | float] = []
        self.headers: dict[str, str] = {}
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        assert request.match_info["dataset"] == DATASET
        assert request.headers["content-encoding"] == "gzip"  # which aiohttp has undone
        events = json.loads(await request.read())
        self.asked.append(len(events))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return web.json_response({"message": "forbidden"}, status=403)
        how = self.fail.pop(0) if self.fail else 200
        if isinstance(how, float):
            await asyncio.sleep(how)
        elif how != 200:
            return web.json_response({"message": "not now"}, status=how, headers=self.headers)
        self.events += events
        return web.json_response({"ingested": len(events), "failed": 0})

    def said(self, message: str) -> list[dict[str, Any]]:
        """The events with a message."""
        return [one for one in self.events if one["message"] == message]


@contextmanager
def opened(port: int = 0) -> Iterator[Endpoint]:
    """An endpoint on a thread of its own."""
    endpoint, ready, loop = Endpoint(), threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/datasets/{dataset}/ingest", endpoint.take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
