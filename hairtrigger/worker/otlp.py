"""Spans of attempts: written by the group, gathered, and sent by OpenTelemetry's own exporter from a thread.

What attempts of one kind have in common is written once; the rest is put around it. Source: OTLP's ``trace.proto``.
"""

import contextlib
import logging
from collections import deque
from collections.abc import Sequence
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

from hairtrigger.wire.worker import RunInfo
from hairtrigger.worker.conventions import attributes
from hairtrigger.worker.sampling import Sampler

Kind = tuple[str, str, int, str, str]
"""Queue, task, attempt, version and outcome."""
Span = tuple[str, str | None, int, int, Kind, bytes | None]
"""The run, where in a trace it was triggered, begin and end (ns since 1970), what it is, and the ids of its trace and
its own if they are known."""

_GROUP = 32  # spans that are written at once, while they are in the cache: by the thread, 1 µs more was measured
_PARCEL = 256  # spans: one of them costs what OpenTelemetry's buffer asks for each thing in it
_SAMPLED = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
_CONSUMER = 5
_MESSAGE = "messaging.message.id"
_OWN = Struct("<16s2s8sBQBQ")  # ids and instants, with their tags
_own = _OWN.pack
_log = logging.getLogger("hairtrigger")


class _Parcel:
    """Word to OpenTelemetry's buffer, to which it is a span that is recorded, of spans that wait in ours."""

    context = _SAMPLED


class Outlet(SpanExporter):
    """Spans wait here for a batch or for some seconds, as OpenTelemetry's own; of those beyond ``room`` none is kept.

    They come on one thread and go on another, over two deques, whose steps are whole.
    """

    def __init__(self, resource: Resource, sampler: Sampler, *, room: int, batch: int) -> None:
        self._sampler, self._room = sampler, room
        self._exporter = OTLPSpanExporter()
        # it has no public way to send bytes; without this one, attempts are spans of the SDK
        self._send = getattr(getattr(self._exporter, "_client", None), "export", None)
        self._around = _around(resource)
        self._group: deque[Span] = deque()
        self._written: deque[tuple[int, bytes]] = deque()
        self._taken = self._gone = 0  # spans
        self._is_quiet, self._is_told = True, False
        self._parcel = min(_PARCEL, batch)
        self._processor = BatchSpanProcessor(
            self, max_queue_size=room, max_export_batch_size=batch // self._parcel
        )

    @property
    def is_able(self) -> bool:
        """Whether it can send anything."""
        return callable(self._send)

    def add(self, span: Span) -> None:
        """Take one more, or drop it and say so once."""
        taken = self._taken
        if taken - self._gone >= self._room:
            if not self._is_told:
                self._is_told = True
                _log.warning("Spans are dropped: the collector takes fewer than there are.")
            return
        self._taken = taken + 1
        self._group.append(span)
        if len(self._group) >= _GROUP:
            self._write()
        if self._is_quiet or not taken % self._parcel:
            self._is_quiet = False
            self._processor.on_end(_Parcel())  # type: ignore[arg-type]  # it reads no more than the context

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Send all that waits, whatever the word of it."""
        assert self._send is not None
        self._is_quiet = True  # first: what comes now gets another parcel
        self._write()
        found: list[bytes] = []
        while self._written:
            count, text = self._written.popleft()
            self._gone += count
            found.append(text)
        if not any(found):
            return SpanExportResult.SUCCESS
        resource, scope = self._around
        size = len(scope) + sum(map(len, found))
        inner = b"\x12" + _varint(size)
        outer = b"\x0a" + _varint(len(resource) + len(inner) + size)
        done = self._send(b"".join((outer, resource, inner, scope, *found)))
        return SpanExportResult.SUCCESS if done.success else SpanExportResult.FAILURE

    def flush(self, timeout_millis: int) -> bool:
        """Send what there is."""
        return self._processor.force_flush(timeout_millis)

    def close(self) -> None:
        """Send what is left, and no more."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]

    def shutdown(self) -> None:
        """End the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _write(self) -> None:
        spans: list[Span] = []
        with contextlib.suppress(IndexError):  # the other thread has it
            while True:
                spans.append(self._group.popleft())
        if spans:
            self._written.append((len(spans), written(spans, self._sampler)))


def written(spans: Sequence[Span], sampler: Sampler) -> bytes:
    """Those of these that are recorded, each as a field ``spans`` of ``ScopeSpans``."""
    found: list[bytes] = []
    chance, place = urandom(24 * len(spans)), 0
    last, head, tail = None, b"", b""
    for run, trace, began, ended, kind, known in spans:
        trace_id, id, parent, flags = (
            chance[place : place + 16],
            chance[place + 16 : place + 24],
            b"",
            None,
        )
        place += 24
        if known is not None:
            trace_id, id = known[:16], known[16:]
        if trace:
            trace_id, flags = bytes.fromhex(trace[3:35]), int(trace[53:55], 16)
            parent = b'"\x08' + bytes.fromhex(trace[36:52])
        if not sampler.takes(trace_id, flags):
            continue
        name = run.encode()
        shape = kind, len(parent), len(name)
        if shape != last:
            last, (head, tail) = shape, _alike(*shape)
        own = _own(trace_id, b"\x12\x08", id, 0x39, began, 0x41, ended)
        found += head, own, parent, tail, name
    return b"".join(found)


@lru_cache(1024)
def _alike(kind: Kind, parent: int, length: int) -> tuple[bytes, bytes]:
    """What stands before the ids of a span, and between its parent and the id of its run, which comes last; for so
    many bytes of both."""
    queue, task, attempt, version, outcome = kind
    named = attributes(RunInfo("r" * length, 0, attempt, task, 0, 0, queue, version))
    run = _attribute(_MESSAGE, named.pop(_MESSAGE))
    named["hairtrigger.outcome"] = outcome
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
