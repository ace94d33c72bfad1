"""Procrastinate's side of the work, on PostgreSQL. Runs in Procrastinate's environment.

Finished jobs are kept, as by default. What a killed worker held is found by its missing heartbeat and
retried by a periodic task, which Procrastinate's documentation shows and leaves to its users.
"""

import os

import procrastinate

from benchmarks import stamps

DATABASE = os.environ["BENCH_DATABASE"]
app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=DATABASE, min_size=1, max_size=16)
)


@app.task(name="begin")  # type: ignore[untyped-decorator]  # not in our environment
async def begin(asked_ns: int) -> None:
    """The run of every benchmark."""
    stamps.stamp(asked_ns)


@app.task(name="held")  # type: ignore[untyped-decorator]
async def held(number: int) -> None:
    """The run that is held."""
    await stamps.hold_async(number)


@app.periodic(cron="* * * * *")  # type: ignore[untyped-decorator]
@app.task(name="retry_stalled", queue="upkeep", queueing_lock="retry_stalled", pass_context=True)  # type: ignore[untyped-decorator]
async def retry_stalled(context: procrastinate.JobContext, timestamp: int) -> None:
    """Give back what workers without a heartbeat for 30 s held."""
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)
