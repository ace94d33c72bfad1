"""OpenTelemetry in a child: each attempt a span that goes on with the trace of its trigger.

Switched on by OpenTelemetry's own variables. Spans are sent by a thread of its SDK, from a buffer that is bounded
(``OTEL_BSP_MAX_QUEUE_SIZE``): a collector that is away costs spans, and no run waits for it. Those that need no SDK
are the supervisor's to write (``tracing.py``). A provider that the project's code has set itself is used as it is.
Source: OpenTelemetry's conventions for messaging.
"""

import logging
import os
from collections.abc import Mapping
from typing import Any, Protocol

from hairtrigger.sdk.context import Scope
from hairtrigger.telemetry import otel
from hairtrigger.wire import tracing
from hairtrigger.wire.worker import Result
from hairtrigger.worker.conventions import attributes, describe
from hairtrigger.worker.frames import Span
from hairtrigger.worker.variables import TRACING


class Spans:
    """Spans of one child's attempts."""

    def __init__(self, api: Any, provider: Any) -> None:
        self._api, self._provider = api, provider
        self._begin = getattr(provider, "begin", None)
        self._tracer = (provider or api).get_tracer("hairtrigger")

    def begin(self, scope: Scope) -> "Attempt":
        """Begin the span of an attempt, and let it be the current one of the task that calls."""
        if self._begin is not None:
            light: Attempt | None = self._begin(scope)
            if light is not None:
                return light
        from opentelemetry import context

        info = scope.info
        span = self._tracer.start_span(
            f"run {info.task}",
            context=_parent(info.trace),
            kind=self._api.SpanKind.CONSUMER,
            attributes=attributes(info),
        )
        context.attach(self._api.set_span_in_context(span))  # the task's own, and gone with it
        return Recorded(span)

    def close(self) -> None:
        """Send what is left, for two seconds at most. What a project set up itself is its own to close."""
        theirs = getattr(self._api.get_tracer_provider(), "force_flush", None)
        finish = theirs if self._provider is None else self._provider.shutdown
        if finish is not None:
            otel.finish(finish)


class Attempt(Protocol):
    """The span of one attempt."""

    def end(self, result: Result) -> Span | None:
        """Say how it went. Gives what the supervisor has to write, if anything."""


class Recorded:
    """An attempt with a span of the SDK from its begin."""

    __slots__ = ("_span",)

    def __init__(self, span: Any) -> None:
        self._span = span

    def end(self, result: Result) -> None:
        """Say how it went."""
        describe(self._span, result)


class Setup:
    """What the environment asks for, looked at before the project's code is loaded, which may change it."""

    def __init__(self) -> None:
        self._is_written = os.environ.pop(TRACING, "") == "1"
        self._variables = otel.variables(os.environ)

    def install(self) -> Spans | None:
        """What it asks for, once the code is loaded; None when it asks for nothing, or for what is not there (the
        supervisor has said so)."""
        environ = os.environ
        if not otel.is_wanted(environ) or not otel.is_installed():
            return None
        is_written = self._is_written and otel.variables(environ) == self._variables
        try:
            return _installed(environ, is_written=is_written)
        except Exception as error:  # noqa: BLE001 (a wrong variable must cost spans, and no runs)
            logging.getLogger("hairtrigger").warning(
                "Traces are off: OpenTelemetry cannot be set up (%s: %s)",
                type(error).__name__, error,
            )  # fmt: skip
            return None


def _installed(environ: Mapping[str, str], *, is_written: bool) -> Spans:
    from opentelemetry import context, trace

    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return Spans(trace, None)
    from hairtrigger.worker import light

    resource = otel.resource(environ, otel.WORKER)
    provider = light.Provider(resource, environ, is_written=is_written)
    trace.set_tracer_provider(provider)
    context.attach(light.Around())  # of all that this process does from now on
    return Spans(trace, provider)


def _parent(trace: str | None) -> Any:
    """The context that a run was triggered in; an empty one begins a trace."""
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if trace is None:
        return Context()
    parent, state = tracing.parts(trace)
    carrier = {"traceparent": parent, **({"tracestate": state} if state else {})}
    return TraceContextTextMapPropagator().extract(carrier, Context())
