"""Batches over HTTP: two phases, uploads that break off, items that fail alone."""

import asyncio
from typing import Any

import jwt
import msgspec
import pytest

from hairtrigger.server.app import App

from .driving import DEV_KEY, Api, Reply, drive
from .test_runs import no_nulls

NDJSON = "application/x-ndjson"


async def announce(api: Api, count: int, **body: Any) -> str:
    reply = await api.post("/api/v3/batches", {"runCount": count, **body})
    assert reply.status == 202, reply.body
    return str(reply.json()["id"])


def item(index: int, task: str = "add", **more: Any) -> dict[str, Any]:
    return {"index": index, "task": task, "payload": f'{{"json":{index}}}', **more}


def lines(*items: Any) -> bytes:
    return b"".join(msgspec.json.encode(one) + b"\n" for one in items)


async def upload(api: Api, batch: str, body: bytes) -> Reply:
    return await api.call(
        "POST", f"/api/v3/batches/{batch}/items", body, headers={"content-type": NDJSON}
    )


async def test_a_batch_is_announced_filled_and_sealed(api: Api) -> None:
    reply = await api.post("/api/v3/batches", {"runCount": 2, "taskIdentifiers": ["add"]})
    batch = reply.json()["id"]

    uploaded = await upload(api, batch, lines(item(0), item(1)))
    found = (await api.get(f"/api/v2/batches/{batch}")).json()

    scopes = jwt.decode(reply.headers["x-trigger-jwt"], options={"verify_signature": False})[
        "scopes"
    ]
    assert reply.status == 202
    assert reply.json() == {"id": batch, "runCount": 2, "isCached": False}
    assert scopes == [f"read:batch:{batch}"]
    assert uploaded.json() == {
        "id": batch,
        "itemsAccepted": 2,
        "itemsDeduplicated": 0,
        "sealed": True,
    }
    assert (found["status"], found["runCount"], found["processing"]) == (
        "PROCESSING",
        2,
        {"errors": []},
    )
    assert [(await api.run(run))["batchId"] for run in found["runs"]] == [batch, batch]
    no_nulls(found)


async def test_a_browser_gets_a_token_that_may_send_the_items(api: Api) -> None:
    reply = await api.post("/api/v3/batches", {"runCount": 1}, x_trigger_client="browser")
    batch = reply.json()["id"]

    uploaded = await upload(Api(api.app, reply.headers["x-trigger-jwt"]), batch, lines(item(0)))

    assert uploaded.json()["sealed"] is True


async def test_a_token_for_a_task_sends_items_of_that_task_only(api: Api) -> None:
    batch = await announce(api, 2)

    refused = await upload(
        api.bearing("batchTrigger:tasks:add"), batch, lines(item(0), item(1, "other"))
    )
    found = (await api.get(f"/api/v2/batches/{batch}")).json()

    assert refused.status == 403
    assert (found["status"], found["runs"]) == ("PENDING", [])


async def test_items_may_come_in_any_order_and_again(api: Api) -> None:
    batch = await announce(api, 3)

    first = await upload(api, batch, lines(item(2), item(0)))
    second = await upload(api, batch, lines(item(0), item(1), item(2)))
    third = await upload(api, batch, lines(item(0)))

    assert first.json() == {
        "id": batch, "itemsAccepted": 2, "itemsDeduplicated": 0, "sealed": False, "enqueuedCount": 2,
        "expectedCount": 3,
    }  # fmt: skip
    assert (second.json()["itemsAccepted"], second.json()["itemsDeduplicated"]) == (1, 2)
    assert (third.status, third.json()["sealed"], third.json()["itemsAccepted"]) == (200, True, 0)
    runs = (await api.get(f"/api/v2/batches/{batch}")).json()["runs"]
    assert [(await api.run(run))["payload"] for run in runs] == ['{"json":0}'] * 0 + [
        {"json": 0}, {"json": 1}, {"json": 2}
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [1, 30, 65, 66, 67, 120, 199])
async def test_an_upload_cut_off_anywhere_counts_its_whole_lines_and_is_completed_later(
    app: App, api: Api, cut: int
) -> None:
    batch = await announce(api, 3)
    body = lines(item(0), item(1), item(2))
    headers = {"authorization": f"Bearer {DEV_KEY}", "content-type": NDJSON}
    path = f"/api/v3/batches/{batch}/items"

    await drive(app, "POST", path, [body[: cut // 2], body[cut // 2 : cut]], headers, broken=True)
    again = (await upload(api, batch, body)).json()

    whole = body[:cut].count(b"\n")
    assert again["sealed"] is True
    assert (again["itemsAccepted"], again["itemsDeduplicated"]) == (3 - whole, whole)
    assert await api.count_runs() == 3


async def test_two_clients_that_upload_the_same_batch_make_each_run_once(api: Api) -> None:
    batch = await announce(api, 300)
    body = lines(*(item(index) for index in range(300)))

    replies = await asyncio.gather(*(upload(api, batch, body) for _ in range(3)))

    assert sum(reply.json()["itemsAccepted"] for reply in replies) == 300
    assert len(set((await api.get(f"/api/v2/batches/{batch}")).json()["runs"])) == 300


async def test_no_more_is_read_while_two_groups_are_being_stored(app: App, api: Api) -> None:
    batch = await announce(api, 1_000)
    sizes: list[int] = []
    sent = iter(
        [lines(*(item(n) for n in range(start, start + 250))) for start in range(0, 1_000, 250)]
    )

    async def receive() -> Any:
        found = (await api.get(f"/api/v2/batches/{batch}")).json()
        sizes.append(len(found["runs"]))
        chunk = next(sent, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    replies: list[Any] = []

    async def send(message: Any) -> None:
        replies.append(message)

    path = f"/api/v3/batches/{batch}/items"
    headers = [(b"authorization", f"Bearer {DEV_KEY}".encode()), (b"content-type", NDJSON.encode())]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "scheme": "http",
    }  # fmt: skip
    await app(scope, receive, send)

    assert replies[0]["status"] == 200
    assert len(sizes) == 5
    assert all(size >= (received - 2) * 250 for received, size in enumerate(sizes))


async def test_an_item_that_cannot_be_a_run_fails_alone(api: Api) -> None:
    batch = await announce(api, 2)
    bad = item(1, options={"lockToVersion": "19700101.1"})

    uploaded = await upload(api, batch, lines(item(0), bad))
    found = (await api.get(f"/api/v2/batches/{batch}")).json()

    assert uploaded.json()["sealed"] is True
    (error,) = found["processing"]["errors"]
    assert (error["index"], error["taskIdentifier"]) == (1, "add")
    assert "19700101.1" in error["error"]
    assert len(found["runs"]) == 1


async def test_an_item_too_large_to_read_takes_its_place_as_a_failure(app: App) -> None:
    import dataclasses

    app.server.settings = dataclasses.replace(app.server.settings, trigger_bytes=1_000)
    api = Api(app, DEV_KEY)
    batch = await announce(api, 3)
    large = {"index": 1, "task": "add", "payload": "x" * 5_000}

    uploaded = await upload(api, batch, lines(item(0), large, item(2)))

    found = (await api.get(f"/api/v2/batches/{batch}")).json()
    assert uploaded.json()["sealed"] is True
    assert [error["index"] for error in found["processing"]["errors"]] == [1]
    assert found["processing"]["errors"][0]["errorCode"] == "too_large"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{\n", 400),
        (b"not json\n", 400),
        (lines({"index": 0}), 422),
        (lines({"index": "a", "task": "add"}), 422),
        (lines(item(2)), 422),
        (lines(item(-1)), 422),
        (b"[]\n", 422),
    ],
)
async def test_a_line_that_is_no_item_of_this_batch_is_refused(
    api: Api, body: bytes, status: int
) -> None:
    batch = await announce(api, 2)

    reply = await upload(api, batch, body)

    assert (reply.status, await api.count_runs()) == (status, 0)


async def test_blank_lines_and_a_missing_last_line_end_do_not_matter(api: Api) -> None:
    batch = await announce(api, 2)

    reply = await upload(api, batch, b"\n\r\n" + lines(item(0)) + lines(item(1)).rstrip())

    assert reply.json()["sealed"] is True


async def test_an_upload_without_items_says_what_is_missing(api: Api) -> None:
    batch = await announce(api, 2)

    reply = await upload(api, batch, b"")

    assert (reply.json()["enqueuedCount"], reply.json()["expectedCount"]) == (0, 2)


async def test_items_that_are_not_lines_are_refused(api: Api) -> None:
    batch = await announce(api, 1)

    assert (await api.post(f"/api/v3/batches/{batch}/items", lines(item(0)))).status == 415


async def test_an_unknown_batch_is_404_everywhere(api: Api, prod: Api) -> None:
    foreign = await announce(prod, 1)

    for batch in ("batch_x", foreign):
        assert (await api.get(f"/api/v2/batches/{batch}")).status == 404
        assert (await upload(api, batch, lines(item(0)))).status == 404


@pytest.mark.parametrize("count", [0, -1, 1_001, "2", 1.5, None])
async def test_a_count_that_cannot_be_is_refused(api: Api, count: Any) -> None:
    assert (await api.post("/api/v3/batches", {"runCount": count})).status == 400


async def test_a_large_announcement_is_refused(api: Api) -> None:
    body = {"runCount": 1, "taskIdentifiers": ["x" * 131_072]}

    assert (await api.post("/api/v3/batches", body)).status == 413


async def test_a_batch_key_is_cached_only_once_the_batch_is_sealed(api: Api) -> None:
    body = {"runCount": 1, "idempotencyKey": "h" * 64, "idempotencyKeyOptions": {"key": "mine"}}

    first = (await api.post("/api/v3/batches", body)).json()
    again = (await api.post("/api/v3/batches", body)).json()
    await upload(api, first["id"], lines(item(0)))
    sealed = (await api.post("/api/v3/batches", body)).json()

    assert (first["isCached"], again["isCached"], sealed["isCached"]) == (False, False, True)
    assert first["id"] == again["id"] == sealed["id"]
    assert (await api.get(f"/api/v2/batches/{first['id']}")).json()["idempotencyKey"] == "mine"


async def test_a_repeated_announcement_is_the_same_batch(api: Api) -> None:
    key = {"x_trigger_request_idempotency_key": "a"}

    first, second = [await api.post("/api/v3/batches", {"runCount": 1}, **key) for _ in range(2)]

    assert first.body == second.body


async def test_the_older_form_of_a_batch_has_no_processing(api: Api) -> None:
    batch = await announce(api, 1)

    assert "processing" not in (await api.get(f"/api/v1/batches/{batch}")).json()


async def test_a_batch_is_completed_when_all_its_runs_are_final(api: Api) -> None:
    worker = await api.work("add")
    batch = await announce(api, 2)
    await upload(api, batch, lines(item(0), item(1)))

    for _ in range(2):
        await worker.complete()

    found = (await api.get(f"/api/v2/batches/{batch}")).json()
    assert found["status"] == "COMPLETED"
    assert found["processing"]["completedAt"] >= found["createdAt"]
