"""Named statements on a connection to PostgreSQL: one at a time, for many rows by arrays, or by COPY."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hairtrigger.store import statements
from hairtrigger.store.database import Conflict, Row, Statement

COPY_FROM = 8  # rows; fewer are inserted: COPY is planned each time
_encode = msgspec.json.Encoder().encode
_COLUMNS = (
    "select table_name, column_name, data_type from information_schema.columns "
    "where table_schema = current_schema()"
)


class Execution:
    """All statements in PostgreSQL's words. ``left``: how many rows left the queue, until it is set back."""

    def __init__(self) -> None:
        self.statements = statements.load("postgres")
        self.left = 0
        self._forms: dict[str, tuple[str, frozenset[int]]] = {}

    async def learn(self, connection: Any) -> None:
        """Read the types of columns, which INSERTs of many rows need."""
        async with connection.transaction():
            rows = await connection.fetch(_COLUMNS)
        statements.derive_inserts(self.statements, {(row[0], row[1]): row[2] for row in rows})

    async def run(self, connection: Any, statement: Statement) -> list[Row]:
        """The rows of a statement, if it is to answer any.

        Raises:
            Conflict: a row was not as it was believed to be.
        """
        if statement.many:
            return await self._run_many(connection, statement) if statement.params else []
        name, params = statement.name, statement.params
        if any(isinstance(value, list) for value in params):
            params = [_numbers(one) if isinstance(one, list) else one for one in params]
        rows: list[Row] = await connection.fetch(self.statements.texts[name], *params)
        if not rows and name in self.statements.exact:
            raise Conflict(name)
        return rows

    async def _run_many(self, connection: Any, statement: Statement) -> list[Row]:
        name, params = statement.name, statement.params
        if name in self.statements.copied and len(params) >= COPY_FROM:
            table, columns = self.statements.copied[name]
            await connection.copy_records_to_table(table, columns=columns, records=params)
            return []
        text, numbers = self._many(name)
        arrays = [
            _numbers(column) if n in numbers else column
            for n, column in enumerate(zip(*params, strict=True))
        ]
        if statement.answers:
            found: list[Row] = await connection.fetch(text, *arrays)
            self.left += len(found) if name == "complete" else 0
            return found
        count = int((await connection.execute(text, *arrays)).rpartition(" ")[2])
        if name in self.statements.exact and count != len(params):
            raise Conflict(name)
        if name == "delete_live":
            self.left += count
        return []

    def _many(self, name: str) -> tuple[str, frozenset[int]]:
        """A statement's form for many rows, and which of its parameters are numbers."""
        found = self._forms.get(name)
        if found is None:
            text = self.statements.many[name]
            found = self._forms[name] = text, statements.numbers_of(text)
        return found


def _numbers(values: Sequence[int | None]) -> str:
    """The text of an array of numbers; see ``statements``."""
    return "{" + _encode(values)[1:-1].decode() + "}"
