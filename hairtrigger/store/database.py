"""What a database must give the store, and how a transaction is written for all of them.

A transaction is a generator: it yields statements and is sent their rows. The same text of decisions runs
inside SQLite, where each statement is a call, and inside PostgreSQL, where each is awaited. Statements are
named and live in ``queries/``; a list among the parameters travels as one (see ``{list}`` there).
"""

import re
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
    """All statements by name.

    In ``queries/*.sql``, ``-- name: x`` starts a statement and ``-- name: x.sqlite`` one that stands in its
    place in SQLite. ``-- page: x`` starts one that is read in both directions, as ``x_older`` and
    ``x_newer``: ``{past id}`` is ``id < $2`` or ``id > $2``, ``{order}`` follows.
    """
    found: dict[str, str] = {}
    special: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / "queries").glob("*.sql")):
        for name, text in _split(path.read_text(encoding="utf-8")):
            base, _, only = name.partition(".")
            target = special if only else found
            if only in ("", dialect):
                if base in target:
                    raise ValueError(f"{path.name}: the statement {name} stands twice")
                target[base] = text
    return found | special


_HEADER = re.compile(r"^-- (name|page): (\S+)$", re.MULTILINE)
_PAST = re.compile(r"\{past (\w+)\}")


def _split(text: str) -> Iterable[tuple[str, str]]:
    parts = _HEADER.split(text)
    for kind, name, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if kind == "name":
            yield name, body.strip()
        else:
            yield f"{name}_older", _PAST.sub(r"\1 < $2", body).replace("{order}", "desc").strip()
            yield f"{name}_newer", _PAST.sub(r"\1 > $2", body).replace("{order}", "asc").strip()
