"""Sending a batch in its two phases: announce the number of items, then stream them as lines of JSON.

The upload may be repeated whole: the server knows every item by its index. The blocking mirror is
generated from this file. Source: Trigger.dev's batch API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hairtrigger.errors import BadRequest, TooLarge, Unavailable
from hairtrigger.sdk import idempotency
from hairtrigger.sdk.api import Answer, ApiCall, reads, segment
from hairtrigger.sdk.call import Call, Items, batch_item, collected
from hairtrigger.sdk.client import Client
from hairtrigger.sdk.context import SCOPE, trace_of_run
from hairtrigger.sdk.definition import Definition
from hairtrigger.sdk.exchange import sleep
from hairtrigger.sdk.handles import BatchHandle, RunHandle
from hairtrigger.sdk.stored import put_apart
from hairtrigger.telemetry import tracing
from hairtrigger.wire.options import BatchItem, CreateBatch

MAX_ITEMS = 1_000
UPLOADS, UPLOAD_PAUSE_S = 5, 1.0
_lines = msgspec.json.Encoder().encode_lines


async def send_batch(
    client: Client,
    definition: Definition | None,
    items: Items[Any, Any],
    options: Mapping[str, Any],
) -> BatchHandle[Any, Any]:
    """Trigger every item: a ``Call``, or a payload for the task of ``definition``."""
    calls = as_calls(definition, await collected(items))
    apart = [await put_apart(client, item) for item in batch_items(calls, options)]
    with tracing.sending(_named(calls), trace_of_run(), **_counted(calls)) as sent:
        batch = await client.send(create_batch_call(calls, options))
        sent.made(batch.id)
        if not batch.is_cached:
            await _upload(client, batch.id, traced_lines(apart, sent.trace))
        ids = await client.send(runs_call(batch.id))
    runs = handles(client, calls, ids)
    return BatchHandle(batch.id, run_count=len(calls), runs=runs, client=client)


async def _upload(client: Client, batch_id: str, lines: bytes) -> None:
    for tries in range(1, UPLOADS + 1):
        sealed = await client.send(items_call(batch_id, lines))
        if sealed:
            return
        await sleep(UPLOAD_PAUSE_S * tries)
    raise Unavailable(f"{batch_id}: the server has not taken all items. Try again.")


def as_calls(definition: Definition | None, items: Sequence[Any]) -> list[Call[Any, Any]]:
    """The items of a batch as calls.

    Raises:
        TooLarge: for more than 1,000. BadRequest: for none.
    """
    if len(items) > MAX_ITEMS:
        raise TooLarge(
            f"A batch takes at most {MAX_ITEMS:,} items, not {len(items):,}. Send several batches."
        )
    if not items:
        raise BadRequest("A batch needs at least one item.")
    calls = []
    for item in items:
        if isinstance(item, Call):
            calls.append(item)
        elif definition is not None:
            calls.append(Call(definition, item, {}))
        else:
            raise BadRequest(f"batch.trigger() takes task.call(...), not {item!r}.")
    return calls


def batch_items(calls: Sequence[Call[Any, Any]], options: Mapping[str, Any]) -> list[BatchItem]:
    """The items as they travel."""
    shared = {name: value for name, value in options.items() if name != "idempotency_key"}
    return [batch_item(index, call, shared) for index, call in enumerate(calls)]


def traced_lines(items: Sequence[BatchItem], trace: str | None) -> bytes:
    """The items as they are uploaded, all from one place in a trace."""
    for item in items:
        item.trace = trace
    return _lines(items)


def _named(calls: Sequence[Call[Any, Any]]) -> str:
    """The tasks of a batch, as far as they can be named."""
    tasks = {call.definition.id for call in calls}
    return tasks.pop() if len(tasks) == 1 else f"{len(tasks)} tasks"


def _counted(calls: Sequence[Call[Any, Any]]) -> dict[str, int]:
    return {"messaging__batch__message_count": len(calls)}


class _Batch(msgspec.Struct, rename="camel"):
    id: str
    is_cached: bool = False


class _Uploaded(msgspec.Struct):
    sealed: bool


class _Runs(msgspec.Struct):
    runs: list[str]


def create_batch_call(
    calls: Sequence[Call[Any, Any]], options: Mapping[str, Any]
) -> ApiCall[_Batch]:
    """Announce a batch."""
    scope = SCOPE.get()
    body = CreateBatch(
        run_count=len(calls),
        task_identifiers=sorted({call.definition.id for call in calls}),
        parent_run_id=None if scope is None else scope.run_id,
    )
    if options.get("idempotency_key") is not None:
        key = idempotency.make(options["idempotency_key"])
        body.idempotency_key, body.idempotency_key_options = str(key), key.options
    encoded = msgspec.json.encode(body)
    return ApiCall("batch.trigger", "POST /api/v3/batches", body=encoded, returns=reads(_Batch))


def items_call(batch_id: str, lines: bytes) -> ApiCall[bool]:
    """Upload the items; true when the server has all of them."""
    read = reads(_Uploaded)

    def sealed(answer: Answer) -> bool:
        return read(answer).sealed

    return ApiCall(
        "batch.trigger",
        f"POST /api/v3/batches/{segment(batch_id)}/items",
        body=lines,
        content_type="application/x-ndjson",
        returns=sealed,
    )


def runs_call(batch_id: str) -> ApiCall[list[str]]:
    """Ask for the ids of a batch's runs, in the order of its items."""
    read = reads(_Runs)

    def ids(answer: Answer) -> list[str]:
        return read(answer).runs

    return ApiCall("batch.trigger", f"GET /api/v2/batches/{segment(batch_id)}", returns=ids)


def handles(
    client: Client, calls: Sequence[Call[Any, Any]], ids: Sequence[str]
) -> list[RunHandle[Any, Any]]:
    """A handle for each run. When some items could not become runs, nobody knows whose the others are."""
    whole = len(ids) == len(calls)
    same = calls[0].definition if len({call.definition.id for call in calls}) == 1 else None
    made = []
    for index, run_id in enumerate(ids):
        definition = calls[index].definition if whole else same
        task_id = "" if definition is None else definition.id
        made.append(RunHandle[Any, Any](run_id, task_id, client=client, definition=definition))
    return made
