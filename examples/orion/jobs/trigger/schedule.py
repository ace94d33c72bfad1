"""Tasks that start by the clock. A pattern without a time zone is UTC."""

from datetime import timedelta
from typing import TypedDict

from hairtrigger import ScheduledPayload, schedules
from sqlalchemy import delete, select

from jobs.database import Log, Task, User, now, session
from jobs.mailer import deliver


class Digest(TypedDict):
    success: bool
    emailsSent: int


class Cleanup(TypedDict):
    success: bool
    deletedCount: int


@schedules.task(id="daily-digest", cron="0 9 * * *")  # every day at 9 AM
def daily_digest(payload: ScheduledPayload) -> Digest:
    """Send every user a digest of the day."""
    print(f"Running daily digest job of {payload.timestamp:%d %B}")

    with session() as db:
        addresses = list(db.scalars(select(User.email)))
    for address in addresses:
        deliver(to=address, subject="Your daily digest", template="digest")

    return {"success": True, "emailsSent": len(addresses)}


@schedules.task(id="cleanup-old-tasks", cron="0 2 * * *")  # every day at 2 AM
def cleanup_old_tasks() -> Cleanup:
    """Delete what was completed more than thirty days ago."""
    thirty_days_ago = now() - timedelta(days=30)

    with session() as db, db.begin():
        deleted = db.scalars(
            delete(Task)
            .where(Task.status == "completed", Task.completed_at < thirty_days_ago)
            .returning(Task.id)
        ).all()

    return {"success": True, "deletedCount": len(deleted)}


@schedules.task(id="cleanup-logs", cron="0 3 * * *")  # 3 AM daily
def cleanup_logs() -> None:
    """Delete logs that are older than seven days."""
    seven_days_ago = now() - timedelta(days=7)

    with session() as db, db.begin():
        db.execute(delete(Log).where(Log.created_at < seven_days_ago))
