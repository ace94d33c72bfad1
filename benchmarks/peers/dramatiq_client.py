"""Triggers Dramatiq's runs as the driver asks. Dramatiq has no batch: many runs are many messages."""

from benchmarks.peers.caller import serve_calls
from benchmarks.peers.dramatiq_tasks import QUEUE, begin, broker, held


def one(asked_ns: int, delay_s: float) -> None:
    """Send one message, or one with a delay."""
    if delay_s > 0:
        begin.send_with_options(args=(asked_ns,), delay=round(delay_s * 1000))
    else:
        begin.send(asked_ns)


def many(count: int) -> None:
    """Send so many, one after the other."""
    for _ in range(count):
        begin.send(0)


def is_settled() -> bool:
    """Whether no message waits, is delayed, or is without its acknowledgement."""
    return not broker.do_qsize(QUEUE)


if __name__ == "__main__":
    serve_calls(one, many, held.send, is_settled)
