"""A user's to-do list as CSV."""

import csv
import io
from collections.abc import Iterable

from sqlalchemy import select

from jobs.database import Task, User, session
from jobs.mailer import deliver


def user_tasks(user_id: str) -> list[Task]:
    """The entries of a user, oldest first."""
    with session() as db:
        return list(db.scalars(select(Task).where(Task.user_id == user_id).order_by(Task.id)))


def generate_csv(tasks: Iterable[Task]) -> str:
    """A line for each entry, below a line of names."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("id", "title", "status", "completed_at"))
    writer.writerows((t.id, t.title, t.status, t.completed_at or "") for t in tasks)
    return text.getvalue()


def email_csv(user_id: str, text: str) -> None:
    """Send a CSV to a user."""
    with session() as db:
        to = db.get_one(User, user_id).email
    deliver(to=to, subject="Your report", template="report", attachment=text)
