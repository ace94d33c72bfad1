"""What Axiom is told of runs: that each started, completed or failed, and what its code logged."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from hairtrigger.telemetry import axiom
from hairtrigger.wire import durations, packets
from hairtrigger.wire.worker import Event, Packet, Result
from hairtrigger.worker.frames import Ended, Key, Line
from hairtrigger.worker.process import Head, Held

MOST_VALUE = 65_536  # bytes of a payload or result; of a larger one only its size is told
CLOSE_S = 5.0


class _Payload(msgspec.Struct):
    payload: Packet | None = None


_payload = msgspec.json.Decoder(_Payload)
_event = msgspec.json.Decoder(Event)
_result = msgspec.json.Decoder(Result)


class Shipping:
    """Turns what a supervisor sees into events. ``environment`` is known once the worker is registered."""

    def __init__(self, to: axiom.Axiom) -> None:
        self._to, self.environment, self.version = to, "", ""

    def started(self, head: Head, raw: Raw, now_ms: int) -> None:
        """A run was handed to this worker."""
        self._send(
            head, now_ms, "info", "Job started", payload=_value(_payload.decode(raw).payload)
        )

    def lines(self, lines: list[Line], held: Mapping[Key, Held]) -> None:
        """Lines of runs; spans are not sent."""
        for line in lines:
            owner = held.get((line.run, line.lease))
            said = _event.decode(line.event)
            if owner is None or said.duration_ms is not None:
                continue
            level = "info" if said.level == "log" else said.level
            self._send(
                owner.head, said.at, level, said.message, attributes=said.attributes or UNSET
            )

    def ended(self, head: Head, ended: Ended, now_ms: int) -> None:
        """A hand-out is over."""
        result = _result.decode(ended.result)
        if result.done is not None:
            output = result.done if isinstance(result.done, tuple) else None
            self._send(
                head,
                now_ms,
                "info",
                "Job completed",
                result=_value(output),
                duration=result.used_ms,
            )
            return
        reason = result.failed or result.crashed
        error: dict[str, Any] = {}
        if reason is not None:
            error = {"name": reason.name, "message": reason.message, "stack": reason.trace}
        elif result.timed_out:
            error = {"name": "MaxDurationExceeded", "message": "It ran for longer than it may."}
        if error:
            self._send(
                head, now_ms, "error", "Job failed", error=error, duration=result.used_ms,
                willRetry=result.retry_in_ms is not None,
            )  # fmt: skip

    async def close(self) -> None:
        """Send what is left, for some seconds at most."""
        await self._to.close(patience_s=CLOSE_S)

    def _send(self, head: Head, at_ms: int, level: str, message: str, **more: Any) -> None:
        self._to.send({
            "_time": durations.iso(at_ms), "level": level, "message": message, "jobId": head.id,
            "task": head.task, "attempt": head.attempt, "environment": self.environment,
            "version": self.version, **{name: value for name, value in more.items() if value is not UNSET},
        })  # fmt: skip


def _value(packet: Packet | None) -> Any:
    """A payload or a result as it can be read; nothing for none, its size for one that is too large."""
    if packet is None:
        return UNSET
    kind, text = packet
    if kind == packets.STORE:
        return {"stored": text}
    if len(text) > MOST_VALUE:
        return {"bytes": len(text.encode())}
    return packets.shown(kind, text)
