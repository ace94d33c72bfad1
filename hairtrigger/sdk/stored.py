"""Values that lie apart from their run: a large payload is put there before its run is triggered.

The blocking mirror is generated from this file. Source: Trigger.dev's packets and presigned URLs.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Raw

from hairtrigger.errors import ApiError
from hairtrigger.sdk.api import Answer, ApiCall, nothing, reads
from hairtrigger.sdk.client import Client
from hairtrigger.wire import packets
from hairtrigger.wire.options import BatchItem, CoalescedTrigger, TriggerOptions
from hairtrigger.wire.worker import Packet

Item = TypeVar("Item", CoalescedTrigger, BatchItem)

LARGE_BYTES = 1_000_000  # of a payload; a request may have 3 MiB
PATIENCE_S = 300.0  # for 100 MiB over a slow line
_URLS = "/api/hairtrigger/"  # where the path of a signed URL begins


class Place(msgspec.Struct, rename="camel"):
    """Where to put a value, and what names it from then on."""

    presigned_url: str
    storage_path: str


async def put_apart(client: Client, item: Item) -> Item:
    """The item as it is sent: one with a large payload has its path, once it is uploaded.

    Raises:
        TooLarge: the payload has more bytes than the server stores.
    """
    if not is_large(item):
        return item
    place = await client.send(place_call())
    await client.send(upload_call(place, item))
    return moved(item, place)


def is_large(item: CoalescedTrigger | BatchItem) -> bool:
    """Whether an item's payload is uploaded before it is sent."""
    return isinstance(item.payload, Raw) and memoryview(item.payload).nbytes >= LARGE_BYTES


def place_call() -> ApiCall[Place]:
    """Ask where to put a payload."""
    return ApiCall("Task.trigger", "PUT /api/v2/packets/payload.json", returns=reads(Place))


def upload_call(place: Place, item: CoalescedTrigger | BatchItem) -> ApiCall[None]:
    """Put the payload of an item there."""
    kind = item.options.payload_type if item.options is not None else None
    body = bytes(item.payload) if isinstance(item.payload, Raw) else b""
    if kind is not None:  # it travels as a string
        body = msgspec.json.decode(body, type=str).encode()
    return ApiCall(
        "Task.trigger", f"PUT {path_of(place.presigned_url)}", body=body,
        content_type=kind or packets.JSON, returns=nothing, held_s=PATIENCE_S,
    )  # fmt: skip


def moved(item: Item, place: Place) -> Item:
    """The item with its payload's path in the payload's place."""
    options = TriggerOptions() if item.options is None else item.options
    options = msgspec.structs.replace(options, payload_type=packets.STORE)
    payload = Raw(msgspec.json.encode(place.storage_path))
    return msgspec.structs.replace(item, payload=payload, options=options)


def read_call(path: str) -> ApiCall[Packet]:
    """Read a value under a signed path."""
    return ApiCall("a stored value", f"GET {path}", returns=_packet, held_s=PATIENCE_S)


def path_of(url: str) -> str:
    """The path of a signed URL: the server is asked where we know it, whatever it calls itself."""
    found = url.find(_URLS)
    if found < 0:
        raise ApiError(f"The server names a place that is not its own: {url}")
    return url[found:]


def _packet(answer: Answer) -> Packet:
    return answer.headers.get("content-type", "").partition(";")[0], answer.body.decode()
