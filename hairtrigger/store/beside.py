"""What runs on PostgreSQL beside the transactions that write: reads, and single statements that may be repeated."""

import contextlib
import time
from typing import Any, TypeVar

import asyncpg

from hairtrigger.errors import Unavailable
from hairtrigger.store import connecting, reaching
from hairtrigger.store.connecting import AWAY, say
from hairtrigger.store.database import Row, Statement, Steps
from hairtrigger.store.execution import Execution

T = TypeVar("T")
How = dict[str, Any] | None  # the transaction around the statements; None: each is its own
READERS = 4
PLAIN: How = None
SNAPSHOT: How = {"isolation": "repeatable_read", "readonly": True}
WRITING: How = {}


class Beside:
    """A few connections, opened when they are needed."""

    def __init__(self, url: str, execution: Execution) -> None:
        self._url, self._execution = url, execution
        self._pool: asyncpg.Pool | None = None

    async def open(self, *, pooled: bool) -> None:
        self._pool = await asyncpg.create_pool(
            self._url, min_size=0, max_size=READERS, reset=_no_reset,
            **connecting.words(pooled=pooled),
        )  # fmt: skip

    def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def run(self, steps: Steps[T], how: How, deadline: float) -> T:
        """The result of some steps, all in one transaction of a kind, or each in its own.

        Raises:
            Unavailable: the database cannot be reached until the deadline (monotonic seconds).
        """
        assert self._pool is not None, "open first"
        try:
            first = next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result
        tried, rows = 0, None
        while True:
            tried += 1
            try:
                async with self._pool.acquire(timeout=reaching.left_s(deadline)) as connection:
                    with reaching.watched(connection, self._url):
                        async with _transaction(connection, how):
                            rows = await self._execution.run(connection, first)
                            return await self._go_on(connection, steps, rows)
            except AWAY as error:  # perhaps it had ended long ago, and a new one does
                if tried > READERS or rows is not None or time.monotonic() > deadline:
                    raise Unavailable(f"The database is away ({say(error)}).") from error
            except asyncpg.PostgresError as error:
                raise Unavailable(f"The database cannot be used now ({error}).") from error

    async def _go_on(self, connection: Any, steps: Steps[T], rows: list[Row]) -> T:
        try:
            while True:
                statement = steps.send(rows)
                rows = await self._execution.run(connection, statement)
        except StopIteration as stop:
            result: T = stop.value
            return result


def only(statement: Statement) -> Steps[list[Row]]:
    """The steps that are one statement."""
    return (yield statement)


def _transaction(connection: Any, how: How) -> contextlib.AbstractAsyncContextManager[Any]:
    if how is None:
        return contextlib.nullcontext()
    transaction: contextlib.AbstractAsyncContextManager[Any] = connection.transaction(**how)
    return transaction


async def _no_reset(_: Any) -> None:
    """They change nothing in their sessions."""
