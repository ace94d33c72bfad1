"""Tasks that the npm client asks for; they tell what reached them in Python."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from hairtrigger import Context, ScheduledPayload, metadata, queue, schedules, task


class Pair(TypedDict):
    a: int
    b: int


@dataclass
class Visit:
    when: datetime
    tags: set[str]
    big: int


@task(id="add")
async def add(payload: Pair) -> int:
    return payload["a"] + payload["b"]


@task(id="echo")
async def echo(payload: Any) -> Any:
    return payload


@task(id="describe")
async def describe(payload: Any) -> str:
    return repr(payload)


@task(id="visit")
def visit(payload: Visit) -> str:
    return repr(payload)


@task(id="no payload/at all%2F ü")
async def no_payload() -> str:
    return "ran"


@task(id="tell")
async def tell(payload: Any, ctx: Context) -> dict[str, Any]:
    metadata.set("seen", True)
    return {
        "attempt": ctx.attempt.number,
        "tags": sorted(ctx.run.tags),
        "queue": ctx.queue.name,
        "concurrencyKey": ctx.queue.concurrency_key,
        "maxAttempts": ctx.run.max_attempts,
        "maxDuration": ctx.run.max_duration,
        "priority": ctx.run.priority,
        "isTest": ctx.run.is_test,
        "metadata": metadata.current(),
    }


@task(id="fail", retry={"max_attempts": 1})
async def fail(payload: Any) -> None:
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ValueError(f"refused {payload}") from error


@task(id="fail-again", retry={"min_timeout_in_ms": 1, "max_timeout_in_ms": 1})
async def fail_again() -> None:
    raise RuntimeError("again")


@task(id="wait-long")
async def wait_long() -> None:
    await asyncio.sleep(600)


@task(id="ordered", queue=queue("letters/slow", concurrency_limit=1))
async def ordered(payload: Any) -> Any:
    await asyncio.sleep(0)
    return payload


@schedules.task(id="on-schedule")
async def on_schedule(payload: ScheduledPayload) -> str:
    return repr(payload)
