"""A mailer that puts every mail into a file, one line of JSON each. Put a real one in its place."""

import asyncio
import json
import os
from pathlib import Path

TEMPLATES = {
    "welcome": "Welcome, {to}!",
    "digest": "Your day, {to}.",
    "report": "Your report is attached.",
    "confirmation": "We have received your order.",
    "alert": "{error}",
    "plain": "",
}


def deliver(*, to: str, subject: str, template: str, attachment: str = "", **values: str) -> None:
    """Send a mail, blocking."""
    body = TEMPLATES[template].format(to=to, **values)
    mail = {"to": to, "subject": subject, "body": body, "attachment": attachment}
    outbox = Path(os.environ.get("ORION_OUTBOX", "outbox.jsonl"))
    with outbox.open("a") as file:
        file.write(json.dumps(mail) + "\n")


async def send_email(*, to: str, subject: str, template: str, **values: str) -> None:
    """Send a mail without blocking the loop."""
    await asyncio.to_thread(deliver, to=to, subject=subject, template=template, **values)
