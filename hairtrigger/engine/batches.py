"""Batches: announced with a count, filled with items, sealed when every index is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from hairtrigger.engine.trigger import Item, read_item
from hairtrigger.errors import BadRequest, HairtriggerError, NotFound, Unprocessable
from hairtrigger.rules import limits
from hairtrigger.rules.project import Environment
from hairtrigger.store import intake
from hairtrigger.store import store as stores
from hairtrigger.store.asking import Call, NewRun, OneTime
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, each, fetch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids
from hairtrigger.wire.options import BatchItem, CreateBatch

MAX_ITEMS = 1_000
UNSEALED_MS = 30 * 60_000
KEY_TTL_MS = 30 * 86_400_000
REQUEST_TTL_MS = 24 * 3_600_000


@dataclass(slots=True)
class Created:
    id: int
    run_count: int
    cached: bool = False


@dataclass(slots=True)
class Added:
    """What an upload of items came to."""

    accepted: int = 0
    deduplicated: int = 0
    sealed: bool = False
    enqueued: int = 0
    expected: int = 0


@dataclass(slots=True)
class ItemError:
    index: int
    task: str
    message: str
    code: str


@dataclass(slots=True)
class Batch:
    """A batch as it stands. Instants in ms."""

    id: int
    created_at: int
    updated_at: int
    finished_at: int | None
    total: int
    made: int
    open: int
    sealed: bool
    aborted: bool
    key: str | None
    run_ids: list[int] = field(default_factory=list)
    errors: list[ItemError] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The public status. Source: Trigger.dev, batches."""
        if self.aborted or (self.sealed and self.errors and not self.run_ids):
            return "ABORTED"
        if not self.sealed:
            return "PENDING"
        if self.open:
            return "PROCESSING"
        return "PARTIAL_FAILED" if self.errors else "COMPLETED"


async def create(
    store: Store,
    env: Environment,
    body: CreateBatch,
    *,
    request_key: str | None = None,
    one_time: OneTime | None = None,
) -> Created:
    """Announce a batch; its items follow.

    With an idempotency key, or a request repeated, the batch made before is answered; ``cached`` only once
    it is sealed, for the caller then sends no items.

    Raises:
        BadRequest: the count is not between 1 and 1,000. Unprocessable: the one-time token is spent.
    """
    if not 1 <= body.run_count <= MAX_ITEMS:
        raise BadRequest(f"A batch has 1 to {MAX_ITEMS} items, not {body.run_count}.")
    key = None if body.idempotency_key is None else limits.idempotency_key(body.idempotency_key)
    parent = None if body.parent_run_id is None else ids.parse("run", body.parent_run_id)
    shown = body.idempotency_key_options.key if body.idempotency_key_options else key
    names = [
        (f"batch-key:{key}", KEY_TTL_MS) if key is not None else None,
        (f"batch:{request_key}", REQUEST_TTL_MS) if request_key is not None else None,
    ]
    number = store.make_id()

    def announce(_: Catalog, now: int) -> Steps[Created]:
        for place, name in enumerate(names):
            rows = (yield fetch("request_made", env.id, name[0], now)) if name is not None else []
            if name is not None and rows:
                found = yield fetch("batch", int(rows[0][0]), env.id)
                if (
                    found and not found[0][9]
                ):  # an aborted one is given up: its key names the next one
                    sealed = bool(found[0][8])
                    return Created(found[0][0], found[0][5], cached=sealed and place == 0)
                yield fetch("forget_request", env.id, name[0])
        if one_time is not None:
            if (yield fetch("request_made", env.id, one_time.name, now)):
                raise one_time.spent("create a batch")
            spent = (env.id, one_time.name, "", one_time.expires_at, now)
            yield each("remember_request", [spent])
        yield fetch("insert_batch", number, env.id, now, body.run_count, parent, key, shown)
        yield each(
            "remember_request",
            [(env.id, name, str(number), now + ttl, now) for name, ttl in filter(None, names)],
        )
        return Created(number, body.run_count)

    created: Created = await store.change(announce)
    return created


async def add_items(
    store: Store,
    env: Environment,
    batch_id: int,
    items: Sequence[BatchItem],
    *,
    broken: Mapping[int, HairtriggerError] | None = None,
) -> Added:
    """Add items; an index seen before stays as it was first. An item that cannot become a run is recorded
    with its error and fails alone; ``broken`` are errors known already, by index.

    Raises:
        NotFound: no such batch here. Unprocessable: it was aborted, or an index is beyond its count.
    """
    known_errors = broken or {}
    sent = [item.index for item in items]
    read = [
        (item, known_errors.get(item.index) or _read(store, env, batch_id, item)) for item in items
    ]

    def fill(catalog: Catalog, now: int) -> Steps[Added]:
        rows = yield fetch("batch_to_fill", batch_id, env.id)
        if not rows:
            raise NotFound("Batch not found")
        _, _, _, _, _, total, made, _, sealed, aborted, parent, _ = rows[0]
        if aborted:
            raise Unprocessable(
                "The batch was aborted: its items did not arrive within 30 minutes."
            )
        if sealed:
            return Added(0, len(items), True, made, total)
        _check_indexes(items, total)
        first, last = (min(sent, default=0), max(sent, default=0))
        known = {row[0] for row in (yield fetch("known_items", batch_id, first, last))}
        fresh: dict[int, tuple[BatchItem, NewRun | HairtriggerError]] = {}
        for item, run in read:
            if item.index not in known:
                fresh.setdefault(item.index, (item, run))
        return (yield from _fill(catalog, env, batch_id, parent, fresh, len(items), now))

    added: Added = await store.change(fill, lanes=[env.id])
    store.expect(run.delay_until for _, run in read if isinstance(run, NewRun))
    if added.accepted:
        emit("runs.triggered", env=env.slug, count=added.accepted)
    return added


def _read(
    store: Store, env: Environment, batch_id: int, item: BatchItem
) -> NewRun | HairtriggerError:
    asked = Item(item.task, item.payload, item.options, function="batchTrigger", trace=item.trace)
    try:
        run = read_item(store, env, asked)
    except HairtriggerError as error:
        return error
    run.batch = batch_id
    assert run.options is not None, "read_item sets them"
    run.options.batch_index = item.index
    return run


def _check_indexes(items: Sequence[BatchItem], total: int) -> None:
    for item in items:
        if not 0 <= item.index < total:
            raise Unprocessable(f"The index {item.index} is beyond the batch's {total} items.")


def _fill(
    catalog: Catalog,
    env: Environment,
    batch_id: int,
    parent: int | None,
    fresh: dict[int, tuple[BatchItem, NewRun | HairtriggerError]],
    sent: int,
    now: int,
) -> Steps[Added]:
    runs: dict[int, NewRun] = {}
    failed: dict[int, HairtriggerError] = {}
    for index, (_, run) in fresh.items():
        if isinstance(run, NewRun):
            run.parent = run.parent or parent
            runs[index] = run
        else:
            failed[index] = run
    answers = (yield from intake.take(catalog, [Call(env.id, list(runs.values()))], {}, now))[0]
    rows: list[Row] = []
    opened = 0
    for index, made in zip(runs, answers, strict=True):
        if made.error is not None:
            failed[index] = made.error
        else:
            opened += made.id == runs[index].id  # not one that a key or a debounce found
            rows.append((batch_id, index, made.id, fresh[index][0].task, None))
    for index, error in failed.items():
        text = msgspec.json.encode([str(error), error.code]).decode()
        rows.append((batch_id, index, None, fresh[index][0].task, text))
    yield each("insert_items", rows)
    made_now, sealed_now, total = (yield fetch("fill_batch", batch_id, len(rows), opened, now))[0]
    return Added(len(rows), sent - len(rows), bool(sealed_now), made_now, total)


async def retrieve(store: Store, env: Environment, batch_id: int) -> Batch:
    """A batch with its runs in item order.

    Raises:
        NotFound: no such batch here.
    """
    rows = await store.read(stores.one("batch", batch_id, env.id), quick=True)
    if not rows:
        raise NotFound("Batch not found")
    (id_, _, created_at, updated_at, finished_at, total, made, opened, sealed, aborted, _, key) = (
        rows[0]
    )
    batch = Batch(
        id_,
        created_at,
        updated_at,
        finished_at,
        total,
        made,
        opened,
        bool(sealed),
        bool(aborted),
        key,
    )
    for index, run_id, task, error in await store.read(stores.one("items_of", batch_id)):
        if run_id is not None:
            batch.run_ids.append(run_id)
        else:
            message, code = msgspec.json.decode(error)
            batch.errors.append(ItemError(index, task, message, code))
    return batch
