"""Triggers DBOS's workflows as the driver asks, through its client: worker and client apart.

Many at once share a transaction of up to 1,000, which is the fastest way that DBOS documents.
"""

import os
from typing import Any

import sqlalchemy
from dbos import DBOSClient, EnqueueOptions

DATABASE = os.environ["BENCH_DATABASE"]
LIVE = ["ENQUEUED", "PENDING", "DELAYED"]
OPTIONS: EnqueueOptions = {"workflow_name": "begin", "queue_name": "bench", "app_version": "1"}


def engine() -> sqlalchemy.Engine:
    """Connections set as DBOS sets its own: each transaction takes the write lock at once."""
    made = sqlalchemy.create_engine(f"sqlite:///{DATABASE}", pool_size=64, max_overflow=0)

    @sqlalchemy.event.listens_for(made, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA foreign_keys=ON")

    return made


ENGINE = engine()
CLIENT = DBOSClient(system_database_engine=ENGINE)


def one(asked_ns: int, delay_s: float) -> None:
    """Enqueue one workflow, perhaps with a delay."""
    options = OPTIONS.copy()
    if delay_s > 0:
        options["delay_seconds"] = delay_s
    CLIENT.enqueue(options, asked_ns)


def many(count: int) -> None:
    """Enqueue so many, a thousand to a transaction."""
    while count > 0:
        with ENGINE.begin() as connection:
            for _ in range(min(count, 1000)):
                CLIENT.enqueue_in_transaction(connection, OPTIONS, 0)
        count -= 1000


def hold(number: int) -> None:
    """Enqueue the workflow that is held."""
    options = OPTIONS.copy()
    options["workflow_name"] = "held"
    CLIENT.enqueue(options, number)


def is_settled() -> bool:
    """Whether no workflow waits or runs."""
    return not CLIENT.list_workflows(status=LIVE, limit=1, load_input=False, load_output=False)


if __name__ == "__main__":
    from benchmarks.peers.caller import serve_calls

    serve_calls(one, many, hold, is_settled)
