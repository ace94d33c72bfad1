"""``batch``: different tasks triggered together. The blocking mirror is generated from this file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from hairtrigger.sdk.api import ApiCall, reads, segment
from hairtrigger.sdk.call import Call
from hairtrigger.sdk.client import Client, default
from hairtrigger.sdk.handles import BatchHandle
from hairtrigger.sdk.send_batch import send_batch


class ItemError(msgspec.Struct, rename="camel"):
    """An item of a batch that could not become a run; ``index`` counts from 0."""

    index: int
    task_identifier: str
    error: str


class Processing(msgspec.Struct, rename="camel"):
    """``errors`` are the items that could not become runs."""

    errors: list[ItemError]
    completed_at: datetime | None = None


class BatchInfo(msgspec.Struct, rename="camel", kw_only=True):
    """A batch as it was when it was asked for.

    ``status`` is PENDING, PROCESSING, COMPLETED (every run is finished, well or not), PARTIAL_FAILED
    (some items could not become runs) or ABORTED. ``runs`` are ids in the order of the items.
    """

    id: str
    status: str
    run_count: int
    created_at: datetime
    updated_at: datetime
    runs: list[str] = []
    idempotency_key: str | None = None
    processing: Processing = msgspec.field(default_factory=lambda: Processing([]))


class Batch:
    """Batches of an environment."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    async def trigger(self, *calls: Call[Any, Any]) -> BatchHandle[Any, Any]:
        """Trigger up to 1,000 runs of any tasks at once: ``batch.trigger(a.call(p), b.call(q))``.

        An item that the server refuses does not stop the others; ``batch.retrieve`` tells which.

        Raises:
            PayloadValidationError: when a payload does not fit, before anything is sent.
            TooLarge: for more than 1,000 items.
        """
        return await send_batch(self._client, None, calls, {})

    async def retrieve(self, batch: str | BatchHandle[Any, Any], /) -> BatchInfo:
        """A batch as it is now.

        Raises:
            NotFound: when the environment has no such batch.
        """
        batch_id = batch if isinstance(batch, str) else batch.batch_id
        return await self._client.send(retrieve_batch_call(batch_id))


batch = Batch()

_read = reads(BatchInfo)


def retrieve_batch_call(batch_id: str) -> ApiCall[BatchInfo]:
    """Ask for a batch."""
    return ApiCall("batch.retrieve", f"GET /api/v2/batches/{segment(batch_id)}", returns=_read)
