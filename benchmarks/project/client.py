"""Triggers our runs as the driver asks, through the SDK: the workloads are in `peers/async_caller.py`.

`plain` goes around the SDK, which may send concurrent calls together: one POST per run.
"""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import aiohttp
from trigger.bench import begin, held, keyed, limited  # type: ignore[import-not-found]  # the project

from benchmarks.conversation import Answer
from benchmarks.peers.async_caller import BATCH, in_flight, serve_calls
from hairtrigger import runs

LIVE = ["PENDING_VERSION", "DELAYED", "QUEUED", "DEQUEUED", "EXECUTING", "WAITING"]


async def plain(count: int, flight: int) -> Answer:
    """Single triggers without the SDK."""
    url = os.environ["TRIGGER_API_URL"] + "/api/v1/tasks/begin/trigger"
    headers = {"Authorization": f"Bearer {os.environ['TRIGGER_SECRET_KEY']}"}
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:

        async def post(asked_ns: int) -> None:
            async with session.post(url, json={"payload": asked_ns}) as answer:
                await answer.read()

        return await in_flight(post, count, flight)


async def many(asked_ns: int, count: int, delay_s: float) -> None:
    """One batch."""
    if delay_s > 0:
        due = datetime.now(UTC) + timedelta(seconds=delay_s)
        await begin.batch_trigger([asked_ns] * count, delay=due)
    else:
        await begin.batch_trigger([asked_ns] * count)


async def keys(count: int, keys: int) -> Answer:
    """Runs of a task that runs one at a time for each of so many keys, in turn."""
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        await keyed.batch_trigger(
            [keyed.call(0, concurrency_key=f"key {number % keys}") for number in numbers]
        )
    return {}


async def limit(count: int) -> Answer:
    """Runs of a task of which ten run at a time."""
    for first in range(0, count, BATCH):
        await limited.batch_trigger([0] * min(BATCH, count - first))
    return {}


async def is_settled() -> bool:
    """Whether no run waits or executes."""
    page = await runs.list(status=LIVE, limit=1)
    return not page.data


if __name__ == "__main__":
    asyncio.run(
        serve_calls(
            begin.trigger, many, held.trigger, is_settled, plain=plain, keys=keys, limit=limit
        )
    )
