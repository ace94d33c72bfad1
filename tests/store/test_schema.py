"""Migrations of PostgreSQL: while old servers run, one program at a time, wholly or not at all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from hairtrigger.errors import ConfigError
from hairtrigger.store import connecting, moving, schema
from hairtrigger.store.database import Database
from hairtrigger.store.leaving import Leaving
from hairtrigger.store.opening import reader_at
from hairtrigger.store.postgres import Postgres
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from hairtrigger.store.upgrading import upgrade
from tests import databases
from tests.store.servers import eventually

LATER = schema.known("postgres")[1:]
FOREIGN = "a foreigner"
MOMENT_S = 0.5


@pytest.fixture
def empty(postgres_server: str) -> Iterator[str]:
    """The URL of a database without a schema."""
    with databases.made(postgres_server) as url:
        databases.run(_wipe(url))
        yield url


@pytest.fixture
async def old(empty: str) -> str:
    """The URL of a database with the first schema and no other."""
    (first, *_) = schema.known("postgres")
    await databases.execute(empty, first.text)
    await databases.execute(empty, schema.REMEMBER)
    await databases.execute(
        empty, f"insert into schema_version values ({first.number}, '{first.checksum}')"
    )
    return empty


async def _wipe(url: str) -> None:
    await databases.execute(url, "drop schema public cascade; create schema public")


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url, server_settings={"application_name": FOREIGN})
    try:
        yield connection
    finally:
        await connection.close()


async def migrated(url: str) -> list[int]:
    connection = await connecting.connect(url)
    try:
        return await connecting.migrate(connection)
    finally:
        await connection.close()


async def applied(url: str) -> list[int]:
    return [row[0] for row in databases.rows(url, "select number from schema_version order by 1")]


async def test_migration_waits_for_an_open_transaction_and_lets_everybody_else_go_first(
    old: str,
) -> None:
    async with connected(old) as slow, connected(old) as other:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute("select * from queues")

        migrating = asyncio.create_task(migrated(old))
        await eventually(lambda: _waits(other), "the migration to wait for a lock")
        began = asyncio.get_running_loop().time()
        for _ in range(20):  # an old server's work: behind a lock that waits, it would wait too
            await other.execute("insert into tasks (env, name) values (1, gen_random_uuid()::text)")
            await other.fetch("select * from queues")
            await asyncio.sleep(0)
        took = asyncio.get_running_loop().time() - began
        assert not migrating.done()
        await transaction.commit()

        assert await migrating == [file.number for file in LATER]
        # at most the moments that it waited
        assert took < 4 * MOMENT_S


async def _waits(connection: Any) -> bool:
    return bool(
        await connection.fetchval(
            "select exists (select from pg_stat_activity where datname = current_database() "
            "and wait_event_type = 'Lock' and wait_event = 'relation')"
        )
    )


async def test_migration_that_never_gets_its_lock_gives_up_and_says_who_has_it(
    old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "MIGRATE_S", 0.3)

    async with connected(old) as slow, slow.transaction():
        await slow.execute("select * from queues")
        with pytest.raises(ConfigError, match=rf"process \d+ \({FOREIGN}\)"):
            await migrated(old)

    assert await applied(old) == [1]


async def test_transaction_of_an_old_server_that_began_before_a_migration_is_finished_after_it(
    old: str,
) -> None:
    async with connected(old) as server:
        prepared = await server.prepare(
            "insert into tasks (env, name) values ($1, $2) returning id"
        )
        await prepared.fetchval(1, "before")
        async with server.transaction():
            await server.execute("select pg_advisory_xact_lock_shared(4710, 1)")
            await server.execute(
                "insert into batches (id, env, created_at, updated_at, total) values (1, 1, 1, 1, 1)"
            )

            assert await migrated(old) == [file.number for file in LATER]

            await server.execute("insert into queues (env, name) values (1, 'q')")
        assert await prepared.fetchval(1, "after") == 2


async def test_servers_that_start_at_once_on_an_empty_database_share_it(empty: str) -> None:
    servers = [Postgres(empty) for _ in range(4)]

    await asyncio.gather(*(server.open() for server in servers))

    assert sorted(server.node for server in servers) == [1, 2, 3, 4]
    assert await applied(empty) == [file.number for file in schema.known("postgres")]
    for server in servers:
        await server.close()


async def test_migration_that_breaks_off_leaves_nothing(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = schema.known("postgres")
    broken = schema.Migration(files[-1].number + 1, "broken.sql", "create table late (); nonsense")
    monkeypatch.setattr(schema, "known", lambda _="postgres": [*files, broken])
    with pytest.raises(ConfigError, match="nonsense"):
        await Postgres(empty).open()

    left = databases.rows(
        empty, "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
    )

    assert left == [(0,)]
    monkeypatch.undo()
    assert await migrated(empty) == [file.number for file in files]
    assert await migrated(empty) == []


@pytest.fixture
async def file(tmp_path: Path) -> str:
    """A SQLite installation without anything in it."""
    path = f"{tmp_path}/file.db"
    await (await Store(SQLite(path)).open()).close()
    return path


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("insert into schema_version values (9999, 'x')", "schema 9999"),
        ("update schema_version set checksum = 'x' where number = 2", "0002.* was changed after"),
    ],
)
async def test_schema_that_is_newer_or_edited_is_refused_by_everybody(
    postgres_database: str, file: str, sql: str, said: str
) -> None:
    databases.emptied(postgres_database)
    with _changed(postgres_database, sql):
        ways: list[Database] = [
            Postgres(postgres_database), Postgres(postgres_database, migrate=False),
            reader_at(postgres_database),
        ]  # fmt: skip
        for database in ways:
            with pytest.raises(ConfigError, match=said):
                await database.open()
        for dry in (True, False):
            with pytest.raises(ConfigError, match=said):
                await upgrade(postgres_database, dry=dry)
        with Leaving(file) as source, pytest.raises(ConfigError, match=said):
            await moving.move(
                source, postgres_database, lease_ms=1, replace_nul=False, tell=lambda _: None
            )


@contextlib.contextmanager
def _changed(url: str, sql: str) -> Iterator[None]:
    before = databases.rows(url, "select number, checksum from schema_version")
    databases.run(databases.execute(url, sql))
    try:
        yield
    finally:
        databases.run(databases.execute(url, "delete from schema_version"))
        for row in before:
            databases.rows(url, "insert into schema_version values (?, ?)", *row)


async def test_old_schema_is_refused_by_who_may_not_change_it_and_then_not_touched(
    old: str,
) -> None:
    ways: list[Database] = [Postgres(old, migrate=False), reader_at(old)]
    for database in ways:
        with pytest.raises(ConfigError, match="Run:  hairtrigger migrate"):
            await database.open()

    assert await upgrade(old, dry=True) == LATER
    assert await applied(old) == [1]
    assert await upgrade(old) == LATER
    assert await upgrade(old) == []


async def test_empty_database_is_refused_by_who_may_not_change_it(empty: str) -> None:
    with pytest.raises(ConfigError, match="no schema yet"):
        await Postgres(empty, migrate=False).open()

    assert await upgrade(empty, dry=True) == schema.known("postgres")
    assert databases.rows(empty, "select to_regclass('schema_version')::text") == [(None,)]


async def test_file_that_may_not_be_migrated_is_not_made_either(tmp_path: Path) -> None:
    path = tmp_path / "none.db"

    with pytest.raises(ConfigError, match="none is made"):
        await SQLite(str(path), migrate=False).open()

    assert not path.exists()


def test_both_databases_have_the_same_migrations() -> None:
    names = [
        [file.name.split(".")[0] for file in schema.known(one)] for one in ("sqlite", "postgres")
    ]

    assert names[0] == names[1]


# What was applied somewhere can only be added to: an installation that has it refuses another text.
APPLIED = {
    "0001_tables.postgres.sql": "bb0fcad4263c",
    "0001_tables.sqlite.sql": "b4567896cfd1",
    "0002_limits.postgres.sql": "8890f605dbba",
    "0002_limits.sqlite.sql": "42600c69df28",
    "0003_history.postgres.sql": "98d62c1ee22e",
    "0003_history.sqlite.sql": "b0798dae2b6d",
    "0004_incarnation.postgres.sql": "3d1cdd2bf955",
    "0004_incarnation.sqlite.sql": "8bdebab2de71",
    "0005_blob_uses.postgres.sql": "f0d93b761fe0",
    "0005_blob_uses.sqlite.sql": "31be421f96ac",
    "0006_stats.postgres.sql": "e0d703720243",
    "0006_stats.sqlite.sql": "7b7b95bfd92a",
    "0007_accounts.postgres.sql": "2b46bed6d0d0",
    "0007_accounts.sqlite.sql": "e70d8b16ec75",
    "0008_dashboard.postgres.sql": "7c835f6d75ac",
    "0008_dashboard.sqlite.sql": "e0d749d2913c",
    "0009_queue_notes.postgres.sql": "54d33a36c8a4",
    "0009_queue_notes.sqlite.sql": "32a77388c4f0",
    "0010_bulk.postgres.sql": "29a46c84ee27",
    "0010_bulk.sqlite.sql": "46b83464da4e",
    "0011_views.postgres.sql": "7103a6674860",
    "0011_views.sqlite.sql": "f711732dcf5b",
    "0014_variables.postgres.sql": "5d8fec8d429e",
    "0014_variables.sqlite.sql": "fda000c81ca2",
    "0016_promotions.postgres.sql": "0d79752bd9bf",
    "0016_promotions.sqlite.sql": "89275b01e6c0",
    "0017_keys.postgres.sql": "cfa84a075656",
    "0017_keys.sqlite.sql": "bc564a9d6d39",
    "0018_plans.postgres.sql": "63f02a4a42ab",
    "0018_plans.sqlite.sql": "b1ae84849673",
    "0019_alerts.postgres.sql": "e32515f947d8",
    "0019_alerts.sqlite.sql": "38992903e484",
    "0021_begin.postgres.sql": "197151608b82",
    "0021_begin.sqlite.sql": "f3ea7e9b059d",
    "0022_archives.postgres.sql": "eef37c35b0b3",
    "0022_archives.sqlite.sql": "c8fffc2c81a3",
    "0023_alerts_of_queues.postgres.sql": "492e41aa07a9",
    "0023_alerts_of_queues.sqlite.sql": "659030d7a459",
    "0024_personal_tokens.postgres.sql": "2351c4ed577f",
    "0024_personal_tokens.sqlite.sql": "6ee3c1c8eb2d",
    "0025_branches.postgres.sql": "6810b1f9850d",
    "0025_branches.sqlite.sql": "ca45d749309f",
    "0026_audit.postgres.sql": "abdf8ae52526",
    "0026_audit.sqlite.sql": "be59c2fe16ae",
}


def test_no_migration_that_may_have_been_applied_is_edited() -> None:
    found = {
        file.name: file.checksum[:12]
        for one in ("sqlite", "postgres")
        for file in schema.known(one)
    }

    assert found == APPLIED
