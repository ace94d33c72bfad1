"""Huey's side of the work: one task in one durable SQLite file. Runs in Huey's environment.

`fsync=True` is `PRAGMA synchronous=FULL`, as ours; the journal is a write-ahead log, as ours.
`store_none=True` keeps the outcome of a run that returns nothing, so that it can be looked up
afterwards as with the others. Without it Huey forgets such a run when it takes it, writes once
where the others write twice, and drains about twice as fast.
"""

import os

from huey import SqliteHuey

from benchmarks.stamps import stamp

DATABASE = os.environ["BENCH_DATABASE"]
huey = SqliteHuey("bench", filename=DATABASE, fsync=True, store_none=True, timeout=60)


@huey.task()  # type: ignore[untyped-decorator]  # Huey is not in our environment
def begin(asked_ns: int) -> None:
    """The run of every benchmark."""
    stamp(asked_ns)
