"""What a database must give the store, and how a transaction is written for all of them.

A transaction is a generator: it yields statements and is sent their rows. The same text of decisions runs
inside SQLite, where each statement is a call, and inside PostgreSQL, where each is awaited. Statements are
named and live in ``queries/``; a list among the parameters travels as one (see ``{list}`` there).
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Statement(NamedTuple):
    """One named statement: with ``many``, executed for each of ``params`` and answering nothing."""

    name: str
    params: Sequence[Any]
    many: bool = False


Row = tuple[Any, ...]
Steps = Generator[Statement, list[Row], T]


def fetch(name: str, *params: Any) -> Statement:
    """A statement whose rows are wanted (or that changes something once)."""
    return Statement(name, params)


def each(name: str, rows: Sequence[Sequence[Any]]) -> Statement:
    """A statement to be executed for every row of parameters."""
    return Statement(name, rows, many=True)


class Database(ABC):
    """One database: transactions that write, one at a time for each caller, and reads beside them."""

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
    async def write(self, steps: Steps[T]) -> T:
        """Run one transaction; when this returns, it is on the disk.

        Raises:
            DataError: one of its values was refused; nothing was written.
            Unavailable: the database could not be written; nothing was written.
        """

    @abstractmethod
    async def read(self, steps: Steps[T], *, quick: bool = False) -> T:
        """Run statements on one snapshot. ``quick`` promises that they take well under a millisecond."""


class DataError(Exception):
    """A statement was refused because of its values; the transaction has been rolled back."""


def load_queries(dialect: str) -> dict[str, str]:
    """All statements by name: ``-- name: x`` starts one; ``x.sqlite`` stands before ``x`` in SQLite."""
    found: dict[str, str] = {}
    special: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / "queries").glob("*.sql")):
        for name, text in _split(path.read_text(encoding="utf-8").splitlines()):
            base, _, only = name.partition(".")
            target = special if only else found
            if only in ("", dialect):
                if base in target:
                    raise ValueError(f"{path.name}: the statement {name} stands twice")
                target[base] = text
    return found | special


def _split(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    name, text = "", list[str]()
    for line in lines:
        if line.startswith("-- name:"):
            if name:
                yield name, "\n".join(text).strip()
            name, text = line.removeprefix("-- name:").strip(), []
        elif not line.lstrip().startswith("--"):
            text.append(line)
    if name:
        yield name, "\n".join(text).strip()
