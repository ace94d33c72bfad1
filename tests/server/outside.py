"""The outside world that alerts go to: a web server and a mail server on this machine."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Hook:
    """A web server that keeps what it is sent. ``status`` is what it answers."""

    url: str = ""
    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    """A web server on a free port."""
    seen = Hook()

    async def take(request: web.Request) -> web.Response:
        seen.bodies.append(await request.read())
        seen.headers.append(dict(request.headers))
        seen.came.set()
        return web.Response(status=seen.status, headers={"location": seen.url + "elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    seen.url = f"http://{host}:{port}/"
    try:
        yield seen
    finally:
        await runner.cleanup()


@dataclass
class Post:
    """A mail server that keeps what it is sent. ``refuses`` makes it say no to every recipient, ``trickles`` never come
    to the end of its greeting."""

    url: str = ""
    refuses: bool = False
    trickles: bool = False
    mails: list[str] = field(default_factory=list)


@asynccontextmanager
async def post() -> AsyncIterator[Post]:
    """A mail server on a free port."""
    seen = Post()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        while seen.trickles and not reader.at_eof():
            writer.write(b"2")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.02)
        say("220 here")
        while line := (await reader.readline()).decode().strip():
            verb = line[:4].upper()
            if verb == "DATA":
                say("354 go on")
                seen.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                say("250 taken")
            elif verb == "RCPT" and seen.refuses:
                say("550 nobody of that name")
            else:
                say("221 bye" if verb == "QUIT" else "250 good")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()


async def until(condition: Callable[[], object], timeout_s: float = 10) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)
