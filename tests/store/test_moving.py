"""Moving a SQLite installation into PostgreSQL: all of it, after any interruption, and life goes on there."""

import hashlib
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hairtrigger.engine import runs, schedules, stats
from hairtrigger.engine.verify import verify_history
from hairtrigger.errors import ConfigError
from hairtrigger.store import leaving, moving, schema
from hairtrigger.store.leaving import Leaving
from hairtrigger.store.moving import Step
from hairtrigger.store.opening import reader_at
from hairtrigger.store.postgres import Postgres
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from hairtrigger.wire import ids
from hairtrigger.wire.options import ScheduleBody
from hairtrigger.wire.worker import Event, RunInfo
from tests import databases
from tests.clock import DAY, HOUR, Clock
from tests.engine import histories
from tests.engine.driving import LEASE_MS, Worker, World, manifest

MOVER = """
import asyncio, sys
from hairtrigger.store import leaving, moving
leaving.CHUNK_ROWS = 2
begun = set()

def tell(step):
    if step.table in begun:
        print(step.table, flush=True)
        sys.stdin.readline()
    begun.add(step.table)

with leaving.Leaving(sys.argv[1]) as source:
    asyncio.run(moving.move(source, sys.argv[2], lease_ms=30_000, replace_nul=False, tell=tell))
"""
LEASE = "lease_until"  # the one thing that a move gives anew


@pytest.fixture
def target(postgres_server: str) -> Iterator[str]:
    """The URL of a database of the test's own."""
    with databases.made(postgres_server) as url:
        yield url


@pytest.fixture
def path(tmp_path: Path) -> str:
    return f"{tmp_path}/old.db"


async def opened(path: str, clock: Clock) -> World:
    return await World.make(await Store(SQLite(path, clock=clock)).open(), clock)


async def lived(path: str, clock: Clock) -> World:
    """An installation that has seen much, with something in every table."""
    world = await opened(path, clock)
    await histories.Life(world, 1).live(120)
    clock.move(9 * DAY)  # history in more than one week
    await world.look()
    worker = await world.register(*histories.TASKS)
    run_id = await world.trigger(
        tags=["ü"], metadata={"n": 1}, debounce={"key": "d", "delay": "10m"}
    )
    await runs.add_tags(world.store, world.env, run_id, ["late"])
    await world.outcome(request_key="asked", idempotencyKey="kept", delay="2h")
    held = await worker.fetch(3)
    line = Event(held[0].id, held[0].lease, 1, 1, "info", "line")
    await worker.report(events=[line])
    await world.store.put_blob(world.env.id, "large", "application/json", bytes(range(256)) * 40)
    await world.pause("keyed")
    while await stats.roll_up(world.store) == 0:
        continue
    await worker.complete(held[1])
    for sql in (
        "insert into waitpoints (id, env, kind) values (7, 1, 0)",
        "insert into waits (waitpoint, run_id) values (7, 8)",
        "insert into blob_uses (run_id, env, name) values (7, 1, 'large')",
        "insert into slots (owner, running, tokens, tokens_at) values (99, 2, 5, 7)",
        (
            "insert into bulk_actions (id, env, action, name, chosen, created_at, created_by, begins_at) "
            "values (7, 1, 'cancel', 'all', '{}', 1, 'ann', 2)"
        ),
        "insert into bulk_runs (action, run_id) values (7, 8)",
        "insert into users (id, email, name, role, created_at) values (7, 'a@b.c', 'ü', 'admin', 8)",
        "insert into templates values (7, 1, 1, 'ü', '{}', '{}', 8)",
        "insert into views values (7, 1, 0, 'ü', 'status=FAILED', 8)",
        "insert into variables values (1, 'ü', 'sealed', 0, 8)",
        "insert into archives values (1, 'ü', x'00ff', 8)",
        "insert into organizations values (1, 'ü', 'unlimited', 8, 9, 1, 10, 0)",
        (
            "insert into alerts values "
            "(7, 1, 'ü', 'run.failed', null, 'email', 'a@b.c', 'sealed', 1, 8, 9)"
        ),
        (
            "insert into alert_deliveries values "
            "(7, 7, 1, 'ü', 2, 3, 8, 9, 7, 'f', 't', 'm', 9, 9, 1, null, 10)"
        ),
        "insert into logins values ('00ff', 7, 8, 9, 8, 'Firefox', '::1')",
        "insert into personal_tokens values (7, 7, 'ü', '00ff', 'abcd', 8, null, 9)",
        "insert into audit values (7, 8, null, 'ü', 'a', 'b', 'c', '::1')",
        "insert into authorizations values ('00ff', 8, 9, 'ü', 'curl', '::1', null)",
    ):
        await world.write(sql)
    return world


async def moved(path: str, url: str, *, replace_nul: bool = False) -> list[Step]:
    told: list[Step] = []
    with Leaving(path) as source:
        await moving.move(
            source, url, lease_ms=LEASE_MS, replace_nul=replace_nul, tell=told.append
        )  # fmt: skip
    return told


def both(path: str, url: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Every row of every table, there and here, but for the leases of sessions."""
    ours, theirs = {}, {}
    with Leaving(path) as source:
        for table in source.tables:
            shown = [name for name in table.columns if (table.name, name) != ("workers", LEASE)]
            found = [tuple(row) for chunk in source.chunks(table, None) for row in chunk]
            cut = [table.columns.index(name) for name in shown]
            ours[table.name] = sorted(repr(tuple(row[ix] for ix in cut)) for row in found)
            names = ", ".join(f'"{name}"' for name in shown)
            theirs[table.name] = sorted(
                map(repr, databases.rows(url, f"select {names} from {table.name}"))
            )
    return ours, theirs


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


async def test_every_row_of_every_table_arrives_and_the_file_is_as_it_was(
    path: str, clock: Clock, target: str
) -> None:
    world = await lived(path, clock)
    await world.store.close()
    before = digest(path)

    told = await moved(path, target)

    ours, theirs = both(path, target)
    assert ours == theirs
    assert [name for name, rows in ours.items() if not rows] == []
    assert digest(path) == before
    assert {step.table: step.rows for step in told if step.is_end} == {
        name: len(rows) for name, rows in ours.items()
    }
    weeks = databases.rows(target, "select distinct tableoid from runs")
    assert len(weeks) > 1


async def test_sessions_get_a_full_lease_from_the_end_of_the_move(
    path: str, clock: Clock, target: str
) -> None:
    world = await opened(path, clock)
    await world.register("work")
    await world.store.close()

    await moved(path, target)

    left = databases.rows(
        target,
        "select lease_until - extract(epoch from clock_timestamp()) * 1000 from workers",
    )
    assert [LEASE_MS - 10_000 < row[0] <= LEASE_MS for row in left] == [True]


async def gone_over(path: str, clock: Clock, target: str) -> tuple[World, Worker, list[RunInfo]]:
    """A moved installation with what a worker holds, and that worker."""
    old = await opened(path, clock)
    narrow = manifest("narrow", queue="narrow", limit=1)
    worker = await old.register("work", narrow, manifest("tick", cron="0 9 * * *"))
    await old.trigger()
    await old.trigger("narrow")
    held = await worker.fetch(2)
    await old.trigger("narrow")
    await old.trigger(delay="1h")
    await old.trigger(idempotencyKey="kept", delay="2h")
    body = ScheduleBody(task="tick", cron="0 10 * * *", deduplication_key="mine")
    await schedules.create(old.store, old.env, body)
    await old.store.close()
    await moved(path, target)
    store = await Store(Postgres(target, clock=clock)).open()
    world = await World.make(store, clock)
    worker.world = world
    assert world.envs == old.envs
    return world, worker, held


async def test_engine_goes_on_with_what_was_moved(path: str, clock: Clock, target: str) -> None:
    world, worker, held = await gone_over(path, clock, target)
    newest = world.rows("select max(id) from runs")[0][0]

    assert [await worker.complete(run) for run in held] == ["ok", "ok"]
    assert [run.task for run in await worker.fetch()] == ["narrow"]  # its lane is free again
    again = await world.outcome(idempotencyKey="kept", delay="2h")
    fresh = await world.trigger("never-seen", queue={"name": "new"})
    await world.let_pass(HOUR + 1)
    due = await worker.fetch()
    await world.let_pass(DAY)
    fired = world.rows("select schedule from runs where schedule is not null")

    assert again.cached
    assert fresh > newest
    assert [run.task for run in due] == ["work"]
    assert len(set(fired)) == 2
    for table in ("tasks", "queues"):
        ours = [row[0] for row in world.rows(f"select id from {table} order by id")]
        assert len(set(ours)) == len(ours)
    await world.store.close()


async def test_life_goes_on_and_verifies(path: str, clock: Clock, target: str) -> None:
    old = await opened(path, clock)
    life = histories.Life(old, 3)
    await life.live(80)
    await old.store.close()
    await moved(path, target)
    world = await World.make(await Store(Postgres(target, clock=clock)).open(), clock)

    life.world = world
    for worker in life.workers:
        worker.world = world
    await life.live(80)
    clock.move(1_000)
    findings = await verify_history(world.store.database, since_ms=None, retention_ms=0)

    assert [one.check.name for one in findings if not one.holds] == []
    await world.store.close()


async def test_move_that_is_killed_goes_on_where_it_was(
    path: str, clock: Clock, target: str
) -> None:
    world = await lived(path, clock)
    await world.store.close()

    for chunks in (1, 3, 15, 60):
        killed(path, target, chunks)
        with pytest.raises(ConfigError, match="has not finished"):
            await Postgres(target).open()
        with pytest.raises(ConfigError, match="has not finished"):
            await reader_at(target).open()
    told = await moved(path, target)

    ours, theirs = both(path, target)
    assert ours == theirs
    firsts = [next(step for step in told if step.table == name) for name in ours]
    assert sum(step.fresh for step in firsts) >= 79  # what the killed ones had brought
    server = Postgres(target)
    await server.open()
    await server.close()


def killed(path: str, url: str, chunks: int) -> None:
    """Move so many chunks of at most two rows, and die in the next one."""
    victim = subprocess.Popen(
        [sys.executable, "-c", MOVER, path, url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert victim.stdin is not None
    assert victim.stdout is not None
    for _ in range(chunks):
        assert victim.stdout.readline(), "it has ended"
        victim.stdin.write("\n")
        victim.stdin.flush()
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL


async def test_file_that_changed_after_a_move_broke_off_is_moved_anew(
    path: str, clock: Clock, target: str
) -> None:
    world = await lived(path, clock)
    await world.store.close()
    killed(path, target, 30)
    world = await opened(path, clock)
    await world.trigger()
    await world.store.close()

    told = await moved(path, target)

    ours, theirs = both(path, target)
    assert ours == theirs
    assert all(step.fresh == 0 for step in told if step.rows == 0)
    assert {step.table: step.fresh for step in reversed(told)} == dict.fromkeys(ours, 0)


async def test_two_moves_at_once_into_one_database_do_not_mix(
    tmp_path: Path, clock: Clock, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = f"{tmp_path}/one.db", f"{tmp_path}/other.db"
    for path in (one, other):
        world = await opened(path, clock)
        for _ in range(30):
            await world.trigger()
        await world.store.close()
    monkeypatch.setattr(leaving, "CHUNK_ROWS", 5)

    def tell(step: Step) -> None:
        if step.table == "runs" and step.rows == 10:
            databases.run(moved(other, target))

    with Leaving(one) as source, pytest.raises(ConfigError, match=r"broke off|Another move"):
        await moving.move(source, target, lease_ms=1, replace_nul=False, tell=tell)

    ours, theirs = both(other, target)
    assert ours == theirs


async def test_target_with_rows_of_its_own_is_refused_and_left_alone(
    path: str, clock: Clock, target: str
) -> None:
    world = await opened(path, clock)
    await world.store.close()
    theirs = await World.make(await Store(Postgres(target)).open(), clock)
    await theirs.store.close()
    newest = schema.known()[-1].number
    databases.rows(target, "delete from schema_version where number = ?", newest)

    with pytest.raises(ConfigError, match="not empty: its table"):
        await moved(path, target)

    numbers = databases.rows(target, "select number from schema_version")
    assert (newest,) not in numbers  # it was not migrated either
    assert len(databases.rows(target, "select id from envs")) == 2


async def test_target_with_a_server_is_refused(path: str, clock: Clock, target: str) -> None:
    world = await opened(path, clock)
    await world.store.close()
    server = Postgres(target)
    await server.open()

    with pytest.raises(ConfigError, match="A server runs on the target"):
        await moved(path, target)

    await server.close()


async def test_file_of_a_running_server_is_refused_and_none_starts_while_it_is_moved(
    path: str, clock: Clock, target: str
) -> None:
    world = await opened(path, clock)
    with pytest.raises(ConfigError, match="in use by another server"):
        await moved(path, target)
    await world.store.close()

    with Leaving(path), pytest.raises(ConfigError, match="in use by another server"):
        await SQLite(path).open()


async def test_file_of_an_older_version_is_refused_with_the_command_to_run(
    path: str, clock: Clock, target: str
) -> None:
    world = await opened(path, clock)
    await world.store.close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "delete from schema_version where number = ?", (schema.known()[-1].number,)
        )
    connection.close()

    with pytest.raises(ConfigError, match="Run:  hairtrigger migrate"):
        await moved(path, target)


async def test_nul_characters_are_found_by_run_and_replaced_when_asked(
    path: str, clock: Clock, target: str
) -> None:
    world = await opened(path, clock)
    tagged = await world.trigger(tags=["a\0b"])
    keyed = await world.trigger(idempotencyKey="k\0")
    text = await world.trigger(payload="a\0", payloadType="text/plain")
    plain = await world.trigger(payload={"fine": "\0 in JSON"})
    await world.store.close()

    with Leaving(path) as source:
        found = {(nul.table, nul.shown) for nul in source.nuls()}
    with pytest.raises(ConfigError, match="broke off"):
        await moved(path, target)
    await moved(path, target, replace_nul=True)

    assert found == {
        ("run_tags", ids.public("run", tagged)),
        ("idempotency", ids.public("run", keyed)),
        ("runs", ids.public("run", text)),
    }
    assert databases.rows(target, "select count(*) from runs where id = ?", plain) == [(1,)]
    tags = databases.rows(target, "select tag from run_tags")
    keys = databases.rows(target, "select key from idempotency")
    assert ("a\ufffdb",) in tags
    assert keys == [("k\ufffd",)]


async def test_one_table_has_the_same_columns_in_both_databases(
    path: str, clock: Clock, target: str
) -> None:
    world = await opened(path, clock)
    await world.store.close()
    with Leaving(path) as source:
        ours = {table.name: set(table.columns) for table in source.tables}

    theirs: dict[str, set[str]] = {name: set() for name in ours}
    for table, column in databases.rows(
        target,
        "select table_name, column_name from information_schema.columns "
        "where table_schema = current_schema() and is_generated = 'NEVER'",
    ):
        theirs.get(table, set()).add(column)
    assert ours == theirs
