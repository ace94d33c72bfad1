"""What a request is answered with: a status, headers and JSON; errors in the one form that clients read.

Handlers return an ``Answer`` or raise an error of ours; ``failure`` is the only place that turns an error
into a body, and ``send`` the only place that writes to the connection.
"""

import itertools
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from hairtrigger.errors import HairtriggerError, RateLimitError, Unavailable

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

_encode = msgspec.json.Encoder().encode
_JSON: Header = (b"content-type", b"application/json")
EXPOSED = (
    b"x-trigger-jwt, x-trigger-jwt-claims, x-ratelimit-limit, x-ratelimit-remaining, "
    b"x-ratelimit-reset, electric-offset, electric-handle, electric-schema, electric-cursor, "
    b"electric-up-to-date, x-stream-version"
)
BROWSERS: list[Header] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED),
]
_numbers = itertools.count(int.from_bytes(os.urandom(5), "big"))


class Answer(msgspec.Struct):
    """An answer ready to be sent; ``headers`` are those besides type, length and request id."""

    body: bytes
    status: int = 200
    headers: list[Header] = []
    type: Header = _JSON


class ErrorBody(msgspec.Struct, omit_defaults=True):
    """What every error is answered with."""

    error: str
    code: str
    param: str | None = None
    type: str | None = None
    details: dict[str, Any] = {}


def json(value: Any, status: int = 200, headers: list[Header] | None = None) -> Answer:
    """An answer with the JSON of a struct or plain value."""
    return Answer(_encode(value), status, headers or [])


def text(value: str, kind: str = "text/plain") -> Answer:
    """An answer with a text for people."""
    return Answer(value.encode(), type=(b"content-type", f"{kind}; charset=utf-8".encode()))


def failure(error: HairtriggerError) -> Answer:
    """The answer that carries an error over the wire."""
    headers: list[Header] = []
    if isinstance(error, RateLimitError):
        headers.append((b"retry-after", b"%d" % max(1, -(-error.retry_after_ms // 1_000))))
    elif isinstance(error, Unavailable):
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    elif error.status in (408, 413):
        headers.append((b"connection", b"close"))  # the rest of the body is not wanted
    body = ErrorBody(str(error), error.code, details=error.details)
    if error.status == 403:
        body.param, body.type = "access_token", "authorization"
    return Answer(_encode(body), error.status, headers)


def request_id() -> str:
    """A name for one request, unlike any other of this process and unlikely to be met elsewhere."""
    return f"req_{next(_numbers):012x}"


async def send(answer: Answer, send: Send, name: str, *, browsers: bool = False) -> None:
    """Write an answer. ``name`` is the request's id; ``browsers`` lets pages of any origin read it."""
    headers = [
        answer.type,
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", name.encode()),
        *answer.headers,
    ]
    if browsers:
        headers += BROWSERS
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
