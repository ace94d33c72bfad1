"""Spans of attempts: gathered by the packet, written by a thread, sent by OpenTelemetry's own exporter.

What attempts of one kind have in common is written once; the rest is put around it. Source: OTLP's ``trace.proto``.
"""

import logging
import threading
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

PACKET = 256  # spans: one of them costs what OpenTelemetry's buffer asks for each thing in it
_GROUP = 32  # spans that are written at once: alone they cost twice as much, and more are no longer in the cache
_SAMPLED = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
_CONSUMER = 5
_MESSAGE = "messaging.message.id"
_OWN = Struct("<16s2s8sBQBQ")  # ids and instants, with their tags
_own = _OWN.pack
_log = logging.getLogger("hairtrigger")


class Packet:
    """Some spans, to OpenTelemetry's buffer one that is recorded."""

    context = _SAMPLED
    __slots__ = ("_text", "_waiting", "count", "is_sealed")

    def __init__(self) -> None:
        self._waiting: list[Span] = []
        self._text: list[bytes] = []
        self.count, self.is_sealed = 0, False

    def add(self, span: Span, sampler: Sampler) -> None:
        """Put one more in."""
        self.count += 1
        self._waiting.append(span)
        if len(self._waiting) >= _GROUP:
            self._write(sampler)

    def sealed(self, sampler: Sampler) -> list[bytes]:
        """What is in it, as fields ``spans`` of ``ScopeSpans``; nothing goes in any more."""
        self.is_sealed = True
        self._write(sampler)
        return self._text

    def _write(self, sampler: Sampler) -> None:
        self._text.append(written(self._waiting, sampler))
        self._waiting.clear()


class Buffer:
    """Spans that wait for a batch or for some seconds; of those beyond ``room`` none is kept."""

    def __init__(self, exporter: "Exporter", *, room: int, batch: int) -> None:
        self._exporter, self._room = exporter, room
        self._size = min(PACKET, batch)
        self._processor = BatchSpanProcessor(
            exporter,
            max_queue_size=room // self._size + 2,
            max_export_batch_size=batch // self._size,
        )
        self._open = Packet()
        self._open.is_sealed = True
        self._taken, self._is_told = 0, False

    def add(self, span: Span) -> None:
        """Take one more, or drop it and say so once."""
        if self._taken - self._exporter.seen >= self._room:
            if not self._is_told:
                self._is_told = True
                _log.warning("Spans are dropped: the collector takes fewer than there are.")
            return
        self._taken += 1
        with self._exporter.lock:
            packet = self._open
            is_new = packet.is_sealed or packet.count >= self._size
            if is_new:
                packet = self._open = Packet()
            packet.add(span, self._exporter.sampler)
        if is_new:  # it waits there from its first span on, and fills meanwhile
            self._processor.on_end(packet)  # type: ignore[arg-type]  # it reads no more than the context

    def force_flush(self, timeout_millis: int) -> bool:
        """Send what there is."""
        return self._processor.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Send what is left."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


class Exporter(SpanExporter):
    """Sends packets by OpenTelemetry's own exporter."""

    def __init__(self, resource: Resource, sampler: Sampler) -> None:
        self.sampler = sampler
        self._exporter = OTLPSpanExporter()
        # it has no public way to send bytes; without this one, attempts are spans of the SDK
        self._send = getattr(getattr(self._exporter, "_client", None), "export", None)
        self.lock = (
            threading.Lock()
        )  # of packets: they are filled by one thread and sent by another
        self.seen = 0  # spans that have left the buffer
        around = encode_spans([_nothing(resource)]).resource_spans[0]
        scope = around.scope_spans[0]
        scope.ClearField("spans")
        self._scope = scope.SerializeToString()
        around.ClearField("scope_spans")
        self._resource = around.SerializeToString()

    @property
    def is_able(self) -> bool:
        """Whether it can send packets."""
        return callable(self._send)

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Send these, all of them packets."""
        assert self._send is not None
        with self.lock:
            found = [text for packet in spans for text in packet.sealed(self.sampler)]
        self.seen += sum(packet.count for packet in spans)
        if not any(found):
            return SpanExportResult.SUCCESS
        inner = b"\x12" + _varint(len(self._scope) + sum(map(len, found)))
        size = len(self._resource) + len(inner) + len(self._scope) + sum(map(len, found))
        around = b"\x0a", _varint(size), self._resource, inner, self._scope
        done = self._send(b"".join((*around, *found)))
        return SpanExportResult.SUCCESS if done.success else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Send no more."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def written(spans: Sequence[Span], sampler: Sampler) -> bytes:
    """Those of these that are recorded, each as a field ``spans`` of ``ScopeSpans``."""
    found: list[bytes] = []
    chance = urandom(24 * len(spans))
    last, head, tail = None, b"", b""
    for place, (run, trace, began, ended, kind, known) in enumerate(spans):
        ids = known or chance[24 * place : 24 * place + 24]
        parent, flags = b"", None
        if trace:
            ids = bytes.fromhex(trace[3:35]) + ids[16:]
            parent, flags = b'"\x08' + bytes.fromhex(trace[36:52]), int(trace[53:55], 16)
        if sampler.takes(ids[:16], flags):
            shape = kind, len(parent), len(run)
            if shape != last:
                head, tail = _around(*shape)
                last = shape
            own = _own(ids[:16], b"\x12\x08", ids[16:], 0x39, began, 0x41, ended)
            found += head, own, parent, tail, run.encode()
    return b"".join(found)


@lru_cache(1024)
def _around(kind: Kind, parent: int, length: int) -> tuple[bytes, bytes]:
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


def _nothing(resource: Resource) -> ReadableSpan:
    """A span, for what stands around one."""
    provider = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
    span = provider.get_tracer("hairtrigger").start_span("")
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


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
