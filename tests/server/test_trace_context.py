"""The place in a trace that a trigger names: kept with its run, and given to the worker at each attempt."""

from typing import Any

import msgspec

from .driving import Api

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEADERS = {"traceparent": PARENT, "tracestate": "a=1"}
TRACE = f"{PARENT} a=1"


async def handed(api: Api, count: int = 1) -> list[Any]:
    """The traces of the runs that a worker is given."""
    worker = await api.work("greet")
    return [run.get("trace") for run in await worker.fetch(count)]


async def test_headers_of_a_trigger_go_with_its_run(api: Api) -> None:
    await api.post("/api/v1/tasks/greet/trigger", {"payload": 1}, **HEADERS)

    assert await handed(api) == [TRACE]


async def test_a_second_attempt_is_in_the_same_place(api: Api) -> None:
    await api.post("/api/v1/tasks/greet/trigger", {"payload": 1}, **HEADERS)
    worker = await api.work("greet")
    (run,) = await worker.fetch(1)
    failed = {"name": "ValueError", "message": "no"}
    answer = await worker.report(
        {"id": run["id"], "lease": run["lease"], "failed": failed, "retryInMs": 0}, want=1
    )

    again = answer.get("runs") or await worker.fetch(1)

    assert (again[0]["attempt"], again[0]["trace"]) == (2, TRACE)


async def test_triggers_that_travel_together_have_their_own(api: Api) -> None:
    bodies = [
        {"task": "greet", "trace": PARENT},
        {"task": "greet"},
        {"task": "greet", "trace": "?"},
    ]
    await api.post("/api/hairtrigger/v1/triggers", bodies)

    assert await handed(api, 3) == [PARENT, None, None]


async def test_items_of_a_batch_take_that_of_their_upload_unless_they_have_one(api: Api) -> None:
    batch = (await api.post("/api/v3/batches", {"runCount": 2})).json()["id"]
    other = PARENT.replace("b7ad", "c7ad")
    lines = [{"index": 0, "task": "greet"}, {"index": 1, "task": "greet", "trace": other}]
    body = b"\n".join(map(msgspec.json.encode, lines))
    upload = {"content_type": "application/x-ndjson"}
    reply = await api.call(
        "POST", f"/api/v3/batches/{batch}/items", body, headers={**HEADERS, **upload}
    )

    assert reply.status == 200, reply.body
    assert await handed(api, 2) == [TRACE, other]


async def test_a_batch_of_one_request_is_in_its_place(api: Api) -> None:
    await api.post("/api/v2/tasks/batch", {"items": [{"task": "greet"}]}, **HEADERS)

    assert await handed(api) == [TRACE]


async def test_a_header_that_is_no_place_in_a_trace_is_no_error(api: Api) -> None:
    reply = await api.post("/api/v1/tasks/greet/trigger", {"payload": 1}, traceparent="nonsense")

    assert reply.status == 200
    assert await handed(api) == [None]
