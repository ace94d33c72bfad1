"""Tells the team that something went wrong."""

from jobs.mailer import send_email


async def notify_team(error: Exception) -> None:
    """Send an alert about an error."""
    await send_email(
        to="team@example.com",
        subject=f"Alert: {type(error).__name__}",
        template="alert",
        error=str(error),
    )
