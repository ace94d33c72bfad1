"""What a worker's runs do, as telemetry events, for whoever listens: a terminal, or nobody."""

from collections.abc import Mapping
from typing import Any

import msgspec

from hairtrigger.telemetry.events import emit
from hairtrigger.wire.worker import Event, Result
from hairtrigger.worker.frames import Ended, Key, Line
from hairtrigger.worker.process import Head, Held

_event = msgspec.json.Decoder(Event)
_result = msgspec.json.Decoder(Result)


def lines(written: list[Line], held: Mapping[Key, Held]) -> None:
    """``log.written`` for each line; spans are not told."""
    for line in written:
        owner = held.get((line.run, line.lease))
        event = _event.decode(line.event)
        if owner is not None and (event.span is None or event.duration_ms is None):
            emit(
                "log.written", run=line.run, task=owner.head.task, level=event.level,
                message=event.message, attributes=event.attributes, at=event.at,
            )  # fmt: skip


def end(head: Head, ended: Ended) -> None:
    """``attempt.*`` for a hand-out that is over."""
    result = _result.decode(ended.result)
    facts: dict[str, Any] = {
        "run": head.id, "task": head.task, "attempt": head.attempt, "duration_ms": result.used_ms,
    }  # fmt: skip
    reason = result.failed or result.crashed
    if reason is not None:
        facts |= {"error": reason.name, "message": reason.message, "trace": reason.trace}
        facts["retry_in_ms"] = result.retry_in_ms
    if result.done is not None:
        emit("attempt.completed", **facts)
    elif result.failed is not None:
        emit("attempt.failed", **facts)
    elif result.timed_out:
        emit("attempt.failed", **facts, error="MaxDurationExceeded", message="", trace="")
    elif result.crashed is not None:
        emit("attempt.crashed", **facts, alone=result.alone)
    elif result.cancelled:
        emit("attempt.canceled", **facts)
    else:
        emit("attempt.handed_back", **facts, begun=result.begun)
