"""What a claim asks the database: nothing about lanes, when all that can be ready came in with it."""

import asyncio
from typing import Any

import msgspec
import pytest

from hairtrigger.engine import dequeue
from hairtrigger.errors import UnknownWorker
from hairtrigger.store import committer
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Statement, Steps, fetch
from hairtrigger.wire.statuses import LiveState
from hairtrigger.wire.worker import Fetch, RunInfo
from tests.clock import SECOND
from tests.engine.driving import Worker, World, manifest, number
from tests.store.servers import Servers, beside, eventually, postgres

Fetching = asyncio.Future[list[RunInfo]]


async def waiting(servers: Servers) -> tuple[World, list[Fetching]]:
    """A server where nothing is ready, and two workers that wait, of which it knows that."""
    (world,) = await servers.start(1)
    limited = manifest("limited", limit=3)
    workers = [await world.register("work", "other", limited) for _ in range(2)]
    fetching = [ask(worker) for worker in workers]
    await asyncio.sleep(0)  # they ask
    await world.store.change(nothing)
    return world, fetching


def ask(worker: Worker) -> Fetching:
    world, stop = worker.world, asyncio.get_running_loop().create_future()
    return asyncio.ensure_future(
        dequeue.fetch(
            world.store, world.known, world.env, Fetch(worker.id, 5), wait_s=30, stop=stop
        )
    )


def nothing(_catalog: Catalog, _now: int) -> Steps[None]:
    """A change of nothing: when it is answered, a tick has passed."""
    yield fetch("next_due")


def noted(world: World) -> list[str]:
    """The names of the statements with an answer that are asked from now on."""
    names: list[str] = []
    execution = postgres(world)._execution
    run = execution.run

    async def noting(connection: Any, statement: Statement) -> list[Row]:
        names.append(statement.name)
        return await run(connection, statement)

    execution.run = noting  # type: ignore[method-assign]  # notes, and passes on
    return names


async def test_run_that_comes_in_is_handed_out_without_a_look_at_the_rest_which_follows(
    servers: Servers,
) -> None:
    world, fetching = await waiting(servers)
    names = noted(world)

    run_id = await world.trigger("work")

    assert names == []
    done, rest = await asyncio.wait(fetching, return_when=asyncio.FIRST_COMPLETED)
    assert [number(run.id) for one in done for run in one.result()] == [run_id]
    await eventually(lambda: "open_lanes" in names, "a look at the rest")
    await end(rest)


async def test_worker_that_asks_where_nothing_was_left_makes_no_tick_of_its_own(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "FRESH_MS", 60_000)  # that the look could wait
    world, fetching = await waiting(servers)
    third = await world.register("work", "other", manifest("limited", limit=3))
    await world.known.demand(world.store, world.env, third.id, 1)  # else it is read first
    await world.store.change(nothing)
    names = noted(world)

    asked = ask(third)
    for _ in range(10):
        await asyncio.sleep(0)  # it asks, and a tick would have begun
    run_id = await world.trigger("work")

    assert "open_lanes" not in names
    done, rest = await asyncio.wait([*fetching, asked], return_when=asyncio.FIRST_COMPLETED)
    assert [number(run.id) for one in done for run in one.result()] == [run_id]
    await end(rest)


async def test_run_goes_to_no_session_that_ended_unseen_before_it_was_written(
    servers: Servers,
) -> None:
    (world,) = await servers.start(1)
    worker = await world.register("work")
    fetching = ask(worker)
    await asyncio.sleep(0)  # it asks
    await world.store.change(nothing)
    await servers.ask("delete from workers where id = $1", worker.number)

    run_id = await world.trigger("work")

    with pytest.raises(UnknownWorker):
        await asyncio.wait_for(fetching, 5)
    assert await servers.ask("select run_id, state, fence, worker from live") == [
        (run_id, LiveState.READY, 0, None)
    ]
    run = await (await world.register("work")).fetch_one()
    assert (number(run.id), run.lease) == (run_id, 1)


async def test_what_is_handed_out_as_it_comes_in_is_what_any_later_claim_would_hand_out(
    servers: Servers,
) -> None:
    world, fetching = await waiting(servers)
    given: dict[str, Any] = {
        "tags": ["a", "b"], "priority": 3, "ttl": "1h", "maxAttempts": 7, "maxDuration": 60,
        "metadata": {"k": 1}, "idempotencyKey": "once",
    }  # fmt: skip

    run_id = await world.trigger("work", {"n": 1}, **given)
    done, rest = await asyncio.wait(fetching, return_when=asyncio.FIRST_COMPLETED)
    ((early,),) = (one.result() for one in done)
    await end(rest)
    other = await world.trigger("work", {"n": 1}, **given | {"idempotencyKey": "twice"})
    late = await (await world.register("work", "other", manifest("limited", limit=3))).fetch_one()

    assert number(early.id) == run_id
    assert number(late.id) == other
    assert msgspec.structs.replace(
        early, id=late.id, created_at=late.created_at, idempotency_key="twice"
    ) == msgspec.structs.replace(late)
    rows = await servers.ask(
        "select state, tracked, lane, fence, attempt, flags, expires_at, usage_ms, version is null, "
        "worker is null, started_at = claimed_at from live order by run_id"
    )
    assert len(rows) == 2
    assert rows[0] == rows[1]


async def test_run_for_another_version_does_not_go_to_who_waits_for_the_current_one(
    servers: Servers,
) -> None:
    (world,) = await servers.start(1)
    old = await world.register("work", version="20260101.1", content_hash="1")
    fetching = ask(await world.register("work", version="20260102.1", content_hash="2"))
    await asyncio.sleep(0)  # it asks
    await world.store.change(nothing)

    pinned = await world.trigger("work", lockToVersion="20260101.1")
    free = await world.trigger("work")

    (run,) = await asyncio.wait_for(fetching, 5)
    assert number(run.id) == free
    assert number((await old.fetch_one()).id) == pinned


async def test_what_became_ready_unseen_is_found_by_the_look_that_follows(servers: Servers) -> None:
    world, fetching = await waiting(servers)
    unseen = await world.trigger("other", delay="1h")
    await servers.ask(
        "update live set state = 1, at = null, order_at = 0 where run_id = $1", unseen
    )

    run_id = await world.trigger("work")

    got = await asyncio.wait_for(asyncio.gather(*fetching), 5)
    assert sorted(number(run.id) for runs in got for run in runs) == sorted((unseen, run_id))


async def end(fetching: Any) -> None:
    for one in fetching:
        one.cancel()
    await asyncio.gather(*fetching, return_exceptions=True)


async def test_what_was_given_back_before_the_locks_were_had_is_handed_out_after_that(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await servers.start()
    worker = await a.register(manifest("keyed", limit=1))
    first, second = [await a.trigger("keyed", concurrencyKey="k") for _ in range(2)]
    (run,) = await worker.fetch()
    await b.store.change(nothing)  # it knows the catalogue
    begin, held, go = postgres(b)._begin_known, asyncio.Event(), asyncio.Event()

    async def late(*given: Any) -> None:
        held.set()
        await go.wait()
        await begin(*given)

    monkeypatch.setattr(postgres(b), "_begin_known", late)
    monkeypatch.setattr(postgres(b)._clock, "must_compare", lambda: False)
    fetching = ask(beside(worker, b))
    await asyncio.wait_for(held.wait(), 5)
    servers.clock.move(SECOND)
    await worker.complete(run)
    go.set()

    assert [number(one.id) for one in await asyncio.wait_for(fetching, 5)] == [second]
    ((ended, begun),) = await servers.ask(
        "select r.finished_at, l.claimed_at from results r, live l where r.run_id = $1 and l.run_id = $2",
        first, second,
    )  # fmt: skip
    assert begun >= ended
