"""OpenTelemetry as the process has it: the span of a trigger, and where in a trace the calling code is.

Nothing is imported here that the application has not: without OpenTelemetry's API a trigger costs one look-up more.
Source: OpenTelemetry's conventions for messaging.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hairtrigger.wire import tracing

SYSTEM = "hairtrigger"


class Sending:
    """What is triggered: ``trace`` goes with it."""

    __slots__ = ("_span", "trace")

    def __init__(self, trace: str | None = None, span: Any = None) -> None:
        self.trace, self._span = trace, span

    def made(self, id: str | None) -> None:
        """It has become this run, or this batch."""
        if self._span is not None and id:
            self._span.set_attribute("messaging.message.id", id)


@contextmanager
def sending(what: str, inherited: str | None = None, **attributes: Any) -> Iterator[Sending]:
    """A producer span around a trigger, where the process has OpenTelemetry.

    Args:
        what: A task, or several.
        inherited: Where in a trace the run is that triggers, for processes without OpenTelemetry.
        attributes: More of the span, with ``__`` for a dot.
    """
    api: Any = sys.modules.get("opentelemetry.trace")
    if api is None or not hasattr(api, "get_tracer"):  # or it is just being imported
        yield Sending(inherited)
        return
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    known = {
        "messaging.system": SYSTEM,
        "messaging.operation.name": "trigger",
        "messaging.operation.type": "send",
    }
    tracer = api.get_tracer("hairtrigger")
    with tracer.start_as_current_span(
        f"trigger {what}", kind=api.SpanKind.PRODUCER, attributes=known | named
    ) as span:
        yield Sending(_written(span.get_span_context()) or inherited, span)


def _written(context: Any) -> str | None:
    if not context.is_valid:
        return None
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
    return tracing.joined(parent, context.trace_state.to_header())
