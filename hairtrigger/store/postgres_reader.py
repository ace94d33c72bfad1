"""A PostgreSQL database that is only looked at, beside the servers that share it.

It takes no server's number, makes no partition and hears nothing: one connection, on which the database
itself refuses to write.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import asyncpg

from hairtrigger.errors import ConfigError, Unavailable
from hairtrigger.store import connecting, places, schema
from hairtrigger.store.clocks import CLOCK, DatabaseClock
from hairtrigger.store.connecting import AWAY
from hairtrigger.store.database import Database, Row, Steps, Transaction
from hairtrigger.store.execution import Execution

T = TypeVar("T")
PATIENCE = "10min"  # for a statement over the whole of a large table


class PostgresReader(Database):
    """A database by its URL.

    Raises (on ``open``):
        ConfigError: it cannot be reached, or is not of this program's version.
    """

    def __init__(self, url: str, clock: Callable[[], float] | None = None) -> None:
        self.url, self._clock = url, DatabaseClock(clock)
        self._execution = Execution()
        self._connection: asyncpg.Connection | None = None
        self._turn = asyncio.Lock()

    def now(self) -> int:
        return self._clock.now()

    async def open(self) -> None:
        try:
            settings = connecting.PLANNER | {
                "application_name": "hairtrigger verify",
                "default_transaction_read_only": "on",
                "statement_timeout": PATIENCE,
            }
            self._connection = connection = await asyncpg.connect(
                self.url, timeout=5, statement_cache_size=0, server_settings=settings
            )
            await _check(connection)
            self._clock.compare(await connection.fetchval(CLOCK))
        except (*AWAY, asyncpg.PostgresError) as error:
            await self.close()
            raise ConfigError(
                f"Cannot open the database {places.shown(self.url)} ({error})."
            ) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*AWAY, asyncpg.PostgresError):
                await self._connection.close(timeout=2)
            self._connection = None

    async def write(
        self, transaction: Transaction[T], *, lanes: Callable[[], set[int]] = set
    ) -> NoReturn:
        raise Unavailable("The database was opened for reading only.")

    async def read(self, steps: Steps[T], *, quick: bool = False) -> T:
        assert self._connection is not None, "open first"
        try:
            async with self._turn, self._connection.transaction(isolation="repeatable_read"):
                rows: list[Row] = []
                try:
                    statement = next(steps)
                    while True:
                        rows = await self._execution.run(self._connection, statement)
                        statement = steps.send(rows)
                except StopIteration as stop:
                    result: T = stop.value
                    return result
        except (*AWAY, asyncpg.PostgresError) as error:
            raise Unavailable(f"The database cannot be read now ({error}).") from error


async def _check(connection: Any) -> None:
    """Refuse a database that is not of this program's version, without changing it."""
    if not await connection.fetchval("select to_regclass('schema_version') is not null"):
        raise ConfigError("This is no database of hairtrigger: it has no schema.")
    await connecting.refuse_unfinished(connection)
    applied = {row[0]: row[1] for row in await connection.fetch(schema.APPLIED)}
    if schema.missing("postgres", applied):
        raise ConfigError(schema.too_old(applied))
