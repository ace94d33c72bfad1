"""A task, its payload and its options, not yet sent: what ``batch.trigger`` and ``batch_trigger`` take."""

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from hairtrigger.sdk.definition import Definition
from hairtrigger.sdk.trigger_options import payload_of, wire_options
from hairtrigger.wire.options import BatchItem, CoalescedTrigger

P = TypeVar("P")
R = TypeVar("R")


class Call(Generic[P, R]):
    """Made by ``task.call(payload, ...)``; sent by ``batch.trigger`` and ``task.batch_trigger``."""

    __slots__ = ("definition", "options", "payload")

    def __init__(self, definition: Definition, payload: Any, options: Mapping[str, Any]) -> None:
        self.definition, self.payload, self.options = definition, payload, options

    def __repr__(self) -> str:
        return f"Call({self.definition.id!r}, {self.payload!r})"


Items: TypeAlias = Iterable[P | Call[P, R]] | AsyncIterable[P | Call[P, R]]
PlainItems: TypeAlias = Iterable[P | Call[P, R]]


async def collected(items: Items[Any, Any]) -> list[Any]:
    """The items of a batch in a list."""
    if isinstance(items, AsyncIterable):
        return [item async for item in items]
    return list(items)


def collected_blocking(items: PlainItems[Any, Any]) -> list[Any]:
    """The same, blocking."""
    return list(items)


def trigger_item(
    definition: Definition, payload: Any, options: Mapping[str, Any]
) -> CoalescedTrigger:
    """One trigger as it travels.

    Raises:
        PayloadValidationError, UnknownOption, InvalidDuration: before anything is sent.
    """
    packet = definition.encode_payload(payload)
    return CoalescedTrigger(definition.id, payload_of(packet), wire_options(packet, options))


def batch_item(index: int, call: Call[Any, Any], shared: Mapping[str, Any]) -> BatchItem:
    """One line of a batch; what the call says goes before what the batch says for all."""
    packet = call.definition.encode_payload(call.payload)
    options = {**shared, **call.options} if shared else call.options
    return BatchItem(index, call.definition.id, payload_of(packet), wire_options(packet, options))
