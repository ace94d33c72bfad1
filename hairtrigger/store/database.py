"""What a database must give the store, and how a transaction is written for all of them.

A transaction is a generator: it yields statements and is sent their rows. The same text of decisions runs
inside SQLite, where each statement is a call, and inside PostgreSQL, where each is awaited. A transaction
must be repeatable: a database with several servers begins it anew when another one was faster.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Statement(NamedTuple):
    """One named statement. With ``many``, it is executed for each of ``params``; the rows that come of it
    are wanted only with ``answers``: one without may be sent later, together with others, yet before the
    next one that answers."""

    name: str
    params: Sequence[Any]
    many: bool = False
    answers: bool = True


Row = tuple[Any, ...]
Steps = Generator[Statement, list[Row], T]
Transaction = Callable[[int], Steps[T]]
"""Given the database's clock (ms since 1970), the steps to be taken; called again when they are repeated."""


def fetch(name: str, *params: Any) -> Statement:
    """A statement whose rows are wanted (or that changes something once)."""
    return Statement(name, params)


def put(name: str, *params: Any) -> Statement:
    """A statement that changes something, whose rows are not wanted."""
    return Statement(name, params, answers=False)


def each(name: str, rows: Sequence[Sequence[Any]]) -> Statement:
    """A statement to be executed for every row of parameters, as they are now: it may be sent later."""
    return Statement(name, tuple(rows), many=True, answers=False)


def gather(name: str, rows: Sequence[Sequence[Any]]) -> Statement:
    """A statement to be executed for every row of parameters; answers all of their rows."""
    return Statement(name, rows, many=True)


NOW = Statement("now", ())
"""Answers the database's clock as it is when the transaction has its locks, where that takes a round trip: what
is handed out then must not seem to have been before somebody else gave it back."""


class Database(ABC):
    """One database: transactions that write, one at a time for each caller, and reads beside them."""

    refresh: Callable[[], Steps[None]]
    """Reads anew what the caller remembers of the catalogue; run inside a transaction that finds it old."""

    node: int = 0
    """Which server this is, among those that share the database: part of every number it makes."""

    is_remote: bool = False
    """Whether every statement is a round trip, and a transaction that met a Conflict is begun anew."""

    @property
    def writers(self) -> int:
        """How many transactions may be under way at once."""
        return 1

    @property
    def is_away(self) -> bool:
        """Whether it could not be reached the last time that this was tried."""
        return False

    @property
    def hears(self) -> bool:
        """Whether what other servers tell arrives."""
        return False

    was_away: bool = False
    """It could not be written for longer than a moment: nobody could renew a lease. Whoever gives everybody
    a full one sets it back."""

    on_told: Callable[[dict[str, Any]], None]
    """Called with what other servers tell."""

    @property
    def is_shared(self) -> bool:
        """Whether other servers work on the database now."""
        return False

    @abstractmethod
    async def open(self) -> None:
        """Connect, and bring the schema up to date."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way and let go."""

    @abstractmethod
    def now(self) -> int:
        """The clock that decides: ms since 1970."""

    @abstractmethod
    async def write(self, transaction: Transaction[T], *, lanes: Callable[[], set[int]] = set) -> T:
        """Run one transaction; when this returns, it is on the disk.

        Args:
            lanes: Names the environments whose lanes it may touch: nobody else does meanwhile.
        Raises:
            DataError: one of its values was refused; nothing was written.
            Unavailable: the database could not be written; nothing was written.
        """

    @abstractmethod
    async def read(self, steps: Steps[T], *, quick: bool = False) -> T:
        """Run statements on one snapshot. ``quick`` promises that they take well under a millisecond."""

    async def write_apart(self, statement: Statement) -> list[Row] | None:
        """Run one statement, which may be repeated, at once and beside the transactions, whose locks it must not
        need. None where one after the other writes: it has to be part of a transaction there."""
        return None

    async def recall(self) -> None:
        """Let the caller's memory of the catalogue be what is stored, after a transaction was given up."""
        await self.read(self.refresh(), quick=True)

    async def tell(self, facts: dict[str, Any]) -> None:  # noqa: B027 (most have nobody to tell)
        """Tell the other servers, if there are any; what cannot be told now is not told."""

    async def forget(self, instant: int) -> int:
        """Drop history that ended before an instant (ms), as far as that can be done at once. Answers the
        instant up to which single rows are to be deleted."""
        return instant

    async def keep(self) -> None:  # noqa: B027 (SQLite keeps itself)
        """What the database itself needs done from time to time."""


class DataError(Exception):
    """A statement was refused because of its values; the transaction has been rolled back."""


class Conflict(Exception):
    """A row was not as the transaction had read it: somebody else was faster. It is begun anew."""
