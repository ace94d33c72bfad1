"""Triggering over HTTP: the wire format, what is refused, and that a refused request writes nothing."""

import asyncio
from typing import Any

import jwt
import msgspec
import pytest

from hairtrigger.server.app import App

from .driving import DEV_KEY, Api, drive

PATH = "/api/v1/tasks/greet/trigger"


async def test_a_trigger_answers_an_id_and_a_token_for_its_run(api: Api) -> None:
    reply = await api.post(PATH, {"payload": {"to": "a"}})

    claims = jwt.decode(reply.headers["x-trigger-jwt"], options={"verify_signature": False})
    run = reply.json()["id"]
    assert reply.json() == {"id": run, "isCached": False}
    assert claims["scopes"] == [f"read:runs:{run}", f"write:inputStreams:{run}"]
    assert msgspec.json.decode(reply.headers["x-trigger-jwt-claims"]) == {
        "sub": claims["sub"],
        "pub": True,
    }
    assert (await Api(api.app, reply.headers["x-trigger-jwt"]).run(run))["id"] == run


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"payload": {"a": [1, None, "ü"]}}, {"a": [1, None, "ü"]}),
        ({"payload": '{"a":1}'}, {"a": 1}),
        ({"payload": "plain words"}, "plain words"),
        ({"payload": None}, None),
        ({"payload": 5}, 5),
        ({"payload": "x", "options": {"payloadType": "text/plain"}}, "x"),
        (
            {
                "payload": '{"json":{"when":"2024-02-29T12:34:56.789Z"},"meta":{"values":{"when":["Date"]}}}',
                "options": {"payloadType": "application/super+json", "payloadSize": 80},
            },
            {"when": "2024-02-29T12:34:56.789Z"},
        ),
    ],
)
async def test_a_payload_of_any_type_is_shown_as_the_plain_value(
    api: Api, body: Any, shown: Any
) -> None:
    run = (await api.post(PATH, body)).json()["id"]

    assert (await api.run(run))["payload"] == shown


@pytest.mark.parametrize("body", [b"", b"{}", b'{"options":{"payloadType":"application/json"}}'])
async def test_without_a_payload_none_is_shown(api: Api, body: bytes) -> None:
    run = (await api.post(PATH, body)).json()["id"]

    assert "payload" not in await api.run(run)


@pytest.mark.parametrize("task", ["a/b", "with space", "50%", "naïve-ü", "日本", "a%2Fb", "../x"])
async def test_a_task_id_may_be_any_text(api: Api, task: str) -> None:
    from urllib.parse import quote

    reply = await api.post(f"/api/v1/tasks/{quote(task, safe='')}/trigger", {})

    assert (await api.run(reply.json()["id"]))["taskIdentifier"] == task


async def test_a_task_that_nobody_has_waits_for_a_version_that_brings_it(api: Api) -> None:
    run = await api.trigger("later")

    before = (await api.run(run))["status"]
    worker = await api.work("later")

    assert before == "PENDING_VERSION"
    assert [one["id"] for one in await worker.fetch()] == [run]


DEEP = b'{"payload":' + b"[" * 600 + b"]" * 600 + b"}"
BAD: dict[str, tuple[bytes, int, str]] = {
    "not JSON": (b'{"payload":', 400, "not valid JSON"),
    "words": (b"hello", 400, "not valid JSON"),
    "a list": (b"[]", 400, "Expected `object`, got `array`"),
    "null": (b"null", 400, "Expected `object`, got `null`"),
    "not UTF-8": (b'{"options":{"tags":"\xff"}}', 400, ""),
    "NaN": (b'{"payload":NaN}', 400, "not valid JSON"),
    "Infinity": (b'{"payload":{"a":-Infinity}}', 400, ""),
    "NaN in a string of JSON": (b'{"payload":"{\\"a\\":NaN}"}', 400, ""),
    "a lone surrogate": (b'{"payload":{"a":"\\ud800"}}', 400, ""),
    "a lone surrogate in a key": (b'{"payload":{"\\udfff":1}}', 400, ""),
    "a lone surrogate in a tag": (b'{"options":{"tags":["\\ud800"]}}', 400, ""),
    "too deep": (DEEP, 400, "deep"),
    "too deep in metadata": (DEEP.replace(b'"payload":', b'"options":{"metadata":') + b"}", 400, ""),
    "too deep in what is ignored": (b'{"x":' + b"[" * 99_999 + b"]" * 99_999 + b"}", 400, "deep"),
    "wrong type": (b'{"options":{"delay":5}}', 400, "$.options.delay"),
    "wrong type inside": (b'{"options":{"queue":{"name":1}}}', 400, "$.options.queue.name"),
    "wrong list": (b'{"options":{"tags":[1]}}', 400, "$.options.tags[0]"),
    "unknown machine": (b'{"options":{"machine":"huge"}}', 400, "$.options.machine"),
    "unknown scope": (b'{"options":{"idempotencyKeyOptions":{"key":"a","scope":"b"}}}', 400, "scope"),
    "unknown payload type": (b'{"payload":"a","options":{"payloadType":"x/y"}}', 400, "payloadType"),
    "object as text": (b'{"payload":{},"options":{"payloadType":"text/plain"}}', 400, "string"),
    "bad super+json": (b'{"payload":"{","options":{"payloadType":"application/super+json"}}', 400, ""),
    "no attempts": (b'{"options":{"maxAttempts":0}}', 400, "maxAttempts"),
    "bad delay": (b'{"options":{"delay":"soon"}}', 422, "delay"),
    "bad ttl": (b'{"options":{"ttl":"later"}}', 422, "ttl"),
    "bad key ttl": (b'{"options":{"idempotencyKey":"a","idempotencyKeyTTL":"1 day"}}', 422, "TTL"),
    "long key": (b'{"options":{"idempotencyKey":"' + b"k" * 2_049 + b'"}}', 400, "2048"),
    "long tag": (b'{"options":{"tags":"' + b"t" * 129 + b'"}}', 400, "128"),
    "eleven tags": (msgspec.json.encode({"options": {"tags": list("abcdefghijk")}}), 422, "10"),
    "unknown version": (b'{"options":{"lockToVersion":"19700101.1"}}', 422, "19700101.1"),
    "metadata as a list": (b'{"options":{"metadata":[1]}}', 400, "metadata"),
    "large metadata": (b'{"options":{"metadata":{"a":"' + b"x" * 262_144 + b'"}}}', 413, "metadata"),
    "too large": (b'{"payload":"' + b"x" * 3_145_728 + b'"}', 413, "3145728"),
    "unknown packet": (
        b'{"payload":"packets/x","options":{"payloadType":"application/store"}}', 422, "storage path",
    ),
    "no packet": (b'{"payload":{},"options":{"payloadType":"application/store"}}', 400, "string"),
    "unknown parent": (b'{"options":{"parentRunId":"run_x"}}', 404, "run_x"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "words"), BAD.values(), ids=BAD.keys())
async def test_what_is_wrong_is_refused_with_the_reason_and_nothing_is_written(
    api: Api, body: bytes, status: int, words: str
) -> None:
    reply = await api.post(PATH, body)

    assert (reply.status, reply.json().keys()) == (status, {"error", "code"})
    assert words in reply.error
    assert await api.count_runs() == 0


async def test_a_compressed_body_is_refused(api: Api) -> None:
    reply = await api.post(PATH, b"\x1f\x8b", content_encoding="gzip")

    assert (reply.status, await api.count_runs()) == (415, 0)


async def test_of_a_body_beyond_all_limits_only_four_times_the_limit_is_read(app: App) -> None:
    taken = 0

    def chunks() -> Any:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield b"x" * 1_048_576

    reply = await lazily(app, PATH, chunks())

    assert reply == (413, "close")
    assert taken <= 14


async def test_a_body_declared_beyond_that_is_not_read_at_all(app: App) -> None:
    reply = await lazily(app, PATH, iter([b"{", b"}"]), declared=10**9)

    assert reply == (413, "close")


async def lazily(app: App, path: str, chunks: Any, declared: int | None = None) -> tuple[int, str]:
    """Send chunks only as they are asked for."""
    sent: list[Any] = []

    async def receive() -> Any:
        chunk = next(chunks, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {DEV_KEY}".encode())]
    if declared is not None:
        headers.append((b"content-length", str(declared).encode()))
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "scheme": "http",
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])[b"connection"].decode()


async def test_a_body_in_pieces_is_one_body(app: App, api: Api) -> None:
    body = msgspec.json.encode({"payload": {"a": "b" * 100}})
    headers = {"authorization": f"Bearer {DEV_KEY}"}

    reply = await drive(app, "POST", PATH, [body[:1], body[1:50], b"", body[50:]], headers)

    assert (await api.run(reply.json()["id"]))["payload"] == {"a": "b" * 100}


async def test_a_connection_that_ends_in_the_body_writes_nothing(app: App, api: Api) -> None:
    headers = {"authorization": f"Bearer {DEV_KEY}"}

    reply = await drive(app, "POST", PATH, [b'{"payload":'], headers, broken=True)

    assert (reply.status, await api.count_runs()) == (0, 0)


async def test_fifty_repeats_of_one_request_at_once_make_one_run(api: Api) -> None:
    key = {"x_trigger_request_idempotency_key": "7a0c"}

    replies = await asyncio.gather(*(api.post(PATH, {}, **key) for _ in range(50)))

    assert {reply.body for reply in replies} == {replies[0].body}
    assert replies[0].json()["isCached"] is False
    assert await api.count_runs() == 1


async def test_one_request_key_on_two_tasks_names_two_requests(api: Api) -> None:
    key = {"x_trigger_request_idempotency_key": "7a0c"}

    first, second = (
        await api.post(PATH, {}, **key),
        await api.post("/api/v1/tasks/b/trigger", {}, **key),
    )

    assert first.json()["id"] != second.json()["id"]


async def test_a_request_key_of_unreasonable_length_is_refused(api: Api) -> None:
    reply = await api.post(PATH, {}, x_trigger_request_idempotency_key="k" * 256)

    assert (reply.status, await api.count_runs()) == (400, 0)


@pytest.mark.acceptance("S91")
async def test_fifty_triggers_with_one_key_at_once_make_one_run(api: Api) -> None:
    body = {"options": {"idempotencyKey": "order-7"}}

    replies = await asyncio.gather(*(api.post(PATH, body) for _ in range(50)))

    assert len({reply.json()["id"] for reply in replies}) == 1
    assert sorted(reply.json()["isCached"] for reply in replies) == [False] + [True] * 49


async def test_a_key_in_a_header_counts_when_the_body_has_none(api: Api) -> None:
    first = await api.post(PATH, {}, idempotency_key="k", idempotency_key_ttl="1h")
    second = await api.post(PATH, {}, idempotency_key="k")
    other = await api.post(PATH, {"options": {"idempotencyKey": "mine"}}, idempotency_key="k")

    assert second.json() == {"id": first.json()["id"], "isCached": True}
    assert other.json()["isCached"] is False


async def test_triggers_that_travel_together_each_get_their_own_answer(api: Api) -> None:
    items = [
        {"task": "a", "payload": 1},
        {"task": "b", "options": {"tags": ["x" * 200]}},
        {"task": "c", "options": {"delay": "1h"}},
    ]

    reply = await api.post("/api/hairtrigger/v1/triggers", items)

    first, bad, third = reply.json()
    assert reply.status == 200
    assert first["id"] != third["id"]
    assert (bad["status"], bad["code"], "id" in bad) == (400, "bad_request", False)
    assert (await api.run(third["id"]))["status"] == "DELAYED"
    assert await api.count_runs() == 2


async def test_triggers_that_travel_together_and_are_repeated_make_nothing_twice(api: Api) -> None:
    items = [{"task": "a"}, {"task": "b", "options": {"tags": ["x" * 200]}}, {"task": "c"}]
    key = {"x_trigger_request_idempotency_key": "the same"}
    first = await api.post("/api/hairtrigger/v1/triggers", items, **key)

    again = await api.post("/api/hairtrigger/v1/triggers", items, **key)

    assert again.json() == first.json()
    assert await api.count_runs() == 2


async def test_too_many_triggers_at_once_are_refused_as_a_whole(api: Api) -> None:
    reply = await api.post("/api/hairtrigger/v1/triggers", [{"task": "a"}] * 501)

    assert (reply.status, await api.count_runs()) == (400, 0)
    assert "500" in reply.error


async def test_no_triggers_at_once_are_answered_with_none(api: Api) -> None:
    assert (await api.post("/api/hairtrigger/v1/triggers", [])).json() == []


async def test_a_body_that_does_not_arrive_in_time_is_408_and_writes_nothing(
    app: App, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hairtrigger.server.requests._BODY_S", 0.0)
    monkeypatch.setattr("hairtrigger.server.requests._BODY_BYTES_PER_S", 10**12)
    headers = {"authorization": f"Bearer {DEV_KEY}"}

    reply = await drive(app, "POST", PATH, [b"{", b"}"], headers, gate=asyncio.Event())

    assert (reply.status, reply.headers["connection"]) == (408, "close")
    assert await api.count_runs() == 0
