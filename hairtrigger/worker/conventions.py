"""What a span of an attempt says of its run. Source: OpenTelemetry's conventions for messaging."""

from hairtrigger.telemetry.tracing import SYSTEM
from hairtrigger.wire.worker import RunInfo

RUN = "hairtrigger.run"  # of spans that a run's code makes


def attributes(info: RunInfo) -> dict[str, str | int]:
    """Its attributes when it begins."""
    return {
        "messaging.system": SYSTEM, "messaging.operation.name": "run",
        "messaging.operation.type": "process", "messaging.destination.name": info.queue,
        "messaging.message.id": info.id, "hairtrigger.task": info.task,
        "hairtrigger.attempt": info.attempt, "hairtrigger.version": info.version,
    }  # fmt: skip
