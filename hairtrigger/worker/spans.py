"""OpenTelemetry in a child: each attempt a span that goes on with the trace of its trigger.

Switched on by OpenTelemetry's own variables. Spans are sent by a thread of its SDK, from a buffer that is bounded
(``OTEL_BSP_MAX_QUEUE_SIZE``): a collector that is away costs spans, and no run waits for it. A provider that the
project's code has set itself is used as it is. Source: OpenTelemetry's conventions for messaging.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from hairtrigger.telemetry import otel
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import tracing
from hairtrigger.wire.worker import Failure, Result, RunInfo
from hairtrigger.worker.conventions import attributes
from hairtrigger.worker.variables import redacted

CLOSE_S = 2.0  # that a child which leaves gives to the spans it still has
LEAVING_S = 1.0  # for the rest of its goodbye


def announce(environ: Mapping[str, str]) -> float:
    """In the supervisor: how long (s) children that leave may take to send what they have. What is missing is told
    once, here."""
    if not otel.is_wanted(environ):
        return 0.0
    if not otel.is_installed():
        emit("telemetry.missing", to="OpenTelemetry", install=otel.INSTALL)
        return 0.0
    return CLOSE_S + LEAVING_S


class Spans:
    """Spans of one child's attempts."""

    def __init__(self, api: Any, provider: Any) -> None:
        self._api, self._provider = api, provider
        self._tracer = (provider or api).get_tracer("hairtrigger")

    def begin(self, info: RunInfo) -> "Attempt":
        """Begin the span of an attempt, and let it be the current one of the task that calls."""
        begin = getattr(self._provider, "begin", None)
        light = None if begin is None else begin(info)
        if light is not None:
            return Attempt(self._api, None, light)
        from opentelemetry import context

        span = self._tracer.start_span(
            f"run {info.task}",
            context=_parent(info.trace),
            kind=self._api.SpanKind.CONSUMER,
            attributes=attributes(info),
        )
        context.attach(self._api.set_span_in_context(span))  # the task's own, and gone with it
        return Attempt(self._api, span)

    def close(self) -> None:
        """Send what is left, for two seconds at most. What a project set up itself is its own to close."""
        theirs = getattr(self._api.get_tracer_provider(), "force_flush", None)
        finish = theirs if self._provider is None else self._provider.shutdown
        if finish is not None:
            thread = threading.Thread(target=finish, daemon=True)
            thread.start()
            thread.join(CLOSE_S)


class Attempt:
    """The span of one attempt. A light one becomes one of the SDK when there is more to say than how it ended."""

    __slots__ = ("_api", "_light", "_span")

    def __init__(self, api: Any, span: Any, light: Any = None) -> None:
        self._api, self._span, self._light = api, span, light

    def end(self, result: Result) -> None:
        """Say how it went."""
        reason = result.failed or result.crashed
        outcome = _outcome(result)
        if self._light is not None:
            if reason is None and outcome != "timed_out" and self._light.finish(outcome):
                return
            if not self._light.sampled:
                return
            self._span = self._light.real()
        self._span.set_attribute("hairtrigger.outcome", outcome)
        if result.failed is not None:
            self._span.set_attribute("hairtrigger.will_retry", result.retry_in_ms is not None)
        if reason is not None:
            self._record(reason)
        elif outcome == "timed_out":
            self._fail("timed_out", "It ran for longer than it may.")
        self._span.end()

    def _record(self, reason: Failure) -> None:
        message = _clean(reason.message)
        self._span.add_event(
            "exception",
            {
                "exception.type": reason.name, "exception.message": message,
                "exception.stacktrace": _clean(reason.trace),
            },
        )  # fmt: skip
        self._fail(reason.name, message)

    def _fail(self, kind: str, message: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(self._api.Status(self._api.StatusCode.ERROR, message))


def install(environ: Mapping[str, str]) -> Spans | None:
    """What an environment asks for, once the project's code is loaded; None when it asks for nothing, or for
    what is not there (the supervisor has said so)."""
    if not otel.is_wanted(environ) or not otel.is_installed():
        return None
    try:
        return _installed(environ)
    except Exception as error:  # noqa: BLE001 (a wrong variable must cost spans, and no runs)
        logging.getLogger("hairtrigger").warning(
            "Traces are off: OpenTelemetry cannot be set up (%s: %s)", type(error).__name__, error
        )
        return None


def _installed(environ: Mapping[str, str]) -> Spans:
    from opentelemetry import trace

    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return Spans(trace, None)
    from opentelemetry.sdk.resources import Resource

    from hairtrigger.worker import light

    provider = light.Provider(
        Resource.create(dict(otel.service(environ, "hairtrigger-worker"))), environ
    )
    trace.set_tracer_provider(provider)
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


def _outcome(result: Result) -> str:
    if result.done is not None:  # of nearly all
        return "completed"
    named = {
        "failed": result.failed is not None, "canceled": result.cancelled,
        "timed_out": result.timed_out, "handed_back": result.handed_back,
    }  # fmt: skip
    return next((name for name, holds in named.items() if holds), "crashed")


def _clean(text: str) -> str:
    return redacted(text.encode()).decode("utf-8", "replace")
