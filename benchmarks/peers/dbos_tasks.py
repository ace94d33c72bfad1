"""DBOS's side of the work: on one queue, in one SQLite file. As a program, it is the worker, given how
many workflows run at once. Runs in DBOS's environment.

The file is put into write-ahead-log mode before DBOS opens it, which is faster than its default
and as durable; SQLite's own default is `synchronous=FULL`. The queue is polled every 10 ms, a
hundred times as often as by default, for the sake of its latency.
"""

import os
import signal
import sqlite3
import sys
import threading

from dbos import DBOS, DBOSConfig

from benchmarks.stamps import hold, stamp

QUEUE, WORKFLOW, VERSION = "bench", "begin", "1"
DATABASE = os.environ["BENCH_DATABASE"]


@DBOS.workflow(name=WORKFLOW)  # type: ignore[untyped-decorator]  # not in our environment
def begin(asked_ns: int) -> None:
    """The run of every benchmark."""
    stamp(asked_ns)


@DBOS.workflow(name="held")  # type: ignore[untyped-decorator]
def held(number: int) -> None:
    """The run that is held."""
    hold(number)


def main(concurrency: int) -> None:
    """Work until told to stop."""
    connection = sqlite3.connect(DATABASE)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": f"sqlite:///{DATABASE}",
        "application_version": VERSION,
        "executor_id": os.environ["BENCH_ROLE"],
        "log_level": "WARNING",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=concurrency, polling_interval_sec=0.01)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
    DBOS.destroy()


if __name__ == "__main__":
    main(int(sys.argv[1]))
