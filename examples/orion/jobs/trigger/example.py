"""A first task."""

from typing import TypedDict

from hairtrigger import task


class Rows(TypedDict):
    data: list[str]


class Processed(TypedDict):
    success: bool
    processedCount: int


@task(id="process-data")
async def process_data(payload: Rows) -> Processed:
    """Turn every row into capitals."""
    processed = [item.upper() for item in payload["data"]]

    return {"success": True, "processedCount": len(processed)}
