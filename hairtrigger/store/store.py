"""The store's one door: everything that the engine asks of a database.

Writes go through the committer, which puts what arrives together into one transaction; when a method
returns, its effect is on the disk. Every method that touches runs takes the environment it may see.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from hairtrigger.errors import Unavailable
from hairtrigger.rules.run import Run
from hairtrigger.store import catalog as catalogs
from hairtrigger.store import reads, settle
from hairtrigger.store.asking import Call, Made
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.claim import Demand
from hairtrigger.store.committer import Committer
from hairtrigger.store.database import Database, Row, Steps, each, fetch
from hairtrigger.store.tick import Change, Lanes
from hairtrigger.store.watch import DUE, LOOK_MS, Key, Watch, environment
from hairtrigger.wire import ids
from hairtrigger.wire.worker import RunInfo

T = TypeVar("T")
ANY_SIZE = 1 << 62  # of a blob, in bytes


class Store:
    """One open database. Open it once, close it last."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.watch = Watch()
        self.catalog = Catalog()
        self._ids: ids.IdMaker | None = None
        self._committer: Committer | None = None
        self._telling: set[asyncio.Task[None]] = set()

    async def open(self) -> "Store":
        """Connect, migrate, and begin to take writes.

        Raises:
            ConfigError: the database is in use by another server, or newer than this program.
        """
        try:
            self.database.refresh = self._refresh
            self.database.on_told = self._told
            await self.database.open()
            self.catalog.replace(await self.database.read(catalogs.load(), quick=True))
            newest = await self.database.read(one("newest_number"), quick=True)
        except BaseException:
            await self.database.close()
            raise
        database = self.database
        self._ids = ids.IdMaker(database.node, clock=lambda: database.now() / 1000)
        self._ids.go_beyond(newest[0][0] or 0)
        self._committer = Committer(database, self.catalog, self.make_id)
        self._committer.on_commit = lambda envs: self.watch.wake(map(environment, envs))
        self.watch.on_tell = self._tell
        return self

    async def close(self) -> None:
        """Write what is pending and let go of the database."""
        self.watch.close()
        await asyncio.gather(*self._telling, return_exceptions=True)
        if self._committer is not None:
            await self._committer.close()
        await self.database.close()

    def make_id(self) -> int:
        """A new number: for a run, a batch, a session; greater than every one before."""
        assert self._ids is not None, "open the store first"
        self._ids.move_to(self.database.node)
        return self._ids()

    def _refresh(self) -> Steps[None]:
        self.catalog.replace((yield from catalogs.load()))

    def look(self) -> None:
        """Deal again to whoever waits, and wake those who may have missed a word of another server."""
        if self.database.is_shared:
            self.committer.look()
            if not self.database.hears:
                self.watch.wake_all()
                self._do(self._reload_quietly())

    async def reload(self) -> None:
        """Read the catalogue anew: another server has changed it."""
        await self.change(lambda _catalog, _now: _nothing())  # a tick begins by looking

    def _tell(self, keys: list[Key]) -> None:
        """What is told here is told to the other servers too."""
        if self.database.is_shared and keys:
            self._do(self.database.tell({"keys": keys}))

    def _told(self, facts: dict[str, Any]) -> None:
        """Another server told something."""
        if "all" in facts:
            self.watch.wake_all()
        self.watch.wake((kind, number) for kind, number in facts.get("keys", ()))
        if self._committer is None:  # not open yet, or no more
            return
        if {"ready", "all", "hello"} & facts.keys():
            self._committer.look()
        if {"catalog", "all"} & facts.keys():
            self._do(self._reload_quietly())

    async def _reload_quietly(self) -> None:
        with contextlib.suppress(Unavailable):  # the next tick compares again
            await self.reload()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    @property
    def committer(self) -> Committer:
        assert self._committer is not None, "open the store first"
        return self._committer

    def now(self) -> int:
        """The clock that decides: ms since 1970."""
        return self.database.now()

    async def trigger(self, call: Call) -> list[Made]:
        """Make the runs of one request, or find those that its keys name."""
        return await self.committer.take(call)

    async def settle(
        self, items: list[settle.Settle], demand: Demand | None = None
    ) -> tuple[list[settle.Settled], list[RunInfo]]:
        """Settle a worker's results, in order, and in the same tick hand it what is ready."""
        if demand is not None:
            demand.looked_at = self.now()  # as its reports are
        waiting = self.committer.demand(demand) if demand is not None else None
        try:
            settled = await self.committer.settle(items)
        finally:
            if waiting is not None:
                self.committer.withdraw(waiting)
        return settled, await waiting.future if waiting is not None else []

    async def claim(
        self, demand: Demand, wait_s: float, stop: asyncio.Future[None]
    ) -> list[RunInfo]:
        """Hand out ready runs; with none there, wait for the first, at most ``wait_s`` seconds or until
        ``stop`` is done."""
        waiting = self.committer.demand(demand)
        try:
            either: list[asyncio.Future[Any]] = [waiting.future, stop]
            await asyncio.wait(either, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.committer.withdraw(waiting)
        return await waiting.future

    async def change(self, change: Change, *, lanes: Lanes = ()) -> Any:
        """Run the steps of a change in the next tick: ``change(catalog, now)`` yields statements. It is
        called once more when the tick is repeated.

        Args:
            lanes: The environments whose lanes and slots it touches; None: those of every one.
        """
        return await self.committer.change(change, lanes)

    async def read(self, steps: Steps[T], *, quick: bool = False) -> T:
        """Look, without writing."""
        return await self.database.read(steps, quick=quick)

    async def runs(self, env: int, run_ids: Sequence[int], *, brief: bool = False) -> list[Run]:
        """The runs of an environment among some ids, newest first; ``brief``: without payload and output."""
        quick = len(run_ids) <= 10
        return await self.with_catalog(
            lambda catalog: reads.runs(catalog, env, list(run_ids), brief=brief), quick=quick
        )

    async def with_catalog(self, look: Callable[[Catalog], Steps[T]], *, quick: bool = False) -> T:
        """Look at rows that name things of the catalogue, which another server may just have made."""
        try:
            return await self.read(look(self.catalog), quick=quick)
        except KeyError:
            await self.reload()
            return await self.read(look(self.catalog), quick=quick)

    def add_events(self, env: int, rows: list[tuple[int, int, str]]) -> Awaitable[None]:
        """Append log lines and spans, (run id, position, JSON text), to the environment's runs in the next
        tick. What is there already stays as it is."""
        params = [(run_id, env, position, text) for run_id, position, text in rows]
        return self.committer.change(lambda _catalog, _now: _events(params))

    def expect(self, due: Iterable[int | None]) -> None:
        """Wake the clockwork when one of these instants (ms) comes before it would look by itself."""
        soon = self.now() + LOOK_MS
        if any(at is not None and at < soon for at in due):
            self.watch.tell([DUE])

    async def put_blob(self, env: int, name: str, kind: str, body: bytes) -> None:
        """Keep a large value under a name; the same name again replaces it."""
        await self.change(lambda _, now: one("put_blob", env, name, kind, body, now))

    async def get_blob(
        self, env: int, name: str, *, most: int = ANY_SIZE
    ) -> tuple[str, bytes] | None:
        """A large value's data type and bytes, or None; also when it has more than ``most`` bytes."""
        rows = await self.read(one("get_blob", env, name, most))
        return (rows[0][0], rows[0][1]) if rows else None


def _nothing() -> Steps[None]:
    yield from ()


def _events(rows: Sequence[Row]) -> Steps[None]:
    yield each("insert_events", rows)


def one(name: str, *params: Any) -> Steps[list[Row]]:
    """The rows of a single statement."""
    return (yield fetch(name, *params))
