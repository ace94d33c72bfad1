"""Batches: announced, filled by a stream of lines, looked up.

The lines of an upload are decoded and handed to the engine in groups, each while those before it are being
stored, and no more is read from the connection than that. An upload may break off anywhere and be sent
again: items carry their index. Source: Trigger.dev's two-phase batches.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator

import msgspec
from msgspec import UNSET, UnsetType

from hairtrigger.engine import batches as engine
from hairtrigger.errors import (
    BadRequest,
    HairtriggerError,
    TooLarge,
    Unprocessable,
    UnsupportedMediaType,
)
from hairtrigger.server import answers, auth, requests
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import tasks
from hairtrigger.server.requests import Call, Oversized
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids
from hairtrigger.wire.options import BatchItem, CreateBatch

GROUP_ITEMS, GROUP_BYTES = 250, 262_144
STORING = 2  # groups of an upload, while the next one is read
_create = msgspec.json.Decoder(CreateBatch)
_item = msgspec.json.Decoder(BatchItem)
_name = msgspec.json.Decoder(str)
_NDJSON = (b"application/x-ndjson", b"application/ndjson")
_INDEX = re.compile(rb'"index"\s*:\s*(\d{1,6})\b')
_TASK = re.compile(rb'"task"\s*:\s*("(?:[^"\\]|\\.)*")')


class Created(msgspec.Struct, rename="camel"):
    id: str
    run_count: int
    is_cached: bool
    idempotency_key: str | UnsetType = UNSET


class Added(msgspec.Struct, rename="camel"):
    id: str
    items_accepted: int
    items_deduplicated: int
    sealed: bool
    enqueued_count: int | UnsetType = UNSET
    expected_count: int | UnsetType = UNSET


class ItemError(msgspec.Struct, rename="camel"):
    index: int
    task_identifier: str
    error: str
    error_code: str | UnsetType = UNSET


class Processing(msgspec.Struct, rename="camel"):
    errors: list[ItemError]
    completed_at: str | UnsetType = UNSET


class BatchObject(msgspec.Struct, rename="camel", kw_only=True):
    """A batch; ``processing`` is absent in the older form."""

    id: str
    status: str
    created_at: str
    updated_at: str
    run_count: int
    runs: list[str]
    idempotency_key: str | UnsetType = UNSET
    processing: Processing | UnsetType = UNSET


async def create(call: Call) -> Answer:
    """Announce a batch of 1 to 1000 runs; its items follow in a second request."""
    body = await call.read(_create)
    named = body.task_identifiers or []
    if call.caller.token is not None:
        for task in named:
            call.caller.demand(auth.CREATE_ANY_BATCH, tasks=(task,))
        if not named:
            call.caller.demand(auth.CREATE_ANY_BATCH)
    batch = await engine.create(
        call.server.store, call.caller.env, body, request_key=call.request_key(),
        one_time=call.caller.one_time,
    )  # fmt: skip
    id_ = ids.public("batch", batch.id)
    scopes: tuple[str, ...] = (f"read:batch:{id_}",)
    if call.headers.get(b"x-trigger-client") == b"browser":
        scopes += (f"write:batch:{id_}",)
    created = Created(id_, batch.run_count, batch.cached, body.idempotency_key or UNSET)
    headers = await tasks.handle_headers(call, call.caller.env, scopes)
    return answers.json(created, 202, headers)


async def add_items(call: Call) -> Answer:
    """Add items to a batch, one JSON object a line; the last missing one seals it."""
    kind = call.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind not in _NDJSON:
        raise UnsupportedMediaType(
            "Send the items as application/x-ndjson: one JSON object a line."
        )
    number = call.number("batch", "batch")
    id_ = ids.public("batch", number)
    store, env = call.server.store, call.caller.env
    trace = requests.trace_of(call.headers)
    stored: list[engine.Added] = []
    storing: deque[asyncio.Task[engine.Added]] = deque()
    try:
        async for group in _groups(call, id_):
            for item in group.items:
                item.trace = item.trace or trace
            if len(storing) == STORING:
                stored.append(await storing.popleft())
            adding = engine.add_items(store, env, number, group.items, broken=group.broken)
            storing.append(asyncio.create_task(adding))
        while storing:
            stored.append(await storing.popleft())
    finally:
        await asyncio.gather(*storing, return_exceptions=True)
    if not stored:
        stored.append(await engine.add_items(store, env, number, []))
    last = max(stored, key=lambda one: one.enqueued)
    accepted = sum(one.accepted for one in stored)
    added = Added(id_, accepted, sum(one.deduplicated for one in stored), last.sealed)
    if not last.sealed:
        added.enqueued_count, added.expected_count = last.enqueued, last.expected
    return answers.json(added)


async def retrieve(call: Call) -> Answer:
    """A batch: how far it is, its runs in item order, and the items that could not become runs."""
    found = await _retrieved(call)
    return answers.json(found)


async def retrieve_v1(call: Call) -> Answer:
    """A batch in its older form, without the items that could not become runs."""
    found = await _retrieved(call)
    found.processing = UNSET
    return answers.json(found)


async def _retrieved(call: Call) -> BatchObject:
    number = call.number("batch", "batch")
    call.caller.demand(auth.READ_BATCH, batch=(call.params["batch"],))
    batch = await engine.retrieve(call.server.store, call.caller.env, number)
    errors = [
        ItemError(error.index, error.task, error.message, error.code or UNSET)
        for error in batch.errors
    ]
    finished = UNSET if batch.finished_at is None else durations.iso(batch.finished_at)
    return BatchObject(
        id=ids.public("batch", batch.id),
        status=batch.status,
        created_at=durations.iso(batch.created_at),
        updated_at=durations.iso(batch.updated_at),
        run_count=batch.total,
        runs=[ids.public("run", run) for run in batch.run_ids],
        idempotency_key=batch.key or UNSET,
        processing=Processing(errors, finished),
    )


class _Group:
    """Items that are stored together; ``broken`` are errors of those that could not be read, by index."""

    def __init__(self) -> None:
        self.items: list[BatchItem] = []
        self.broken: dict[int, HairtriggerError] = {}
        self.size = 0

    @property
    def is_full(self) -> bool:
        return len(self.items) >= GROUP_ITEMS or self.size >= GROUP_BYTES


async def _groups(call: Call, id_: str) -> AsyncIterator[_Group]:
    """The upload's items in groups. What came whole before a break is still handed on."""
    group, number = _Group(), 0
    try:
        async for line in call.lines(call.size_limit):
            number += 1
            if isinstance(line, Oversized):
                item = _oversized(line)
                group.broken[item.index] = TooLarge(
                    f"The item is larger than the limit of {call.size_limit} bytes."
                )
            elif line.strip():
                item = _read(line, number)
                group.size += len(line)
            else:
                continue
            _demand_item(call, id_, item)
            group.items.append(item)
            if group.is_full:
                yield group
                group = _Group()
    except requests.ClientGone:
        if group.items:
            yield group
        raise
    if group.items:
        yield group


def _read(line: bytes, number: int) -> BatchItem:
    what = f"item in line {number}"
    try:
        return _item.decode(line)
    except msgspec.ValidationError as error:
        raise Unprocessable(f"Invalid {what}: {error}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadRequest(f"The {what} is not valid JSON: {error}") from None


def _oversized(line: Oversized) -> BatchItem:
    """An item too large to read still takes its place, when its head says which it is."""
    index, task = _INDEX.search(line.head), _TASK.search(line.head)
    if index is None or task is None:
        raise TooLarge("An item is larger than the limit. Begin it with its index and task.")
    name = requests.decode(_name, task[1], "task of an item")
    return BatchItem(int(index[1]), name)


def _demand_item(call: Call, id_: str, item: BatchItem) -> None:
    if not call.caller.may(auth.ADD_ITEMS, {"batch": (id_,)}):
        call.caller.demand(auth.CREATE_BATCH, tasks=(item.task,))


_RULES = (auth.CREATE_ANY_BATCH,)
ROUTES = (
    Route(
        "POST", "/api/v3/batches", create, "token", _RULES, limit="batch_bytes", browsers=True, hot=True,
        body=CreateBatch, returns=Created, status=202,
    ),
    Route(
        "POST", "/api/v3/batches/{batch}/items", add_items, "token", (auth.ADD_ITEMS, auth.CREATE_BATCH),
        limit="trigger_bytes", browsers=True, hot=True, body=BatchItem,
        media="application/x-ndjson", returns=Added,
    ),
    Route(
        "GET", "/api/v2/batches/{batch}", retrieve, "token", (auth.READ_BATCH,), browsers=True,
        returns=BatchObject,
    ),
    Route(
        "GET", "/api/v1/batches/{batch}", retrieve_v1, "token", (auth.READ_BATCH,), browsers=True,
        returns=BatchObject,
    ),
)  # fmt: skip
