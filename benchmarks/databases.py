"""Where a system keeps its runs: a file, a database of PostgreSQL or a Redis, fresh for every sample.

All three lie beside the benchmarks, on the disk of the checkout. PostgreSQL runs once for the whole
session, with the same settings for every system; Redis and the file begin anew each time.
"""

import asyncio
import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import asyncpg
import psutil

from benchmarks.processes import Processes
from tests import postgres

Kind = Literal["sqlite", "postgres"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgres")
# Durable, and as PostgreSQL comes but for the room it may use.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
    "autovacuum_naptime": "1min",
    "deadlock_timeout": "1s",
}
READY_S = 20.0


@dataclass(frozen=True, slots=True)
class Sqlite:
    """A file that the system under test opens itself."""

    @contextlib.contextmanager
    def fresh(self, directory: Path, processes: Processes) -> Iterator[str]:
        """The path of a file that does not exist yet."""
        yield str(directory / "bench.db")


@dataclass(frozen=True, slots=True)
class Postgres:
    """One PostgreSQL server that is up."""

    cluster: postgres.Cluster

    @contextlib.contextmanager
    def fresh(self, directory: Path, processes: Processes) -> Iterator[str]:
        """The URL of a new database, dropped afterwards. What earlier samples left to be written is
        written first, so that nobody pays for it."""
        name = f"bench_{secrets.token_hex(4)}"
        admin = self.cluster.url()
        execute(admin, f"create database {name}", "checkpoint")
        processes.watch("database", psutil.Process(self.cluster.pid))
        try:
            yield self.cluster.url(name)
        finally:
            with contextlib.suppress(OSError, asyncpg.PostgresError):  # it was told to stop as well
                execute(admin, f"drop database {name} with (force)")

    def line(self) -> str:
        """Its version and the settings that the benchmark chose."""
        version = fetch(self.cluster.url(), "show server_version")[0][0]
        chosen = (f"{name} {self._setting(name)}" for name in SETTINGS)
        return f"PostgreSQL {version}: {', '.join(chosen)}"

    def _setting(self, name: str) -> str:
        return str(fetch(self.cluster.url(), f"show {name}")[0][0])


@dataclass(frozen=True, slots=True)
class Redis:
    """A Redis as it comes from its makers, started for one sample."""

    program: str

    @contextlib.contextmanager
    def fresh(self, directory: Path, processes: Processes) -> Iterator[str]:
        """The URL of an empty Redis. Whoever ends the processes ends it."""
        port = free_port()
        words = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory))
        processes.start("database", [self.program, *words], directory)
        _until_answers(port)
        yield f"redis://127.0.0.1:{port}/0"

    def line(self) -> str:
        """Its version and how durable it is, which is its default."""
        words = [self.program, "--version"]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        version = said.partition("v=")[2].partition(" ")[0]
        return (
            f"Redis {version}: its defaults, appendonly no, save 3600 1 300 100 60 10000 "
            "(when the machine stops, what came after the last snapshot is lost)"
        )


Database = Sqlite | Postgres | Redis


@contextlib.contextmanager
def started_postgres(parent: Path) -> Iterator[Postgres]:
    """A durable PostgreSQL with its files in `parent`."""
    with postgres.started(SETTINGS, parent=parent) as cluster:
        yield Postgres(cluster)


def find_redis() -> Redis | None:
    """The system's Redis; None, and a word about it, when there is none."""
    program = shutil.which("redis-server")
    if program is None:
        print("No redis-server on PATH: the peers that need one are left out.", file=sys.stderr)
        return None
    return Redis(program)


def execute(url: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""

    async def run(connection: "asyncpg.Connection[Any]") -> None:
        for statement in statements:
            await connection.execute(statement)

    asyncio.run(_connected(url, run))


def fetch(url: str, statement: str) -> list[Any]:
    """The rows of one statement."""
    return list(asyncio.run(_connected(url, lambda connection: connection.fetch(statement))))


@contextlib.contextmanager
def snapshot(url: str) -> Iterator[None]:
    """Meanwhile a transaction stays open that has looked, and therefore still needs what it saw."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute("begin isolation level repeatable read"))
        runner.run(connection.fetch("select count(*) from pg_class"))
        try:
            yield
        finally:
            runner.run(connection.execute("rollback"))
            runner.run(connection.close())


async def _connected(url: str, use: Any) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await use(connection)
    finally:
        await connection.close()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _until_answers(port: int) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1) as one,
        ):
            one.sendall(b"PING\r\n")
            if one.recv(16).startswith(b"+PONG"):
                return
        time.sleep(0.01)
    raise RuntimeError(f"Redis did not answer within {READY_S:.0f} s.")
