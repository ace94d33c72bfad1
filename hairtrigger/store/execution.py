"""Named statements on a connection to PostgreSQL: one at a time, for many rows by arrays, or by COPY.

Each is a round trip, which costs more than most of what is done there. So what wants no answer is sent
together, as one statement, where none of it reads what another one writes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from hairtrigger.store import statements
from hairtrigger.store.database import Conflict, Row, Statement

COPY_FROM = 50  # rows; fewer are inserted, together with others: COPY is planned each time
_encode = msgspec.json.Encoder().encode
_COLUMNS = (
    "select table_name, column_name, data_type from information_schema.columns "
    "where table_schema = current_schema()"
)
_WRITTEN = re.compile(r"\b(?:insert into|delete from|update) (?!set\b|of\b|skip\b)(\w+)")
_NAMED = re.compile(
    r"\b(?:from|join|into|update|using)\s+(\w+)"
)  # tests hold that no table hides elsewhere
_PARAMETER = re.compile(r"\$(\d+)")
_ANSWERS = re.compile(r"^select\b|\breturning\b")


class _Form(NamedTuple):
    """A statement's text; which of its parameters are numbers; the tables that it writes, and all that it names;
    and whether it must hit as many rows as it has parameters."""

    text: str
    numbers: frozenset[int]
    written: frozenset[str]
    named: frozenset[str]
    is_exact: bool


@dataclass(slots=True)
class _Group:
    """Statements that are sent as one: none mentions a table that another one writes, and whatever comes after
    an exact one relies on what that has found, unless it is exact itself."""

    members: list[Statement] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)

    is_closed: bool = False

    def takes(self, form: _Form) -> bool:
        if self.is_closed and not form.is_exact:
            return False
        return not (self.written & form.named or self.named & form.written)

    def add(self, statement: Statement, form: _Form) -> None:
        self.members.append(statement)
        self.written |= form.written
        self.named |= form.named
        self.is_closed = form.is_exact


class Execution:
    """All statements in PostgreSQL's words. ``left``: how many rows left the queue, until it is set back."""

    def __init__(self) -> None:
        self.statements = statements.load("postgres")
        self.left = 0
        self._forms: dict[tuple[str, bool], _Form] = {}
        self._joined: dict[tuple[tuple[str, bool, int], ...], tuple[str, list[str]]] = {}

    async def learn(self, connection: Any) -> None:
        """Read the types of columns, which INSERTs of many rows need."""
        async with connection.transaction():
            rows = await connection.fetch(_COLUMNS)
        statements.derive_inserts(self.statements, {(row[0], row[1]): row[2] for row in rows})

    async def run(self, connection: Any, statement: Statement) -> list[Row]:
        """The rows of a statement that answers.

        Raises:
            Conflict: a row was not as it was believed to be.
        """
        name = statement.name
        if statement.many and not statement.params:
            return []
        form = self._form(statement)
        rows: list[Row] = await connection.fetch(form.text, *_arguments(statement, form))
        if not statement.many and not rows and name in self.statements.exact:
            raise Conflict(name)
        if name == "complete":
            self.left += len(rows)
        return rows

    async def write(self, connection: Any, unsent: Sequence[Statement]) -> str | None:
        """Send statements that do not answer, in as few round trips as their tables allow. Answers the number of
        their transaction, if one of them told it.

        Raises:
            Conflict: a row was not as it was believed to be.
        """
        group, xid = _Group(), None
        for statement in unsent:
            if statement.many and not statement.params:
                continue
            form = self._form(statement)
            if not group.takes(form):
                xid = await self._send(connection, group.members) or xid
                group = _Group()
            if (
                statement.many
                and len(statement.params) >= COPY_FROM
                and statement.name in self.statements.copied
            ):
                table, columns = self.statements.copied[statement.name]
                await connection.copy_records_to_table(
                    table, columns=columns, records=statement.params
                )
            else:
                group.add(statement, form)
        return await self._send(connection, group.members) or xid

    async def _send(self, connection: Any, members: list[Statement]) -> str | None:
        """Send statements as one, and compare how many rows they changed where that is known before."""
        if not members:
            return None
        forms = [self._form(one) for one in members]
        arguments = [_arguments(one, form) for one, form in zip(members, forms, strict=True)]
        text, counted = self._join(members, forms, arguments)
        xid: str
        xid, *counts = await connection.fetchrow(
            text, *(value for given in arguments for value in given)
        )
        rows_of = {one.name: len(one.params) if one.many else 1 for one in members}
        for name, count in zip(counted, counts, strict=True):
            if count != rows_of[name]:
                raise Conflict(name)
            if name == "delete_live":
                self.left += count
        return xid

    def _join(
        self, members: list[Statement], forms: list[_Form], arguments: list[list[Any]]
    ) -> tuple[str, list[str]]:
        """The text of several statements as one, and whose counts it answers."""
        key = tuple(
            (one.name, one.many, len(given)) for one, given in zip(members, arguments, strict=True)
        )
        if key in self._joined:
            return self._joined[key]
        parts, counted, offset = [], [], 0
        for n, (one, form, given) in enumerate(zip(members, forms, arguments, strict=True)):
            text = _PARAMETER.sub(lambda found, by=offset: f"${int(found[1]) + by}", form.text)  # type: ignore[misc]
            if form.is_exact:
                counted.append((n, one.name))
                text += "" if _ANSWERS.search(text) else "\nreturning 1"
            parts.append(f"s{n} as (\n{text}\n)")
            offset += len(given)
        counts = [f"(select count(*) from s{n})" for n, _ in counted]  # noqa: S608 (our own names)
        answer = ", ".join(["pg_current_xact_id()::text", *counts])
        joined = "with " + ",\n".join(parts) + f"\nselect {answer}", [name for _, name in counted]
        self._joined[key] = joined
        return joined

    def _form(self, statement: Statement) -> _Form:
        key = statement.name, statement.many
        found = self._forms.get(key)
        if found is None:
            text = (self.statements.many if statement.many else self.statements.texts)[
                statement.name
            ]
            found = self._forms[key] = _Form(
                text, statements.numbers_of(text) if statement.many else frozenset(),
                frozenset(_WRITTEN.findall(text)), frozenset(_NAMED.findall(text)),
                statement.name in self.statements.exact,
            )  # fmt: skip
        return found


def _arguments(statement: Statement, form: _Form) -> list[Any]:
    """What is sent for a statement's parameters: a column each, for many rows."""
    if not statement.many:
        return [_numbers(one) if isinstance(one, list) else one for one in statement.params]
    return [
        _numbers(column) if n in form.numbers else column
        for n, column in enumerate(zip(*statement.params, strict=True))
    ]


def _numbers(values: Sequence[int | None]) -> str:
    """The text of an array of numbers; see ``statements``."""
    return "{" + _encode(values)[1:-1].decode() + "}"
