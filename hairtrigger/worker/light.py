"""The span of an attempt at a tenth of the price: what OpenTelemetry's SDK would make is made only when asked for.

Of an attempt that completes and whose code adds nothing to its span, the supervisor is told begin and end, and
writes it (``otlp.py``). The span that its code finds when it asks is made then, and becomes one of the SDK, with the
same ids, when something is added to it or the attempt fails. Used while all spans go to a collector and nowhere else.
Source: the limits of OpenTelemetry.
"""

import threading
import time
from collections.abc import Mapping
from os import urandom
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.wire.worker import Result, RunInfo
from hairtrigger.worker.conventions import RUN, attributes, describe
from hairtrigger.worker.frames import Span
from hairtrigger.worker.sampling import Sampler, sampler

_SAMPLED, _UNSAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)
_NOWHERE = Context()
_PLAIN = 55  # characters of a parent without a state
(_CURRENT,) = trace.set_span_in_context(trace.INVALID_SPAN, _NOWHERE)  # the key of a context's span
_ASKING = threading.Lock()  # two threads of a run must find one span
_LIMITS = ("OTEL_ATTRIBUTE_", "OTEL_SPAN_ATTRIBUTE_")


class Around(Context):
    """What code is in that has entered no span of its own: the span of its attempt, made when it asks.

    One for all attempts: to give each a context of its own costs more than all else about its span.
    """

    def get(self, key: str, default: Any = None) -> Any:
        if key != _CURRENT:
            return default
        scope = SCOPE.get()
        attempt = None if scope is None else scope.attempt
        return attempt.span if isinstance(attempt, Attempt) else default

    def copy(self) -> dict[str, Any]:
        span = self.get(_CURRENT)
        return {} if span is None else {_CURRENT: span}


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

    def __init__(self, resource: Resource, environ: Mapping[str, str], *, is_written: bool) -> None:
        """``is_written``: the supervisor writes the spans that it is told of."""
        self.ids = Ids()
        super().__init__(resource=resource, shutdown_on_exit=False, id_generator=self.ids)
        self.tracer = self.get_tracer("hairtrigger")
        known = sampler(environ)
        self.ours = known or Sampler(ratio=1.0, follows_parent=True)  # or nobody asks it
        super().add_span_processor(Naming())
        super().add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        is_usual = known is not None and not any(name.startswith(_LIMITS) for name in environ)
        self.is_light = is_written and is_usual

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Let somebody else see the spans too."""
        self.is_light = False
        super().add_span_processor(span_processor)

    def begin(self, scope: Scope) -> "Attempt | None":
        """Begin an attempt's span; None when the SDK has to make it."""
        if not self.is_light:
            return None
        attempt = scope.attempt = Attempt(self, scope.info)
        return attempt


class Attempt:
    """An attempt whose span is made when somebody asks."""

    __slots__ = ("_provider", "_span", "began", "info")

    def __init__(self, provider: Provider, info: RunInfo) -> None:
        self._provider, self.info = provider, info
        self._span: Light | None = None
        self.began = time.time_ns()

    @property
    def span(self) -> "Light":
        """Its span, which is there from now on."""
        if self._span is None:
            with _ASKING:
                if self._span is None:
                    self._span = Light(self._provider, self._provider.ours, self.info, self.began)
        return self._span

    def end(self, result: Result) -> Span | None:
        """Say how it went. Gives what the supervisor has to write."""
        has_more = result.done is None or len(self.info.trace or "") > _PLAIN
        span = self.span if has_more else self._span
        if span is None:
            return self.began, time.time_ns(), ""
        if not span.end_now():
            return None
        if has_more or span.is_real:
            describe(span.real(), result)
            return None
        return self.began, time.time_ns(), span.ids.hex()


class Light(trace.Span):
    """The span that an attempt's code finds. Its ids are there at once, all else when somebody asks."""

    def __init__(self, provider: Provider, sampler: Sampler, info: RunInfo, began: int) -> None:
        self._provider, self._info, self._began = provider, info, began
        self._parent = info.trace or ""  # 00-<32 digits>-<16>-<2>, and a state
        flags = int(self._parent[53:55], 16) if self._parent else None
        given = bytes.fromhex(self._parent[3:35])
        self.ids = (given or urandom(16)) + urandom(8)  # of its trace, and its own
        self._is_sampled = sampler.takes(self.ids[:16], flags)
        self._real: trace.Span | None = None
        self._is_over = False
        state = TraceState.from_header([self._parent[56:]]) if len(self._parent) > 56 else None
        self.context = SpanContext(
            int.from_bytes(self.ids[:16], "big"), int.from_bytes(self.ids[16:], "big"),
            is_remote=False, trace_flags=_SAMPLED if self._is_sampled else _UNSAMPLED, trace_state=state,
        )  # fmt: skip

    @property
    def is_real(self) -> bool:
        """Whether it has become a span of the SDK."""
        return self._real is not None

    def end_now(self) -> bool:
        """Let nobody add anything any more; whether it is recorded."""
        self._is_over = True
        return self._is_sampled

    def real(self) -> trace.Span:
        """It as a span of the SDK, from now on."""
        if self._real is None:
            given = self._provider.ids.given
            given.trace, given.span = self.context.trace_id, self.context.span_id
            try:
                self._real = self._provider.tracer.start_span(
                    f"run {self._info.task}", context=self._around(), kind=trace.SpanKind.CONSUMER,
                    attributes=attributes(self._info), start_time=self._began,
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
        return self._is_sampled and not self._is_over

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
