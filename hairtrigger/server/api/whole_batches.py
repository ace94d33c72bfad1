"""Batches in one piece: made by one request, and read with all their results. Streamed ones are in ``batches``.

Source: Trigger.dev's ``POST /api/v2/tasks/batch``, which its clients before 4.3.1 send.
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from hairtrigger.engine import batches as engine
from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.server import answers, auth, requests
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import runs, tasks
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import ids
from hairtrigger.wire.options import BatchItem, CreateBatch, TriggerOptions

MAX_ITEMS = 500


class WholeItem(msgspec.Struct, rename="camel"):
    """One run to be made."""

    task: str
    payload: Raw | UnsetType = UNSET
    options: TriggerOptions | None = None


class WholeBatch(msgspec.Struct, rename="camel"):
    """A batch with all its items, 1 to 500."""

    items: list[WholeItem]
    parent_run_id: str | None = None
    resume_parent_on_completion: bool = False


class WholeCreated(msgspec.Struct, rename="camel"):
    id: str
    run_count: int


class BatchResults(msgspec.Struct):
    """How each run of a batch ended, in item order."""

    id: str
    items: list[runs.RunResult]


_batch = msgspec.json.Decoder(WholeBatch)


async def create(call: Call) -> Answer:
    """Make a batch of 1 to 500 runs; an item that cannot become a run fails alone."""
    body = await call.read(_batch)
    if not 1 <= len(body.items) <= MAX_ITEMS:
        raise BadRequest(
            f"A batch in one request has 1 to {MAX_ITEMS} items, not {len(body.items)}."
        )
    for task in {item.task for item in body.items}:
        call.caller.demand(auth.CREATE_BATCH, tasks=(task,))
    store, env = call.server.store, call.caller.env
    announced = CreateBatch(
        len(body.items), parent_run_id=body.parent_run_id,
        resume_parent_on_completion=body.resume_parent_on_completion,
    )  # fmt: skip
    batch = await engine.create(
        store, env, announced, request_key=call.request_key(), one_time=call.caller.one_time
    )
    trace = requests.trace_of(call.headers)
    items = [
        BatchItem(index, item.task, item.payload, item.options, trace)
        for index, item in enumerate(body.items)
    ]
    await engine.add_items(store, env, batch.id, items)
    id_ = ids.public("batch", batch.id)
    headers = await tasks.handle_headers(call, env, (f"read:batch:{id_}",))
    return answers.json(WholeCreated(id_, len(items)), 202, headers)


async def results(call: Call) -> Answer:
    """How each run of a batch ended, as its workers said it; 404 while one has not."""
    number = call.number("batch", "batch")
    call.caller.demand(auth.READ_BATCH, batch=(call.params["batch"],))
    store, env = call.server.store, call.caller.env
    batch = await engine.retrieve(store, env, number)
    found = {run.id: run for run in await store.runs(env.id, batch.run_ids)}
    ended = [found[run] for run in batch.run_ids if run in found]
    if batch.status in ("PENDING", "PROCESSING") or not all(run.is_final for run in ended):
        raise NotFound("The batch is not finished")
    id_ = ids.public("batch", batch.id)
    return answers.json(BatchResults(id_, [runs.result_of(run) for run in ended]))


ROUTES = (
    Route(
        "POST", "/api/v2/tasks/batch", create, "token", (auth.CREATE_BATCH,), limit="triggers_bytes",
        browsers=True, body=WholeBatch, returns=WholeCreated, status=202,
    ),
    Route(
        "GET", "/api/v1/batches/{batch}/results", results, "token", (auth.READ_BATCH,), browsers=True,
        returns=BatchResults,
    ),
)  # fmt: skip
