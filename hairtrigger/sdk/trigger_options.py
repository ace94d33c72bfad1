"""From what the caller of ``trigger`` wrote to what travels."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from hairtrigger.errors import UnknownOption
from hairtrigger.sdk import idempotency
from hairtrigger.sdk.context import SCOPE
from hairtrigger.sdk.options import Debounce, Duration, Queue, TriggerOptions, When, closest
from hairtrigger.wire import durations, packets
from hairtrigger.wire.options import DebounceOption, QueueOption
from hairtrigger.wire.options import TriggerOptions as WireOptions
from hairtrigger.wire.worker import Packet

_KNOWN = TriggerOptions.__annotations__.keys()
_AS_THEY_ARE = ("concurrency_key", "priority", "max_attempts", "max_duration", "machine")


def payload_of(packet: Packet | None) -> Raw | msgspec.UnsetType:
    """The ``payload`` member of a request body."""
    if packet is None:
        return UNSET
    kind, text = packet
    return Raw(text) if kind == packets.JSON else Raw(msgspec.json.encode(text))


def wire_options(packet: Packet | None, given: Mapping[str, Any]) -> WireOptions | None:
    """The ``options`` member of a request body, or None when there is nothing to say.

    Raises:
        UnknownOption: for a misspelt option.
        InvalidDuration: for a text that is no duration.
    """
    scope = SCOPE.get()
    plain = packet is None or packet[0] == packets.JSON
    if plain and not given and scope is None:
        return None
    made = WireOptions()
    if packet is not None and not plain:
        made.payload_type = packet[0]
    if scope is not None:
        made.parent_run_id = scope.run_id
    if given:
        _fill(made, given)
    return made


def _fill(made: WireOptions, given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if value is None:
            continue
        if name in _AS_THEY_ARE:
            setattr(made, name, value)
        elif name in _READERS:
            _READERS[name](made, value)
        else:
            raise UnknownOption(f"trigger() has no option {name!r}. {closest(name, _KNOWN)}")


def _key(made: WireOptions, value: Any) -> None:
    key = idempotency.make(value)
    made.idempotency_key, made.idempotency_key_options = str(key), key.options


def _key_ttl(made: WireOptions, value: Duration) -> None:
    seconds = -(-durations.to_ms(value, "idempotency_key_ttl") // 1000)
    made.idempotency_key_ttl = f"{seconds}s"  # one number and one unit is all the API takes here


def _queue(made: WireOptions, value: Queue | str) -> None:
    made.queue = QueueOption(value.name if isinstance(value, Queue) else value)


def _metadata(made: WireOptions, value: Mapping[str, Any]) -> None:
    made.metadata = Raw(packets.encode(dict(value)))


def _tags(made: WireOptions, value: Any) -> None:
    made.tags = value if isinstance(value, str) else list(value)


def _ttl(made: WireOptions, value: Duration) -> None:
    ms = durations.to_ms(value, "ttl")
    made.ttl = durations.to_text(ms) if ms else 0


def _debounce(made: WireOptions, value: Debounce) -> None:
    if "key" not in value or "delay" not in value:
        raise UnknownOption("debounce needs a key and a delay.")
    longest = value.get("max_delay")
    made.debounce = DebounceOption(
        key=value["key"],
        delay=durations.to_text(durations.to_ms(value["delay"], "debounce delay")),
        mode=value.get("mode", "leading"),
        max_delay=None if longest is None else durations.to_text(durations.to_ms(longest)),
    )


def when(value: When, what: str = "delay") -> str:
    """A delay as it travels: a duration in whole seconds, or a date to the millisecond."""
    if isinstance(value, datetime):
        return durations.iso(durations.from_datetime(value))
    ms = durations.to_ms(value, what)
    if ms % 1000:
        return durations.iso(int(time.time() * 1000) + ms)
    return durations.to_text(ms)


def _delay(made: WireOptions, value: When) -> None:
    made.delay = when(value)


def _version(made: WireOptions, value: str) -> None:
    made.lock_to_version = value


_READERS: dict[str, Any] = {
    "delay": _delay,
    "ttl": _ttl,
    "idempotency_key": _key,
    "idempotency_key_ttl": _key_ttl,
    "queue": _queue,
    "tags": _tags,
    "metadata": _metadata,
    "version": _version,
    "debounce": _debounce,
}
