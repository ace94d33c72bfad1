"""What one server cleans away, or has read, while another one changes it."""

import asyncio
from typing import Any

import pytest

from hairtrigger.engine import batches, schedules, upkeep
from hairtrigger.errors import Unprocessable
from hairtrigger.store.asking import Call, NewRun
from hairtrigger.wire import ids
from hairtrigger.wire.options import ScheduleBody
from tests.clock import DAY, HOUR, MINUTE, SECOND
from tests.engine.driving import World, exact, manifest
from tests.store.servers import Servers, beside, once


async def prune(world: World) -> None:
    await upkeep.prune(world.store, retention_ms=0)


async def test_key_that_is_taken_again_is_not_cleaned_away(servers: Servers) -> None:
    a, b = await servers.start()
    await a.trigger(idempotencyKey="k", idempotencyKeyTTL="1s")
    servers.clock.move(2 * SECOND)

    new, _ = await servers.race(a.outcome(idempotencyKey="k"), (a, "commit"), prune(b))

    assert (await b.outcome(idempotencyKey="k")).id == new.id


async def test_request_that_is_remembered_again_is_not_cleaned_away(servers: Servers) -> None:
    a, b = await servers.start()
    await a.outcome(request_key="r")
    servers.clock.move(DAY + SECOND)

    new, _ = await servers.race(a.outcome(request_key="r"), (a, "commit"), prune(b))

    assert (await b.outcome(request_key="r")).id == new.id


async def test_debounce_that_is_used_again_is_not_cleaned_away(servers: Servers) -> None:
    a, b = await servers.start()
    debounce = {"key": "k", "delay": "10s"}
    await a.cancel(await a.trigger(debounce=debounce))

    new, _ = await servers.race(a.trigger(debounce=debounce), (a, "commit"), prune(b))

    assert await b.trigger(debounce=debounce) == new


async def test_lane_that_is_entered_is_not_cleaned_away(servers: Servers) -> None:
    a, b = await servers.start()
    worker = await a.register(manifest("work", limit=1))
    await a.trigger()
    await worker.complete(await worker.fetch_one())
    servers.clock.move(2 * HOUR)

    run_id, _ = await servers.race(a.trigger(), (a, "commit"), prune(b))

    again = await a.register(manifest("work", limit=1), worker=worker.id)
    assert [run.id for run in await again.fetch()] == [ids.public("run", run_id)]
    await servers.check_whole()


async def test_batch_that_is_sealed_at_the_last_moment_is_not_aborted(servers: Servers) -> None:
    a, b = await servers.start()
    await a.trigger()  # the task is known
    batch = await a.batch(1)
    servers.clock.move(batches.UNSEALED_MS + SECOND)

    added, _ = await servers.race(
        a.add_items(batch, [0]), (a, "commit"), upkeep.abort_batches(b.store)
    )

    assert added.sealed
    assert (await batches.retrieve(b.store, b.env, batch)).status == "PROCESSING"


async def test_batch_that_is_aborted_takes_nothing_more(servers: Servers) -> None:
    a, b = await servers.start()
    await a.trigger()  # the task is known
    batch = await a.batch(1)
    servers.clock.move(batches.UNSEALED_MS + SECOND)

    _, refused = await servers.race(
        upkeep.abort_batches(a.store), (a, "commit"), b.add_items(batch, [0])
    )

    assert isinstance(refused, Unprocessable)
    assert await servers.ask("select count(*) from live") == [(1,)]


async def test_ready_parent_is_cancelled_with_the_child_it_gets_meanwhile(servers: Servers) -> None:
    a, b = await servers.start()
    worker = await a.register(manifest("work", retry=exact(max_attempts=5)))
    parent = await a.trigger()
    public = ids.public("run", parent)
    run = await worker.fetch_one()
    await a.trigger("other", parentRunId=public)
    await worker.fail(run, retry_in_ms=0)

    _, child = await servers.race(
        a.cancel(parent), (a, "delete_live"), b.trigger("other", parentRunId=public)
    )

    assert await a.status(parent) == "CANCELED"
    assert isinstance(child, Unprocessable) or await a.status(child) == "CANCELED"


@pytest.mark.parametrize("statement", ["remember_debounce", "insert_runs", "commit"])
async def test_debounce_that_two_servers_begin_at_once_is_one_run(
    servers: Servers, statement: str
) -> None:
    a, b = await servers.start()
    await asyncio.gather(a.trigger(), b.trigger())  # the task is known
    debounce = {"key": "k", "delay": "10s"}

    told = await servers.race(
        a.trigger(debounce=debounce), (a, statement), b.trigger(debounce=debounce)
    )

    assert once(told)
    assert await servers.ask("select count(*) from live where state = 0") == [(1,)]


async def test_trailing_debounce_is_not_lost_to_a_run_that_becomes_due(servers: Servers) -> None:
    a, b = await servers.start()
    worker = await a.register("work")
    debounce = {"key": "k", "delay": "10s", "mode": "trailing"}
    first = await a.trigger(payload=1, debounce=debounce)
    servers.clock.move(10 * SECOND)

    second, _ = await servers.race(
        a.trigger(payload=2, debounce=debounce), (a, "move_delayed"), upkeep.promote_due(b.store)
    )
    servers.clock.move(10 * SECOND)
    await upkeep.promote_due(b.store)

    assert second != first
    assert [run.payload[1] for run in await worker.fetch() if run.payload] == ["1", "2"]


async def test_schedule_that_two_servers_make_under_one_name_is_one(servers: Servers) -> None:
    a, b = await servers.start()
    await a.register(manifest("tick", scheduled=True))
    await b.store.reload()

    def make(world: World, minutes: int) -> Any:
        body = ScheduleBody("tick", f"*/{minutes} * * * *", deduplication_key="one")
        return schedules.create(world.store, world.env, body)

    first, second = await servers.race(make(a, 5), (a, "commit"), make(b, 10))

    assert first.id == second.id
    assert await servers.ask("select cron from schedules") == [("*/10 * * * *",)]


async def test_repeated_request_makes_what_was_missing_once(servers: Servers) -> None:
    a, b = await servers.start()
    now, env, parent = servers.clock.now, a.env.id, a.store.make_id()

    def asked(world: World) -> Any:
        runs = [
            NewRun(world.store.make_id(), env, "work", now),
            NewRun(world.store.make_id(), env, "work", now, parent=parent),
        ]
        return world.store.trigger(Call(env, runs, "r"))

    made = await asked(a)
    assert [bool(one.error) for one in made] == [False, True]
    await a.store.trigger(Call(env, [NewRun(parent, env, "work", now)]))

    first, second = await servers.race(asked(a), (a, "commit"), asked(b))

    assert [one.id for one in first] == [one.id for one in second]
    assert await servers.ask("select count(*) from runs") == [(3,)]


async def test_cancel_of_a_ready_run_and_its_claim_are_one_or_the_other(servers: Servers) -> None:
    a, b = await servers.start()
    worker = beside(await a.register("work"), b)
    for first, second, server, statement in (
        ("cancel", "claim", a, "delete_live"), ("cancel", "claim", a, "commit"),
        ("claim", "cancel", b, "claim"), ("claim", "cancel", b, "commit"),
    ):  # fmt: skip
        run_id = await a.trigger()
        verbs = {"cancel": a.cancel(run_id), "claim": worker.fetch()}

        told = await servers.race(verbs[first], (server, statement), verbs[second])

        got = told[0 if first == "claim" else 1]
        assert await a.status(run_id) == "CANCELED"
        held = await worker.hold(*got)
        assert [notice.run for notice in held.notices] == [run.id for run in got]
        for run in got:
            assert await worker.complete(run) == "ok"
        await servers.check_whole()


async def test_cancel_and_promotion_of_a_delayed_run(servers: Servers) -> None:
    a, b = await servers.start()
    for first, statement in (
        ("cancel", "delete_live"), ("cancel", "commit"), ("promote", "make_ready"), ("promote", "commit"),
    ):  # fmt: skip
        run_id = await a.trigger(delay="1m")
        servers.clock.move(MINUTE)
        cancelled, promoted = (a, b) if first == "cancel" else (b, a)
        verbs: list[Any] = [cancelled.cancel(run_id), upkeep.promote_due(promoted.store)]

        await servers.race(verbs.pop(first == "promote"), (a, statement), verbs.pop())

        assert await a.status(run_id) == "CANCELED"
        await servers.check_whole()
