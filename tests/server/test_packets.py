"""Large payloads stored apart."""

from urllib.parse import quote, urlsplit

import pytest

from hairtrigger.server.app import App

from .driving import DEV_KEY, Api, Reply

NAME = quote("trigger/packet_1/payload.json", safe="")
TEXT = b'{"json":{"a":1}}'
KIND = "application/super+json"


async def put(app: App, url: str, body: bytes, kind: str = KIND) -> Reply:
    return await Api(app, None).call(
        "PUT", urlsplit(url).path, body, headers={"content-type": kind}
    )


async def stored(api: Api, body: bytes = TEXT) -> str:
    """Store a packet as the official client does; answers its path."""
    answer = (await api.put(f"/api/v2/packets/{NAME}")).json()
    assert (await put(api.app, answer["presignedUrl"], body)).status == 200
    return str(answer["storagePath"])


async def triggered(api: Api, path: str) -> Reply:
    options = {"payloadType": "application/store", "payloadSize": 200_000}
    return await api.post("/api/v1/tasks/greet/trigger", {"payload": path, "options": options})


async def test_a_stored_payload_is_shown_by_a_url_and_handed_to_the_worker_whole(api: Api) -> None:
    run = (await triggered(api, await stored(api))).json()["id"]
    worker = await api.work("greet")

    shown = await api.run(run)
    fetched = await Api(api.app, None).get(urlsplit(shown["payloadPresignedUrl"]).path)
    (handed,) = await worker.fetch()

    assert "payload" not in shown
    assert (fetched.body, fetched.headers["content-type"]) == (TEXT, KIND)
    assert handed["payload"] == [KIND, TEXT.decode()]


async def test_a_large_payload_sent_inline_is_shown_by_a_url_and_handed_out_whole(api: Api) -> None:
    large = {"text": "ü" * 70_000}
    run = (await api.post("/api/v1/tasks/greet/trigger", {"payload": large})).json()["id"]
    worker = await api.work("greet")

    shown = await api.run(run)
    fetched = await Api(api.app, None).get(urlsplit(shown["payloadPresignedUrl"]).path)
    (handed,) = await worker.fetch()

    assert (fetched.json(), fetched.headers["content-type"]) == (large, "application/json")
    assert handed["payload"] == ["application/json", fetched.body.decode()]


async def test_beyond_what_one_answer_carries_a_worker_gets_paths_to_read_payloads_from(
    api: Api,
) -> None:
    texts = [b'"%s"' % (b"abcde"[n : n + 1] * 1_500_000) for n in range(4)]
    for text in texts:
        await triggered(api, await stored(api, text))
    worker = await api.work("greet")

    handed = [run["payload"] for run in await worker.fetch(4)]

    assert [kind for kind, _ in handed] == [KIND, KIND, "application/store", "application/store"]
    assert [text.encode() for _, text in handed[:2]] == texts[:2]
    for (_, path), text in zip(handed[2:], texts[2:], strict=True):
        reply = await Api(api.app, None).get(path)
        assert (reply.headers["content-type"], reply.body) == (KIND, text)


async def test_a_packet_is_found_by_its_path_and_by_its_run(api: Api) -> None:
    path = await stored(api)
    run = (await triggered(api, path)).json()["id"]

    replies = [
        await api.get(f"/api/v1/packets/{quote(path, safe='')}"),
        await api.get(f"/api/v1/packets/{path}"),
        await api.get(f"/api/v1/runs/{run}/packets/payload"),
        await api.bearing(f"read:runs:{run}").get(f"/api/v1/runs/{run}/packets/payload"),
    ]

    for reply in replies:
        url = urlsplit(reply.json()["presignedUrl"]).path
        assert (await Api(api.app, None).get(url)).body == TEXT


async def test_an_upload_repeated_on_the_same_url_counts_once_and_last(api: Api) -> None:
    answer = (await api.put(f"/api/v2/packets/{NAME}")).json()

    for body in (b"1", b"2"):
        await put(api.app, answer["presignedUrl"], body)

    url = (await api.get("/api/v1/packets/" + answer["storagePath"])).json()["presignedUrl"]
    assert (await Api(api.app, None).get(urlsplit(url).path)).body == b"2"


async def test_a_packet_of_another_environment_is_not_there(api: Api, prod: Api) -> None:
    path = await stored(prod)

    assert (await triggered(api, path)).status == 422
    assert (await api.get(f"/api/v1/packets/{path}")).status == 404
    assert await api.count_runs() == 0


async def test_in_a_batch_an_item_whose_packet_is_missing_fails_alone(api: Api) -> None:
    import msgspec

    batch = (await api.post("/api/v3/batches", {"runCount": 1})).json()["id"]
    item = {
        "index": 0,
        "task": "a",
        "payload": "x",
        "options": {"payloadType": "application/store"},
    }
    body = msgspec.json.encode(item)

    headers = {"content-type": "application/x-ndjson"}
    reply = await api.call("POST", f"/api/v3/batches/{batch}/items", body, headers=headers)

    assert reply.json()["sealed"] is True
    assert (await api.get(f"/api/v2/batches/{batch}")).json()["status"] == "ABORTED"


async def test_a_url_is_for_one_direction_and_cannot_be_made_up(api: Api) -> None:
    answer = (await api.put(f"/api/v2/packets/{NAME}")).json()
    path = urlsplit(answer["presignedUrl"]).path

    wrong = [await Api(api.app, None).get(path), await put(api.app, path[:-2] + "xx", TEXT)]
    forged = await put(api.app, api.token("admin", key=DEV_KEY), TEXT)

    assert [reply.status for reply in wrong] == [403, 403]
    assert forged.status == 404


@pytest.mark.parametrize("body", [b"\xff", b'{"a":NaN}', b"{"])
async def test_a_packet_that_no_worker_could_read_is_refused(api: Api, body: bytes) -> None:
    answer = (await api.put(f"/api/v2/packets/{NAME}")).json()

    assert (await put(api.app, answer["presignedUrl"], body)).status == 400
    assert (await api.get("/api/v1/packets/" + answer["storagePath"])).status == 404
