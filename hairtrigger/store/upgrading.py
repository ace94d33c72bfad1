"""Bringing the schema of a database up to date, without a server. Used by ``hairtrigger migrate``."""

from pathlib import Path

from hairtrigger.errors import ConfigError
from hairtrigger.store import places
from hairtrigger.store.places import MEMORY
from hairtrigger.store.schema import Migration


async def upgrade(url: str, *, dry: bool = False) -> list[Migration]:
    """Apply what a database lacks; answers the files that it lacked.

    A SQLite file must have no server; PostgreSQL may have any number, also of the version before.

    Args:
        dry: Only look, also beside a server.
    Raises:
        ConfigError: the database is not there, in use or newer than this program, or a file was edited after
            it had been applied.
    """
    if places.is_postgres(url):
        return await _upgrade_postgres(url, dry=dry)
    path = places.file_of(url)
    lacking = _lacks(path)
    if not dry:
        from hairtrigger.store.sqlite import SQLite

        database = SQLite(path)
        try:
            await database.open()
        finally:
            await database.close()
    return lacking


def _lacks(path: str) -> list[Migration]:
    import sqlite3

    from hairtrigger.store import schema

    if path == MEMORY or not Path(path).exists():
        raise ConfigError(
            f"There is no database at {path}. The first start of  hairtrigger server  makes it."
        )
    connection = sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)
    try:
        made = connection.execute("select 1 from sqlite_master where name = 'schema_version'")
        applied = dict(connection.execute(schema.APPLIED).fetchall()) if made.fetchone() else {}
    except sqlite3.Error as error:
        raise ConfigError(f"Cannot open the database {path} ({error}).") from error
    finally:
        connection.close()
    return schema.missing("sqlite", applied)


async def _upgrade_postgres(url: str, *, dry: bool) -> list[Migration]:
    import asyncpg

    from hairtrigger.store import connecting, schema

    try:
        connection = await connecting.connect_plainly(url, "hairtrigger migrate")
        try:
            connecting.check_version(connection)
            if dry:
                return await connecting.lacks(connection)
            applied = await connecting.migrate(connection)
        finally:
            await connection.close()
    except (*connecting.AWAY, asyncpg.PostgresError) as error:
        raise ConfigError(
            f"Cannot migrate the database {places.shown(url)} ({connecting.say(error)})."
        ) from error
    return [file for file in schema.known("postgres") if file.number in applied]
