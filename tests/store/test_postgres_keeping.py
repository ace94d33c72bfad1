"""What a PostgreSQL database is kept with: partitions, servers' numbers, the clock, its vacuum."""

import asyncio
import time
from collections.abc import Iterator

import asyncpg
import pytest

from hairtrigger.engine import trigger as triggers
from hairtrigger.engine import upkeep
from hairtrigger.errors import Unavailable, UnknownWorker
from hairtrigger.store import committer, keeping, membership, partitions
from hairtrigger.store.clocks import CLOCK
from hairtrigger.wire import ids
from hairtrigger.wire.worker import RunInfo
from tests import databases
from tests.clock import DAY, HOUR, SECOND, Clock
from tests.engine.driving import LEASE_MS, World
from tests.store.servers import Pause, Servers, eventually
from tests.store.servers import postgres as database_of

WEEK = 7 * DAY
PENDING = "select from pg_inherits where inhdetachpending"
MONDAY = Clock().now


@pytest.fixture
def postgres_database(postgres_server: str) -> Iterator[str]:
    """A database of the test's own: its partitions come and go."""
    with databases.made(postgres_server) as url:
        yield url


async def weeks(servers: Servers, table: str = "runs") -> list[int]:
    """The weeks that a table has partitions of."""
    found = await servers.ask(
        "select substring(c.relname from '_w([0-9]+)$')::bigint from pg_inherits i "
        "join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass($1) order by 1",
        table,
    )
    return [row[0] for row in found]


async def at(servers: Servers, worlds: list[World], instant: int) -> None:
    """Let it be then, with partitions for it as upkeep makes them."""
    servers.clock.now = instant
    for world in worlds:
        await world.store.database.keep()


async def finish_one(world: World) -> int:
    """A run that is over at once."""
    worker = await world.register("work")
    run_id = await world.trigger("work", tags=["t"])
    await worker.complete(await worker.fetch_one())
    await worker.leave()
    return run_id


async def test_partitions_are_made_ahead_for_every_table(servers: Servers) -> None:
    (world,) = await servers.start(1)
    this = partitions.week_of(MONDAY)

    await at(servers, [world], MONDAY + 5 * WEEK)

    for table in partitions.TABLES:
        assert {this, this + 1, this + 2, this + 5, this + 6, this + 7} <= set(
            await weeks(servers, table)
        )


async def test_partition_that_a_row_lacks_is_made_and_the_row_stored(servers: Servers) -> None:
    a, b = await servers.start()
    servers.clock.move(20 * WEEK)  # nobody kept the database meanwhile

    made = await asyncio.gather(*(w.trigger(tags=["t"]) for w in (a, b) for _ in range(10)))

    assert await servers.ask("select count(*) from runs") == [(20,)]
    assert await servers.ask("select count(*) from run_tags") == [(20,)]
    assert len(set(made)) == 20


async def test_partitions_that_were_made_half_way_are_made_whole(servers: Servers) -> None:
    (world,) = await servers.start(1)
    await servers.ask(f"drop table {partitions.name('results', partitions.week_of(MONDAY))}")

    run_id = await finish_one(world)

    assert await world.status(run_id) == "COMPLETED"


async def test_retention_drops_weeks_that_are_over_and_keeps_those_with_unfinished_runs(
    servers: Servers,
) -> None:
    a, b = await servers.start()
    this = partitions.week_of(MONDAY)
    kept, gone = [], []
    for week in range(4):
        await at(servers, [a, b], MONDAY + week * WEEK)
        gone.append(await finish_one(a))
        if week == 1:
            kept = [await a.trigger("later", delay="70d")]
    await at(servers, [a, b], MONDAY + 4 * WEEK)

    await asyncio.gather(*(upkeep.prune(w.store, retention_ms=WEEK + DAY) for w in (a, b)))

    left = await weeks(servers)
    assert this not in left
    assert this + 1 in left
    assert this + 2 not in left
    assert this + 3 in left
    for table in partitions.TABLES:
        assert await weeks(servers, table) == left
    assert await a.status(kept[0]) == "DELAYED"
    assert await servers.ask("select id from runs order by 1") == [(kept[0],), (gone[3],)]
    await servers.check_whole()


@pytest.mark.parametrize("done", [1, 3, 5])
async def test_dropping_that_broke_off_is_gone_on_with(servers: Servers, done: int) -> None:
    a, b = await servers.start()
    await finish_one(a)
    this = partitions.week_of(MONDAY)
    for table in partitions.DROPPED[:done]:
        await servers.ask(f"drop table {partitions.name(table, this)}")
    half = partitions.DROPPED[done]
    await servers.ask(f"alter table {half} detach partition {partitions.name(half, this)}")
    await at(servers, [a, b], MONDAY + 4 * WEEK)

    await upkeep.prune(b.store, retention_ms=WEEK)

    for table in partitions.TABLES:
        assert this not in await weeks(servers, table)
    assert (
        await servers.ask("select relname from pg_class where relname like $1", f"%_w{this}") == []
    )


@pytest.mark.parametrize("done", [0, 1, 4])
async def test_week_whose_dropping_broke_off_takes_rows_again_when_the_clock_goes_back(
    servers: Servers, done: int
) -> None:
    (world,) = await servers.start(1)
    this = partitions.week_of(MONDAY)
    for table in partitions.DROPPED[:done]:
        await servers.ask(f"drop table {partitions.name(table, this)}")
    pending, apart = partitions.DROPPED[done : done + 2]
    await servers.ask(f"alter table {apart} detach partition {partitions.name(apart, this)}")
    await break_off_detaching(servers, pending, this)
    await at(servers, [world], MONDAY)

    run_id = await finish_one(world)

    assert await world.status(run_id) == "COMPLETED"
    for table in partitions.TABLES:
        assert this in await weeks(servers, table)


async def break_off_detaching(servers: Servers, table: str, week: int) -> None:
    """Leave a partition half detached, as a server does that ends meanwhile."""
    reader, dropper = await asyncpg.connect(servers.url), await asyncpg.connect(servers.url)
    async with reader.transaction():
        await reader.execute(f"select from {table}")
        detach = f"alter table {table} detach partition {partitions.name(table, week)} concurrently"
        detaching = asyncio.create_task(dropper.execute(detach))
        await eventually(lambda: servers.ask(PENDING), "the detaching to wait")
        await servers.ask("select pg_cancel_backend($1)", dropper.get_server_pid())
        with pytest.raises(asyncpg.QueryCanceledError):
            await detaching
    await reader.close()
    await dropper.close()
    assert await servers.ask(PENDING)


async def test_dropping_waits_for_a_reader_and_nothing_else_waits_with_it(
    servers: Servers,
) -> None:
    (world,) = await servers.start(1)
    await finish_one(world)
    await at(servers, [world], MONDAY + 4 * WEEK)
    reader = await asyncpg.connect(servers.url)
    async with reader.transaction():
        await reader.execute("select from runs")
        pruning = asyncio.create_task(upkeep.prune(world.store, retention_ms=WEEK))
        waits = "select 1 from pg_stat_activity where query like 'alter table%' and wait_event_type = 'Lock'"
        await eventually(lambda: servers.ask(waits), "the dropping to wait")

        await world.store.database.keep()
        assert await world.status(await finish_one(world)) == "COMPLETED"
        assert not pruning.done()

    await pruning
    await reader.close()
    assert partitions.week_of(MONDAY) not in await weeks(servers)


async def test_numbers_of_servers_are_unique_and_so_are_the_ids_they_make(
    servers: Servers,
) -> None:
    opened = await asyncio.gather(*(servers.open() for _ in range(6)))

    nodes = [world.store.database.node for world in opened]
    made = [world.store.make_id() for world in opened for _ in range(500)]

    assert len(set(nodes)) == 6
    assert min(nodes) >= 1
    assert len(set(made)) == len(made)
    await servers.close(opened[2])
    servers.clock.move(SECOND)  # ids of one instant may be dated into the next ones
    again = await servers.open()
    assert again.store.database.node == nodes[2]
    assert again.store.make_id() not in made


async def test_server_whose_lease_was_taken_makes_ids_of_another_number(
    servers: Servers,
) -> None:
    (first,) = await servers.start(1)
    node = first.store.database.node
    await servers.ask("update nodes set lease_until = 0")
    (second,) = await servers.start(1, hear=False)
    assert second.store.database.node == node
    database_of(first)._membership._renewed_at = 0

    await first.store.database.keep()

    assert first.store.database.node != node
    made = [world.store.make_id() for world in (first, second) for _ in range(100)]
    assert len(set(made)) == 200
    assert await servers.ask("select count(*) from nodes") == [(2,)]


async def test_server_that_slept_makes_no_id_before_its_number_is_its_own_again(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world,) = await servers.start(1)
    await world.trigger()
    slept = time.monotonic() - membership.LEASE_MS / 1_000
    database_of(world)._membership._renewed_at = slept

    with pytest.raises(Unavailable):
        await world.trigger()
    await world.store.database.keep()

    assert await world.trigger()


async def test_clock_is_the_databases_whatever_the_machine_says(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    for off_s in (0, 7_200, -7_200):
        monkeypatch.setattr(time, "time", lambda off_s=off_s: real() + off_s)
        world = await servers.open(real_time=True)
        run_id = await world.trigger("work", delay="10m")

        ((now,),) = await servers.ask(CLOCK)

        assert abs(world.store.now() - now) < 5 * SECOND
        assert abs(ids.created_at(run_id) - now) < 5 * SECOND
        stored = await world.run(run_id)
        assert stored.due_at is not None
        assert abs(stored.due_at - now - 600 * SECOND) < 5 * SECOND
        assert abs(upkeep.Clock(world.store).jump_ms(world.store.now())) < 5 * SECOND


async def test_clock_that_differs_is_set_right_with_the_next_comparison(servers: Servers) -> None:
    world = await servers.open(real_time=True)
    await world.trigger()
    clock = database_of(world)._clock
    clock.compare(clock.now() + HOUR)
    clock.forget()

    await world.trigger()

    ((now,),) = await servers.ask(CLOCK)
    assert abs(world.store.now() - now) < 5 * SECOND


async def test_queue_is_vacuumed_once_much_has_left_it(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "VACUUM_AFTER", 100)
    (world,) = await servers.start(1)
    worker = await world.register("work")
    vacuumed = "select vacuum_count from pg_stat_all_tables where relname = 'live'"
    for expected in (0, 1):
        await world.trigger_all([triggers.Item("work")] * 60)
        got = await worker.fetch()
        await asyncio.gather(*(worker.complete(run) for run in got))

        await world.store.database.keep()

        async def is_counted(expected: int = expected) -> bool:
            return await servers.ask(vacuumed) == [(expected,)]

        await eventually(is_counted, "the statistics to say so")


async def test_run_put_in_front_by_one_tick_is_claimed_though_another_was_claiming(
    servers: Servers,
) -> None:
    (world,) = await servers.start(1)
    worker = await world.register("work")
    await world.trigger_all([triggers.Item("work")] * 3)
    urgent = world.trigger(priority=3_600)

    async def claim_among_much() -> list[RunInfo]:
        """So much that it is worth a transaction beside the one that is under way."""
        much = [triggers.Item("work")] * committer.WORTH_A_TICK
        got, _ = await asyncio.gather(worker.fetch(1), world.trigger_all(much))
        return got

    run_id, got = await servers.race(urgent, (world, "commit"), claim_among_much())

    assert len(got) == 1
    assert [ids.parse("run", run.id) for run in await worker.fetch(1)] == [run_id]


async def test_old_postgresql_and_one_that_is_not_there_are_refused(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hairtrigger.errors import ConfigError
    from hairtrigger.store import connecting

    with pytest.raises(ConfigError, match="Cannot open the database"):
        await servers.open("postgresql://postgres@127.0.0.1:1/none")
    monkeypatch.setattr(connecting, "OLDEST", 99)
    with pytest.raises(ConfigError, match="too old"):
        await servers.open()
    with pytest.raises(ConfigError, match="no_such"):
        await servers.open(servers.url.rpartition("/")[0] + "/no_such")
    assert asyncpg.__version__


async def test_silence_is_not_told_by_a_sweep_that_had_to_wait_as_the_renewals_had(
    servers: Servers,
) -> None:
    (world,) = await servers.start(1)
    worker = await world.register("work")
    run_id = await world.trigger()
    run = await worker.fetch_one()
    world.clock.move(LEASE_MS + 1)
    pause = Pause(world, "commit")
    triggering = asyncio.ensure_future(world.trigger())
    await pause.reached.wait()
    clock = upkeep.Clock(world.store)
    rescuing = asyncio.ensure_future(upkeep.rescue_lost(world.store, clock, lease_ms=LEASE_MS))
    await eventually(lambda: world.store.committer.pending["changes"], "the sweep to wait")

    world.clock.move(LEASE_MS // 4 + 1)
    pause.go()
    await asyncio.gather(triggering, rescuing)

    assert await world.status(run_id) == "EXECUTING"
    await world.look()  # which gives full leases
    assert await worker.complete(run) == "ok"


async def test_a_lease_is_renewed_beside_a_tick_that_takes_long(servers: Servers) -> None:
    (world,) = await servers.start(1)
    worker = await world.register("work")
    run_id = await world.trigger()
    run = await worker.fetch_one()
    pause = Pause(world, "commit")
    triggering = asyncio.ensure_future(world.trigger())
    await pause.reached.wait()
    world.clock.move(LEASE_MS - 1)

    held = await worker.hold(run, quiet=True, lease_ms=30)

    assert held.late
    assert world.rows("select lease_until from workers") == [(world.clock.now + 30,)]
    pause.go()
    await triggering
    assert not (await worker.hold(run, quiet=True)).late
    assert await world.status(run_id) == "EXECUTING"
    assert await worker.complete(run) == "ok"


async def test_a_session_that_has_ended_is_not_renewed(servers: Servers) -> None:
    (world,) = await servers.start(1)
    worker = await world.register("work")
    await servers.ask("delete from workers")

    with pytest.raises(UnknownWorker):
        await worker.hold()
