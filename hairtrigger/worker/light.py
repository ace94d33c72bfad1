"""The span of an attempt at a tenth of the price: what OpenTelemetry's SDK would make is made only when asked for.

An attempt that completes and whose code touches nothing of its span is written as OTLP by a thread, from the run and
two instants; one that fails, or to which code adds something, becomes a span of the SDK with the same ids. Used while
all spans go to a collector and nowhere else. Source: OTLP's ``trace.proto``; the limits and samplers of OpenTelemetry.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import getrandbits
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, attach
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from hairtrigger.sdk.context import SCOPE
from hairtrigger.wire.worker import RunInfo
from hairtrigger.worker.conventions import RUN, attributes

QUEUE, BATCH = 8_192, 2_048  # spans of a child: a request costs as much as writing 500 of them
_CONSUMER = 5
_SAMPLED, _UNSAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)
_NOWHERE = Context()
_RATIOS = {"always_on": 1.0, "always_off": 0.0}
_LIMITS = ("OTEL_ATTRIBUTE_", "OTEL_SPAN_ATTRIBUTE_")
_log = logging.getLogger("hairtrigger")


class Sampler:
    """Which attempts are recorded, as OpenTelemetry's standard samplers decide it."""

    def __init__(self, *, ratio: float, follows_parent: bool) -> None:
        self._bound, self._follows = round(ratio * 2**64), follows_parent

    def takes(self, trace_id: bytes, parent_flags: int | None) -> bool:
        """Whether an attempt is; ``parent_flags`` are None for one that begins a trace."""
        if self._follows and parent_flags is not None:
            return bool(parent_flags & 1)
        return int.from_bytes(trace_id[8:], "big") < self._bound


def sampler(environ: Mapping[str, str]) -> Sampler | None:
    """The sampler that an environment names; None for one that only the SDK knows."""
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or "parentbased_always_on"
    root = name.removeprefix("parentbased_")
    ratio = _RATIOS.get(root)
    if root == "traceidratio":
        try:
            ratio = float(environ.get("OTEL_TRACES_SAMPLER_ARG") or 1.0)
        except ValueError:
            ratio = 1.0  # as the SDK takes it, which also says so
    if ratio is None or not 0 <= ratio <= 1:
        return None
    return Sampler(ratio=ratio, follows_parent=root != name)


class Ids(RandomIdGenerator):
    """The SDK's ids, or those that a span has already had when it becomes one of the SDK."""

    def __init__(self) -> None:
        self.given = threading.local()

    def generate_span_id(self) -> int:
        return getattr(self.given, "span", 0) or super().generate_span_id()

    def generate_trace_id(self) -> int:
        return getattr(self.given, "trace", 0) or super().generate_trace_id()


class Naming(SpanProcessor):
    """Names the run in every span that its code makes: whoever gets them finds those of a run."""

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        scope = SCOPE.get()
        if scope is not None and (span.attributes or {}).get("messaging.operation.name") != "run":
            span.set_attribute(RUN, scope.info.id)


class Provider(TracerProvider):
    """Spans to one collector. With a processor of the project's own, attempts are spans of the SDK from then on."""

    def __init__(self, resource: Resource, environ: Mapping[str, str]) -> None:
        self.ids = Ids()
        super().__init__(resource=resource, shutdown_on_exit=False, id_generator=self.ids)
        self.tracer = self.get_tracer("hairtrigger")
        self._room = int(environ.get("OTEL_BSP_MAX_QUEUE_SIZE") or QUEUE)
        batch = int(environ.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") or min(BATCH, self._room))
        self._exporter = Exporter(resource)
        # apart from those of the SDK, which would push these out of a full buffer, uncounted
        self._light, self._others = (
            BatchSpanProcessor(one, max_queue_size=self._room, max_export_batch_size=batch)
            for one in (self._exporter, OTLPSpanExporter())
        )
        super().add_span_processor(Naming())
        super().add_span_processor(self._others)
        self._taken, self._is_told = 0, False
        is_usual = self._exporter.is_able and not any(name.startswith(_LIMITS) for name in environ)
        self._attempts = sampler(environ) if is_usual else None

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Let somebody else see the spans too."""
        self._attempts = None
        super().add_span_processor(span_processor)

    def begin(self, info: RunInfo) -> "Light | None":
        """Begin an attempt's span, the current one of the task that calls; None when the SDK has to make it."""
        if self._attempts is None:
            return None
        span = Light(self, info, self._attempts)
        attach(trace.set_span_in_context(span, _NOWHERE))  # the task's own, and gone with it
        return span

    def take(self, span: "Light") -> None:
        """Buffer a span that has ended, or drop it: the SDK would log each one."""
        if self._taken - self._exporter.seen >= self._room:
            if not self._is_told:
                self._is_told = True
                _log.warning("Spans are dropped: the collector takes fewer than there are.")
            return
        self._taken += 1
        self._light.on_end(span)  # type: ignore[arg-type]  # it reads no more than the context

    def shutdown(self) -> None:
        """Send what is left."""
        self._light.shutdown()  # type: ignore[no-untyped-call]
        super().shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what there is."""
        return self._light.force_flush(timeout_millis) and super().force_flush(timeout_millis)


class Light(trace.Span):
    """The span of an attempt. Its ids are there at once, all else when somebody asks."""

    __slots__ = ("_context", "_parent", "_provider", "_real", "began", "ended", "id", "info", "outcome",
                 "sampled", "trace_id")  # fmt: skip

    def __init__(self, provider: Provider, info: RunInfo, sampler: Sampler) -> None:
        self._provider, self.info = provider, info
        self._context: SpanContext | None = None
        self._real: trace.Span | None = None
        self.id = (getrandbits(64) or 1).to_bytes(8, "big")
        self._parent = info.trace or ""  # 00-<32 digits>-<16>-<2>, and a state
        if self._parent:
            self.trace_id = bytes.fromhex(self._parent[3:35])
            self.sampled = sampler.takes(self.trace_id, int(self._parent[53:55], 16))
        else:
            self.trace_id = (getrandbits(128) or 1).to_bytes(16, "big")
            self.sampled = sampler.takes(self.trace_id, None)
        self.began = time.time_ns() if self.sampled else 0
        self.ended, self.outcome = 0, ""

    @property
    def context(self) -> SpanContext:
        """Its place in the trace."""
        if self._context is None:
            state = TraceState.from_header([self._parent[56:]]) if len(self._parent) > 56 else None
            self._context = SpanContext(
                int.from_bytes(self.trace_id, "big"), int.from_bytes(self.id, "big"),
                is_remote=False, trace_flags=_SAMPLED if self.sampled else _UNSAMPLED, trace_state=state,
            )  # fmt: skip
        return self._context

    @property
    def is_plain(self) -> bool:
        """Whether nothing has been added to it."""
        return self._real is None and len(self._parent) <= 55

    def finish(self, outcome: str) -> bool:
        """End it, for an attempt that did not fail; False when it has become a span of the SDK, or must."""
        if not self.sampled:
            return True
        if not self.is_plain:
            return False
        self.ended, self.outcome = time.time_ns(), outcome
        self._provider.take(self)
        return True

    def written(self) -> bytes:
        """It as a field ``spans`` of ``ScopeSpans``."""
        parent = b'"\x08' + bytes.fromhex(self._parent[36:52]) if self._parent else b""
        flags = 0x300 if self._parent else 0x100  # whether the parent is remote is known; it is
        info = self.info
        body = b"".join((
            b"\x0a\x10", self.trace_id, b"\x12\x08", self.id, parent, _name(info.task), b"\x39",
            self.began.to_bytes(8, "little"), b"\x41", self.ended.to_bytes(8, "little"),
            _facts(info.queue, info.task, info.attempt, info.version, self.outcome),
            _attribute("messaging.message.id", info.id), b"\x7a\x00\x85\x01", flags.to_bytes(4, "little"),
        ))  # fmt: skip
        return _field(0x12, body)

    def real(self) -> trace.Span:
        """It as a span of the SDK, from now on."""
        if self._real is None:
            given = self._provider.ids.given
            given.span = int.from_bytes(self.id, "big")
            given.trace = int.from_bytes(self.trace_id, "big")
            try:
                self._real = self._provider.tracer.start_span(
                    f"run {self.info.task}", context=self._around(), kind=trace.SpanKind.CONSUMER,
                    attributes=attributes(self.info), start_time=self.began,
                )  # fmt: skip
            finally:
                given.span = given.trace = 0
        return self._real

    def _around(self) -> Context:
        if not self._parent:
            return _NOWHERE
        flags = TraceFlags(int(self._parent[53:55], 16))
        parent = SpanContext(
            self.context.trace_id, int(self._parent[36:52], 16), is_remote=True, trace_flags=flags,
            trace_state=self.context.trace_state,
        )  # fmt: skip
        return trace.set_span_in_context(trace.NonRecordingSpan(parent), _NOWHERE)

    # what the attempt's code may do with it

    def get_span_context(self) -> SpanContext:
        return self.context

    def is_recording(self) -> bool:
        return self.sampled and not self.ended

    def end(self, end_time: int | None = None) -> None:
        """The attempt ends it, not its code."""

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        if self.is_recording():
            self.real().set_attributes(attributes)

    def set_attribute(self, key: str, value: Any) -> None:
        if self.is_recording():
            self.real().set_attribute(key, value)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        if self.is_recording():
            self.real().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        if self.is_recording():
            self.real().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        if self.is_recording():
            self.real().update_name(name)

    def set_status(self, status: Any, description: str | None = None) -> None:
        if self.is_recording():
            self.real().set_status(status, description)

    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:  # fmt: skip
        if self.is_recording():
            self.real().record_exception(exception, attributes, timestamp, escaped)


class Exporter(SpanExporter):
    """Sends light spans by OpenTelemetry's own exporter."""

    def __init__(self, resource: Resource) -> None:
        self._exporter = OTLPSpanExporter()
        # it has no public way to send bytes; without this one, attempts are spans of the SDK
        self._send = getattr(getattr(self._exporter, "_client", None), "export", None)
        self.seen = 0  # spans that have left the buffer
        around = encode_spans([_nothing(resource)]).resource_spans[0]
        scope = around.scope_spans[0]
        scope.ClearField("spans")
        self._scope = scope.SerializeToString()
        around.ClearField("scope_spans")
        self._resource = around.SerializeToString()

    @property
    def is_able(self) -> bool:
        """Whether it can send light spans."""
        return callable(self._send)

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Send these, all of them light."""
        assert self._send is not None
        self.seen += len(spans)
        scope = b"".join([self._scope, *[one.written() for one in spans]])
        done = self._send(_field(0x0A, self._resource + _field(0x12, scope)))
        return SpanExportResult.SUCCESS if done.success else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Send no more."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def _nothing(resource: Resource) -> ReadableSpan:
    """A span, for what stands around one."""
    provider = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
    span = provider.get_tracer("hairtrigger").start_span("")
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


def _field(tag: int, body: bytes) -> bytes:
    """A field of a message, of which the tag is one byte."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    head = bytearray((tag,))
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + body


def _attribute(key: str, value: str | int) -> bytes:
    if isinstance(value, int):
        number = bytearray()
        while value >= 0x80:
            number.append(value & 0x7F | 0x80)
            value >>= 7
        held = b"\x18" + bytes((*number, value))
    else:
        held = _field(0x0A, value.encode())
    return _field(0x4A, _field(0x0A, key.encode()) + _field(0x12, held))


@lru_cache(1024)
def _name(task: str) -> bytes:
    return _field(0x2A, f"run {task}".encode()) + bytes((0x30, _CONSUMER))


@lru_cache(1024)
def _facts(queue: str, task: str, attempt: int, version: str, outcome: str) -> bytes:
    info = RunInfo("", 0, attempt, task, 0, 0, queue, version)
    named = attributes(info) | {"hairtrigger.outcome": outcome}
    named.pop("messaging.message.id")
    return b"".join(_attribute(key, value) for key, value in named.items())
