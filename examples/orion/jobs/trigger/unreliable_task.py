"""A task that may need several attempts."""

from typing import Any, TypedDict

import httpx
from hairtrigger import task


class Question(TypedDict):
    url: str


@task(
    id="unreliable-task",
    retry={
        "max_attempts": 5,
        "min_timeout_in_ms": 1000,
        "max_timeout_in_ms": 60000,
        "factor": 2,  # exponential backoff
        "randomize": False,  # exactly 1, 2, 4 and 8 seconds
    },
)
async def unreliable_task(payload: Question) -> Any:
    """This is tried up to 5 times with exponential backoff."""
    return await unreliable_api(payload)


async def unreliable_api(payload: Question) -> Any:
    """An API that is not always there."""
    async with httpx.AsyncClient(timeout=10) as client:
        response = await client.get(payload["url"])
    response.raise_for_status()
    return response.json()
