"""A SQLite installation that is read from end to end, to be moved elsewhere; used by ``moving``.

It is only read: the file stays as it is. The lock of its server is held meanwhile, so that nothing changes.
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from hairtrigger.errors import ConfigError
from hairtrigger.store import locking, schema
from hairtrigger.store.database import Row
from hairtrigger.wire import ids

CHUNK_ROWS = 10_000
CHUNK_BYTES = 8_000_000  # of texts and bytes; a single row may have more
NUL, REPLACEMENT = "\0", "\ufffd"
_RUN = ("run_id", "id")  # what the column with a run's number is called
_RUNS = "runs"


class Table(NamedTuple):
    """A table of the installation: its columns, those of its primary key, and those that hold texts."""

    name: str
    columns: list[str]
    key: list[str]
    numbers: list[str]
    """Those of the key that hold numbers."""
    texts: list[str]


class Nul(NamedTuple):
    """A row that PostgreSQL cannot hold, because a text of it contains a NUL character."""

    table: str
    column: str
    shown: str
    """The run's public id where there is a run, else the row's key."""


class Leaving:
    """A SQLite file with its lock. Use it as a context manager.

    Raises (on entering):
        ConfigError: the file is not there, in use by a server, or not of this program's version.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        if not Path(self.path).is_file():
            raise ConfigError(f"There is no SQLite database at {self.path}.")
        self._lock = locking.take(self.path)
        try:
            self._connection = sqlite3.connect(
                f"{Path(self.path).absolute().as_uri()}?mode=ro", uri=True,
                isolation_level=None, check_same_thread=False,
            )  # fmt: skip
            schema.check(self._connection)
            self._connection.execute("begin")  # one snapshot, whatever others do with the file
            self.tables = self._read_tables()
        except BaseException as error:
            self._let_go()
            if isinstance(error, sqlite3.Error):
                raise ConfigError(f"Cannot read the database {self.path} ({error}).") from error
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._let_go()

    def fingerprint(self) -> str:
        """Another one after anybody has changed the file: a server touches it as soon as it starts."""
        file, log = Path(self.path).resolve(), Path(f"{self.path}-wal")
        size = log.stat().st_size if log.exists() else 0
        facts = [file.stat().st_size, file.stat().st_mtime_ns, size]
        return f"{file} {facts + ([log.stat().st_mtime_ns] if size else [])}"

    def count(self, table: Table) -> int:
        """How many rows a table has."""
        found: int = self._fetch(f"select count(*) from {table.name}")[0][0]  # noqa: S608
        return found

    def figures(self, table: Table) -> Row:
        """A table's rows counted, and what the numbers of its keys add up to."""
        return self._fetch(sums(table))[0]

    def nuls(self) -> list[Nul]:
        """Every text that contains a NUL character."""
        return [nul for table in self.tables for nul in self._nuls(table)]

    def chunks(self, table: Table, past: list[Any] | None) -> Iterator[list[Row]]:
        """The rows of a table by its primary key, those beyond ``past``, some at a time."""
        key = ", ".join(table.key)
        beyond = f"where ({key}) > ({', '.join('?' * len(table.key))})" if past else ""
        cursor = self._opened().execute(
            f"select {_names(table)} from {table.name} {beyond} order by {key}",  # noqa: S608
            past or [],
        )
        weighty = [
            ix for ix, one in enumerate(table.columns) if one in table.texts or one == "body"
        ]
        chunk: list[Row] = []
        size = 0
        for row in cursor:
            chunk.append(row)
            for ix in weighty:
                size += len(row[ix] or "")
            if len(chunk) >= CHUNK_ROWS or size >= CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _nuls(self, table: Table) -> Iterator[Nul]:
        if not table.texts:
            return
        tests = [f'instr("{one}", char(0)) > 0' for one in table.texts]
        found = self._fetch(
            f"select {', '.join([*table.key, *_number_of_run(table), *tests])} "  # noqa: S608
            f"from {table.name} where {' or '.join(tests)}"
        )
        for row in found:
            hits = row[-len(tests) :]
            column = next(one for one, hit in zip(table.texts, hits, strict=True) if hit)
            if _number_of_run(table):
                shown = ids.public("run", row[len(table.key)])
            else:
                shown = ", ".join(repr(part) for part in row[: len(table.key)])
            yield Nul(table.name, column, shown)

    def _read_tables(self) -> list[Table]:
        names = self._fetch(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' "
            "and name <> 'schema_version' order by name"
        )
        return [self._read_table(row[0]) for row in names]

    def _read_table(self, name: str) -> Table:
        rows = self._fetch("select name, type, pk from pragma_table_info(?) order by cid", name)
        keys = [row for row in sorted(rows, key=lambda row: int(row[2])) if row[2]]
        return Table(
            name,
            [row[0] for row in rows],
            [row[0] for row in keys],
            [row[0] for row in keys if row[1].upper() == "INTEGER"],
            [row[0] for row in rows if row[1].upper() == "TEXT"],
        )

    def _fetch(self, sql: str, *params: Any) -> list[Row]:
        return self._opened().execute(sql, params).fetchall()

    def _opened(self) -> sqlite3.Connection:
        assert self._connection is not None, "enter first"
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sums(table: Table) -> str:
    """A query for a table's figures, for both databases. The halves of a number are summed apart: the sum of
    whole ones is beyond 64 bits."""
    wide = [
        f"cast({one} as bigint)" for one in table.numbers
    ]  # a narrow one cannot be shifted by 32
    halves = [f"sum({one} >> 32), sum({one} & 4294967295)" for one in wide]
    return f"select {', '.join(['count(*)', *halves])} from {table.name}"  # noqa: S608


def without_nuls(table: Table, rows: list[Row]) -> list[Row]:
    """The rows with U+FFFD in the place of NUL characters."""
    texts = [ix for ix, one in enumerate(table.columns) if one in table.texts]
    changed = []
    for row in rows:
        cells = list(row)
        for ix in texts:
            if cells[ix] is not None:
                cells[ix] = cells[ix].replace(NUL, REPLACEMENT)
        changed.append(tuple(cells))
    return changed


def _names(table: Table) -> str:
    return ", ".join(f'"{one}"' for one in table.columns)


def _number_of_run(table: Table) -> list[str]:
    """The column with a run's number, if there is one."""
    wanted = _RUN if table.name == _RUNS else _RUN[:1]
    return [one for one in wanted if one in table.columns][:1]
