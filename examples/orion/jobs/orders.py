"""What happens to an order. Every step may be run twice without harm."""

from jobs.database import Order, session
from jobs.mailer import deliver


class InvalidOrder(Exception):
    """An order that nobody can fulfil."""


def validate_order(order_id: str) -> None:
    """Raise ``InvalidOrder`` for an order that does not exist or costs nothing."""
    with session() as db:
        order = db.get(Order, order_id)
    if order is None:
        raise InvalidOrder(f"There is no order {order_id}.")
    if order.cents <= 0:
        raise InvalidOrder(f"Order {order_id} costs nothing.")


def charge_card(order_id: str) -> None:
    """Take the money, unless it was taken."""
    with session() as db, db.begin():
        order = db.get_one(Order, order_id)
        if order.status == "new":
            order.status = "paid"


def send_confirmation(order_id: str) -> None:
    """Tell the customer, unless it was told."""
    with session() as db, db.begin():
        order = db.get_one(Order, order_id)
        if order.status == "paid":
            deliver(to=order.email, subject=f"Order {order_id}", template="confirmation")
            order.status = "confirmed"
