"""Huey's side of the work: in one durable SQLite file, or on Redis. Runs in Huey's environment.

On SQLite `fsync=True` is `PRAGMA synchronous=FULL`, as ours; the journal is a write-ahead log, as
ours. `store_none=True` keeps the outcome of a run that returns nothing, so that it can be looked up
afterwards as with the others. Without it Huey forgets such a run when it takes it, writes once
where the others write twice, and drains about twice as fast. On Redis it is left as by default,
where nothing is kept: the others there keep nothing either.
"""

import os

from huey import RedisHuey, SqliteHuey

from benchmarks import stamps

DATABASE = os.environ["BENCH_DATABASE"]
if DATABASE.startswith("redis://"):
    huey = RedisHuey("bench", url=DATABASE)
else:
    huey = SqliteHuey("bench", filename=DATABASE, fsync=True, store_none=True, timeout=60)


@huey.task()  # type: ignore[untyped-decorator]  # Huey is not in our environment
def begin(asked_ns: int) -> None:
    """The run of every benchmark."""
    stamps.stamp(asked_ns)


@huey.task()  # type: ignore[untyped-decorator]
def held(number: int) -> None:
    """The run that is held."""
    stamps.hold(number)
