"""What wants no answer is sent together, where no part of it reads what another one writes."""

import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from hairtrigger.store import schema, statements
from hairtrigger.store.database import Conflict, Statement, each, put
from hairtrigger.store.execution import COPY_FROM, Execution
from hairtrigger.wire import ids
from tests import databases

RUN = ids.first_at(int(time.time() * 1000))  # partitions are there for what is made now
TABLES = {
    name for file in schema.known("postgres") for name in re.findall(r"create table (\w+)", file.text)
}  # fmt: skip


class Heard:
    """A connection that notes what is sent on it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.sent: list[str] = []

    async def fetchrow(self, text: str, *params: Any) -> Any:
        self.sent.append(text)
        return await self._connection.fetchrow(text, *params)

    async def copy_records_to_table(self, table: str, **given: Any) -> Any:
        self.sent.append(f"copy {table}")
        return await self._connection.copy_records_to_table(table, **given)


@pytest.fixture
async def heard(postgres_server: str) -> AsyncIterator[Heard]:
    with databases.made(postgres_server) as url:
        connection = await asyncpg.connect(url)
        yield Heard(connection)
        await connection.close()


@pytest.fixture
async def execution(heard: Heard) -> Execution:
    made = Execution()
    await made.learn(heard._connection)
    return made


def blobs(*names: str) -> list[tuple[int, int, str]]:
    return [(7, 1, name) for name in names]


async def sent(execution: Execution, heard: Heard, unsent: Sequence[Statement]) -> list[int]:
    """How many statements each round trip had."""
    await execution.write(heard, unsent)
    return [0 if text.startswith("copy") else text.count("s0 as") + text.count("s1 as") + text.count("s2 as")
            for text in heard.sent]  # fmt: skip


async def test_statements_about_different_tables_are_one_and_empty_ones_none(
    execution: Execution, heard: Heard
) -> None:
    unsent = [
        each("use_blob", blobs("a", "b")), each("insert_tags", []),
        put("remember_delay", RUN, 1, 2), each("slots_freed", [(1, 1)]),
    ]  # fmt: skip

    assert await sent(execution, heard, unsent) == [3]
    assert await count(heard, "blob_uses") == 2
    assert await count(heard, "run_changes") == 1


async def test_a_statement_that_names_a_table_written_before_comes_after_it(
    execution: Execution, heard: Heard
) -> None:
    unsent = [
        put("remember_delay", RUN, 1, 2),
        put("remember_delay", RUN, 3, 4),
        each("use_blob", blobs("a")),
    ]

    assert await sent(execution, heard, unsent) == [1, 2]
    (row,) = await heard._connection.fetch("select changed_at, delayed_until from run_changes")
    assert tuple(row) == (3, 4)


async def test_what_comes_after_an_exact_statement_waits_for_what_it_found(
    execution: Execution, heard: Heard
) -> None:
    unsent = [each("remember_request", [(1, "a", "[]", 10, 1)]), each("use_blob", blobs("a"))]

    assert await sent(execution, heard, unsent) == [1, 1]
    with pytest.raises(Conflict, match="remember_request"):
        await execution.write(heard, [each("remember_request", [(1, "a", "[]", 10, 1)])])


async def test_exact_statements_go_together_and_each_is_held_to_what_it_found(
    execution: Execution, heard: Heard
) -> None:
    unsent = [each("remember_request", [(1, "a", "[]", 10, 1)]), each("hold_sessions", [(7, 1)])]

    with pytest.raises(Conflict, match="hold_sessions"):
        await execution.write(heard, unsent)
    assert len(heard.sent) == 1


async def test_many_rows_are_copied_and_never_before_what_names_their_table(
    execution: Execution, heard: Heard
) -> None:
    attempts = [(RUN + n, 1, 1, 1, 1, 2, "failed", None) for n in range(COPY_FROM)]
    unsent = [
        each("use_blob", blobs("a")),
        each("insert_attempts", attempts),
        each("insert_attempts", attempts[:0]),
    ]

    assert await sent(execution, heard, unsent) == [0, 1]
    assert await count(heard, "attempts") == COPY_FROM


async def test_the_number_of_the_transaction_comes_with_what_is_written(
    execution: Execution, heard: Heard
) -> None:
    async with heard._connection.transaction():
        told = await execution.write(heard, [each("use_blob", blobs("a"))])
        assert told == await heard._connection.fetchval("select pg_current_xact_id()::text")
        assert await execution.write(heard, []) is None


async def count(heard: Heard, table: str) -> int:
    return int(await heard._connection.fetchval(f"select count(*) from {table}"))


def test_every_table_that_a_statement_names_stands_after_from_join_into_update_or_using() -> None:
    found = statements.load("postgres")
    hidden = {
        name
        for texts in (found.texts, found.many)
        for name, text in texts.items()
        for listed in re.findall(r"\b(?:from|using) [\w.]+(?: \w+)?, *(\w+)", text)
        if listed in TABLES
    }

    assert not hidden
