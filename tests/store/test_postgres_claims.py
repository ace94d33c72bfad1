"""What a claim asks the database: nothing about lanes, when all that can be ready came in with it."""

import asyncio
from typing import Any

import pytest

from hairtrigger.engine import dequeue
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Statement, Steps, fetch
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

    assert names[0] == "claim"
    done, rest = await asyncio.wait(fetching, return_when=asyncio.FIRST_COMPLETED)
    assert [number(run.id) for one in done for run in one.result()] == [run_id]
    await eventually(lambda: "open_lanes" in names, "a look at the rest")
    assert names.index("open_lanes") > names.index("claim")
    await end(rest)


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
