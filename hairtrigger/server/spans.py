"""Spans of the server itself: its requests, and the transactions in which it writes.

Off unless OpenTelemetry's variables are in the server's environment. A span costs some 50 µs, most of it on a thread;
a request or a transaction may be of hundreds of runs. Source: OpenTelemetry's conventions for HTTP servers, but for
``url.path``: some paths are signed, and whoever has them may read what is there.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any

from hairtrigger.store.tick import Tick
from hairtrigger.telemetry import otel
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import tracing

_OWN = "/otel/"  # a server that is its own collector would trace that without end


class Spans:
    """A provider of the server's own: one that the process has is not touched."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._api, self._provider = trace, provider
        self._tracer = provider.get_tracer("hairtrigger")
        self._extract = TraceContextTextMapPropagator().extract

    def request(self, method: str, path: str, around: str | None) -> Any:
        """Begin the span of a request to a route, ``around`` which its headers tell of a trace; None when it is to
        have none."""
        if path.startswith(_OWN):
            return None
        return self._tracer.start_span(
            f"{method} {path}", context=self._context(around), kind=self._api.SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": path},
        )  # fmt: skip

    def answered(self, span: Any, status: int | None) -> None:
        """End it; ``status`` is None when nobody was there any more to be answered."""
        if status is not None and span.is_recording():
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_attribute("error.type", str(status))
                span.set_status(self._api.Status(self._api.StatusCode.ERROR))
        span.end()

    def tick(self, tick: Tick, seconds: float) -> None:
        """The span of a transaction that has just been written."""
        with contextlib.suppress(
            Exception
        ):  # it is written: nothing may make it seem that it was not
            self._tick(tick, time.time_ns(), seconds)

    def _tick(self, tick: Tick, now: int, seconds: float) -> None:
        began = now - int(seconds * 1e9)
        span = self._tracer.start_span("tick", context=_nowhere(), start_time=began)
        if span.is_recording():
            span.set_attributes({
                "hairtrigger.triggers": sum(call.weight for call, _ in tick.calls),
                "hairtrigger.reports": sum(len(items) for items, _ in tick.settles),
                "hairtrigger.changes": len(tick.changes),
            })  # fmt: skip
        span.end(now)

    async def close(self) -> None:
        """Send what is left, for two seconds at most."""
        await asyncio.to_thread(otel.finish, self._provider.shutdown)

    def _context(self, trace: str | None) -> Any:
        if trace is None:
            return _nowhere()
        parent, state = tracing.parts(trace)
        return self._extract({"traceparent": parent, "tracestate": state}, _nowhere())


def install(environ: Mapping[str, str]) -> Spans | None:
    """What an environment asks for; None when it asks for nothing. What is missing or wrong is told, and costs
    spans only."""
    if not otel.is_wanted(environ):
        return None
    if not otel.is_installed():
        emit("telemetry.missing", to="OpenTelemetry", install=otel.INSTALL)
        return None
    try:
        return Spans(_provider(environ))
    except Exception as error:  # noqa: BLE001 (a wrong variable must not stop a server)
        logging.getLogger("hairtrigger").warning(
            "Traces are off: OpenTelemetry cannot be set up (%s: %s)", type(error).__name__, error
        )
        return None


def _provider(environ: Mapping[str, str]) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=otel.resource(environ, otel.SERVER), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _nowhere() -> Any:
    from opentelemetry.context import Context

    return Context()
