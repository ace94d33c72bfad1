"""The database of a URL. PostgreSQL's driver is loaded only for one of its own."""

import asyncio
from pathlib import Path

from hairtrigger.store import places
from hairtrigger.store.database import Database
from hairtrigger.store.places import MEMORY, file_of, is_postgres


def reader_at(url: str) -> Database:
    """The database of a URL, not open yet and only to be looked at: beside its servers, without changing it,
    and only when it is of this program's version."""
    if is_postgres(url):
        from hairtrigger.store.postgres_reader import PostgresReader

        return PostgresReader(url)
    from hairtrigger.store.sqlite import SQLite

    return SQLite(file_of(url), read_only=True)


def database_at(url: str, *, pooled: bool = False, migrate: bool = True) -> Database:
    """The database of a URL, not open yet.

    Args:
        pooled: A pooler stands before PostgreSQL.
        migrate: Bring its schema up to date when it is opened; else refuse an old one.
    """
    if is_postgres(url):
        from hairtrigger.store.postgres import Postgres

        return Postgres(url, pooled=pooled, migrate=migrate)
    from hairtrigger.store.sqlite import SQLite

    return SQLite(file_of(url), migrate=migrate)


def is_new(url: str) -> bool:
    """Whether the database is yet to be made. Blocking: for the start of a program.

    Raises:
        ConfigError: it cannot be reached.
    """
    if is_postgres(url):
        from hairtrigger.store import connecting

        return asyncio.run(connecting.is_new(url))
    file = places.file_of(url)
    return file == MEMORY or not Path(file).exists()
