"""Does anything grow in an hour of steady load, and is anything lost?

Method: ours only. 150 runs a second, two thirds in batches of ten and the others one by one, for an hour
(6 minutes when quick): plain ones, ones with a concurrency key, ones that carry a kilobyte, and of fifty
each one that fails first and one that is delayed. Finished runs are forgotten after a minute; PostgreSQL
forgets whole weeks, so there a week of old runs is laid down first, and goes meanwhile. Memory
(proportional set size, with mapped files apart: a server maps its SQLite file, which holds a day's requests)
and the size of every table are taken 60 times; the figure is the median of the last quarter over that of the
first, not counting the time until the first runs are forgotten. Flat is less than a tenth, or a quarter of a
MB, more, or no more at any time than before. At the end every number that the
client got acknowledged must have been noted by its task exactly once, the database must have as many
completed runs as that, counting forgotten ones, the logs must have no line but those that are expected, and
`hairtrigger verify` must find nothing.
"""

import os
import re
import sqlite3
import statistics
import subprocess
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import databases, figures, session, stamps
from benchmarks.databases import Sqlite
from benchmarks.processes import Role
from benchmarks.running import Running, opened
from benchmarks.session import Session
from benchmarks.systems import System
from hairtrigger.store import partitions

RATE, SECONDS, SAMPLES = 150, 3600.0, 60
RETENTION_MS, WARM_S = 60_000, 150.0  # forgetting begins once a minute
OLD_RUNS = 20_000
FLAT, SLACK_MB, SHOWN_MB = 1.1, 0.25, 0.1
JUDGED: tuple[Role, ...] = ("server", "worker", "children")
HOT = ("live", "lanes")
# What is not judged: what each request made is kept for a day, PostgreSQL's history for whole weeks.
KEPT = {
    "requests": "kept a day",
    "server: mapped": "with the file",
    "file": "with requests",
    "file: free": "is used again",
    "file: log": "is used again",
}
KEPT_IN_WEEKS = {
    **dict.fromkeys((*partitions.TABLES, "batches", "batch_items"), "kept a week"),
    "database": "fills its cache",
    "all": "with all that is kept",
}
FORGOT = re.compile(r"runs pruned +count=(\d+)")
FAILED = re.compile(r"failing run_\w+ failed in attempt 1: RuntimeError: The first attempt fails")
EXPECTED = re.compile(
    r"Listening on |  \w+ +the key that is configured|Worker \S+ joined|Worker \S+ left|Server stop|"
    r"  prod |  Shown once: |The dashboard has no admin yet|  The database keeps them sealed|Worker of |"
    r"  begin, |Draining: |Worker stopped"
)
Sizes = dict[str, float]  # MB, by process or table


def ask(now: Session) -> None:
    """Answer the question."""
    for system in now.ours:
        server = ("env", f"HAIRTRIGGER_RETENTION_MS={RETENTION_MS}", *system.server)
        with opened(replace(system.with_limits, server=server)) as running:
            _soak(running, SECONDS * (0.1 if now.quick else 1))


def _soak(running: Running, seconds: float) -> None:
    old = 0 if isinstance(running.system.database, Sqlite) else _lay_down_week(running.address)
    running.client.send("steady", per_second=RATE, seconds=seconds)
    samples = _watched(running, seconds / SAMPLES)
    acknowledged = int(running.client.receive()["acknowledged"])
    running.until(lambda: bool(running.client.ask("settled")["settled"]))
    running.stop_worker()
    running.stop_server()
    _print_growth(running.system, samples[round(WARM_S / seconds * SAMPLES) :])
    _print_lost(running, acknowledged, old)
    _print_verified(running)


def _watched(running: Running, every_s: float) -> list[Sizes]:
    """So many samples, and one line a minute."""
    samples: list[Sizes] = []
    started = time.monotonic()
    for number in range(1, SAMPLES + 1):
        due = started + number * every_s
        running.until(lambda due=due: time.monotonic() >= due, every_s=0.2)  # type: ignore[misc]
        samples.append(_memory_mb(running) | _tables_mb(running))
        if number * every_s % 60 < every_s:
            shown = ", ".join(f"{one} {samples[-1].get(one, 0):.2f}" for one in (*JUDGED, *HOT))
            print(
                f"  {number * every_s / 60:3.0f} min: {running.begun:,} begun; MB: {shown}",
                flush=True,
            )
    return samples


def _memory_mb(running: Running) -> Sizes:
    """Memory by process, with mapped files apart."""
    mapped = running.mapped_mb()
    own = {str(role): held - mapped[role] for role, held in running.memory_mb().items()}
    return own | {f"{role}: mapped": held for role, held in mapped.items()}


def _tables_mb(running: Running) -> Sizes:
    """The size of every table and of its indexes, and of all together."""
    if not isinstance(running.system.database, Sqlite):
        return {name: float(size) / 1e6 for name, size in _rows(running, _POSTGRES)}
    log = ("file: log", Path(f"{running.address}-wal").stat().st_size)
    return {name: size / 1e6 for name, size in (*_rows(running, _SQLITE), log)}


def _rows(running: Running, statement: str) -> list[Any]:
    if not isinstance(running.system.database, Sqlite):
        return databases.fetch(running.address, statement)
    with closing(sqlite3.connect(f"file:{running.address}?mode=ro", uri=True)) as connection:
        return connection.execute(statement).fetchall()


def _print_growth(system: System, samples: list[Sizes]) -> None:
    quarter = len(samples) // 4
    kept = KEPT if isinstance(system.database, Sqlite) else KEPT | KEPT_IN_WEEKS
    rows: list[list[str]] = []
    for name in sorted(samples[-1], key=lambda one: (one not in JUDGED, one)):
        first, last = (
            statistics.median(one.get(name, 0) for one in some)
            for some in (samples[:quarter], samples[-quarter:])
        )
        if max(first, last) < SHOWN_MB and name not in HOT:
            continue
        peaks = [one.get(name, 0) for one in samples]
        is_flat = last < max(first * FLAT, first + SLACK_MB) or (
            max(peaks[-quarter:]) <= max(peaks[:-quarter])  # up and down, as between two vacuums
        )
        why = kept.get(name.removesuffix(" indexes"))
        rows.append([name, f"{first:.2f}", f"{last:.2f}", figures.ratio(last, first),
                     why or ("flat" if is_flat else "GREW")])  # fmt: skip
    head = ["MB", "first quarter", "last quarter", "ratio", ""]
    figures.print_table(f"{system.name} under {RATE} runs/s", head, rows)


def _print_lost(running: Running, acknowledged: int, old: int) -> None:
    """What the tasks noted, what the database says and what the logs say, beside what the client knows."""
    noted = Counter(number for number, _ in stamps.read(running.stamps_file, skip=1))
    lost = sum(number not in noted for number in range(1, acknowledged + 1))
    lines = [
        line
        for role in ("server", "worker")
        for line in (running.directory / f"{role}.log").read_text().splitlines()
    ]
    forgotten = sum(int(found[1]) for line in lines if (found := FORGOT.search(line)))
    ((kept, others),) = _rows(running, _ENDS)
    failed = sum(bool(FAILED.search(line)) for line in lines)
    strange = [
        line for line in lines if not any(one.search(line) for one in (FORGOT, FAILED, EXPECTED))
    ]
    print(f"\n  acknowledged {acknowledged:,}: lost {lost}, twice {noted.total() - len(noted)}")
    completed = forgotten + kept - old - 1  # without those of last week and the first one
    print(f"  completed {completed:,}, others {others}; forgotten in all {forgotten:,}")
    print(f"  failed first and were tried again: {failed:,} of {acknowledged // 50:,}")
    print("\n  ".join([f"  lines in the logs that nobody expects: {len(strange)}", *strange[:10]]))


def _print_verified(running: Running) -> None:
    words = [running.system.server[2], "verify", "--database", running.address]
    environment = {**os.environ, "HAIRTRIGGER_RETENTION_MS": str(RETENTION_MS)}
    done = subprocess.run(
        words, cwd=running.directory, env=environment, capture_output=True, text=True
    )
    said = (done.stdout + done.stderr).strip().splitlines()
    print(f"  verify: {said[-1]}")
    if done.returncode:
        print("\n".join(said))


def _lay_down_week(url: str) -> int:
    """Copy the only run there is as many of a week ago; answers how many."""
    week = partitions.week_of(time.time_ns() // 1_000_000) - 1
    low, high = partitions.bounds(week)
    databases.execute(
        url,
        *(
            f"create table {partitions.name(table, week)} partition of {table} "
            f"for values from ({low}) to ({high})"
            for table in partitions.TABLES
        ),
    )
    newest = databases.fetch(url, "select max(run_id) from results")[0][0]
    for table, number in {"runs": "id", "results": "run_id"}.items():
        changed = f"jsonb_build_object('{number}', {newest - high + low} - n)"
        databases.execute(
            url,
            f"insert into {table} select (jsonb_populate_record(one, {changed})).* "
            f"from {table} one, generate_series(1, {OLD_RUNS}) n where one.{number} = {newest}",
        )
    return OLD_RUNS


_ENDS = """
select (select count(*) from results where status = 0),
  (select count(*) from results where status <> 0) + (select count(*) from live)
"""
_SQLITE = """
select case m.type when 'table' then m.tbl_name else m.tbl_name || ' indexes' end, sum(s.pgsize)
from dbstat s join sqlite_schema m on m.name = s.name where s.aggregate = true group by 1
union all select 'file', page_count * page_size from pragma_page_count, pragma_page_size
union all select 'file: free', freelist_count * page_size from pragma_freelist_count, pragma_page_size
"""
_POSTGRES = """
with sizes as (
  select coalesce(p.relname, c.relname)::text as name, sum(pg_table_size(c.oid)) as rows_,
    sum(pg_indexes_size(c.oid)) as indexes
  from pg_class c left join pg_inherits i on i.inhrelid = c.oid left join pg_class p on p.oid = i.inhparent
  where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace group by 1)
select name, rows_ from sizes union all select name || ' indexes', indexes from sizes
union all select 'all', pg_database_size(current_database())
"""


if __name__ == "__main__":
    session.main(ask, __doc__)
