"""Records that come over OTLP: each in the hand-out that it began in, after those that are there."""

import asyncio

import pytest

from hairtrigger.engine import otlp, traces
from hairtrigger.engine.otlp import Record
from hairtrigger.rules.reading import OTLP
from hairtrigger.wire.worker import Failure, Result
from tests.clock import SECOND
from tests.engine.driving import World, exact, manifest, number


def span(run: str, name: str, at: int) -> Record:
    return Record(run, at, "span", name, {}, span=name, duration_ms=1.0)


async def placed(world: World, run: str) -> list[tuple[int, int, str]]:
    found = await traces.trace(world.store, world.env, number(run))
    return sorted((one.fence, one.seq - OTLP, one.event.message) for one in found.spans)


async def test_a_record_stands_in_the_hand_out_that_it_began_in(world: World) -> None:
    worker = await world.register(manifest("work", retry=exact(max_attempts=3)))
    await world.trigger()
    first = await worker.fetch_one()
    began = world.clock.now
    world.clock.now += SECOND
    await worker.report(
        Result(first.id, first.lease, failed=Failure("E", "no"), retry_in_ms=0), want=0
    )
    world.clock.now += SECOND
    second = await worker.fetch_one()

    kept = await otlp.keep(world.store, world.env, [
        span(first.id, "early", began - SECOND), span(first.id, "one", began + 5),
        span(first.id, "two", world.clock.now + 5),
    ])  # fmt: skip

    assert kept.refused == {}
    assert await placed(world, first.id) == [
        (first.lease, 0, "early"), (first.lease, 1, "one"), (second.lease, 0, "two"),
    ]  # fmt: skip


async def test_requests_at_once_lose_nothing(world: World) -> None:
    worker = await world.register(manifest("work"))
    await world.trigger()
    run = await worker.fetch_one()

    await asyncio.gather(*(
        otlp.keep(world.store, world.env, [span(run.id, f"{n}.{m}", world.clock.now) for m in range(3)])
        for n in range(5)
    ))  # fmt: skip

    found = await placed(world, run.id)
    assert [at for _, at, _ in found] == list(range(15))
    assert sorted(name for _, _, name in found) == sorted(
        f"{n}.{m}" for n in range(5) for m in range(3)
    )


async def test_of_a_record_that_is_too_large_the_attributes_are_left_out(world: World) -> None:
    worker = await world.register(manifest("work"))
    await world.trigger()
    run = await worker.fetch_one()
    large = span(run.id, "n" * 2_000, world.clock.now)
    large.attributes = {"text": "x" * otlp.MOST_BYTES}

    await otlp.keep(world.store, world.env, [large])

    (one,) = (await traces.trace(world.store, world.env, number(run.id))).spans
    assert one.event.message == "n" * 1_000
    assert (one.event.attributes or {})["hairtrigger.too_large"] > otlp.MOST_BYTES


async def test_a_request_adds_to_so_many_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "MOST_RUNS", 1)
    worker = await world.register(manifest("work"))
    runs = []
    for _ in range(2):
        await world.trigger()
        runs.append(await worker.fetch_one())

    kept = await otlp.keep(
        world.store, world.env, [span(run.id, "one", world.clock.now) for run in runs]
    )

    assert kept.refused == {"a request adds to at most 1 runs": 1}
