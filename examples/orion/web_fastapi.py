"""A FastAPI application that triggers jobs. Start it with ``uvicorn web_fastapi:app``.

Views answer as soon as the run is stored; its body runs in a worker.
"""

from typing import Any

from fastapi import FastAPI
from hairtrigger import runs
from pydantic import BaseModel

from jobs.trigger.example import process_data
from jobs.trigger.my_job import my_job
from jobs.trigger.process_webhook import process_webhook
from jobs.trigger.send_welcome_email import send_welcome_email

app = FastAPI()


class Signup(BaseModel):
    userId: str  # noqa: N815 (as the form names it)
    email: str


class Rows(BaseModel):
    data: list[str]


class StripeEvent(BaseModel):
    id: str
    type: str
    data: Any


@app.post("/jobs")
async def post() -> dict[str, str]:
    handle = await my_job.trigger({"data": "test"})

    return {"jobId": handle.id, "status": "triggered"}


@app.post("/signup")
async def signup(user: Signup) -> dict[str, str]:
    """The key makes it one mail for each user, however often the form is sent."""
    handle = await send_welcome_email.trigger(
        {"userId": user.userId, "email": user.email},
        idempotency_key=["welcome", user.userId],
    )
    return {"jobId": handle.id, "status": "triggered"}


@app.post("/process")
def process(rows: Rows) -> dict[str, str]:
    """A view that is a plain function triggers through ``.sync``."""
    handle = process_data.sync.trigger({"data": rows.data})
    return {"jobId": handle.id, "status": "triggered"}


@app.post("/webhooks/stripe")
async def stripe(event: StripeEvent) -> dict[str, str]:
    """An event that is sent twice gives one run."""
    handle = await process_webhook.trigger(
        {"event": event.type, "data": event.data}, idempotency_key=["stripe", event.id]
    )
    return {"jobId": handle.id, "status": "triggered"}


@app.get("/jobs/{job_id}")
async def job(job_id: str) -> dict[str, Any]:
    run = await runs.retrieve(job_id)
    return {"jobId": run.id, "status": run.status, "output": run.output}
