"""PgQueuer's side of the work, on PostgreSQL. Runs in PgQueuer's environment, whose program is the worker.

A finished job leaves its table; the log of its changes of status stays, as by default.
"""

import contextlib
import os
from collections.abc import AsyncIterator

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job

from benchmarks import stamps

DATABASE = os.environ["BENCH_DATABASE"]


@contextlib.asynccontextmanager
async def make() -> AsyncIterator[PgQueuer]:
    """A worker with the two tasks; `pgq run` asks for it."""
    connection = await asyncpg.connect(DATABASE)
    try:
        worker = PgQueuer(AsyncpgDriver(connection))

        @worker.entrypoint("begin")  # type: ignore[untyped-decorator]  # not in our environment
        async def begin(job: Job) -> None:
            stamps.stamp(int(job.payload or b"0"))

        @worker.entrypoint("held")  # type: ignore[untyped-decorator]
        async def held(job: Job) -> None:
            await stamps.hold_async(int(job.payload or b"0"))

        yield worker
    finally:
        await connection.close()
