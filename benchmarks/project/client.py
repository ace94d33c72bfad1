"""Triggers our runs as the driver asks, through the SDK: the same workloads as `peers/caller.py`.

`plain` goes around the SDK, which may send concurrent calls together: one POST per run.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import aiohttp
from trigger.bench import begin  # type: ignore[import-not-found]  # the project's directory

from benchmarks.conversation import Answer, serve_async
from hairtrigger import runs

LIVE = ["PENDING_VERSION", "DELAYED", "QUEUED", "DEQUEUED", "EXECUTING", "WAITING"]
BATCH = 1000


async def trigger(count: int, flight: int) -> Answer:
    """`count` calls of trigger(), `flight` of them waiting at any time."""
    return await _in_flight(begin.trigger, count, flight)


async def plain(count: int, flight: int) -> Answer:
    """The same without the SDK."""
    url = os.environ["TRIGGER_API_URL"] + "/api/v1/tasks/begin/trigger"
    headers = {"Authorization": f"Bearer {os.environ['TRIGGER_SECRET_KEY']}"}
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:

        async def post(asked_ns: int) -> None:
            async with session.post(url, json={"payload": asked_ns}) as answer:
                await answer.read()

        return await _in_flight(post, count, flight)


async def batch(count: int) -> Answer:
    """`count` runs in batches of 1,000."""
    started = time.monotonic_ns()
    for first in range(0, count, BATCH):
        await begin.batch_trigger([0] * min(BATCH, count - first))
    return {"seconds": _since(started)}


async def load(per_second: float, seconds: float) -> Answer:
    """Single triggers at an even rate, whether or not the earlier ones are acknowledged."""
    started, sent = time.monotonic_ns(), 0
    async with asyncio.TaskGroup() as group:
        while (passed := _since(started)) < seconds:
            while sent < passed * per_second:
                group.create_task(_call(begin.trigger, 0))
                sent += 1
            await asyncio.sleep(0.001)
    return {"sent": sent, "seconds": _since(started)}


async def probe(count: int) -> Answer:
    """Single triggers 30 to 70 ms apart, each carrying when it was asked for."""
    for _ in range(count):
        await asyncio.sleep(random.uniform(0.03, 0.07))
        await begin.trigger(time.monotonic_ns())
    return {}


async def delayed(count: int, due_ns: int) -> Answer:
    """`count` runs delayed to the same instant of the monotonic clock."""
    due = datetime.now(UTC) + timedelta(microseconds=(due_ns - time.monotonic_ns()) / 1000)
    for first in range(0, count, BATCH):
        await begin.batch_trigger([due_ns] * min(BATCH, count - first), delay=due)
    return {"spare_s": (due_ns - time.monotonic_ns()) / 1e9}


async def settled() -> Answer:
    """Whether no run waits or executes."""
    page = await runs.list(status=LIVE, limit=1)
    return {"settled": not page.data}


async def _in_flight(one: Callable[[int], Awaitable[object]], count: int, flight: int) -> Answer:
    took: list[int] = []

    async def caller() -> None:
        for _ in range(count // flight):
            asked_ns = time.monotonic_ns()
            await one(asked_ns)
            took.append(time.monotonic_ns() - asked_ns)

    started = time.monotonic_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(flight):
            group.create_task(caller())
    return {"seconds": _since(started), "took_ns": took}


async def _call(one: Callable[[int], Awaitable[object]], asked_ns: int) -> None:
    await one(asked_ns)


def _since(started_ns: int) -> float:
    return (time.monotonic_ns() - started_ns) / 1e9


if __name__ == "__main__":
    asyncio.run(
        serve_async(
            {
                "trigger": trigger,
                "plain": plain,
                "batch": batch,
                "load": load,
                "probe": probe,
                "delayed": delayed,
                "settled": settled,
            }
        )
    )
