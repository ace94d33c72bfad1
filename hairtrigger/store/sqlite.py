"""SQLite: one file, one server process, one writer.

A transaction's statements run on the event loop's thread, its COMMIT (the only part that waits for the
disk) on another: while one tick is being synced, the next one gathers. Running the statements in a thread
of their own was measured slower, since two threads then hand the interpreter lock to and fro for every row.
"""

import asyncio
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from hairtrigger.errors import ConfigError, Unavailable
from hairtrigger.store import locking, schema, statements
from hairtrigger.store.database import (
    Conflict,
    Database,
    DataError,
    Row,
    Statement,
    Steps,
    Transaction,
)
from hairtrigger.store.statements import Statements

T = TypeVar("T")
OLDEST = (3, 37, 0)  # STRICT tables
LOG_BYTES = 16_000_000  # of the write-ahead log: wal_autocheckpoint pages
_PRAGMAS = """
pragma synchronous = full;
pragma cache_size = -16384;
pragma mmap_size = 1073741824;
pragma busy_timeout = 5000;
pragma wal_autocheckpoint = 4000;
pragma temp_store = memory;
"""


class SQLite(Database):
    """A database file, or ``:memory:`` for tests.

    Args:
        read_only: Look at a file beside the server that has it, which must be of this program's version.
        migrate: Bring its schema up to date when it is opened; else refuse an old one.
    Raises (on ``open``):
        ConfigError: another server has the file open, or this SQLite is too old.
    """

    def __init__(
        self, path: str, clock: Callable[[], float] = time.time, *, read_only: bool = False,
        migrate: bool = True,
    ) -> None:  # fmt: skip
        self.path, self._clock, self._read_only, self._migrates = path, clock, read_only, migrate
        self._queries = statements.load("sqlite")
        self._commits = ThreadPoolExecutor(1, "hairtrigger-commit")
        self._readers = ThreadPoolExecutor(2, "hairtrigger-read")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._quick: sqlite3.Connection | None = None
        self._lock: int | None = None

    def now(self) -> int:
        return int(self._clock() * 1000)

    async def open(self) -> None:
        if sqlite3.sqlite_version_info < OLDEST:
            raise ConfigError(
                f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed. "
                "Use a newer Python build."
            )
        try:
            if self._read_only:
                self._quick = self._connect()
                schema.check(self._quick)
                return
            if self.path != ":memory:":
                if not self._migrates and not _is_there(self.path):
                    raise ConfigError(f"There is no database at {self.path}, and none is made.")
                self._lock = locking.take(self.path)
            self._writer = self._connect()
            if not self._migrates and self.path != ":memory:":
                schema.check(self._writer)
            self._writer.execute("pragma journal_mode = wal").fetchone()
            schema.migrate(self._writer)
            if self.path == ":memory:":
                self._quick = self._writer
            else:
                self._quick = self._connect()
                self._grow_log()
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"Cannot open the database {self.path} ({error}).") from error

    async def close(self) -> None:
        self._commits.shutdown()
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def write(self, transaction: Transaction[T], *, lanes: Callable[[], set[int]] = set) -> T:
        connection = self._writer
        assert connection is not None, "open first"
        try:
            connection.execute("begin immediate")
            result = _run(connection, self._queries, transaction(self.now()))
            if self.path == ":memory:":
                connection.execute("commit")
            else:
                loop = asyncio.get_running_loop()
                await asyncio.shield(
                    loop.run_in_executor(self._commits, connection.execute, "commit")
                )
        except (
            sqlite3.IntegrityError,
            sqlite3.DataError,
            OverflowError,
            sqlite3.ProgrammingError,
        ) as error:
            _roll_back(connection)
            raise DataError(str(error)) from error
        except sqlite3.Error as error:
            _roll_back(connection)
            raise Unavailable(f"The database cannot be written now ({error}).") from error
        except BaseException:
            _roll_back(connection)
            raise
        return result

    async def read(self, steps: Steps[T], *, quick: bool = False) -> T:
        try:
            if quick or self.path == ":memory:":
                assert self._quick is not None, "open first"
                return _run(self._quick, self._queries, steps)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._readers, self._read, steps)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The database cannot be read now ({error}).") from error

    def _read(self, steps: Steps[T]) -> T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        connection.execute("begin")
        try:
            return _run(connection, self._queries, steps)
        finally:
            connection.execute("commit")

    def _connect(self) -> sqlite3.Connection:
        if self.path != ":memory:" and not self._read_only:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            f"{Path(self.path).absolute().as_uri()}?mode=ro" if self._read_only else self.path,
            uri=self._read_only, isolation_level=None, check_same_thread=False, cached_statements=256,
        )  # fmt: skip
        connection.executescript(_PRAGMAS)
        if sys.platform == "darwin":
            connection.execute("pragma fullfsync = on")
        self._connections.append(connection)
        return connection

    def _grow_log(self) -> None:
        """Give the write-ahead log its full size at once, by a large transaction that is rolled back.

        While the log grows, every commit writes the file system's own metadata too: 1.2 ms against 0.5 ms
        measured for a small one. This takes 30 ms.
        """
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            # pages: what does not fit goes into the log
            connection.execute("pragma cache_size = 50")
            connection.execute("begin immediate")
            connection.execute("create table padding (body blob)")
            for _ in range(LOG_BYTES // 1_000_000):
                connection.execute("insert into padding values (zeroblob(1000000))")
            connection.execute("rollback")
        finally:
            connection.close()
        log = os.open(self.path + "-wal", os.O_RDONLY)
        try:
            os.fsync(log)
        finally:
            os.close(log)


def _run(connection: sqlite3.Connection, statements: Statements, steps: Steps[T]) -> T:
    rows: list[Row] = []
    try:
        statement = next(steps)
        while True:
            rows = _execute(connection, statements, statement)
            statement = steps.send(rows)
    except StopIteration as stop:
        result: T = stop.value
        return result


def _execute(
    connection: sqlite3.Connection, statements: Statements, statement: Statement
) -> list[Row]:
    name, params = statement.name, statement.params
    text = statements.texts[name]
    if not statement.many:
        given = [_json(value) if isinstance(value, list) else value for value in params]
        rows = connection.execute(text, given).fetchall()
        if not rows and name in statements.exact:
            raise Conflict(name)
        return rows
    if statement.answers:
        return [row for one in params for row in connection.execute(text, one).fetchall()]
    if params:
        count = connection.executemany(text, params).rowcount
        if name in statements.exact and count != len(params):
            raise Conflict(
                name
            )  # one writer: what was read cannot have changed, so this is a defect
    return []


def _json(value: list[object]) -> str:
    return msgspec.json.encode(value).decode()


def _is_there(path: str) -> bool:
    return Path(path).exists()


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("rollback")
