"""Where a model's engine lives: one server on a SQLite file, or two that share a PostgreSQL database."""

import asyncio
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from hairtrigger.store.database import Database
from hairtrigger.store.postgres import Postgres
from hairtrigger.store.sqlite import SQLite
from tests import databases
from tests.clock import Clock


class Place(Protocol):
    """An empty database, looked into behind the engine's back."""

    servers: int

    def database(self) -> Database:
        """One more server's way to it, not open yet."""

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """What a query finds; question marks stand for parameters."""

    def close(self) -> None:
        """Once every server has left."""


class OneFile:
    """A SQLite file in memory, where the machine has such a place."""

    servers = 1

    def __init__(self, clock: Clock) -> None:
        folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self._folder = tempfile.mkdtemp(prefix="hairtrigger-model-", dir=folder)
        self._clock = clock
        self._look_in: sqlite3.Connection | None = None

    def database(self) -> Database:
        return SQLite(f"{self._folder}/life.db", clock=self._clock)

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        if self._look_in is None:
            self._look_in = sqlite3.connect(f"{self._folder}/life.db")
        return self._look_in.execute(sql, params).fetchall()

    def close(self) -> None:
        if self._look_in is not None:
            self._look_in.close()
        shutil.rmtree(self._folder)


class Shared:
    """A PostgreSQL database that servers share. ``loop`` is theirs too."""

    servers = 2

    def __init__(self, url: str, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        databases.emptied(url)
        self._url, self._clock, self._loop = url, clock, loop
        self._look_in = loop.run_until_complete(asyncpg.connect(url))

    def database(self) -> Database:
        return Postgres(self._url, clock=self._clock)

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        text = databases.numbered(sql)
        found = self._loop.run_until_complete(self._look_in.fetch(text, *params))
        return [tuple(row) for row in found]

    def close(self) -> None:
        self._loop.run_until_complete(self._look_in.close())
