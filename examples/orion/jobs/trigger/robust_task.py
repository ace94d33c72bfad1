"""A task that handles its errors itself, and is therefore not tried again."""

from typing import Any, TypedDict

from hairtrigger import logger, task

from jobs.notifier import notify_team


class Transfer(TypedDict):
    amount: str


@task(id="robust-task")
async def robust_task(payload: Transfer) -> dict[str, Any]:
    """Try something risky; tell the team and go on when it does not work."""
    try:
        return {"success": True, "cents": risky_operation(payload)}
    except ValueError as error:
        logger.error("Task failed", error, {"payload": payload})

        # Send alert
        await notify_team(error)

        # Return partial result
        return {"success": False, "error": str(error)}


def risky_operation(payload: Transfer) -> int:
    """An amount such as ``12.50`` in cents."""
    return round(float(payload["amount"]) * 100)
