"""Webhooks, answered at once and processed here."""

import json
from typing import Any, TypedDict

from hairtrigger import task

from jobs.database import Order, WebhookEvent, session
from jobs.mailer import deliver


class Webhook(TypedDict):
    event: str
    data: Any


@task(id="process-webhook")
def process_webhook(payload: Webhook) -> Any:
    """Keep what came; when it is a payment, mark the order as paid and tell the shop."""
    data = payload["data"]
    with session() as db, db.begin():
        db.add(WebhookEvent(event=payload["event"], data=json.dumps(data)))
        if payload["event"] == "payment_intent.succeeded":
            order = db.get_one(Order, data["object"]["metadata"]["orderId"])
            order.status = "paid"
            deliver(to="shop@example.com", subject=f"Order {order.id} is paid", template="plain")
    return data
