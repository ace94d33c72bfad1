"""Upkeep of a PostgreSQL database, on connections beside those that write: what may take long waits there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from hairtrigger.errors import Unavailable
from hairtrigger.store import connecting, partitions
from hairtrigger.store.execution import Execution
from hairtrigger.store.listener import Listener
from hairtrigger.store.membership import Membership
from hairtrigger.telemetry.events import emit

KEEP_S = 40.0  # that a round may take: a server's number that is not renewed is lost after a minute
VACUUM_AFTER = 20_000  # rows that left the queue
_NAME = "hairtrigger upkeep"
_VACUUM = "vacuum (skip_locked, truncate off) live, lanes"


class Keeper:
    """Keeps one server's number, the partitions and the queue."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None

    async def keep(
        self, membership: Membership, listener: Listener | None, execution: Execution, now: int
    ) -> None:
        """Renew the server's number, make partitions ahead, vacuum the queue.

        Raises:
            Unavailable: the database is away.
        """
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = self._connection = await connecting.connect_plainly(self._url, _NAME)
        try:
            async with asyncio.timeout(KEEP_S):
                if listener is not None:
                    await listener.check()
                await membership.renew(connection)
                await partitions.ensure(connection, [now])
                if execution.left >= VACUUM_AFTER:
                    execution.left = 0
                    # one server at a time: the others skip a table that is locked
                    await connection.execute(_VACUUM)
        except connecting.AWAY as error:
            connection.terminate()
            raise Unavailable(f"The database is away ({connecting.say(error)}).") from error

    async def add_partitions(self, now: int) -> None:
        """Make the partitions of an instant (ms), which a row has just missed."""
        async with self._aside() as connection:
            await partitions.ensure(connection, [now])

    async def forget(self, instant: int) -> int:
        """Drop the weeks that are over; answers the instant (ms) before which there is no week to be kept. It
        waits for whoever reads one of them, for as long as that takes."""
        async with self._aside() as connection:
            gone = await partitions.drop_before(connection, instant)
        if gone:
            emit("runs.pruned", count=gone)
        return partitions.begin_of(instant)

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*connecting.AWAY, asyncpg.PostgresError):
                await self._connection.close(timeout=2)
            self._connection = None

    @contextlib.asynccontextmanager
    async def _aside(self) -> AsyncIterator[Any]:
        connection = await connecting.connect_plainly(self._url, _NAME)
        try:
            yield connection
        finally:
            await connection.close(timeout=2)
