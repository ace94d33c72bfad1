"""A Flask application that triggers jobs. Start it with ``flask --app web_flask run``."""

from typing import Any

from flask import Flask, request

from jobs.trigger.example import process_data
from jobs.trigger.send_welcome_email import send_welcome_email

app = Flask(__name__)


@app.post("/process")
def process() -> dict[str, Any]:
    """Views are plain functions in most Flask applications: they trigger through ``.sync``."""
    handle = process_data.sync.trigger({"data": request.get_json()["data"]})
    return {"jobId": handle.id, "status": "triggered"}


@app.post("/signup")
async def signup() -> dict[str, Any]:
    """The same from an async view, which needs ``flask[async]``."""
    user = request.get_json()
    handle = await send_welcome_email.trigger(
        {"userId": user["userId"], "email": user["email"]},
        idempotency_key=["welcome", user["userId"]],
    )
    return {"jobId": handle.id, "status": "triggered"}
