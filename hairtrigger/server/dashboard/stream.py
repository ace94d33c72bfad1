"""Server-sent events: an answer that goes on until the browser goes away. Source: the WHATWG's HTML standard."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec

from hairtrigger.server.answers import Header, Receive, Send

PING_S = 15.0
_encode = msgspec.json.Encoder().encode
_HEADERS: list[Header] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True)
class Stream:
    """Events to be sent as they come: (name, id, value as JSON). While none comes, a ping keeps the connection."""

    events: AsyncIterator[tuple[str, str, object]]


async def send(
    stream: Stream, receive: Receive, send: Send, name: str, stop: asyncio.Future[None]
) -> None:
    """Write events until they end, the browser hangs up, or ``stop`` is done."""
    await send({
        "type": "http.response.start", "status": 200, "headers": [*_HEADERS, (b"x-request-id", name.encode())],
    })  # fmt: skip
    await send(_chunk("retry: 1000\n\n"))
    gone = asyncio.ensure_future(_hang_up(receive))
    coming = asyncio.ensure_future(anext(stream.events))
    try:
        while True:
            either: list[asyncio.Future[Any]] = [coming, gone, stop]
            await asyncio.wait(either, timeout=PING_S, return_when=asyncio.FIRST_COMPLETED)
            if gone.done() or stop.done():
                return
            if not coming.done():
                await send(_chunk(": ping\n\n"))
                continue
            kind, number, value = coming.result()
            await send(_chunk(f"event: {kind}\nid: {number}\ndata: {_encode(value).decode()}\n\n"))
            coming = asyncio.ensure_future(anext(stream.events))
    except StopAsyncIteration:
        return
    finally:
        for one in (coming, gone):
            one.cancel()
        await asyncio.gather(coming, gone, return_exceptions=True)
        await send({"type": "http.response.body", "body": b""})


def _chunk(text: str) -> dict[str, object]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
