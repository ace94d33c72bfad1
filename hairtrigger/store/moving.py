"""Moving a SQLite installation whole into PostgreSQL: every table, row by row, ids kept.

A move may be killed at any moment. What has arrived is remembered in the target, in a table of the move's
own: each chunk of rows is one transaction with its mark. As long as that table is there, no server starts on
the target. A file that has changed meanwhile is moved anew from its beginning.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg

from hairtrigger.errors import ConfigError
from hairtrigger.store import connecting, leaving, partitions, places
from hairtrigger.store.database import Row
from hairtrigger.store.leaving import Leaving, Table
from hairtrigger.store.schema import MOVE
from hairtrigger.wire import ids

_SOURCE = "source"  # the mark of the file itself; no table of ours is called that


@dataclass(frozen=True, slots=True)
class Step:
    """``fresh`` rows more are in the target: ``rows`` of ``of`` of a table by now. The first step of a table
    tells what a move that broke off has left there."""

    table: str
    fresh: int
    rows: int
    of: int

    @property
    def is_end(self) -> bool:
        """Whether the table is there."""
        return self.rows == self.of


Tell = Callable[[Step], None]


async def move(
    source: Leaving, url: str, *, lease_ms: int, replace_nul: bool, tell: Tell
) -> dict[str, int]:
    """Move everything; answers the rows of each table.

    Args:
        source: The file, entered.
        url: An empty PostgreSQL database, or one that a move of the same file has not finished.
        lease_ms: The lease that every worker session gets from the end of the move.
        replace_nul: Put U+FFFD in the place of NUL characters, which PostgreSQL cannot hold.
        tell: Called after every chunk, and for every table that is there already.
    Raises:
        ConfigError: the target has rows of its own or a server, or cannot be reached. What has arrived stays.
    """
    try:
        connection = await connecting.connect_plainly(url, "hairtrigger migrate")
        try:
            connecting.check_version(connection)
            target = _Target(connection, source, replace_nul)
            await target.check_free()
            await connecting.migrate(connection, moving=True)
            await target.begin()
            rows = {table.name: await target.take(table, tell) for table in source.tables}
            await target.finish(lease_ms)
        finally:
            await connection.close()
    except (*connecting.AWAY, asyncpg.PostgresError) as error:
        raise ConfigError(
            f"The move to {places.shown(url)} broke off ({connecting.say(error)}). "
            "Run the same command again: it goes on where it was."
        ) from error
    return rows


class _Target:
    """The database that is moved into."""

    def __init__(self, connection: Any, source: Leaving, replace_nul: bool) -> None:
        self._connection, self._source, self._replace_nul = connection, source, replace_nul
        self._weeks: set[int] = set()

    async def check_free(self) -> None:
        """Refuse an installation before anything of it is touched, its schema too."""
        made, moving = await self._connection.fetchrow(_MADE)
        if made and not moving:
            await self._check_empty(["projects"])

    async def begin(self) -> None:
        """Claim an empty database, or go on with a move that broke off."""
        connection, fingerprint = self._connection, self._source.fingerprint()
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(4710, 2)")
            if not await connection.fetchval("select to_regclass($1) is not null", MOVE):
                await self._check_empty([table.name for table in self._source.tables])
                await connection.execute(
                    f"create table {MOVE} (part text primary key, past text, arrived bigint not null)"
                )
            elif await connection.fetchval(_PAST, _SOURCE) == fingerprint:
                return
            else:
                names = [table.name for table in self._source.tables]
                await connection.execute(f"truncate {', '.join([*names, MOVE])}")
            await connection.execute(_MARK, _SOURCE, fingerprint)
            for table in self._source.tables:
                await connection.execute(_MARK, table.name, None)

    async def _check_empty(self, tables: list[str]) -> None:
        if await self._connection.fetchval(_SERVERS):
            raise ConfigError(
                "A server runs on the target, or ended less than a minute ago without saying so. "
                "Stop it, and give an empty database."
            )
        for table in tables:
            if await self._connection.fetchval(f"select exists (select from {table})"):  # noqa: S608
                raise ConfigError(
                    f"The target is not empty: its table {table} has rows. "
                    "A move needs a database of its own: make a new one, or drop this one and make it again."
                )

    async def take(self, table: Table, tell: Tell) -> int:
        """Copy the rows of a table that are not there yet; answers how many it has."""
        row = await self._connection.fetchrow(_ARRIVED, table.name)
        past, arrived, total = row[0], int(row[1]), self._source.count(table)
        tell(Step(table.name, arrived, arrived, total))
        chunks = self._source.chunks(table, None if past is None else json.loads(past))
        # the next one is read while PostgreSQL is busy with this one
        reading = asyncio.create_task(asyncio.to_thread(_next, chunks))
        try:
            while chunk := await reading:
                reading = asyncio.create_task(asyncio.to_thread(_next, chunks))
                past = await self._put(table, chunk, past)
                arrived += len(chunk)
                tell(Step(table.name, len(chunk), arrived, total))
        finally:
            await asyncio.wait([reading])  # it uses the source, which the caller is about to close
        return arrived

    async def _put(self, table: Table, chunk: list[Row], past: str | None) -> str:
        """One chunk and its mark; answers the mark."""
        columns = table.columns
        mark = json.dumps([chunk[-1][columns.index(one)] for one in table.key])
        if self._replace_nul:
            chunk = leaving.without_nuls(table, chunk)
        if table.name in partitions.TABLES:
            place = columns.index("id" if table.name == "runs" else "run_id")
            await self._make_room([row[place] for row in chunk])
        async with self._connection.transaction():
            await self._connection.copy_records_to_table(table.name, records=chunk, columns=columns)
            if not await self._connection.fetchval(_ADVANCE, table.name, mark, len(chunk), past):
                raise ConfigError("Another move into this database was begun meanwhile.")
        return mark

    async def _make_room(self, run_ids: list[int]) -> None:
        """Make the partitions that these runs need."""
        instants = {partitions.week_of(one): one for one in map(ids.created_at, run_ids)}
        if instants.keys() - self._weeks:
            await partitions.ensure(self._connection, list(instants.values()))
            self._weeks |= instants.keys()

    async def finish(self, lease_ms: int) -> None:
        """Compare both sides, let new ids go on beyond the old ones, and open the target to servers."""
        connection = self._connection
        await self._compare()
        await connection.execute("analyze")
        async with connection.transaction():
            for table, column in await connection.fetch(_IDENTITIES):
                await connection.execute(
                    f"select setval(pg_get_serial_sequence('{table}', '{column}'), "  # noqa: S608
                    f"(select coalesce(max({column}), 0) + 1 from {table}), false)"
                )
            await connection.execute(_LEASES, lease_ms)
            await connection.execute("update catalog_state set version = version + 1")
            await connection.execute(f"drop table {MOVE}")

    async def _compare(self) -> None:
        for table in self._source.tables:
            ours = [int(figure or 0) for figure in self._source.figures(table)]
            row = await self._connection.fetchrow(leaving.sums(table))
            theirs = [int(figure or 0) for figure in row]
            if ours != theirs:
                raise ConfigError(
                    f"Table {table.name} differs: {ours[0]} rows in the file, {theirs[0]} in the target, "
                    "or their ids do. Drop the target, make it again, and move anew."
                )


def _next(chunks: Iterator[list[Row]]) -> list[Row]:
    return next(chunks, [])


_MADE = f"select to_regclass('projects') is not null, to_regclass('{MOVE}') is not null"
_PAST = f"select past from {MOVE} where part = $1"  # noqa: S608
_ARRIVED = f"select past, arrived from {MOVE} where part = $1"  # noqa: S608
_MARK = f"insert into {MOVE} values ($1, $2, 0)"  # noqa: S608
_ADVANCE = (
    f"update {MOVE} set past = $2, arrived = arrived + $3 "  # noqa: S608
    "where part = $1 and past is not distinct from $4 returning true"
)
_NOW = "(extract(epoch from clock_timestamp()) * 1000)::bigint"
_SERVERS = f"select exists (select from nodes where lease_until >= {_NOW})"  # noqa: S608
_LEASES = f"update workers set lease_until = {_NOW} + $1"  # noqa: S608
_IDENTITIES = (
    "select table_name, column_name from information_schema.columns "
    "where table_schema = current_schema() and is_identity = 'YES'"
)
