"""Triggers PgQueuer's runs as the driver asks; many at once share a statement of up to 1,000."""

from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.queries import Queries

from benchmarks.peers.async_caller import serve_calls
from benchmarks.peers.pgqueuer_tasks import DATABASE

LIVE = "select exists (select from pgqueuer)"


async def main() -> None:
    """Answer the driver."""
    async with asyncpg.create_pool(DATABASE, min_size=1, max_size=16) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))

        async def one(asked_ns: int) -> None:
            await queries.enqueue("begin", str(asked_ns).encode())

        async def many(asked_ns: int, count: int, delay_s: float) -> None:
            payloads: list[bytes | None] = [str(asked_ns).encode()] * count
            after = [timedelta(seconds=delay_s)] * count if delay_s > 0 else None
            await queries.enqueue(["begin"] * count, payloads, [0] * count, after)

        async def hold(number: int) -> None:
            await queries.enqueue("held", str(number).encode())

        async def is_settled() -> bool:
            return not await pool.fetchval(LIVE)

        await serve_calls(one, many, hold, is_settled)


if __name__ == "__main__":
    uvloop.run(main())
