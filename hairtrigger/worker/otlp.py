"""Spans of attempts: written by the batch, gathered, and sent by OpenTelemetry's own exporter from a thread.

What attempts of one kind have in common is written once; the rest is put around it. Source: OTLP's ``trace.proto``.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from os import urandom
from struct import Struct
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanContext, TraceFlags

from hairtrigger.telemetry import otel
from hairtrigger.telemetry.dropping import Dropped
from hairtrigger.wire.worker import RunInfo
from hairtrigger.worker.conventions import attributes
from hairtrigger.worker.frames import Span
from hairtrigger.worker.process import Head
from hairtrigger.worker.sampling import Sampler, sampler

Told = tuple[Head, Span]
"""Whose span it is, and what a child told of it."""
QUEUE, BATCH = 8_192, 4_096  # spans: a request has a price of its own
_PARCEL = 256  # spans: one of them costs what OpenTelemetry's buffer asks for each thing in it
_SAMPLED = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
_CONSUMER = 5
_MESSAGE = "messaging.message.id"
_OWN = Struct("<16s2s8sBQBQ")  # ids and instants, with their tags
_own = _OWN.pack


class _Parcel:
    """Word to OpenTelemetry's buffer, to which it is a span that is recorded, of spans that wait in ours."""

    context = _SAMPLED


class Outlet(SpanExporter):
    """Spans wait here for a batch or for some seconds, as OpenTelemetry's own; of those beyond the room none is kept.

    They come on one thread and go on another, over a deque, whose steps are whole.
    """

    def __init__(self, resource: Resource, environ: Mapping[str, str]) -> None:
        self._room = int(environ.get("OTEL_BSP_MAX_QUEUE_SIZE") or QUEUE)
        batch = int(environ.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") or min(BATCH, self._room))
        self._sampler = sampler(environ)
        self._exporter = OTLPSpanExporter()
        # it has no public way to send bytes; without this one, attempts are spans of the SDK
        self._send = getattr(getattr(self._exporter, "_client", None), "export", None)
        self._around = _around(resource)
        self._written: deque[tuple[int, bytes]] = deque()
        self._taken = self._gone = 0  # spans
        self._is_quiet = True
        self._dropped = Dropped("OpenTelemetry")
        self._parcel = min(_PARCEL, batch)
        self._processor = BatchSpanProcessor(
            self, max_queue_size=self._room, max_export_batch_size=batch // self._parcel
        )

    @property
    def is_able(self) -> bool:
        """Whether it can decide about spans and send them."""
        return self._sampler is not None and callable(self._send)

    def add(self, told: Sequence[Told]) -> None:
        """Write these, and send them soon; those for which there is no room are dropped."""
        assert self._sampler is not None
        before, room = self._taken, self._room - (self._taken - self._gone)
        if len(told) > room:
            self._dropped.add(len(told) - room, "the collector takes fewer than there are")
            told = told[:room]
        if not told:  # or what waits would grow by an empty batch each time, while nobody takes any
            return
        self._taken += len(told)
        self._written.append((len(told), written(told, self._sampler)))
        parcels = self._taken // self._parcel - before // self._parcel
        if self._is_quiet:
            self._is_quiet, parcels = False, max(parcels, 1)
        for _ in range(parcels):
            self._processor.on_end(_Parcel())  # type: ignore[arg-type]  # it reads no more than the context

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Send all that waits, whatever the word of it."""
        assert self._send is not None
        self._is_quiet = True  # first: what comes now gets another parcel
        found: list[bytes] = []
        count = 0
        while self._written:
            some, text = self._written.popleft()
            count += some
            found.append(text)
        self._gone += count
        if not any(found):
            return SpanExportResult.SUCCESS
        resource, scope = self._around
        size = len(scope) + sum(map(len, found))
        inner = b"\x12" + _varint(size)
        outer = b"\x0a" + _varint(len(resource) + len(inner) + size)
        done = self._send(b"".join((outer, resource, inner, scope, *found)))
        return SpanExportResult.SUCCESS if done.success else SpanExportResult.FAILURE

    def close(self) -> None:
        """Send what is left, for two seconds at most."""
        otel.finish(self._processor.shutdown)
        if self._taken > self._gone:
            self._dropped.add(self._taken - self._gone, "the worker stopped")
        self._dropped.tell("the worker stopped", now=True)

    def shutdown(self) -> None:
        """End the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def written(told: Sequence[Told], sampler: Sampler) -> bytes:
    """Those of these that are recorded, each as a field ``spans`` of ``ScopeSpans``."""
    found: list[bytes] = []
    chance, place = urandom(24 * len(told)), 0
    last, start, tail = None, b"", b""
    for head, (began, ended, ids) in told:
        known = bytes.fromhex(ids) if ids else chance[place : place + 24]
        place += 24
        trace_id, parent, flags = known[:16], b"", None
        trace = head.trace
        if trace:
            trace_id, flags = bytes.fromhex(trace[3:35]), int(trace[53:55], 16)
            parent = b'"\x08' + bytes.fromhex(trace[36:52])
        if not sampler.takes(trace_id, flags):
            continue
        name = head.id.encode()
        shape = head.queue, head.task, head.attempt, head.version, len(parent), len(name)
        if shape != last:
            last, (start, tail) = shape, _alike(*shape)
        own = _own(trace_id, b"\x12\x08", known[16:], 0x39, began, 0x41, ended)
        found += start, own, parent, tail, name
    return b"".join(found)


@lru_cache(1024)
def _alike(
    queue: str, task: str, attempt: int, version: str, parent: int, length: int
) -> tuple[bytes, bytes]:
    """What stands before the ids of a span, and between its parent and the id of its run, which comes last; for so
    many bytes of both."""
    named = attributes(RunInfo("r" * length, 0, attempt, task, 0, 0, queue, version))
    run = _attribute(_MESSAGE, named.pop(_MESSAGE))
    named["hairtrigger.outcome"] = "completed"
    flags = 0x300 if parent else 0x100  # whether the parent is remote is known; it is
    tail = b"".join((
        _field(0x2A, f"run {task}".encode()), bytes((0x30, _CONSUMER)),
        *(_attribute(key, value) for key, value in named.items()),
        b"\x7a\x00\x85\x01", flags.to_bytes(4, "little"), run,
    ))  # fmt: skip
    size = 2 + _OWN.size + parent + len(tail)
    return b"\x12" + _varint(size) + b"\x0a\x10", tail[: len(tail) - length]


def _around(resource: Resource) -> tuple[bytes, bytes]:
    """What stands around spans: the fields of ``ResourceSpans`` but for its scope, and those of that."""
    provider = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
    span = provider.get_tracer("hairtrigger").start_span("")
    span.end()
    assert isinstance(span, ReadableSpan)
    around = encode_spans([span]).resource_spans[0]
    scope = around.scope_spans[0]
    scope.ClearField("spans")
    text = scope.SerializeToString()
    around.ClearField("scope_spans")
    return around.SerializeToString(), text


def _field(tag: int, body: bytes) -> bytes:
    """A field of a message, of which the tag is one byte."""
    return bytes((tag,)) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _attribute(key: str, value: str | int) -> bytes:
    held = b"\x18" + _varint(value) if isinstance(value, int) else _field(0x0A, value.encode())
    return _field(0x4A, _field(0x0A, key.encode()) + _field(0x12, held))
