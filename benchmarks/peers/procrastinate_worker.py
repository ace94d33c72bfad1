"""Procrastinate's worker: `procrastinate_worker 10` runs ten jobs at once; with 0 it makes the tables."""

import asyncio
import sys

from benchmarks.peers.procrastinate_tasks import app

POLL_S = 1.0  # how late a delayed job may be seen; the default is 5 s


async def main(concurrency: int) -> None:
    """Work until told to stop."""
    async with app.open_async():
        if concurrency:
            await app.run_worker_async(concurrency=concurrency, fetch_job_polling_interval=POLL_S)
        else:
            await app.schema_manager.apply_schema_async()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
