"""A task that says what it does."""

import time
from typing import TypedDict

from hairtrigger import logger, task


class Work(TypedDict):
    data: str


@task(id="my-job")
async def my_job(payload: Work) -> int:
    """Count words, with a line at the start and one at the end."""
    start = time.perf_counter()

    logger.info("Job started", {"payload": payload})

    try:
        result = await do_work(payload)

        logger.info("Job completed", {"duration": _ms_since(start), "result": result})

        return result
    except Exception as error:
        logger.error("Job failed", error, {"duration": _ms_since(start), "payload": payload})
        raise


async def do_work(payload: Work) -> int:
    """The number of words."""
    words = payload["data"].split()
    if not words:
        raise ValueError("There is nothing to count.")
    return len(words)


def _ms_since(start: float) -> int:
    return round((time.perf_counter() - start) * 1000)
