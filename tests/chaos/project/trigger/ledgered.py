"""Tasks that write down, outside our database, when they really began and ended.

A line is one write to a file opened for appending: whole whatever dies next. Times are those of the machine's
monotonic clock, which all processes share.
"""

import asyncio
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from hairtrigger import Context, Retry, ScheduledPayload, queue, schedules, task

LEDGER = Path(os.environ["LEDGER"])
RETRY: Retry = {"max_attempts": 50, "min_timeout_in_ms": 10, "max_timeout_in_ms": 50}
LIMIT = 3

three = queue("three", concurrency_limit=LIMIT)
keyed_queue = queue("keyed", concurrency_limit=1)


class Work(TypedDict):
    number: str
    seconds: float
    key: str


def write(*words: object) -> None:
    with LEDGER.open("ab", buffering=0) as file:
        file.write((" ".join(map(str, words)) + "\n").encode())


@contextmanager
def noted(payload: Work, ctx: Context) -> Iterator[str]:
    """Write down that a body begins and how it ends; gives the execution's own name."""
    name = secrets.token_hex(8)
    write(
        "begin", time.monotonic_ns(), name, os.getpid(), ctx.run.id, ctx.task.id,
        payload["number"], payload["key"] or "-",
    )  # fmt: skip
    try:
        yield name
    except BaseException:
        write("cut", time.monotonic_ns(), name)
        raise
    write("end", time.monotonic_ns(), name)


@task(id="steady", retry=RETRY)
async def steady(payload: Work, ctx: Context) -> str:
    with noted(payload, ctx) as name:
        await asyncio.sleep(payload["seconds"])
    return name


@task(id="threaded", retry=RETRY)
def threaded(payload: Work, ctx: Context) -> str:
    with noted(payload, ctx) as name:
        time.sleep(payload["seconds"])
    return name


@task(id="once", retry={"max_attempts": 1})
async def once(payload: Work, ctx: Context) -> str:
    with noted(payload, ctx) as name:
        await asyncio.sleep(payload["seconds"])
    return name


@task(id="gated", retry=RETRY)
async def gated(payload: Work, ctx: Context) -> str:
    """Ends when the file exists that ``key`` names."""
    with noted(payload, ctx) as name:
        while not Path(payload["key"]).exists():
            await asyncio.sleep(0.02)
    return name


@task(id="three", queue=three, retry=RETRY)
async def limited(payload: Work, ctx: Context) -> str:
    with noted(payload, ctx) as name:
        await asyncio.sleep(payload["seconds"])
    return name


@task(id="keyed", queue=keyed_queue, retry=RETRY)
async def keyed(payload: Work, ctx: Context) -> str:
    with noted(payload, ctx) as name:
        await asyncio.sleep(payload["seconds"])
    return name


@schedules.task(id="tick")
async def tick(payload: ScheduledPayload, ctx: Context) -> str:
    number = f"{payload.schedule_id}@{payload.timestamp.isoformat()}"
    with noted(Work(number=number, seconds=0, key=""), ctx) as name:
        await asyncio.sleep(0)
    return name


@task(id="nothing")
async def nothing(payload: int | str) -> int | str:
    return payload
