"""PostgreSQL's partitions: history in weeks, by the numbers of its runs.

Made ahead of time, and once more when a row has none to go to; retention detaches and drops those that are
over as a whole.
"""

from typing import Any

import asyncpg

from hairtrigger.store import connecting
from hairtrigger.wire import ids

TABLES = ("runs", "results", "attempts", "run_tags", "run_changes", "events")
DROPPED = TABLES[::-1]  # in this order: a week is known by its runs, until all the rest is gone
WEEK_MS = 7 * 86_400_000
AHEAD = 2  # weeks


def week_of(instant: int) -> int:
    """The number of an instant's week, in weeks since 1970."""
    return instant // WEEK_MS


def begin_of(instant: int) -> int:
    """When the week of an instant began."""
    return week_of(instant) * WEEK_MS


def name(table: str, week: int) -> str:
    return f"{table}_w{week}"


def bounds(week: int) -> tuple[int, int]:
    """The numbers that a week's runs have: from, and up to but without."""
    return ids.first_at(week * WEEK_MS), ids.first_at((week + 1) * WEEK_MS)


async def ensure(connection: Any, instants: list[int]) -> None:
    """Make the partitions of these instants (ms) and those ahead of the last one.

    A week whose dropping was broken off is dropped and made anew: a clock that went back needs it.
    """
    weeks = {week_of(one) for one in instants}
    weeks |= {week_of(max(instants)) + n for n in range(1, AHEAD + 1)}
    async with connection.transaction():
        present = {row[0] for row in await connection.fetch(_PRESENT, list(TABLES))}
    for week in sorted(weeks):
        low, high = bounds(week)
        for table in TABLES:
            if name(table, week) in present:
                continue
            async with (
                connection.transaction()
            ):  # each by itself: it locks the whole table for a moment
                await connection.execute("select pg_advisory_xact_lock(4710, 3)")
                if await connecting.ask(connection, _STATE, name(table, week)) in (
                    "pending",
                    "apart",
                ):
                    await connection.execute(f"drop table {name(table, week)}")
                await connection.execute(
                    f"create table if not exists {name(table, week)} partition of {table} "
                    f"for values from ({low}) to ({high})"
                )


async def drop_before(connection: Any, cutoff: int) -> int:
    """Detach and drop the weeks that ended before an instant (ms), unless one of their runs is unfinished,
    or ended after it. Answers how many runs went.

    What was broken off is gone on with; when another server is at it, it is left to that one.
    """
    async with connection.transaction():
        weeks = [row[0] for row in await connection.fetch(_WEEKS)]
    gone = 0
    for week in weeks:
        if (week + 1) * WEEK_MS > cutoff:
            break
        try:
            if await _is_begun(connection, week) or await _is_over(connection, week, cutoff):
                gone += await _drop(connection, week)
        except (asyncpg.UndefinedTableError, asyncpg.ObjectNotInPrerequisiteStateError):
            break
    return gone


async def _is_begun(connection: Any, week: int) -> bool:
    """Whether a week is being dropped."""
    return bool(await connecting.ask(connection, _STATE, name(DROPPED[0], week)) != "attached")


async def _is_over(connection: Any, week: int, cutoff: int) -> bool:
    low, high = bounds(week)
    kept = await connecting.ask(
        connection,
        f"select exists (select 1 from {name('results', week)} where finished_at >= $3) "  # noqa: S608
        "or exists (select 1 from live where run_id >= $1 and run_id < $2)",
        low, high, cutoff,
    )  # fmt: skip
    return not kept


async def _drop(connection: Any, week: int) -> int:
    count = await connecting.ask(connection, f"select count(*) from {name('runs', week)}")  # noqa: S608
    for table in DROPPED:
        partition = name(table, week)
        state = await connecting.ask(connection, _STATE, partition)
        if state in ("attached", "pending"):
            how = "concurrently" if state == "attached" else "finalize"
            await connection.execute(f"alter table {table} detach partition {partition} {how}")
        await connection.execute(f"drop table if exists {partition}")
    return int(count)


_PRESENT = """
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent in (select to_regclass(one) from unnest($1::text[]) one) and not i.inhdetachpending
"""
_WEEKS = """
select substring(relname from 7)::bigint from pg_class
where relname ~ '^runs_w[0-9]+$' and pg_table_is_visible(oid) order by 1
"""
_STATE = """
select case when to_regclass($1) is null then 'gone' else coalesce(
  (select case when inhdetachpending then 'pending' else 'attached' end
   from pg_inherits where inhrelid = to_regclass($1)), 'apart') end
"""
