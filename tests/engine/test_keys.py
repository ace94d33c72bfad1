"""Idempotency keys and repeated requests: what is asked for twice is made once."""

import asyncio

import pytest

from hairtrigger.engine import runs
from hairtrigger.engine.trigger import Item
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.wire import ids
from tests.clock import DAY, MINUTE, SECOND
from tests.engine.driving import Outcome, World, options


@pytest.mark.acceptance("S95")
async def test_one_key_is_one_run_for_its_task_and_environment(world: World) -> None:
    first = await world.outcome("a", idempotencyKey="k")

    again = await world.outcome("a", idempotencyKey="k")
    other_task = await world.outcome("b", idempotencyKey="k")
    other_env = await world.beside("dev").outcome("a", idempotencyKey="k")

    assert again == Outcome(first.id, cached=True)
    assert not other_task.cached
    assert not other_env.cached
    assert len({first.id, other_task.id, other_env.id}) == 3


async def test_concurrent_triggers_with_one_key_make_one_run(world: World) -> None:
    outcomes = await asyncio.gather(*(world.outcome(idempotencyKey=f"k{n % 4}") for n in range(80)))

    assert len({outcome.id for outcome in outcomes}) == 4
    assert sum(not outcome.cached for outcome in outcomes) == 4
    assert world.rows("select count(*) from runs") == [(4,)]


@pytest.mark.parametrize(
    "key", ["a\tb", "😀", "'; drop table runs; --", "k" * 2_048, '"', "\\u0000"]
)
async def test_any_text_is_a_key(world: World, key: str) -> None:
    first = await world.outcome(idempotencyKey=key)
    similar = await world.outcome(idempotencyKey=key[:-1] or "x")

    again = await world.outcome(idempotencyKey=key)

    assert again == Outcome(first.id, cached=True)
    assert similar.id != first.id


async def test_key_is_forgotten_when_its_time_is_over(world: World) -> None:
    first = await world.outcome(idempotencyKey="k", idempotencyKeyTTL="60s")
    world.clock.move(MINUTE - 1)
    assert (await world.outcome(idempotencyKey="k")).id == first.id

    world.clock.move(1)

    again = await world.outcome(idempotencyKey="k")
    assert not again.cached
    assert (await world.outcome(idempotencyKey="k")).id == again.id


async def test_key_lasts_thirty_days_by_default(world: World) -> None:
    first = await world.outcome(idempotencyKey="k")

    world.clock.move(30 * DAY - 1)
    assert (await world.outcome(idempotencyKey="k")).id == first.id
    world.clock.move(1)

    assert (await world.outcome(idempotencyKey="k")).id != first.id


@pytest.mark.parametrize(
    ("end", "is_kept"),
    [("completed", True), ("canceled", True), ("failed", False), ("crashed", False),
     ("timed out", False), ("lost", False), ("expired", False)],
)  # fmt: skip
async def test_failed_run_releases_its_key_and_others_keep_it(
    world: World, end: str, is_kept: bool
) -> None:
    worker = await world.register("work")
    first = await world.outcome(idempotencyKey="k", maxAttempts=1, ttl="1m")
    if end == "canceled":
        await world.cancel(first.id)
    elif end == "expired":
        await world.let_pass(MINUTE)
    else:
        run = await worker.fetch_one()
        if end == "completed":
            await worker.complete(run)
        elif end == "failed":
            await worker.fail(run)
        elif end == "crashed":
            await worker.crash(run)
        elif end == "timed out":
            await worker.settle(run, timed_out=True)
        else:
            await world.let_pass(MINUTE)
    assert (await world.run(first.id)).is_final

    again = await world.outcome(idempotencyKey="k")

    assert (again.id == first.id, again.cached) == (is_kept, is_kept)


async def test_key_of_a_newer_run_is_not_released_by_an_older_one(world: World) -> None:
    worker = await world.register("work")
    await world.outcome(idempotencyKey="k", idempotencyKeyTTL="1s", maxAttempts=1)
    old = await worker.fetch_one()
    world.clock.move(SECOND)
    newer = await world.outcome(idempotencyKey="k")

    await worker.fail(old)

    assert (await world.outcome(idempotencyKey="k")).id == newer.id


async def test_key_can_be_reset_for_its_task_only(world: World) -> None:
    first = await world.outcome(idempotencyKey="k")
    with pytest.raises(NotFound):
        await runs.reset_key(world.store, world.env, "k", "other")
    with pytest.raises(NotFound):
        await runs.reset_key(world.store, world.envs["dev"], "k", "work")

    await runs.reset_key(world.store, world.env, "k", "work")

    assert (await world.run(first.id)).key_released
    assert (await world.outcome(idempotencyKey="k")).id != first.id


async def test_repeated_request_makes_nothing_twice(world: World) -> None:
    items = [Item("work"), Item("other")]
    first = await world.trigger_all(items, "request-1")

    again = await world.trigger_all(items, "request-1")
    elsewhere = await world.beside("dev").trigger_all(items, "request-1")

    assert again == first
    assert elsewhere != first
    assert world.rows("select count(*) from runs") == [(4,)]


async def test_repeated_request_in_one_tick_makes_nothing_twice(world: World) -> None:
    answers = await asyncio.gather(*(world.trigger_all([Item("work")], "r") for _ in range(10)))

    assert len({outcome.id for (outcome,) in answers if isinstance(outcome, Outcome)}) == 1


async def test_request_is_forgotten_after_a_day(world: World) -> None:
    (first,) = await world.trigger_all([Item("work")], "r")
    world.clock.move(DAY)

    (again,) = await world.trigger_all([Item("work")], "r")

    assert again != first


async def test_what_a_request_could_not_make_is_tried_again_when_it_is_repeated(
    world: World,
) -> None:
    worker = await world.register("work")
    parent = await world.trigger()
    await worker.fetch_one()
    await world.cancel(parent)
    good, bad = Item("work"), Item("work", options=options(parentRunId=ids.public("run", parent)))
    made, refused = await world.trigger_all([good, bad], "r")
    assert isinstance(refused, Unprocessable)

    again, refused_again = await world.trigger_all([good, bad], "r")

    assert again == made
    assert isinstance(refused_again, Unprocessable)
    assert world.rows("select count(*) from runs") == [(2,)]
