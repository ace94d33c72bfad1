"""What servers tell each other: wake-ups across them, no more words than needed, and life without any."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from hairtrigger.engine import runs, upkeep
from hairtrigger.engine import trigger as triggers
from hairtrigger.store import listener, watch
from hairtrigger.store.listener import CHANNEL
from hairtrigger.wire.worker import RunInfo
from tests.engine.driving import Worker, World, manifest, number
from tests.store import pooler
from tests.store.servers import Servers, beside, eventually, postgres
from tests.store.severing import Wire

SOON_S = 0.7  # well before anybody would look by himself, on a busy machine


class Words:
    """What is told by NOTIFY, from now on."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.heard: list[dict[str, Any]] = []

    async def listen(self) -> None:
        await self.connection.add_listener(
            CHANNEL, lambda _c, _p, _n, text: self.heard.append(msgspec.json.decode(text))
        )

    async def all(self) -> list[dict[str, Any]]:
        """Everything that was told before this was called, and gathered."""
        await asyncio.sleep(2 * listener.GATHER_S)  # it waits as long for more to tell
        await self.connection.execute("select pg_notify($1, '{\"last\": 1}')", CHANNEL)
        await eventually(lambda: any("last" in one for one in self.heard), "the last word")
        return [one for one in self.heard if "last" not in one]


@pytest.fixture
async def words(servers: Servers) -> AsyncIterator[Words]:
    connection = await asyncpg.connect(servers.url)
    words = Words(connection)
    await words.listen()
    yield words
    await connection.close()


async def waiting(worker: Worker, want: int = 10) -> "asyncio.Task[list[RunInfo]]":
    """A fetch that is under way and has found nothing yet."""
    world = worker.world
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    demand = await world.known.demand(world.store, world.env, worker.id, want)
    task = asyncio.ensure_future(world.store.claim(demand, 20, stop))
    await asyncio.sleep(0)
    await world.store.reload()
    assert not task.done()
    return task


async def within(asked: Awaitable[Any], limit_s: float) -> Any:
    began = time.monotonic()
    result = await asyncio.wait_for(asyncio.ensure_future(asked), 20)
    assert time.monotonic() - began < limit_s
    return result


async def test_run_triggered_here_reaches_a_worker_that_waits_there_at_once(
    servers: Servers,
) -> None:
    a, b = await servers.start()
    worker = beside(await a.register("work"), b)
    for _ in range(3):
        fetching = await waiting(worker)

        run_id = await a.trigger()

        (run,) = await within(fetching, SOON_S)
        assert number(run.id) == run_id


async def test_runs_that_the_worker_here_has_no_room_for_reach_the_one_there_at_once(
    servers: Servers,
) -> None:
    a, b = await servers.start()
    worker = await a.register("work")
    here, there = await waiting(worker, 2), await waiting(beside(worker, b))

    await a.trigger_all([triggers.Item("work")] * 5)

    assert len(await here) == 2
    assert len(await within(there, SOON_S)) == 3


async def test_slot_that_becomes_free_here_lets_a_run_start_there_at_once(servers: Servers) -> None:
    a, b = await servers.start()
    worker = await a.register(manifest("work", limit=1))
    await a.trigger_all([triggers.Item("work")] * 2)
    run = await worker.fetch_one()
    there = await waiting(beside(worker, b))

    await worker.complete(run)

    assert len(await within(there, SOON_S)) == 1


async def test_session_that_reloaded_on_one_server_runs_its_new_code_on_the_other(
    servers: Servers,
) -> None:
    a, b = await servers.start()
    worker = beside(await a.register("work", queues=["task/work"]), b)
    await b.trigger()
    old = await worker.fetch_one()  # now b remembers the session

    again = await a.register("work", "more", worker=worker.id, queues=["task/more"])
    await b.trigger()
    more = await b.trigger("more")

    got = await beside(again, b).fetch()
    assert [(number(run.id), run.version) for run in got] == [(more, again.registered.version)]
    assert old.version != again.registered.version


@pytest.mark.parametrize("what", ["result", "cancel", "tag"])
async def test_change_here_wakes_who_waits_for_it_there(servers: Servers, what: str) -> None:
    a, b = await servers.start()
    worker = await a.register("work")
    run_id = await a.trigger()
    run = await worker.fetch_one()
    key = watch.worker(worker.number) if what == "cancel" else watch.run(run_id)
    woken = b.store.watch.listen(key)

    if what == "result":
        await worker.complete(run)
    elif what == "cancel":
        await a.cancel(run_id)
    else:
        await runs.add_tags(a.store, a.env, run_id, "t")

    await within(woken, SOON_S)


async def test_server_that_is_alone_tells_nothing(servers: Servers, words: Words) -> None:
    (world,) = await servers.start(1)
    worker = await world.register(manifest("work", limit=3))
    await asyncio.gather(*(world.trigger() for _ in range(10)))
    for run in await worker.fetch():
        await worker.complete(run)

    told = await words.all()

    assert [one for one in told if "hello" not in one] == []


async def test_a_tick_is_told_of_once_at_most(servers: Servers, words: Words) -> None:
    a, _ = await servers.start()
    worker = await a.register("work")
    await words.all()
    words.heard.clear()
    ticks, write = 0, a.store.database.write

    async def counted(*given: Any, **named: Any) -> Any:
        nonlocal ticks
        ticks += 1
        return await write(*given, **named)

    a.store.database.write = counted  # type: ignore[method-assign]  # counts, and passes on

    await asyncio.gather(*(a.trigger() for _ in range(300)))
    got = await worker.fetch(300)
    await asyncio.gather(*(worker.complete(run) for run in got))

    told = await words.all()
    assert 1 <= len(told) <= ticks < 100


async def test_worker_here_that_takes_everything_keeps_the_others_from_being_told(
    servers: Servers, words: Words
) -> None:
    a, _ = await servers.start()
    fetching = await waiting(await a.register("work"))
    await words.all()
    words.heard.clear()

    await a.trigger()
    await fetching

    assert [one for one in await words.all() if "ready" in one] == []


async def test_listener_that_is_ended_connects_again_and_wakes_everybody(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_RETRY_S", 0.05)
    a, b = await servers.start()
    worker = await a.register("work")
    lost = b.store.watch.listen(watch.run(1))

    await servers.ask(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'hairtrigger listener' and datname = current_database()"
    )
    await within(lost, 5)  # what was told meanwhile may have been for him
    await eventually(lambda: a.store.database.hears and b.store.database.hears, "both to hear")

    fetching = await waiting(beside(worker, b))
    await a.trigger()
    assert len(await within(fetching, SOON_S)) == 1


async def test_listener_that_nothing_reaches_any_more_is_noticed_by_upkeep(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_ANSWER_S", 0.1)
    monkeypatch.setattr(listener, "_RETRY_S", 0.05)
    async with Wire(servers.url) as wire:
        world = await servers.open(wire.url)
        assert world.store.database.hears
        wire.is_hole = True
        with_listener = postgres(world)._listener
        assert with_listener is not None

        await with_listener.check()
        await eventually(lambda: not world.store.database.hears, "the silence to be noticed")
        wire.is_hole = False

        await eventually(lambda: world.store.database.hears, "it to hear again")
        await servers.close_all()


async def looking(*worlds: World) -> None:
    """The clockwork's look, until cancelled."""
    while True:
        for world in worlds:
            await upkeep.look(world.store)
            await world.store.database.keep()
        await asyncio.sleep(0.1)


async def check_life_without_words(a: World, b: World) -> None:
    """Everything works by looking: runs, results, the catalogue."""
    clockwork = asyncio.create_task(looking(a, b))
    await eventually(lambda: a.store.database.is_shared and b.store.database.is_shared, "both")
    assert not a.store.database.hears
    worker = await a.register(manifest("work", limit=5))
    await eventually(
        lambda: b.store.catalog.queue(b.env.id, "task/work"), "the catalogue to be known there"
    )
    fetching = await waiting(beside(worker, b))
    woken = b.store.watch.listen(watch.run(await a.trigger()))

    (run,) = await within(fetching, 5)
    await worker.complete(run)
    await within(woken, 5)
    made = await asyncio.gather(
        *(w.trigger_all([triggers.Item("work")] * 5, f"r{n}") for n in range(20) for w in (a, b)),
        *(a.run(number(run.id)) for _ in range(40)),
    )

    assert made[0] == made[1]
    done = 1
    while done < 101:
        for one in await worker.fetch(5):
            assert await beside(worker, b).complete(one) == "ok"
            done += 1
    clockwork.cancel()


async def test_without_listening_everything_works_by_looking(servers: Servers) -> None:
    a, b = await servers.start(pooled=True, hear=False)

    await check_life_without_words(a, b)

    await servers.check_whole()


@pytest.mark.skipif(
    pooler.program() is None, reason="PGBOUNCER IS NOT INSTALLED: a pooler is NOT tested"
)
async def test_behind_a_pooler_everything_works(servers: Servers, tmp_path: Path) -> None:
    with pooler.started(servers.url, tmp_path) as url:
        a, b = await servers.open(url, pooled=True), await servers.open(url, pooled=True)

        await check_life_without_words(a, b)

        await servers.check_whole()
        await servers.close_all()
