"""What does looking at the dashboard cost?

Method: ours only. The history of `history.py` is made: 200,000 finished runs (20,000 when quick, a million on SQLite
and five on PostgreSQL with --long). Then each page is read over HTTP 100 times, one after the other, by a process
that does nothing else. Then 100,000 runs are drained twice on a fresh database, as `drain.py` does it: alone, and
while 20 pages are open. A page that is open does what the browser does: it holds the stream of its environment, and
on a beat, at most once a second, fetches the living parts of its page: half of them the list of runs, half the
overview. Their process is not counted; what they cost the server is. The figure is the second rate over the first.
"""

import contextlib
import http.client
import os
import re
import statistics
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from benchmarks import figures, session
from benchmarks.databases import Postgres
from benchmarks.drain import fed_and_drained
from benchmarks.history import Lists, add_history
from benchmarks.running import Running, Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System

RUNS, READS, VIEWERS = 100_000, 100, 20
SHORT, LONG_SQLITE, LONG_POSTGRES = 200_000, 1_000_000, 5_000_000
PAGES = {
    "overview": "overview",
    "runs, 24 h": "runs",
    "runs, 30 days": "runs?period=30d",
    "runs, failed": "runs?status=FAILED&period=30d",
    "runs, a word": "runs?q=nobody&period=30d",
    "runs, a rare pair": "runs?tag=nobody&status=FAILED&period=30d",
    "errors": "errors",
    "logs": "logs?period=30d",
    "logs, a word": "logs?q=nobody&period=30d",
    "tasks": "tasks",
    "a task": "tasks/begin",
    "its test": "tasks/begin/test",
    "schedules": "schedules",
    "queues": "queues",
    "a queue": "queues/task%2Fbegin",
    "batches": "batches",
    "bulk actions": "bulk-actions",
    "workers": "workers",
}
_LIVING = ("runs", "head,tabs,rows"), ("overview", "kpis,queues")


def ask(now: Session) -> None:
    """Answer the question."""
    os.environ["HAIRTRIGGER_LOGIN"] = "none"
    found = now.ask_ours(lambda system: measure(system, now.size(RUNS), _history(system, now)))
    if not found:
        return
    rates = {
        "alone": [alone for _, alone, _ in found],
        f"{VIEWERS} pages open": [seen for _, _, seen in found],
    }
    figures.print_rates("Drain, alone and looked at", rates)
    share = statistics.median(seen.rate / alone.rate for _, alone, seen in found)
    print(f"\n  looked at over alone: {share:.3f}")
    rows: list[list[str]] = []
    for name, times in found[0][0].items():
        middle = [statistics.median(pages[name][one] for pages, _, _ in found) for one in times]
        rows.append([name, *(f"{value:.2f}" for value in middle)])
    figures.print_table("A page over HTTP", ["", *next(iter(found[0][0].values()))], rows)


def _history(system: System, now: Session) -> int:
    if now.long:
        return LONG_POSTGRES if isinstance(system.database, Postgres) else LONG_SQLITE
    return now.size(SHORT)


def measure(system: System, count: int, history: int) -> tuple[Lists, Sample, Sample]:
    """Read pages over a history, then drain without and with viewers."""
    with opened(system) as running:
        running.stop_worker()
        running.stop_server()
        add_history(running, history)
        running.start_server()
        pages = _read_pages(running)
    with opened(system) as running:
        running.stop_worker()
        alone = fed_and_drained(running, count)
    with opened(system) as running:
        running.stop_worker()
        with _watched(running):
            return pages, alone, fed_and_drained(running, count)


def environment_of(running: Running) -> tuple[str, str]:
    """The server's address, and the path of the environment that the benchmark uses."""
    address = urlsplit(running.url).netloc
    connection = http.client.HTTPConnection(address, timeout=120)
    connection.request("GET", "/")
    where = connection.getresponse().getheader("location") or ""
    connection.close()
    return address, where.removesuffix("/overview").rpartition("/")[0] + "/dev"


def _read_pages(running: Running) -> Lists:
    address, base = environment_of(running)
    connection = http.client.HTTPConnection(address, timeout=120)
    pages = {**PAGES, "a run": f"runs/{_newest_run(connection, base)}"}
    found = {name: _read_page(connection, f"{base}/{page}") for name, page in pages.items()}
    connection.close()
    return found


def _newest_run(connection: http.client.HTTPConnection, base: str) -> str:
    connection.request("GET", f"{base}/runs?period=30d", headers={"Accept": "text/html"})
    found = re.search(rb'data-id="(run_\w+)"', connection.getresponse().read())
    if found is None:
        raise RuntimeError("the list of runs shows none")
    return found[1].decode()


def _read_page(connection: http.client.HTTPConnection, path: str) -> dict[str, float]:
    took: list[int] = []
    for _ in range(READS):
        began = time.monotonic_ns()
        connection.request("GET", path, headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        took.append(time.monotonic_ns() - began)
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered {answer.status}")
    return figures.spread(took)


@contextlib.contextmanager
def _watched(running: Running) -> Iterator[None]:
    """While pages are open."""
    address, base = environment_of(running)
    over = threading.Event()
    viewers = [
        threading.Thread(target=_view, args=(address, base, *_LIVING[n % 2], over), daemon=True)
        for n in range(VIEWERS)
    ]
    for one in viewers:
        one.start()
    try:
        yield
    finally:
        over.set()
        for one in viewers:
            one.join(10)


def _view(address: str, base: str, page: str, parts: str, over: threading.Event) -> None:
    """One open page, until it is over."""
    stream = http.client.HTTPConnection(address, timeout=60)
    stream.request("GET", f"{base}/live")
    beats = stream.getresponse()
    pages = http.client.HTTPConnection(address, timeout=60)
    while not over.is_set():
        if not beats.readline().startswith(b"event: beat"):
            continue
        began = time.monotonic()
        pages.request(
            "GET", f"{base}/{page}", headers={"X-Parts": parts, "Accept-Encoding": "gzip"}
        )
        pages.getresponse().read()
        over.wait(max(0.0, began + 1 - time.monotonic()))
    stream.close()
    pages.close()


if __name__ == "__main__":
    session.main(ask, __doc__)
