"""OTLP over HTTP: spans and logs that a run's code sends itself, kept with the run; metrics, which are not kept.

Answers are those of the protocol: all taken, or how many were refused and why. What may be sent again is answered 429
or 503 with ``Retry-After``. Source: OpenTelemetry's protocol, 1.5, OTLP/HTTP.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from hairtrigger.engine import otlp as engine
from hairtrigger.errors import RateLimitError
from hairtrigger.server import otlp
from hairtrigger.server.answers import Answer
from hairtrigger.server.otlp import Read
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Handler, Route
from hairtrigger.server.server import Server

T = TypeVar("T")
AT_ONCE = 4  # requests that are read: others are answered 429, for what workers report goes first
NO_METRICS = "metrics are not kept here"


class PartialSuccess(msgspec.Struct, rename="camel", omit_defaults=True):
    """How many records were refused (one of the three numbers, as text), and why."""

    rejected_spans: str = ""
    rejected_log_records: str = ""
    rejected_data_points: str = ""
    error_message: str = ""


class Exported(msgspec.Struct, rename="camel", omit_defaults=True):
    """The answer: empty when everything was taken. As protobuf when the request was."""

    partial_success: PartialSuccess | None = None


async def traces(call: Call) -> Answer:
    """Keep spans with their runs: OTLP, as protobuf or JSON, with gzip or without."""
    return await _keep(call, otlp.spans, "rejectedSpans")


async def logs(call: Call) -> Answer:
    """Keep log records with their runs: OTLP, as protobuf or JSON, with gzip or without."""
    return await _keep(call, otlp.lines, "rejectedLogRecords")


async def metrics(call: Call) -> Answer:
    """Refuse metrics in the way of OTLP, so that an exporter of all three goes on."""
    raw, kind = await call.body_as_sent(), _kind(call)
    with _turn(call.server):
        count = await _decoded(call, raw, lambda body: otlp.points(body, kind))
    return _answer(kind, "rejectedDataPoints", {NO_METRICS: count} if count else {})


async def _keep(call: Call, decode: Callable[[bytes, str], Read], name: str) -> Answer:
    raw, kind = await call.body_as_sent(), _kind(call)
    with _turn(call.server):
        read = await _decoded(call, raw, lambda body: decode(body, kind))
        kept = await engine.keep(call.server.store, call.caller.env, read.records)
    return _answer(kind, name, read.refused | kept.refused)


def _kind(call: Call) -> str:
    return otlp.kind_of(call.headers.get(b"content-type", b""))


@contextmanager
def _turn(server: Server) -> Iterator[None]:
    if server.reading_otlp >= AT_ONCE:
        raise RateLimitError(f"{AT_ONCE} requests of OTLP are being read. Send it again later.")
    server.reading_otlp += 1
    try:
        yield
    finally:
        server.reading_otlp -= 1


async def _decoded(call: Call, raw: bytes, decode: Callable[[bytes], T]) -> T:
    """On a thread: a large request takes a while."""
    encoding = call.headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    limit = call.size_limit
    return await asyncio.to_thread(lambda: decode(otlp.unpacked(raw, encoding, limit)))


def _answer(kind: str, name: str, refused: dict[str, int]) -> Answer:
    return Answer(otlp.response(kind, name, refused), type=(b"content-type", kind.encode()))


def _route(signal: str, handler: Handler) -> Route:
    return Route(
        "POST", f"/otel/v1/{signal}", handler, "secret", limit="otlp_bytes", media=otlp.PROTOBUF,
        returns=Exported,
    )  # fmt: skip


ROUTES = (_route("traces", traces), _route("logs", logs), _route("metrics", metrics))
