"""What a span of an attempt says of its run and of how it ended. Source: OpenTelemetry's conventions for messaging."""

from typing import Any

from hairtrigger.telemetry.tracing import SYSTEM
from hairtrigger.wire.worker import Result, RunInfo
from hairtrigger.worker.variables import redacted

RUN = "hairtrigger.run"  # of spans that a run's code makes


def attributes(info: RunInfo) -> dict[str, str | int]:
    """Its attributes when it begins."""
    return {
        "messaging.system": SYSTEM, "messaging.operation.name": "run",
        "messaging.operation.type": "process", "messaging.destination.name": info.queue,
        "messaging.message.id": info.id, "hairtrigger.task": info.task,
        "hairtrigger.attempt": info.attempt, "hairtrigger.version": info.version,
    }  # fmt: skip


def describe(span: Any, result: Result) -> None:
    """Say it in a span of the SDK, and end that."""
    from opentelemetry.trace import Status, StatusCode

    reason, kind, message = result.failed or result.crashed, "", ""
    span.set_attribute("hairtrigger.outcome", outcome(result))
    if result.failed is not None:
        span.set_attribute("hairtrigger.will_retry", result.retry_in_ms is not None)
    if reason is not None:
        kind, message = reason.name, _clean(reason.message)
        seen = {"type": kind, "message": message, "stacktrace": _clean(reason.trace)}
        span.add_event("exception", {f"exception.{key}": value for key, value in seen.items()})
    elif result.timed_out:
        kind, message = "timed_out", "It ran for longer than it may."
    if kind:
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR, message))
    span.end()


def outcome(result: Result) -> str:
    """How an attempt ended, in a word."""
    if result.done is not None:  # of nearly all
        return "completed"
    named = {
        "failed": result.failed is not None, "canceled": result.cancelled,
        "timed_out": result.timed_out, "handed_back": result.handed_back,
    }  # fmt: skip
    return next((name for name, holds in named.items() if holds), "crashed")


def _clean(text: str) -> str:
    return redacted(text.encode()).decode("utf-8", "replace")
