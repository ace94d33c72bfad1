"""Triggers Procrastinate's runs as the driver asks; many at once share a statement of up to 1,000."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg

from benchmarks.peers.async_caller import serve_calls
from benchmarks.peers.procrastinate_tasks import DATABASE, app, begin, held

LIVE = """select exists (select from procrastinate_jobs
    where status in ('todo', 'doing') and task_name in ('begin', 'held'))"""


async def one(asked_ns: int) -> None:
    """Defer one job."""
    await begin.defer_async(asked_ns=asked_ns)


async def many(asked_ns: int, count: int, delay_s: float) -> None:
    """Defer so many, perhaps with a delay."""
    deferrer = begin
    if delay_s > 0:
        deferrer = begin.configure(schedule_at=datetime.now(UTC) + timedelta(seconds=delay_s))
    await deferrer.batch_defer_async(*({"asked_ns": asked_ns} for _ in range(count)))


async def hold(number: int) -> None:
    """Defer the job that is held."""
    await held.defer_async(number=number)


async def main() -> None:
    """Answer the driver."""
    connection = await psycopg.AsyncConnection.connect(DATABASE, autocommit=True)

    async def is_settled() -> bool:
        row = await (await connection.execute(LIVE)).fetchone()
        return row is not None and not row[0]

    async with connection, app.open_async():
        await serve_calls(one, many, hold, is_settled)


if __name__ == "__main__":
    asyncio.run(main())
