"""Data export."""

from typing import TypedDict

from hairtrigger import task

from jobs.reports import email_csv, generate_csv, user_tasks


class Request(TypedDict):
    userId: str


class Report(TypedDict):
    rows: int
    bytes: int


@task(id="generate-report")
def generate_report(payload: Request) -> Report:
    """Send a user everything on their list. A plain function: it runs on a thread."""
    tasks = user_tasks(payload["userId"])
    text = generate_csv(tasks)
    email_csv(payload["userId"], text)
    return {"rows": len(tasks), "bytes": len(text.encode())}
