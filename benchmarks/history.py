"""Does a long history slow anything down?

Method: ours only. One run is run, then it is copied, with its result, so many times as older runs, straight
into the database while server and worker are down: 200,000 (20,000 when quick, 10 million with --long).
On PostgreSQL the tables are vacuumed and analyzed, as they would have been in the time that it takes to
run so many. Then 100,000 runs are drained, as `drain.py` does it and beside it on a fresh database.
Then lists are read over HTTP, one page of 100 after the other on one connection, from a process that
does nothing else: the newest runs, the page after a run in the middle, one task's, the completed ones,
the failed ones (there are none), and those of a tag that nothing has.
"""

import http.client
import sqlite3
import statistics
import time
from urllib.parse import urlencode

from benchmarks import databases, figures, session
from benchmarks.databases import Sqlite
from benchmarks.drain import fed_and_drained
from benchmarks.running import Running, Sample, opened
from benchmarks.session import Session
from benchmarks.systems import KEY, System
from hairtrigger.wire import ids

RUNS, READS = 100_000, 100
SHORT, LONG = 200_000, 10_000_000
TABLES = {"runs": "id", "results": "run_id"}
Lists = dict[str, dict[str, float]]


def ask(now: Session) -> None:
    """Answer the question."""
    history = LONG if now.long else now.size(SHORT)
    found = now.ask_ours(lambda system: measure(system, now.size(RUNS), history))
    if not found:
        return
    rates = {
        "fresh": [fresh for fresh, _, _ in found],
        f"after {history:,}": [aged for _, aged, _ in found],
    }
    figures.print_rates("Drain, fresh and with history", rates)
    share = statistics.median(aged.rate / fresh.rate for fresh, aged, _ in found)
    print(f"\n  with history over fresh: {share:.3f}")
    rows: list[list[str]] = []
    for name, times in found[0][2].items():
        middle = [statistics.median(lists[name][one] for _, _, lists in found) for one in times]
        rows.append([name, *(f"{value:.2f}" for value in middle)])
    head = ["", *next(iter(found[0][2].values()))]
    figures.print_table(
        f"One page of 100 runs over HTTP, after {history:,} finished runs", head, rows
    )


def measure(system: System, count: int, history: int) -> tuple[Sample, Sample, Lists]:
    """Drain without and with a history, then read lists."""
    with opened(system) as running:
        running.stop_worker()
        fresh = fed_and_drained(running, count)
    with opened(system) as running:
        running.stop_worker()
        running.stop_server()
        middle = add_history(running, history)
        running.start_server()
        aged = fed_and_drained(running, count)
        return fresh, aged, _read_lists(running, middle)


def add_history(running: Running, count: int) -> int:
    """Copy the only run there is as `count` older ones; answers the number of the middle one."""
    if isinstance(running.system.database, Sqlite):
        connection = sqlite3.connect(running.address)
        names = {
            table: [row[1] for row in connection.execute(f"pragma table_info({table})")]
            for table in TABLES
        }
        newest = int(connection.execute("select max(id) from runs").fetchone()[0])
        for table, columns in names.items():
            connection.execute(_copy(table, columns, newest, count, _SERIES))
        connection.commit()
        connection.close()
        return newest - count // 2
    url = running.address
    newest = int(databases.fetch(url, "select max(id) from runs")[0][0])
    for table in TABLES:
        rows = databases.fetch(
            url,
            "select column_name from information_schema.columns "
            f"where table_schema = 'public' and table_name = '{table}' order by ordinal_position",
        )
        columns = [str(row[0]) for row in rows]
        series = f"generate_series(1, {count}) as older(n)"
        databases.execute(url, _copy(table, columns, newest, count, series))
    databases.execute(url, "vacuum analyze", "checkpoint")
    return newest - count // 2


_SERIES = (
    "(with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {count}) "
    "select n from numbers) as older"
)


def _copy(table: str, columns: list[str], newest: int, count: int, series: str) -> str:
    """The statement that copies a table's newest row, oldest copy first. Numbers of runs are times in
    their upper bits, so that copies which only count down are all made in the same few ms."""
    number = TABLES[table]
    copied = [
        f"{newest} - {count + 1} + older.n" if name == number else f'one."{name}"'
        for name in columns
    ]
    named = ", ".join(f'"{name}"' for name in columns)
    return (
        f"insert into {table} ({named}) select {', '.join(copied)} "
        f"from {table} as one, {series.format(count=count)} where one.{number} = {newest} order by older.n"
    )


def _read_lists(running: Running, middle: int) -> Lists:
    asked: dict[str, dict[str, str]] = {
        "newest": {},
        "after the middle": {"page[after]": f"{ids.public('cursor', middle)}.1"},
        "of one task": {"filter[taskIdentifier]": "begin"},
        "completed": {"filter[status]": "COMPLETED"},
        "failed": {"filter[status]": "FAILED"},
        "of a tag": {"filter[tag]": "nobody"},
    }
    address = running.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=120)
    found = {name: _read_list(connection, words) for name, words in asked.items()}
    connection.close()
    return found


def _read_list(connection: http.client.HTTPConnection, words: dict[str, str]) -> dict[str, float]:
    path = "/api/v1/runs?" + urlencode({"page[size]": "100", **words})
    took: list[int] = []
    for _ in range(READS):
        started_ns = time.monotonic_ns()
        connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
        answer = connection.getresponse()
        body = answer.read()
        took.append(time.monotonic_ns() - started_ns)
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered {answer.status}: {body[:300]!r}")
    return figures.spread(took)


if __name__ == "__main__":
    session.main(ask, __doc__)
