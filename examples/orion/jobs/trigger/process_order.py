"""An order in one small task, and the same in three, each with attempts of its own."""

from typing import TypedDict

from hairtrigger import task

from jobs import orders


class OrderPayload(TypedDict):
    orderId: str


@task(id="process-order")
def process_order(payload: OrderPayload) -> dict[str, str]:
    """Three steps, one run. When a step raises, the next attempt begins with the first step."""
    orders.validate_order(payload["orderId"])
    orders.charge_card(payload["orderId"])
    orders.send_confirmation(payload["orderId"])
    return {"orderId": payload["orderId"], "status": "confirmed"}


@task(id="validate-order")
def validate_order(payload: OrderPayload) -> str:
    """The first of three runs. A second attempt finds the run of the next step by its key."""
    orders.validate_order(payload["orderId"])
    return charge_card.sync.trigger(payload, idempotency_key=["charge", payload["orderId"]]).id


@task(id="charge-card")
def charge_card(payload: OrderPayload) -> str:
    """The second of three runs."""
    orders.charge_card(payload["orderId"])
    return send_confirmation.sync.trigger(
        payload, idempotency_key=["confirm", payload["orderId"]]
    ).id


@task(id="send-confirmation")
def send_confirmation(payload: OrderPayload) -> dict[str, str]:
    """The last of three runs."""
    orders.send_confirmation(payload["orderId"])
    return {"orderId": payload["orderId"], "status": "confirmed"}
