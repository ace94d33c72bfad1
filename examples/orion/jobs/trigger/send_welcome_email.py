"""Welcome mails, for an address that is known and for a user that has one."""

import asyncio
from typing import TypedDict

from hairtrigger import task

from jobs.database import User, session
from jobs.mailer import send_email


class Signup(TypedDict):
    userId: str
    email: str


class Known(TypedDict):
    userId: str


class Sent(TypedDict):
    success: bool
    emailSent: bool


@task(id="send-welcome-email")
async def send_welcome_email(payload: Signup) -> Sent:
    """Send a mail when a user signs up."""
    print(f"Sending welcome email to {payload['email']}")

    await send_email(to=payload["email"], subject="Welcome to Orion Kit!", template="welcome")

    return {"success": True, "emailSent": True}


@task(id="welcome-user")
async def welcome_user(payload: Known) -> None:
    """The same for a user of the database."""
    user = await asyncio.to_thread(get_user, payload["userId"])
    await send_email(to=user.email, subject="Welcome to Orion Kit!", template="welcome")


def get_user(user_id: str) -> User:
    """A user of the application."""
    with session() as db:
        return db.get_one(User, user_id)
