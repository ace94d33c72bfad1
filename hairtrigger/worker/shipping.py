"""What Axiom is told of runs: that each started, completed or failed, and what its code logged."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from hairtrigger.telemetry import axiom
from hairtrigger.wire import durations, packets
from hairtrigger.wire.worker import Failure, Packet
from hairtrigger.worker.aside import Aside
from hairtrigger.worker.frames import Ended, Key, Line
from hairtrigger.worker.process import Head, Held

MOST_VALUE = 65_536  # bytes of a payload or result; of a larger one only its size is told
CLOSE_S = 5.0


class _Taken(Head, gc=False):
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


_taken = msgspec.json.Decoder(_Taken).decode
_said = msgspec.json.Decoder(_Said).decode
_result = msgspec.json.Decoder(_Result).decode
_NOTHING = ("null", "{}")


class Shipping:
    """Tells Axiom what a supervisor sees. ``environment`` is known once the worker is registered.

    What is seen is put aside by the batch, and becomes text later. There are two events for each attempt, so the text
    is put together here, which takes less than structures and an encoder.
    """

    def __init__(self, to: axiom.Axiom) -> None:
        self._to, self.environment, self.version = to, "", ""
        self._aside = Aside()

    def started(self, runs: list[Raw], now_ms: int) -> Sequence[Head]:
        """Runs were handed to this worker: reads what they are, too, since their payloads stand beside it."""
        taken = [_taken(raw) for raw in runs]
        self._put(lambda: [self._taken(head, now_ms) for head in taken])
        return taken

    def lines(self, lines: list[Line], held: Mapping[Key, Held]) -> None:
        """Lines of runs; spans are not sent."""
        owned = [(owner.head, one) for one in lines if (owner := held.get((one.run, one.lease)))]
        self._put(lambda: [
            self._line(head, said)
            for head, line in owned if (said := _said(line.event)).duration_ms is None
        ])  # fmt: skip

    def ended(self, ends: list[tuple[Head, Ended]], now_ms: int) -> None:
        """Hand-outs are over. One that was handed back or canceled is no news."""
        self._put(lambda: [
            text for head, ended in ends if (text := self._over(head, _result(ended.result), now_ms))
        ])  # fmt: skip

    async def close(self) -> None:
        """Send what is left, for some seconds at most."""
        self._aside.finish()
        await self._to.close(patience_s=CLOSE_S)

    def _put(self, write: Callable[[], list[str]]) -> None:
        self._aside.put(lambda: self._to.send(write()))

    def _taken(self, head: _Taken, now_ms: int) -> str:
        text, payload = self._begun(head, now_ms, "info", '"Job started"'), head.payload
        head.payload = None  # the head stays until the run ends
        return f"{text}}}" if payload is None else f'{text},"payload":{_value(*payload)}}}'

    def _line(self, head: Head, said: _Said) -> str:
        level = "info" if said.level == "log" else said.level
        text = self._begun(head, said.at, level, _json(said.message))
        attributes = bytes(said.attributes).decode()
        return f"{text}}}" if attributes in _NOTHING else f'{text},"attributes":{attributes}}}'

    def _begun(self, head: Head, at: int, level: str, message: str) -> str:
        """An event but for what is its own, and its end."""
        owner = _owner(head.task, head.attempt, self.environment, self.version)
        return f'{_opening(at, level)}{message},"jobId":"{head.id}",{owner}'

    def _over(self, head: Head, result: _Result, now_ms: int) -> str:
        done = result.done
        if done is not None:
            text = self._begun(head, now_ms, "info", '"Job completed"')
            if isinstance(done, tuple):
                text += f',"result":{_value(*done)}'
            return f'{text},"duration":{result.used_ms}}}'
        reason = result.failed or result.crashed
        if reason is not None:
            error = {"name": reason.name, "message": reason.message, "stack": reason.trace}
        elif result.timed_out:
            error = {"name": "MaxDurationExceeded", "message": "It ran for longer than it may."}
        else:
            return ""
        text = self._begun(head, now_ms, "error", '"Job failed"')
        return (
            f'{text},"error":{_json(error)},'
            f'"duration":{result.used_ms},"willRetry":{_json(result.retry_in_ms is not None)}}}'
        )


def opened(environ: Mapping[str, str]) -> Shipping | None:
    """What an environment asks for; None when it asks for nothing."""
    sink = axiom.from_environment(environ)
    return None if sink is None else Shipping(sink)


@lru_cache(64)  # under load, many events have one ms
def _opening(at: int, level: str) -> str:
    return f'{{"_time":"{durations.iso(at)}","level":"{level}","message":'


@lru_cache(1024)
def _owner(task: str, attempt: int, environment: str, version: str) -> str:
    return (
        f'"task":{_json(task)},"attempt":{attempt},"environment":{_json(environment)},'
        f'"version":{_json(version)}'
    )


def _value(kind: str, text: str) -> str:
    """JSON of a payload or a result as it can be read; of one that is too large, its size."""
    if kind == packets.STORE:
        return _json({"stored": text})
    if len(text) > MOST_VALUE:
        return _json({"bytes": len(text.encode())})
    return text if kind == packets.JSON else bytes(packets.shown(kind, text)).decode()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
