"""PostgreSQL: one database, any number of servers.

A transaction runs on one connection, statement by statement; what another server may have changed since it
was read is named in a WHERE clause, and when that hits nothing the transaction is begun anew. Lanes are
locked by environment (``begin_tick`` in the first migration), the catalogue as a whole by whoever changes
it. Nothing depends on a session: it works behind a pooler that gives each transaction another one.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from hairtrigger.errors import ConfigError, Unavailable
from hairtrigger.store import beside, connecting, membership, outcome, partitions, places, reaching
from hairtrigger.store.clocks import CLOCK, DatabaseClock
from hairtrigger.store.connecting import AWAY, POOLED_BEGIN, say, say_refusal
from hairtrigger.store.database import (
    NOW,
    Conflict,
    Database,
    DataError,
    Row,
    Statement,
    Steps,
    Transaction,
)
from hairtrigger.store.execution import Execution
from hairtrigger.store.keeping import Keeper
from hairtrigger.store.listener import Listener
from hairtrigger.telemetry.events import emit

T = TypeVar("T")
MAX_REPEATS = 50
WRITERS = 2  # one transaction's rows are prepared while the other one's are written
_AGAIN = (Conflict, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, OverflowError)


class _Alone(Exception):
    """The transaction changes the catalogue: it must be begun anew with nobody beside it."""


class _Stale(Conflict):
    """The catalogue was old, and named too few locks; now it is new."""


class Postgres(Database):
    """A database by its URL (``postgresql://user@host/name``).

    Args:
        clock: Seconds since 1970, for tests; the database's own clock when left out.
        pooled: There is a pooler in between that gives each transaction another session: no prepared
            statements, no LISTEN.
    Raises (on ``open``):
        ConfigError: the server cannot be reached or is too old, or its schema is newer than this program.
    """

    is_remote = True

    def __init__(
        self, url: str, clock: Callable[[], float] | None = None, *, pooled: bool = False,
        migrate: bool = True,
    ) -> None:  # fmt: skip
        self.url, self._pooled, self._migrates = url, pooled, migrate
        self._clock = DatabaseClock(clock)
        self._execution = Execution()
        self.on_told = lambda _: None
        self._idle: list[Any] = []  # connections that no transaction uses now
        self._beside = beside.Beside(url, self._execution)
        self._keeper = Keeper(url)
        self._listener: Listener | None = None
        self._membership = membership.Membership()
        self._catalog: int | None = None
        self._absence = reaching.Absence()

    @property
    def node(self) -> int:  # type: ignore[override]  # a fact of a server, known once it is open
        if self._membership.is_lapsed:
            raise Unavailable(
                "This server's number has to be renewed first. Try again in a second."
            )
        return self._membership.node

    @property
    def writers(self) -> int:
        return WRITERS

    @property
    def is_away(self) -> bool:
        return self._absence.since is not None

    @property
    def is_shared(self) -> bool:
        return self._membership.others > 0

    @property
    def hears(self) -> bool:
        return self._listener is not None and self._listener.hears

    def now(self) -> int:
        return self._clock.now()

    async def open(self) -> None:
        try:
            writer = await self._write_connection(self._absence.deadline())
            self._idle.append(writer)
            if writer.get_server_version().major < connecting.OLDEST:
                raise ConfigError(
                    f"PostgreSQL {writer.get_server_version().major} is too old: 15 or newer."
                )
            await connecting.migrate(writer, dry=not self._migrates)
            await self._execution.learn(writer)
            self._clock.compare(await connecting.ask(writer, CLOCK))
            await partitions.ensure(writer, [self.now()])
            await self._membership.join(writer)
            await self._beside.open(pooled=self._pooled)
            if not self._pooled:
                self._listener = Listener(self.url, self._membership, lambda f: self.on_told(f))
                await self._listener.open()
        except (*AWAY, asyncpg.PostgresError) as error:
            await self.close()
            raise ConfigError(
                f"Cannot open the database {places.shown(self.url)} ({error})."
            ) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if self._listener is not None:
            await self._listener.close()
        with contextlib.suppress(*AWAY, asyncpg.PostgresError):
            if self._idle:
                await self._membership.leave(self._idle[0])
        for connection in self._idle:
            with contextlib.suppress(*AWAY, asyncpg.PostgresError):
                await connection.close(timeout=2)
        await self._keeper.close()
        self._beside.close()
        self._idle.clear()
        self._listener = None

    async def write(self, transaction: Transaction[T], *, lanes: Callable[[], set[int]] = set) -> T:
        deadline, pause_s, repeats = self._absence.deadline(), 0.02, 0
        alone = lacks_partition = has_partition = False
        while True:
            try:
                if lacks_partition:
                    await self._keeper.add_partitions(self.now())
                    lacks_partition, has_partition = False, True
                result = await self._attempt(transaction, lanes, deadline, alone=alone)
            except _Alone:
                alone = True
            except _AGAIN as error:
                repeats += 1
                if repeats > MAX_REPEATS:
                    raise Unavailable(f"The database is too busy now ({error}).") from error
            except asyncpg.CheckViolationError as error:
                if "no partition" not in str(error) or has_partition:
                    raise DataError(str(error)) from error
                lacks_partition = True
            except _REFUSED as error:
                raise DataError(say_refusal(error)) from error
            except AWAY as error:
                self._absence.begin()
                if time.monotonic() > deadline:
                    raise Unavailable(f"The database is away ({say(error)}).") from error
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 0.5)
            except asyncpg.PostgresError as error:  # its disk is full, it is out of memory, …
                raise Unavailable(f"The database cannot be written now ({error}).") from error
            else:
                self.was_away |= self._absence.end()
                return result

    async def _attempt(
        self, transaction: Transaction[T], lanes: Callable[[], set[int]], deadline: float, *, alone: bool
    ) -> T:  # fmt: skip
        connection = await self._write_connection(deadline)
        with reaching.watched(connection, self.url):
            return await self._on(connection, transaction, lanes, deadline, alone=alone)

    async def _on(
        self, connection: Any, transaction: Transaction[T], lanes: Callable[[], set[int]],
        deadline: float, *, alone: bool,
    ) -> T:  # fmt: skip
        await outcome.mark(connection)
        is_known = not (self._pooled or self._catalog is None or self._clock.must_compare())
        begun: asyncio.Task[None] | None = None
        known_xid: str | None = None
        try:
            if is_known and not alone:
                begun = asyncio.create_task(self._begin_known(connection, lanes))
                await asyncio.sleep(0)  # it is sent: the first steps are prepared meanwhile
            else:
                known_xid = await self._begin(connection, lanes, alone=alone)
            result, changed, written = await self._drive(
                connection, transaction(self.now()), begun, alone=alone
            )
            xid: str = known_xid or written or await connection.fetchval(_XID)
            catalog = await connection.fetchval(_CATALOG_CHANGED) if changed else None
        except BaseException as error:
            if begun is not None:
                await asyncio.wait({begun})
                begun.cancelled() or begun.exception()  # what went wrong first is told
            if not isinstance(error, _Stale):
                self._catalog = None  # what is remembered may be what is rolled back
            await self._roll_back(connection, error)
            raise
        if changed:
            self._catalog = None  # until it is known what came of the COMMIT
        await self._commit(connection, xid, deadline)
        self._idle.append(connection)
        if changed:
            self._catalog = catalog
        if changed and self.is_shared:
            await self.tell({"catalog": True})
        return result

    async def _begin_known(self, connection: Any, lanes: Callable[[], set[int]]) -> None:
        """Begin a transaction, with its locks, in one message.

        Raises:
            SerializationError, _Stale: what was known of the catalogue is old, or was rolled back.
        """
        locked, known = lanes(), self._catalog
        locks = ",".join(map(str, sorted(locked)))
        await connection.execute(f"begin; select begin_known('{{{locks}}}', {known})")
        if lanes() - locked or self._catalog != known:
            raise _Stale("the catalogue was changed just now")

    async def _begin(self, connection: Any, lanes: Callable[[], set[int]], *, alone: bool) -> str:
        """The same when the catalogue is not known, or the clock has not been compared for a while; answers the
        transaction's number, which is told besides."""
        locked = lanes()
        await connection.execute("begin" if not self._pooled else POOLED_BEGIN)
        now, catalog, xid = await connection.fetchrow(_BEGIN_TICK, sorted(locked), alone)
        self._clock.compare(now)
        if catalog != self._catalog:
            await self._drive(connection, self.refresh(), None, alone=True)
            self._catalog = catalog
        if lanes() - locked:
            raise _Stale("something was limited just now")
        return str(xid)

    async def _drive(
        self, connection: Any, steps: Steps[T], begun: Awaitable[None] | None, *, alone: bool
    ) -> tuple[T, bool, str | None]:
        """The steps' result, whether they changed the catalogue, and the transaction's number where it became
        known. Nothing is sent before the transaction has ``begun``."""
        changed, xid = False, None
        rows: list[Row] = []
        unsent: list[Statement] = []
        try:
            statement = next(steps)
            while True:
                if statement.name in self._execution.statements.catalog and (
                    not statement.many or statement.params
                ):
                    if not alone:
                        raise _Alone
                    changed = True
                if statement.answers and begun is not None:
                    await begun
                if statement is NOW:
                    rows = [(self.now(),)]
                elif statement.answers:
                    xid = await self._execution.write(connection, unsent) or xid
                    unsent.clear()
                    rows = await self._execution.run(connection, statement)
                else:
                    unsent.append(statement)
                    rows = []
                statement = steps.send(rows)
        except StopIteration as stop:
            if begun is not None:
                await begun
            xid = await self._execution.write(connection, unsent) or xid
            return stop.value, changed, xid

    async def _roll_back(self, connection: Any, error: BaseException) -> None:
        """Give up a transaction; a connection that cannot is given up too."""
        if isinstance(error, AWAY) and not isinstance(error, asyncpg.InterfaceError | ValueError):
            connection.terminate()
            return
        try:
            await connection.execute("rollback")
            self._idle.append(connection)
        except (*AWAY, asyncpg.PostgresError):
            connection.terminate()

    async def _commit(self, connection: Any, xid: str, deadline: float) -> None:
        """COMMIT; when its answer is lost, another connection is asked what came of it."""
        try:
            await connection.execute("commit")
        except AWAY as error:
            connection.terminate()
            self._absence.begin()
            if not await self._was_committed(connection, xid, error, deadline):
                raise
        except asyncpg.PostgresError:  # refused, and rolled back
            self._idle.append(connection)
            raise

    async def _was_committed(
        self, broken: Any, xid: str, error: Exception, deadline: float
    ) -> bool:
        """Ask for a transaction's outcome, until it is known or patience ends."""
        deadline = max(deadline, time.monotonic() + reaching.LAST_S)
        while time.monotonic() < deadline:
            with contextlib.suppress(*AWAY, asyncpg.PostgresError):
                connection = await self._write_connection(deadline)
                status = await outcome.ask(connection, xid, broken)
                self._idle.append(connection)
                if status != "in progress":
                    emit("commit.asked", outcome=status, error=say(error))
                if status in ("committed", "aborted"):
                    return status == "committed"
                if status == "unknown":
                    break
            await asyncio.sleep(0.1)
        raise Unavailable(outcome.UNKNOWN) from error

    async def read(self, steps: Steps[T], *, quick: bool = False) -> T:
        how = beside.PLAIN if quick and not self._pooled else beside.SNAPSHOT
        return await self._beside.run(steps, how, self._absence.deadline())

    async def write_apart(self, statement: Statement) -> list[Row]:
        how = beside.WRITING if self._pooled else beside.PLAIN
        return await self._beside.run(beside.only(statement), how, self._absence.deadline())

    async def recall(self) -> None:
        # in a transaction: a mere read may miss what another one of this server is changing
        await self.write(lambda _: self.refresh())

    async def tell(self, facts: dict[str, Any]) -> None:
        if self._listener is not None and self.is_shared:
            await self._listener.tell(facts)

    async def keep(self) -> None:
        await self._keeper.keep(self._membership, self._listener, self._execution, self.now())

    async def forget(self, instant: int) -> int:
        return await self._keeper.forget(instant)

    async def _write_connection(self, deadline: float) -> Any:
        """One that no other transaction uses; whoever took it puts it back, or ends it."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await connecting.connect(
            self.url, pooled=self._pooled, timeout_s=reaching.left_s(deadline)
        )


_BEGIN_TICK = "select now_ms, catalog, xid from begin_tick($1, $2)"
_CATALOG_CHANGED = "update catalog_state set version = version + 1 returning version"
_XID = "select pg_current_xact_id()::text"
