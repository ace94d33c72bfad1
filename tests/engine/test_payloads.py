"""A payload comes out of the queue as it was sent, letter by letter, or is refused at the door."""

import json

import msgspec
import pytest
from msgspec import Raw

from hairtrigger.engine.trigger import Item, Outcome
from hairtrigger.errors import BadRequest, HairtriggerError
from hairtrigger.store.postgres import Postgres
from hairtrigger.wire import packets
from hairtrigger.wire.worker import Result
from tests.engine.driving import World, options

KEPT = [
    b"1", b"-0", b"1.0", b"1e5", b"null", b'{ "b" : 1,\n "a" : [ ] }', b'{"a":1,"a":2}', b"9" * 4_000,
    "{\"é\":\"😀\"}".encode(), b'{"a":"\\u0000\\ud83d\\ude00"}', b"[" * 512 + b"]" * 512,
    b'{"n":123456789012345678901234567890}', b"0.1000",
]  # fmt: skip


@pytest.mark.acceptance("S91")
@pytest.mark.parametrize("raw", KEPT)
async def test_json_payload_is_not_changed(world: World, raw: bytes) -> None:
    worker = await world.register("work")

    (outcome,) = await world.trigger_all([Item("work", Raw(raw))])

    assert isinstance(outcome, Outcome)
    assert (await worker.fetch_one()).payload == (packets.JSON, raw.decode())
    assert (await world.run(outcome.id)).payload == (packets.JSON, raw.decode())


@pytest.mark.parametrize(
    ("kind", "text"),
    [(packets.TEXT, "any\ttext"), (packets.TEXT, ""), (packets.SUPER_JSON, '{"json":{"d":"x"},"meta":{}}'),
     (packets.JSON, '{"a": 1}')],
)  # fmt: skip
async def test_payload_with_a_type_comes_as_a_string(world: World, kind: str, text: str) -> None:
    worker = await world.register("work")

    await world.trigger(payload=text, payloadType=kind)

    assert (await worker.fetch_one()).payload == (kind, text)


async def test_string_that_is_no_json_text_is_meant_as_it_is(world: World) -> None:
    worker = await world.register("work")

    for text in ("hello", "12 monkeys", ""):
        await world.trigger(payload=text)
        assert (await worker.fetch_one()).payload == (packets.TEXT, text)
    await world.trigger(payload="12")
    assert (await worker.fetch_one()).payload == (packets.JSON, "12")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"NaN", None), (b'"\\ud800"', None), (b'{"a":"\xff"}', None), (b'{"a":"\\ud800"}', None),
        (b"[" * 513 + b"]" * 513, None), (b"9" * 5_000, None), (b'"{broken"', packets.JSON),
        (b'"not json"', packets.SUPER_JSON), (b"{}", packets.TEXT), (b'""', packets.STORE),
        (b'"' + b"x" * 3_145_729 + b'"', None), (b'"[' + b"1" * 10 + b'"', None),
    ],
)  # fmt: skip
async def test_payload_that_no_worker_could_read_is_refused(
    world: World, raw: bytes, kind: str | None
) -> None:
    given = options(payloadType=kind) if kind else None

    (refused,) = await world.trigger_all([Item("work", Raw(raw), given)])

    assert isinstance(refused, HairtriggerError)
    assert refused.status in (400, 413)
    assert world.rows("select count(*) from runs") == [(0,)]


async def test_output_is_not_changed_either(world: World) -> None:
    worker = await world.register("work")
    for text in ('{"b":1, "a":1.0}', "null", "9" * 4_000, '"\\u0000"', json.dumps("é😀")):
        run_id = await world.trigger()

        await worker.complete(await worker.fetch_one(), text)

        assert (await world.run(run_id)).output == (packets.JSON, text)
        assert bytes(packets.shown(packets.JSON, text)) == text.encode()
    assert msgspec.json.decode(packets.shown(packets.TEXT, "é")) == "é"


@pytest.mark.acceptance("S91")
async def test_nul_character_is_kept_or_refused_with_words(world: World) -> None:
    worker = await world.register("work")

    if isinstance(world.store.database, Postgres):
        for given in ({"payload": "a\0b", "payloadType": packets.TEXT}, {"idempotencyKey": "a\0b"}):
            with pytest.raises(BadRequest, match="NUL"):
                await world.trigger(**given)
        assert world.rows("select count(*) from runs") == [(0,)]
    else:
        await world.trigger(payload="a\0b", payloadType=packets.TEXT)
        assert (await worker.fetch_one()).payload == (packets.TEXT, "a\0b")


async def test_output_with_a_nul_character_fails_its_run_and_no_other(world: World) -> None:
    worker = await world.register("work")
    first, second = await world.trigger(), await world.trigger()
    runs = await worker.fetch(2)

    await worker.report(
        Result(runs[0].id, runs[0].lease, done=(packets.TEXT, "a\0b")),
        Result(runs[1].id, runs[1].lease, done=(packets.TEXT, "ab")),
    )

    assert await world.statuses([first, second]) == ["FAILED", "COMPLETED"]
