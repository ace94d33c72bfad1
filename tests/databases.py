"""PostgreSQL databases for tests: made once, emptied for each test, looked into behind the store's back."""

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import asyncpg

from hairtrigger.store.postgres import Postgres
from tests import postgres
from tests.clock import Clock

T = TypeVar("T")
KEPT = ("schema_version", "catalog_state")
_apart = ThreadPoolExecutor(1, "tests-database")  # where no loop is running yet


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of some work on a loop of its own, also where a loop is running."""
    return _apart.submit(asyncio.run, work).result()


@contextlib.contextmanager
def made(server: str) -> Iterator[str]:
    """The URL of a fresh database on a server, with our schema; dropped afterwards."""
    name = f"hairtrigger_{secrets.token_hex(4)}"
    run(execute(server, f"create database {name}"))
    url = postgres.sibling(server, name)

    async def migrate() -> None:
        database = Postgres(url)
        await database.open()
        await database.close()

    run(migrate())
    yield url
    run(execute(server, f"drop database {name} with (force)"))


def emptied(url: str, clock: Clock | None = None) -> Postgres:
    """The database as if it had just been made, not open yet."""
    run(_empty(url))
    return Postgres(url, clock=clock)


def numbered(sql: str) -> str:
    """A query with question marks in PostgreSQL's words."""
    first, *others = sql.split("?")
    return first + "".join(f"${n}{piece}" for n, piece in enumerate(others, start=1))


def rows(url: str, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """What a query finds; question marks stand for parameters, as in SQLite."""
    text = numbered(sql)

    async def look() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url, statement_cache_size=0)
        try:
            return [tuple(row) for row in await connection.fetch(text, *params)]
        finally:
            await connection.close()

    return run(look())


async def execute(url: str, sql: str) -> None:
    """Run one statement."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _empty(url: str) -> None:
    """Deleting is a hundred times faster than making a database anew."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "select relname from pg_class c join pg_namespace n on n.oid = relnamespace "
            "where relkind in ('r', 'p') and not relispartition and nspname = current_schema()"
        )
        deletes = [f"delete from {row[0]}" for row in tables if row[0] not in KEPT]
        await connection.execute(
            "; ".join([*deletes, "update catalog_state set version = version + 1"])
        )
    finally:
        await connection.close()
