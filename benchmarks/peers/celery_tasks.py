"""Celery's side of the work, on Redis. Runs in Celery's environment.

`acks_late` keeps a message until its run is done, so that it survives the worker; Celery's default
forgets it when the run begins. There is no result backend, as by default: outcomes are not kept.
"""

import os

from celery import Celery

from benchmarks import stamps

QUEUE = "bench"
app = Celery("bench", broker=os.environ["BENCH_DATABASE"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_pool_limit=64,
    task_acks_late=True,
    task_default_queue=QUEUE,
    task_ignore_result=True,
)


@app.task(name="begin")  # type: ignore[untyped-decorator]  # Celery is not in our environment
def begin(asked_ns: int) -> None:
    """The run of every benchmark."""
    stamps.stamp(asked_ns)


@app.task(name="held")  # type: ignore[untyped-decorator]
def held(number: int) -> None:
    """The run that is held."""
    stamps.hold(number)
