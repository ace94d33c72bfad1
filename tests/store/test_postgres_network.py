"""Connections that break, and a database that goes away: nothing lost, nothing doubled, and soon back."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from hairtrigger.engine import trigger as triggers
from hairtrigger.errors import Unavailable
from hairtrigger.store import connecting, reaching
from hairtrigger.telemetry import events
from tests.engine.driving import Worker, World, exact, manifest
from tests.store.servers import Pause, Servers, eventually, postgres
from tests.store.severing import Side, Wire

SIDES: list[Side] = ["before", "after"]
PROMPT_S = 5.5  # the five seconds that are promised, on a busy machine


@pytest.fixture
async def wire(servers: Servers) -> AsyncIterator[Wire]:
    """A wire to the database of the servers, which outlives them."""
    async with Wire(servers.url) as wire:
        yield wire
        await servers.close_all()


@pytest.fixture
def told() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The events that are emitted during a test."""
    heard: list[tuple[str, dict[str, Any]]] = []
    stop = events.subscribe(lambda name, facts: heard.append((name, facts)))
    yield heard
    stop()


async def trigger(world: World, worker: Worker) -> None:
    assert await world.trigger()


async def trigger_what_is_new(world: World, worker: Worker) -> None:
    run_id = await world.trigger("fresh", queue={"name": "own"})
    assert (await world.run(run_id)).task == "fresh"


async def trigger_by_key(world: World, worker: Worker) -> None:
    first = await world.outcome(idempotencyKey="k")
    assert not first.cached
    assert (await world.outcome(idempotencyKey="k")).id == first.id


async def claim(world: World, worker: Worker) -> None:
    assert len(await worker.fetch(2)) == 2


async def complete(world: World, worker: Worker) -> None:
    assert await worker.complete((await worker.fetch(1))[0]) == "ok"


async def fail(world: World, worker: Worker) -> None:
    assert await worker.fail((await worker.fetch(1))[0], retry_in_ms=0) == "ok"


async def register(world: World, worker: Worker) -> None:
    await world.register(manifest("work", limit=2), manifest("more"))


async def fill(world: World, worker: Worker) -> None:
    assert (await world.add_items(await world.batch(3), range(3))).sealed


async def debounce(world: World, worker: Worker) -> None:
    options = {"key": "d", "delay": "10s"}
    first = await world.trigger(debounce=options)
    assert await world.trigger(debounce=options) == first


async def pause(world: World, worker: Worker) -> None:
    await world.pause("task/work")
    assert await worker.fetch() == []


VERBS: list[Callable[[World, Worker], Awaitable[None]]] = [
    trigger, trigger_what_is_new, trigger_by_key, claim, complete, fail, register, fill, debounce, pause,
]  # fmt: skip


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
async def test_commit_that_breaks_is_asked_about_and_nothing_is_doubled_or_lost(
    servers: Servers, wire: Wire, told: list[Any], verb: Any, side: Side
) -> None:
    outcomes = []
    for place in range(3):  # of the verb's commits, which one breaks
        world = await servers.open(wire.url)
        worker = await world.register(manifest("work", limit=5, retry=exact(max_attempts=3)))
        await world.trigger_all([triggers.Item("work")] * 4)
        wire.cut, wire.skipped, wire.cuts = side, place, 1
        before = await counts(servers)

        await verb(world, worker)

        broke, wire.cuts, wire.skipped = not wire.cuts, 0, 0
        outcomes.append((await changed(servers, before), broke))
        await servers.check_whole()
        await servers.close(world)
        await clean(servers)

    assert outcomes[0][1], "no commit broke"
    assert len({outcome for outcome, broke in outcomes}) == 1, outcomes
    asked = {facts["outcome"] for name, facts in told if name == "commit.asked"}
    assert asked == {"committed" if side == "after" else "aborted"}


TABLES = (
    "runs",
    "live",
    "results",
    "lanes",
    "attempts",
    "batch_items",
    "tasks",
    "queues",
    "versions",
)


async def counts(servers: Servers) -> dict[str, int]:
    """How many rows the tables have."""
    found = {}
    for table in TABLES:
        ((found[table],),) = await servers.ask(f"select count(*) from {table}")
    for state in range(6):
        ((found[f"state {state}"],),) = await servers.ask(
            "select count(*) from live where state = $1", state
        )
    return found


async def changed(servers: Servers, before: dict[str, int]) -> tuple[tuple[str, int], ...]:
    after = await counts(servers)
    return tuple(
        (name, after[name] - before[name]) for name in after if after[name] != before[name]
    )


async def clean(servers: Servers) -> None:
    """As before the first of several rounds."""
    for table in (*TABLES, "batches", "requests", "slots", "workers", "idempotency", "debounces"):
        await servers.ask(f"delete from {table}")
    await servers.ask("update catalog_state set version = version + 1")


@pytest.mark.parametrize("side", SIDES)
async def test_every_third_commit_breaks_under_load(
    servers: Servers, wire: Wire, side: Side
) -> None:
    world = await servers.open(wire.url)
    worker = await world.register(manifest("work", limit=7))
    wire.cut = side
    ids, done = list[int](), set[str]()

    async def call(n: int) -> None:
        ids.append(await world.trigger(idempotencyKey=f"k{n % 40}"))

    async def work() -> None:
        while len(done) < 40:
            for run in await worker.fetch(5):
                assert await worker.complete(run) == "ok"
                done.add(run.id)

    async def break_often() -> None:
        while len(done) < 40:
            wire.skipped, wire.cuts = 2, 1
            await eventually(lambda: not wire.cuts or len(done) >= 40, "a cut")

    await asyncio.gather(*map(call, range(120)), work(), break_often())
    wire.cuts = 0

    assert len(set(ids)) == 40
    assert await servers.ask("select count(*) from runs") == [(40,)]
    assert await servers.ask("select count(*) from results") == [(40,)]
    await servers.check_whole()


@pytest.mark.parametrize("statement", ["insert_runs", "enter_lane", "claim", "lane_claimed"])
async def test_connection_that_is_ended_in_the_middle_of_a_tick(
    servers: Servers, statement: str
) -> None:
    world = await servers.open()
    worker = await world.register(manifest("work", limit=5))
    await world.trigger()
    pause_ = Pause(world, statement)
    asked = asyncio.gather(world.trigger_all([triggers.Item("work")] * 3), worker.fetch())
    await pause_.reached.wait()

    ended = await servers.ask(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and application_name = 'hairtrigger' and pid <> pg_backend_pid() "
        "and state = 'idle in transaction'"
    )
    pause_.go()
    made, got = await asked

    assert ended == [(True,)]
    assert len(made) == 3
    got += await worker.fetch()
    assert len({run.id for run in got}) == len(got) == 4
    await servers.check_whole()


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_database_that_is_away_is_unavailable_within_five_seconds_and_then_back(
    servers: Servers, wire: Wire, told: list[Any], how: str
) -> None:
    world = await servers.open(wire.url)
    run_id = await world.trigger()

    async def timed(asked: Awaitable[Any]) -> float:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await asked
        return time.monotonic() - began

    if how == "refused":
        await wire.down()
    else:
        wire.is_hole = True
    took = await asyncio.gather(
        timed(world.trigger()), timed(world.run(run_id)), timed(world.trigger())
    )
    if how == "refused":
        await wire.up()
    wire.is_hole = False
    began = time.monotonic()
    await world.trigger()

    assert max(took) < PROMPT_S
    assert time.monotonic() - began < PROMPT_S
    assert await world.status(run_id) == "PENDING_VERSION"
    assert postgres(world).was_away
    assert {"database.away", "database.back"} <= {name for name, _ in told}
    await servers.check_whole()


async def test_what_was_under_way_when_the_database_went_is_written_when_it_is_back_soon(
    servers: Servers, wire: Wire
) -> None:
    world = await servers.open(wire.url)
    await world.trigger()
    await wire.down()
    asked = [asyncio.ensure_future(world.trigger()) for _ in range(50)]
    await eventually(lambda: postgres(world)._absence.since, "the outage to be noticed")

    await wire.up()

    assert len(set(await asyncio.gather(*asked))) == 50
    assert await servers.ask("select count(*) from runs") == [(51,)]


async def test_waiting_workers_outlive_an_outage(servers: Servers, wire: Wire) -> None:
    world = await servers.open(wire.url)
    worker = await world.register("work")
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    demand = await world.known.demand(world.store, world.env, worker.id, 5)
    waiting = asyncio.ensure_future(world.store.claim(demand, 30, stop))
    await wire.down()
    with pytest.raises(Unavailable):
        await world.trigger()
    await wire.up()

    run_id = await world.trigger()

    assert [run.task for run in await asyncio.wait_for(waiting, 10)] == ["work"]
    assert run_id


async def test_statement_that_takes_long_is_left_alone_while_the_database_is_there(
    servers: Servers, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "LOOK_AFTER_S", 0.02)
    connection = await connecting.connect(servers.url)
    with reaching.watched(connection, servers.url):
        assert await connection.fetchval("select pg_sleep(0.3) is not null")
    through = await connecting.connect(wire.url)
    wire.is_hole = True

    with reaching.watched(through, servers.url), pytest.raises(TimeoutError):
        await through.fetchval("select 1", timeout=0.3)  # its own end: only the way to it is broken
    monkeypatch.setattr(reaching, "CONNECT_S", 0.1)
    with reaching.watched(through, wire.url), pytest.raises(connecting.AWAY):
        await through.fetchval("select 1")
    wire.is_hole = False

    await connection.close()


async def test_connection_whose_answer_was_lost_is_ended(
    servers: Servers, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaching, "LOOK_AFTER_S", 0.02)
    monkeypatch.setattr(reaching, "SILENT_S", 0.2)
    through = await connecting.connect(wire.url)
    wire.is_hole = True  # nothing comes through it, while the database can be reached beside it
    began = time.monotonic()

    with reaching.watched(through, servers.url), pytest.raises(connecting.AWAY):
        await through.fetchval("select 1", timeout=connecting.COMMAND_S)

    assert time.monotonic() - began < PROMPT_S
    assert through.is_closed()
    wire.is_hole = False
