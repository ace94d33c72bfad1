"""Numbered SQL files, each applied once and in order; forward only.

``schema_version`` remembers what was applied and a checksum of its text.
"""

import hashlib
import sqlite3
from pathlib import Path

from hairtrigger.errors import ConfigError

_FOLDER = Path(__file__).parent / "migrations"


def known(dialect: str = "sqlite") -> dict[int, Path]:
    """The files of a dialect by number."""
    return {int(path.name[:4]): path for path in sorted(_FOLDER.glob(f"*.{dialect}.sql"))}


def migrate(connection: sqlite3.Connection) -> list[int]:
    """Apply what is missing; answers the numbers applied.

    Raises:
        ConfigError: the database is newer than this program, or an applied file was edited.
    """
    connection.execute("begin exclusive")
    try:
        applied = _apply(connection)
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
    return applied


def _apply(connection: sqlite3.Connection) -> list[int]:
    connection.execute(
        "create table if not exists schema_version (number integer primary key, checksum text not null)"
    )
    present = dict(connection.execute("select number, checksum from schema_version").fetchall())
    files = known()
    newest = max(files)
    if present and max(present) > newest:
        raise ConfigError(
            f"The database has schema {max(present)}, this hairtrigger knows up to {newest}. "
            "Install the newer version that last used it."
        )
    applied = []
    for number, path in files.items():
        text = path.read_text(encoding="utf-8")
        checksum = hashlib.sha256(text.encode()).hexdigest()
        if number in present:
            if present[number] != checksum:
                raise ConfigError(f"{path.name} was changed after it had been applied.")
            continue
        for statement in _statements(text):
            connection.execute(statement)
        connection.execute("insert into schema_version values (?, ?)", (number, checksum))
        applied.append(number)
    return applied


def _statements(text: str) -> list[str]:
    """The statements of a file one by one (``executescript`` would commit in between)."""
    found, current = [], ""
    for line in text.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return found
