"""Several servers on one PostgreSQL database, each with a store of its own, driven side by side."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from hairtrigger.engine import upkeep
from hairtrigger.store.database import Row, Statement
from hairtrigger.store.postgres import Postgres
from hairtrigger.store.store import Store, one
from tests.clock import Clock
from tests.engine.driving import Worker, World

LIMIT_S = 20.0


async def eventually(found: Callable[[], Any], what: str, *, limit_s: float = LIMIT_S) -> Any:
    """What ``found`` gives (or what is awaited of it), as soon as it is something."""
    deadline = time.monotonic() + limit_s
    while True:
        result = found()
        if isinstance(result, Awaitable):
            result = await result
        if result:
            return result
        assert time.monotonic() < deadline, f"Waited {limit_s:g} s for {what}."
        await asyncio.sleep(0.002)


class Servers:
    """Opens servers, and closes them all at the end of a test."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url, self.clock = url, clock
        self.worlds: list[World] = []
        self._look_in: asyncpg.Connection | None = None

    async def start(self, count: int = 2, *, hear: bool = True, **given: Any) -> list[World]:
        """As many servers more, which know of each other when this returns."""
        fresh = [await self.open(**given) for _ in range(count)]
        if hear and len(self.worlds) > 1:
            await eventually(
                lambda: all(world.store.database.is_shared for world in self.worlds),
                "the servers to know of each other",
            )
        return fresh

    async def open(self, url: str | None = None, *, real_time: bool = False, **given: Any) -> World:
        """One server more. ``real_time`` goes by the database's own clock."""
        database = Postgres(url or self.url, clock=None if real_time else self.clock, **given)
        world = await World.make(await Store(database).open(), self.clock)
        self.worlds.append(world)
        return world

    async def close(self, world: World) -> None:
        """End one of them in order."""
        self.worlds.remove(world)
        await world.store.close()

    async def close_all(self) -> None:
        for world in list(self.worlds):
            await self.close(world)
        if self._look_in is not None:
            await self._look_in.close()

    async def ask(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """What a query of the test's own finds, on a connection of its own that stays."""
        if self._look_in is None:
            self._look_in = await asyncpg.connect(self.url)
        return [tuple(row) for row in await self._look_in.fetch(sql, *params)]

    async def check_whole(self) -> None:
        """Every run is in one place, what runs has a holder, and the counters are what the rows say."""
        for wrong in (
            "select id from runs except select run_id from live except select run_id from results",
            "select run_id from live intersect select run_id from results",
            "select run_id from live where (state = 2) <> (worker is not null)",
            "select run_id from live where worker is not null and worker not in (select id from workers)",
        ):
            assert await self.ask(wrong) == [], wrong
        store = self.worlds[0].store
        assert await upkeep.counter_drift(store) == []
        assert await store.read(one("slot_drift")) == []

    async def race(
        self, first: Awaitable[Any], at: tuple[World, str], second: Awaitable[Any]
    ) -> list[Any]:
        """Begin the first and stop its server before a statement; let the second come to its end or to a
        lock; then let both end. Answers what became of both, errors too."""
        pause = Pause(*at)
        one_, other = asyncio.ensure_future(first), asyncio.ensure_future(_after(pause, second))

        async def has_come() -> bool:
            return pause.reached.is_set() and (other.done() or bool(await self.ask(_BLOCKED)))

        try:
            await eventually(has_come, "the first to stop and the second to end or to wait")
        finally:
            pause.go()
        return list(await asyncio.gather(one_, other, return_exceptions=True))


def postgres(world: World) -> Postgres:
    """A world's database, which is a PostgreSQL."""
    assert isinstance(world.store.database, Postgres)
    return world.store.database


def beside(worker: Worker, world: World) -> Worker:
    """The same worker session, talking to another server."""
    return Worker(world, worker.id, worker.registered)


def once(told: list[Any]) -> bool:
    """Whether all were told the same."""
    return len(set(told)) == 1


class Pause:
    """Stops a server's next transaction before a named statement (or ``commit``) is sent, until ``go``."""

    def __init__(self, world: World, name: str) -> None:
        self._database, self._go = postgres(world), asyncio.Event()
        self.reached = asyncio.Event()
        execution = self._database._execution
        run, write, commit = execution.run, execution.write, self._database._commit

        def is_named(statement: Statement) -> bool:
            return statement.name == name and bool(statement.params or not statement.many)

        async def held_run(connection: Any, statement: Statement) -> list[Row]:
            if is_named(statement):
                await self._hold()
            return await run(connection, statement)

        async def held_write(connection: Any, unsent: Sequence[Statement]) -> str | None:
            if any(map(is_named, unsent)):
                await self._hold()
            return await write(connection, unsent)

        async def held_commit(connection: Any, xid: str, deadline: float) -> None:
            if name == "commit":
                await self._hold()
            await commit(connection, xid, deadline)

        execution.run = held_run  # type: ignore[method-assign]  # waits, and passes on
        execution.write = held_write  # type: ignore[method-assign]  # likewise
        self._database._commit = held_commit  # type: ignore[method-assign]  # likewise

    async def _hold(self) -> None:
        if not self.reached.is_set():
            self.reached.set()
            await self._go.wait()

    def go(self) -> None:
        """Let it go on, and every later one pass."""
        self.reached.set()
        self._go.set()
        for name in ("run", "write"):
            vars(self._database._execution).pop(name, None)
        vars(self._database).pop("_commit", None)


async def _after(pause: Pause, second: Awaitable[Any]) -> Any:
    await pause.reached.wait()
    return await second


_BLOCKED = (
    "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
)
