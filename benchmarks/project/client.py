"""Triggers our runs as the driver asks, through the SDK: the workloads are in `peers/async_caller.py`.

`plain` goes around the SDK, which may send concurrent calls together: one POST per run.
"""

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from trigger.bench import (  # type: ignore[import-not-found]  # the project
    begin,
    carried,
    failing,
    held,
    keyed,
    limited,
)

from benchmarks.conversation import Answer
from benchmarks.peers.async_caller import BATCH, Command, in_flight, serve_calls, since
from hairtrigger import batch, runs

LIVE = ["PENDING_VERSION", "DELAYED", "QUEUED", "DEQUEUED", "EXECUTING", "WAITING"]
TOGETHER, ALONE = 10, 5


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


async def steady(per_second: float, seconds: float) -> Answer:
    """Runs of mixed kinds, numbered from 1, at an even rate: ten in a batch, five one by one, and again."""
    started, sent = time.monotonic_ns(), 0
    async with asyncio.TaskGroup() as group:
        while (passed := since(started)) < seconds:
            while sent < passed * per_second:
                group.create_task(_turn(sent + 1))
                sent += TOGETHER + ALONE
            await asyncio.sleep(0.01)
    return {"acknowledged": sent}


async def _turn(first: int) -> None:
    mixed = [_kind(number) for number in range(first, first + TOGETHER + ALONE)]
    await batch.trigger(
        *(one.call(payload, **options) for one, payload, options in mixed[:TOGETHER])
    )
    for one, payload, options in mixed[TOGETHER:]:
        await one.trigger(payload, **options)


def _kind(number: int) -> tuple[Any, Any, dict[str, Any]]:
    """Task, payload and options of a run. Of fifty, one fails first, one is late, ten have a
    concurrency key of limit 1, ten carry a kilobyte there and back."""
    match number % 50, number % 5:
        case 0, _:
            return failing, number, {}
        case 25, _:
            return begin, number, {"delay": "3s"}
        case _, 1:
            return keyed, number, {"concurrency_key": f"key {number % 97}"}
        case _, 2:
            return carried, {"number": number, "text": "x" * 1000}, {}
        case _:
            return begin, number, {}


async def is_settled() -> bool:
    """Whether no run waits or executes."""
    page = await runs.list(status=LIVE, limit=1)
    return not page.data


if __name__ == "__main__":
    others: dict[str, Command] = {"plain": plain, "keys": keys, "limit": limit, "steady": steady}
    asyncio.run(serve_calls(begin.trigger, many, held.trigger, is_settled, **others))
