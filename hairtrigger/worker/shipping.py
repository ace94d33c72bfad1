"""What Axiom is told of runs: that each started, completed or failed, and what its code logged."""

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from msgspec import UNSET, Raw, UnsetType

from hairtrigger.telemetry import axiom
from hairtrigger.wire import durations, packets
from hairtrigger.wire.worker import Failure, Packet
from hairtrigger.worker.frames import Ended, Key, Line
from hairtrigger.worker.process import Head, Held

MOST_VALUE = 65_536  # bytes of a payload or result; of a larger one only its size is told
CLOSE_S = 5.0
_FRAME = 300  # bytes of an event besides what the run and its code put into it

Value = Raw | dict[str, str | int] | UnsetType


class _Payload(msgspec.Struct, gc=False):
    payload: Packet | None = None


class _Result(msgspec.Struct, rename="camel", gc=False):
    """What is told of a ``wire.worker.Result``."""

    done: Packet | bool | None = None
    failed: Failure | None = None
    crashed: Failure | None = None
    timed_out: bool = False
    retry_in_ms: int | None = None
    used_ms: int = 0


class _Said(msgspec.Struct, array_like=True, gc=False):
    """What is told of a ``wire.worker.Event``, its attributes left as they are."""

    run: str
    lease: int
    at: int
    seq: int
    level: str
    message: str
    attributes: Raw = Raw(b"null")  # `Raw | None` would read only null
    span: str | None = None
    parent: str | None = None
    duration_ms: float | None = None


class _Error(msgspec.Struct):
    name: str
    message: str
    stack: str = ""


class _Fact(msgspec.Struct, gc=False):
    """What was seen, kept as it came until it is written. Outside the garbage collector: it walks what it knows
    of again and again, and there may be 50,000 of these."""

    at: int  # ms
    head: Head
    environment: str
    version: str
    taken: Raw | None = None  # the run, as it was handed out
    ended: Raw | None = None  # its result
    said: _Said | None = None


class _Record(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """An event, as Axiom gets it."""

    time: str = msgspec.field(name="_time")
    level: str
    message: str
    job_id: str
    task: str
    attempt: int
    environment: str
    version: str
    payload: Value = UNSET
    result: Value = UNSET
    attributes: Raw | UnsetType = UNSET
    error: _Error | UnsetType = UNSET
    duration: int | UnsetType = UNSET
    will_retry: bool | UnsetType = UNSET


_payload = msgspec.json.Decoder(_Payload).decode
_said = msgspec.json.Decoder(_Said).decode
_result = msgspec.json.Decoder(_Result).decode
_encode = msgspec.json.Encoder().encode
_iso = lru_cache(64)(durations.iso)  # under load, many facts have one ms
_NOTHING = (b"null", b"{}")


class Shipping:
    """Tells Axiom what a supervisor sees. ``environment`` is known once the worker is registered.

    Nothing is read or written while a run is handed out or ends: what there is to tell is kept as it is, and
    becomes JSON by the batch.
    """

    def __init__(self, to: axiom.Axiom) -> None:
        self._to, self.environment, self.version = to, "", ""

    def started(self, head: Head, raw: Raw, now_ms: int) -> None:
        """A run was handed to this worker."""
        fact = _Fact(now_ms, head, self.environment, self.version, raw)
        self._to.send(fact, len(raw) + _FRAME)

    def lines(self, lines: list[Line], held: Mapping[Key, Held]) -> None:
        """Lines of runs; spans are not sent."""
        for line in lines:
            owner, said = held.get((line.run, line.lease)), _said(line.event)
            if owner is not None and said.duration_ms is None:
                fact = _Fact(said.at, owner.head, self.environment, self.version, said=said)
                self._to.send(fact, len(line.event) + _FRAME)

    def ended(self, head: Head, ended: Ended, now_ms: int) -> None:
        """A hand-out is over."""
        fact = _Fact(now_ms, head, self.environment, self.version, ended=ended.result)
        self._to.send(fact, len(ended.result) + _FRAME)

    async def close(self) -> None:
        """Send what is left, for some seconds at most."""
        await self._to.close(patience_s=CLOSE_S)


def opened(environ: Mapping[str, str]) -> Shipping | None:
    """What an environment asks for; None when it asks for nothing."""
    sink = axiom.from_environment(environ, write=_written)
    return None if sink is None else Shipping(sink)


def _written(facts: list[_Fact]) -> bytes:
    return _encode([record for fact in facts if (record := _record(fact)) is not None])


def _record(fact: _Fact) -> _Record | None:
    """The event of a fact; None for an end that says nothing: a run that was handed back or canceled."""
    head = fact.head
    record = _Record(
        _iso(fact.at), "info", "Job started", head.id, head.task, head.attempt,
        fact.environment, fact.version,
    )  # fmt: skip
    if fact.taken is not None:
        record.payload = _value(_payload(fact.taken).payload)
    elif fact.said is not None:
        said = fact.said
        record.level, record.message = "info" if said.level == "log" else said.level, said.message
        if bytes(said.attributes) not in _NOTHING:
            record.attributes = said.attributes
    elif fact.ended is not None:
        return _ended(record, _result(fact.ended))
    return record


def _ended(record: _Record, result: _Result) -> _Record | None:
    record.duration = result.used_ms
    if result.done is not None:
        record.message = "Job completed"
        record.result = _value(result.done if isinstance(result.done, tuple) else None)
        return record
    reason = result.failed or result.crashed
    if reason is not None:
        record.error = _Error(reason.name, reason.message, reason.trace)
    elif result.timed_out:
        record.error = _Error("MaxDurationExceeded", "It ran for longer than it may.")
    else:
        return None
    record.level, record.message = "error", "Job failed"
    record.will_retry = result.retry_in_ms is not None
    return record


def _value(packet: Packet | None) -> Value:
    """A payload or a result as it can be read; nothing for none, its size for one that is too large."""
    if packet is None:
        return UNSET
    kind, text = packet
    if kind == packets.STORE:
        return {"stored": text}
    if len(text) > MOST_VALUE:
        return {"bytes": len(text.encode())}
    return packets.shown(kind, text)
