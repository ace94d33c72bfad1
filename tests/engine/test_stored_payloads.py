"""Large payloads: put apart when their run is made, kept for as long as a run needs them."""

import pytest
from msgspec import Raw

from hairtrigger.engine import runs, upkeep
from hairtrigger.engine.trigger import Item
from hairtrigger.errors import HairtriggerError, Unprocessable
from hairtrigger.wire import packets
from hairtrigger.wire.options import ReplayBody
from tests.clock import DAY, SECOND
from tests.engine.driving import World

LARGE = "x" * packets.STORED_FROM
APART = "select count(*) from blobs"


async def test_a_large_payload_lies_apart_and_its_run_has_the_path(world: World) -> None:
    worker = await world.register("work")
    raw = b"[ " + b"1.0, " * packets.STORED_FROM + b"-0 ]"

    await world.trigger_all([Item("work", Raw(raw))])

    kind, path = (await worker.fetch_one()).payload or ("", "")
    assert kind == packets.STORE
    found = await world.store.get_blob(world.env.id, path)
    assert found == (packets.JSON, raw)


async def test_a_payload_is_measured_in_bytes(world: World) -> None:
    await world.trigger(payload=LARGE[3:])  # with its quotes one byte short
    assert world.rows(APART) == [(0,)]

    await world.trigger(payload="ü" * (packets.STORED_FROM // 2))
    assert world.rows(APART) == [(1,)]


async def test_a_path_that_names_nothing_fails_its_run_alone(world: World) -> None:
    with pytest.raises(Unprocessable, match="names nothing"):
        await world.trigger(payload="packets/nothing.json", payloadType=packets.STORE)
    assert world.rows("select count(*) from runs") == [(0,)]


async def test_a_repeated_trigger_puts_nothing_apart_again(world: World) -> None:
    first = await world.outcome(payload=LARGE, idempotencyKey="k")
    again = await world.outcome(payload=LARGE, idempotencyKey="k")

    assert (again.id, again.cached) == (first.id, True)
    assert world.rows(APART) == [(1,)]


async def test_a_payload_is_kept_for_a_run_that_waits_longer_than_the_retention(
    world: World,
) -> None:
    waiting = await world.trigger(payload=LARGE, delay="300d")
    world.clock.move(15 * DAY)
    await prune(world)
    assert world.rows(APART) == [(1,)]

    await runs.cancel(world.store, world.env, waiting)
    world.clock.move(15 * DAY)
    await prune(world)

    assert world.rows(APART) == [(0,)]
    assert world.rows("select count(*) from blob_uses") == [(0,)]


async def test_a_replay_keeps_the_payload_of_a_run_that_is_forgotten(world: World) -> None:
    worker = await world.register("work")
    first = await world.trigger(payload=LARGE)
    await worker.complete(await worker.fetch_one())
    world.clock.move(6 * DAY)
    await runs.replay(world.store, world.env, first, ReplayBody())
    world.clock.move(9 * DAY)

    await prune(world)

    with pytest.raises(HairtriggerError):
        await world.run(first)
    _, path = (await worker.fetch_one()).payload or ("", "")
    assert (await world.store.get_blob(world.env.id, path)) is not None


async def test_an_upload_that_nothing_was_triggered_with_is_forgotten(world: World) -> None:
    await world.store.put_blob(world.env.id, "packets/a.json", packets.JSON, b"1")
    await prune(world)
    assert world.rows(APART) == [(1,)]

    world.clock.move(8 * DAY)
    await prune(world)

    assert world.rows(APART) == [(0,)]


async def test_the_latest_payload_of_a_debounced_run_counts_however_large(world: World) -> None:
    worker = await world.register("work")
    debounce = {"key": "d", "delay": "1s", "mode": "trailing"}
    run = await world.trigger(payload=1, debounce=debounce)
    assert await world.trigger(payload=LARGE, debounce=debounce) == run
    world.clock.move(15 * SECOND)

    await upkeep.promote_due(world.store)

    kind, path = (await worker.fetch_one()).payload or ("", "")
    assert kind == packets.STORE
    assert world.rows("select run_id, name from blob_uses") == [(run, path)]
    assert (await world.store.get_blob(world.env.id, path, most=10)) is None
    assert await world.store.get_blob(world.env.id, path) == (packets.TEXT, LARGE.encode())


async def prune(world: World) -> None:
    """Forget all that is to be forgotten."""
    for _ in range(3):
        await upkeep.prune(world.store, retention_ms=7 * DAY)
