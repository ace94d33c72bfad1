"""PostgreSQL's partitions: history in weeks, by the numbers of its runs.

Made ahead of time, and once more when a row has none to go to; retention detaches and drops those that are
over as a whole.
"""

from typing import Any

from hairtrigger.wire import ids

TABLES = ("runs", "results", "attempts", "run_tags", "run_changes", "events")
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
    """Make the partitions of these instants (ms) and those ahead of the last one."""
    weeks = {week_of(one) for one in instants}
    weeks |= {week_of(max(instants)) + n for n in range(1, AHEAD + 1)}
    present = {
        row[0]
        for row in await connection.fetch(
            "select relname from pg_class where relname like 'runs\\_w%'"
        )
    }
    for week in sorted(weeks):
        if name("runs", week) not in present:
            low, high = bounds(week)
            for table in TABLES:  # each by itself: it locks the whole table for a moment
                async with connection.transaction():
                    await connection.execute("select pg_advisory_xact_lock(4710, 3)")
                    await connection.execute(
                        f"create table if not exists {name(table, week)} partition of {table} "
                        f"for values from ({low}) to ({high})"
                    )


async def drop_before(connection: Any, cutoff: int) -> int:
    """Detach and drop the weeks that ended before an instant (ms), unless one of their runs is unfinished,
    or ended after it. Answers how many runs went."""
    found = await connection.fetch(
        "select substring(relname from 7)::bigint from pg_class "
        "where relname ~ '^runs_w[0-9]+$' order by 1"
    )
    gone = 0
    for (week,) in found:
        low, high = bounds(week)
        if (week + 1) * WEEK_MS > cutoff:
            break
        kept = await connection.fetchval(
            f"select exists (select 1 from {name('results', week)} where finished_at >= $3) "  # noqa: S608
            "or exists (select 1 from live where run_id >= $1 and run_id < $2)",
            low, high, cutoff,
        )  # fmt: skip
        if kept:
            continue
        gone += int(
            await connection.fetchval(f"select count(*) from {name('runs', week)}")  # noqa: S608
        )
        for table in TABLES:
            await connection.execute(
                f"alter table {table} detach partition {name(table, week)} concurrently"
            )
            await connection.execute(f"drop table {name(table, week)}")
    return gone
