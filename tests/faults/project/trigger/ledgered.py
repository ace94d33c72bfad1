"""Tasks that write down, outside our database, what really happened: begun, ended, on which attempt."""

import asyncio
import os
import time
from pathlib import Path
from typing import TypedDict

from hairtrigger import Context, task

LEDGER = Path(os.environ["LEDGER"])


class Work(TypedDict):
    seconds: float


def note(what: str, ctx: Context) -> None:
    """One line, in one write to a file opened for appending: whole whatever dies next."""
    line = f"{what} {ctx.run.id} {ctx.attempt.number} {os.getpid()}\n".encode()
    with LEDGER.open("ab", buffering=0) as file:
        file.write(line)


@task(id="steady", retry={"max_attempts": 50, "min_timeout_in_ms": 10, "max_timeout_in_ms": 50})
async def steady(payload: Work, ctx: Context) -> str:
    note("begin", ctx)
    await asyncio.sleep(payload["seconds"])
    note("end", ctx)
    return ctx.run.id


@task(id="threaded", retry={"max_attempts": 50, "min_timeout_in_ms": 10, "max_timeout_in_ms": 50})
def threaded(payload: Work, ctx: Context) -> str:
    note("begin", ctx)
    time.sleep(payload["seconds"])
    note("end", ctx)
    return ctx.run.id


@task(id="once", retry={"max_attempts": 1})
async def once(payload: Work, ctx: Context) -> str:
    note("begin", ctx)
    await asyncio.sleep(payload["seconds"])
    note("end", ctx)
    return ctx.run.id
