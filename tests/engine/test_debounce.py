"""Debounce: many triggers of one key become one run."""

import asyncio

import msgspec
import pytest
from msgspec import Raw

from hairtrigger.engine import upkeep
from hairtrigger.errors import HairtriggerError
from tests.clock import SECOND
from tests.engine.driving import Outcome, World, manifest


async def test_debounce_moves_the_waiting_run_and_keeps_its_first_payload(world: World) -> None:
    worker = await world.register("work")
    first = await world.outcome(payload=1, debounce={"key": "k", "delay": "10s"})
    await world.let_pass(8 * SECOND)

    again = await world.outcome(payload=2, debounce={"key": "k", "delay": "10s"})
    await world.let_pass(8 * SECOND)
    assert await world.status(first.id) == "DELAYED"
    await world.let_pass(2 * SECOND)

    assert again == Outcome(first.id, cached=False)
    assert (await worker.fetch_one()).payload == ("application/json", "1")
    assert (await world.outcome(debounce={"key": "k", "delay": "10s"})).id != first.id


async def test_trailing_debounce_takes_what_the_last_call_says(world: World) -> None:
    worker = await world.register("work")
    debounce = {"key": "k", "delay": "10s", "mode": "trailing"}
    first = await world.trigger(payload=1, debounce=debounce, tags=["old"], metadata={"n": 1})

    await world.trigger(
        payload=2, debounce=debounce, tags=["new"], metadata={"n": 2}, maxAttempts=1, maxDuration=60
    )
    await world.let_pass(10 * SECOND)

    run = await worker.fetch_one()
    assert (run.payload, run.tags, run.max_attempts, run.max_duration_ms) == (
        ("application/json", "2"), ["new"], 1, 60_000
    )  # fmt: skip
    assert isinstance(run.metadata, Raw)
    assert msgspec.json.decode(run.metadata) == {"n": 2}
    assert world.rows("select tag from run_tags") == [("new",)]
    assert await worker.fail(run, retry_in_ms=0) == "ok"
    assert await world.status(first) == "FAILED"


async def test_trailing_debounce_without_a_payload_takes_it_away(world: World) -> None:
    worker = await world.register("work")
    debounce = {"key": "k", "delay": "10s", "mode": "trailing"}
    await world.trigger(payload=1, debounce=debounce)

    await world.trigger(debounce=debounce)
    await world.let_pass(10 * SECOND)

    assert (await worker.fetch_one()).payload is None


async def test_debounce_does_not_put_a_run_off_beyond_its_longest_delay(world: World) -> None:
    debounce = {"key": "k", "delay": "10s", "maxDelay": "15s"}
    first = await world.trigger(debounce=debounce)
    world.clock.move(5 * SECOND)
    assert await world.trigger(debounce=debounce) == first

    world.clock.move(1)
    second = await world.trigger(debounce=debounce)

    assert second != first
    assert await world.trigger(debounce=debounce) == second


async def test_concurrent_debounced_triggers_make_one_run(world: World) -> None:
    calls = (world.trigger(debounce={"key": "k", "delay": "1m"}) for _ in range(20))

    assert len(set(await asyncio.gather(*calls))) == 1


async def test_debounced_run_in_a_limited_queue_is_counted_once(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    for _ in range(3):
        await world.trigger(debounce={"key": "k", "delay": "1s"})
    await world.let_pass(SECOND)

    assert len(await worker.fetch()) == 1
    assert await upkeep.counter_drift(world.store) == []


@pytest.mark.parametrize(
    "debounce",
    [{"key": "k", "delay": "2h"}, {"key": "k", "delay": "10s", "maxDelay": "10s"},
     {"key": "k", "delay": "2026-01-01"}, {"key": "", "delay": "1s"}, {"key": "k" * 513, "delay": "1s"}],
)  # fmt: skip
async def test_debounce_that_cannot_be_is_refused(world: World, debounce: dict[str, str]) -> None:
    with pytest.raises(HairtriggerError) as refused:
        await world.trigger(debounce=debounce)

    assert refused.value.status in (400, 422)
