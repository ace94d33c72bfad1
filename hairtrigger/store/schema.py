"""Numbered SQL files, each applied once and in order; forward only.

``schema_version`` remembers what was applied and a checksum of its text. Every file only adds, so that
servers of the version before go on working while it is applied and afterwards.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hairtrigger.errors import ConfigError

_FOLDER = Path(__file__).parent / "migrations"
REMEMBER = (
    "create table if not exists schema_version (number integer primary key, checksum text not null)"
)
APPLIED = "select number, checksum from schema_version"
MOVE = "hairtrigger_move"
"""The table that says that a move into a PostgreSQL database is not finished (see ``moving``)."""
UNFINISHED = (
    "Somebody moves an installation into this database, and has not finished. "
    "Run the same  hairtrigger migrate --to  again: it goes on where it was."
)


class Migration(NamedTuple):
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def known(dialect: str = "sqlite") -> list[Migration]:
    """The files of a dialect in their order."""
    return [
        Migration(int(path.name[:4]), path.name, path.read_text(encoding="utf-8"))
        for path in sorted(_FOLDER.glob(f"*.{dialect}.sql"))
    ]


def missing(dialect: str, applied: Mapping[int, str]) -> list[Migration]:
    """What a database lacks that has ``applied`` these numbers with these checksums.

    Raises:
        ConfigError: the database is newer than this program, or an applied file was edited.
    """
    files = known(dialect)
    newest = files[-1].number
    if applied and max(applied) > newest:
        raise ConfigError(
            f"The database has schema {max(applied)}, this hairtrigger knows up to {newest}. "
            "Install the newer version that last used it."
        )
    for file in files:
        if applied.get(file.number, file.checksum) != file.checksum:
            raise ConfigError(f"{file.name} was changed after it had been applied.")
    return [file for file in files if file.number not in applied]


def check(connection: sqlite3.Connection) -> None:
    """Refuse a SQLite database that is not of this program's version, without changing it.

    Raises:
        ConfigError: as ``missing``; or something is missing, or it is no database of ours.
    """
    try:
        applied = dict(connection.execute(APPLIED).fetchall())
    except sqlite3.DatabaseError as error:
        raise ConfigError(
            f"This is no database of hairtrigger: it has no schema ({error})."
        ) from error
    if missing("sqlite", applied):
        raise ConfigError(too_old(applied))


def too_old(applied: Mapping[int, str]) -> str:
    """What to say of a database that lacks something to somebody who may not change it."""
    return (
        f"The database has schema {max(applied, default=0)}, this hairtrigger needs "
        f"{known()[-1].number}. Run:  hairtrigger migrate"
    )


def migrate(connection: sqlite3.Connection) -> list[int]:
    """Apply to a SQLite database what it lacks; answers the numbers applied.

    Raises:
        ConfigError: as ``missing``.
    """
    connection.execute("begin exclusive")
    try:
        connection.execute(REMEMBER)
        lacking = missing("sqlite", dict(connection.execute(APPLIED).fetchall()))
        for file in lacking:
            for statement in _statements(file.text):
                connection.execute(statement)
            connection.execute(
                "insert into schema_version values (?, ?)", (file.number, file.checksum)
            )
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
    return [file.number for file in lacking]


def _statements(text: str) -> list[str]:
    """The statements of a file one by one (``executescript`` would commit in between)."""
    found, current = [], ""
    for line in text.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return found
