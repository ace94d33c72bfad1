"""A task that can run several times safely."""

from typing import TypedDict

from hairtrigger import task

from jobs.database import Email, now, session
from jobs.mailer import deliver


class Mail(TypedDict):
    emailId: str


@task(id="send-email")
def send_email(payload: Mail) -> dict[str, bool]:
    """Send a mail of the table ``emails``, once."""
    sent = check_if_email_sent(payload["emailId"])
    if sent:
        return {"alreadySent": True}

    actual_send_email(payload["emailId"])
    mark_email_as_sent(payload["emailId"])
    return {"alreadySent": False}


def check_if_email_sent(email_id: str) -> bool:
    with session() as db:
        return db.get_one(Email, email_id).sent_at is not None


def actual_send_email(email_id: str) -> None:
    with session() as db:
        mail = db.get_one(Email, email_id)
    deliver(to=mail.to, subject=mail.subject, template="plain")


def mark_email_as_sent(email_id: str) -> None:
    with session() as db, db.begin():
        db.get_one(Email, email_id).sent_at = now()
