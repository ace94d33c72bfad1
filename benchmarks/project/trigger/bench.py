"""The runs of every benchmark: they note when they began, and that is all."""

import os
from typing import Any

from benchmarks.stamps import hold_async, stamp
from hairtrigger import Context, queue, task

# only where they are asked about: what runs beside limits is counted, and no peer has any here
LIMITS = "BENCH_LIMITS" in os.environ
ONE = queue("keyed", concurrency_limit=1 if LIMITS else None)
TEN = queue("limited", concurrency_limit=10 if LIMITS else None)


@task(id="begin")
async def begin(asked_ns: int) -> None:
    """Note that the run asked for at `asked_ns` begins."""
    stamp(asked_ns)


@task(id="keyed", queue=ONE)
async def keyed(asked_ns: int) -> None:
    """The same, one at a time for each concurrency key."""
    stamp(asked_ns)


@task(id="limited", queue=TEN)
async def limited(asked_ns: int) -> None:
    """The same, ten at a time."""
    stamp(asked_ns)


@task(id="held")
async def held(number: int) -> None:
    """Begin, and end when the driver says so."""
    await hold_async(number)


@task(id="failing")
async def failing(number: int, context: Context) -> None:
    """Fail in the first attempt, note the number in the second."""
    if context.attempt.number == 1:
        raise RuntimeError("The first attempt fails.")
    stamp(number)


@task(id="carried")
async def carried(payload: dict[str, Any]) -> dict[str, Any]:
    """Note the number of a payload and give all of it back."""
    stamp(payload["number"])
    return payload
