"""A task with retries."""

from typing import Any, TypedDict

import httpx
from hairtrigger import task


class Source(TypedDict):
    url: str


@task(
    id="fetch-external-api",
    retry={
        "max_attempts": 3,
        "min_timeout_in_ms": 1000,
        "max_timeout_in_ms": 10000,
        "factor": 2,
    },
)
async def fetch_external_api(payload: Source) -> Any:
    """What an API answers. An answer that says no raises, and what raises is tried again."""
    async with httpx.AsyncClient(timeout=10) as client:
        response = await client.get(payload["url"])

    if response.is_error:
        raise RuntimeError(f"API returned {response.status_code}")

    return response.json()
