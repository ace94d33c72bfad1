"""The commands of a client on an event loop: what the driver may ask of ours, Procrastinate and PgQueuer.

Runs in the interpreter of the system: standard library only. It makes the same workloads of a few
functions of the system that `caller.py` makes for libraries that block.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.conversation import Answer, serve_async

BATCH = 1000
TriggerOne = Callable[[int], Awaitable[object]]
TriggerMany = Callable[[int, int, float], Awaitable[object]]
Command = Callable[..., Awaitable[Answer]]


async def serve_calls(
    one: TriggerOne,
    many: TriggerMany,
    hold: TriggerOne,
    is_settled: Callable[[], Awaitable[bool]],
    **others: Command,
) -> None:
    """Answer the driver until it closes the pipe.

    Args:
        one: Triggers a run, given when it was asked for (monotonic ns), and returns when it is durable.
        many: Triggers at most 1,000 runs in the fastest way that the system documents: when they were
            asked for, how many, and seconds to delay them (0: none).
        hold: Triggers the run of a number that is held until the driver lets it go.
        is_settled: Whether no run waits or executes.
        others: More commands, which only this system answers.
    """

    async def trigger(count: int, flight: int) -> Answer:
        return await in_flight(one, count, flight)

    async def batch(count: int) -> Answer:
        started = time.monotonic_ns()
        for first in range(0, count, BATCH):
            await many(0, min(BATCH, count - first), 0.0)
        return {"seconds": since(started)}

    async def load(per_second: float, seconds: float) -> Answer:
        """At an even rate, whether or not the earlier ones are acknowledged."""
        started, sent = time.monotonic_ns(), 0
        async with asyncio.TaskGroup() as group:
            while (passed := since(started)) < seconds:
                while sent < passed * per_second:
                    group.create_task(_call(one, 0))
                    sent += 1
                await asyncio.sleep(0.001)
        return {"sent": sent, "seconds": since(started)}

    async def probe(count: int) -> Answer:
        for _ in range(count):
            await asyncio.sleep(random.uniform(0.03, 0.07))
            await one(time.monotonic_ns())
        return {}

    async def delayed(count: int, due_ns: int) -> Answer:
        for first in range(0, count, BATCH):
            left_s = (due_ns - time.monotonic_ns()) / 1e9
            await many(due_ns, min(BATCH, count - first), left_s)
        return {"spare_s": (due_ns - time.monotonic_ns()) / 1e9}

    async def held(count: int) -> Answer:
        for number in range(1, count + 1):
            await hold(number)
        return {}

    async def settled() -> Answer:
        return {"settled": await is_settled()}

    commands: dict[str, Command] = {
        "trigger": trigger,
        "batch": batch,
        "load": load,
        "probe": probe,
        "delayed": delayed,
        "held": held,
        "settled": settled,
    }
    await serve_async(commands | others)


async def in_flight(one: TriggerOne, count: int, flight: int) -> Answer:
    """`count` calls, `flight` of them waiting at any time."""
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
    return {"seconds": since(started), "took_ns": took}


def since(started_ns: int) -> float:
    """Seconds from an instant of the monotonic clock until now."""
    return (time.monotonic_ns() - started_ns) / 1e9


async def _call(one: Callable[[int], Awaitable[Any]], asked_ns: int) -> None:
    await one(asked_ns)
