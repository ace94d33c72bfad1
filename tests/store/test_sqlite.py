"""The SQLite database: one server a file, schemas, durability, refusals."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hairtrigger.errors import ConfigError, Unavailable
from hairtrigger.store import schema
from hairtrigger.store.database import DataError, Steps, fetch
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store, one
from tests.clock import HOUR, Clock
from tests.engine.driving import World

LOADER = """
import asyncio, sys
from hairtrigger.engine import projects, trigger
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from msgspec import Raw

async def main():
    store = await Store(SQLite(sys.argv[1])).open()
    envs, _ = await projects.open_project(store, projects.Vault("k"), ref="proj_x", name="x", keys={})
    async def load(n):
        while True:
            made = await trigger.trigger(store, envs["prod"], [trigger.Item("t", Raw(b"1"))] * n)
            sys.stdout.write("".join(f"{one.id}\\n" for one in made))
            sys.stdout.flush()
    await asyncio.gather(*(load(n) for n in (1, 2, 30)))

asyncio.run(main())
"""


def insert(values: str) -> Steps[None]:
    yield fetch("insert_task", 1, values, None)


@pytest.mark.acceptance("S02")
def test_every_acknowledged_run_outlives_the_death_of_the_server(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "load.db", set[int]()
    for _ in range(20):
        victim = subprocess.Popen(
            [sys.executable, "-c", LOADER, path], stdout=subprocess.PIPE, text=True
        )
        assert victim.stdout is not None
        for _ in range(60):
            acknowledged.add(int(victim.stdout.readline()))
        victim.send_signal(signal.SIGKILL)
        whole, _, _ = victim.communicate()[0].rpartition("\n")
        acknowledged |= {int(line) for line in whole.splitlines()}

    with sqlite3.connect(path) as connection:
        stored = {row[0] for row in connection.execute("select id from runs")}
        live = {row[0] for row in connection.execute("select run_id from live")}
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    connection.close()
    assert len(acknowledged) >= 20 * 60
    assert acknowledged <= stored == live


async def test_second_server_on_a_file_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    path = f"{tmp_path}/one.db"
    first = await Store(SQLite(path)).open()

    with pytest.raises(ConfigError, match=r"in use by another server \(process \d+\)"):
        await Store(SQLite(path)).open()

    await first.close()
    await (await Store(SQLite(path)).open()).close()


async def test_schema_newer_than_the_program_is_refused_and_the_file_let_go(tmp_path: Path) -> None:
    path = f"{tmp_path}/new.db"
    await (await Store(SQLite(path)).open()).close()
    with sqlite3.connect(path) as connection:
        connection.execute("insert into schema_version values (9999, 'x')")
    connection.close()

    for _ in range(2):
        with pytest.raises(ConfigError, match="schema 9999"):
            await Store(SQLite(path)).open()


async def test_migration_that_was_edited_after_it_ran_is_refused(tmp_path: Path) -> None:
    path = f"{tmp_path}/edited.db"
    await (await Store(SQLite(path)).open()).close()
    with sqlite3.connect(path) as connection:
        connection.execute("update schema_version set checksum = 'x'")
    connection.close()

    with pytest.raises(ConfigError, match="changed after"):
        await Store(SQLite(path)).open()


def test_migration_that_breaks_off_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    statements = schema._statements
    monkeypatch.setattr(schema, "_statements", lambda text: [*statements(text)[:5], "nonsense"])

    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection)

    assert connection.execute("select count(*) from sqlite_master").fetchone() == (0,)
    monkeypatch.undo()
    assert schema.migrate(connection) == [file.number for file in schema.known()]
    assert schema.migrate(connection) == []
    connection.close()


async def test_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("not a database, but long enough to be taken for one" * 100)

    with pytest.raises(ConfigError, match=r"text\.db"):
        await Store(SQLite(str(path))).open()


async def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    store = await Store(SQLite(f"{tmp_path}/sub/own.db")).open()

    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "sub").iterdir()}

    assert modes["own.db"] == modes["own.db.lock"] == 0o600
    assert all(mode & 0o077 == 0 for mode in modes.values()), modes
    await store.close()


async def test_refused_value_rolls_everything_back(store: Store) -> None:
    def steps() -> Steps[None]:
        yield from insert("fine")
        yield from insert("fine")

    with pytest.raises(DataError):
        await store.database.write(lambda _: steps())

    assert await store.read(one("all_tasks")) == []


async def test_reads_see_a_snapshot_and_no_unfinished_transaction(store: Store) -> None:
    seen: list[int] = []

    def steps() -> Steps[None]:
        yield from insert("new")
        seen.append(len((yield fetch("all_tasks"))))

    await asyncio.gather(store.database.write(lambda _: steps()), store.read(one("all_tasks")))

    assert seen == [1]
    assert len(await store.read(one("all_tasks"))) == 1


async def test_database_in_memory_works_alike(clock: Clock) -> None:
    store = await Store(SQLite(":memory:", clock=clock)).open()
    world = await World.make(store, clock)
    worker = await world.register("work")
    run_id = await world.trigger()

    await worker.complete(await worker.fetch_one())

    assert await world.status(run_id) == "COMPLETED"
    await store.close()


async def test_everything_is_there_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    path = f"{tmp_path}/again.db"
    store = await Store(SQLite(path, clock=clock)).open()
    world = await World.make(store, clock)
    worker = await world.register("work")
    made = [await world.trigger(), await world.trigger(delay="1h"), await world.trigger("nowhere")]
    run = await worker.fetch_one()
    await store.close()
    clock.move(-HOUR)

    store = await Store(SQLite(path, clock=clock)).open()
    again = await World.make(store, clock)
    worker.world = again

    assert again.envs == world.envs
    assert await again.statuses(made) == ["EXECUTING", "DELAYED", "PENDING_VERSION"]
    assert await worker.complete(run) == "ok"
    assert await again.trigger() > max(made)
    await store.close()


async def test_closed_store_takes_nothing_more(tmp_path: Path, clock: Clock) -> None:
    store = await Store(SQLite(f"{tmp_path}/closed.db", clock=clock)).open()
    world = await World.make(store, clock)
    await store.close()

    with pytest.raises(Unavailable):
        await world.trigger()
