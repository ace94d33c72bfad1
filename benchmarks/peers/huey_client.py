"""Triggers Huey's runs as the driver asks. Huey has no batch: many runs are many calls."""

from benchmarks.peers.caller import serve_calls
from benchmarks.peers.huey_tasks import begin, held, huey


def one(asked_ns: int, delay_s: float) -> None:
    """Enqueue one task, or schedule it."""
    if delay_s > 0:
        begin.schedule(args=(asked_ns,), delay=delay_s)
    else:
        begin(asked_ns)


def many(count: int) -> None:
    """Enqueue so many, one after the other."""
    for _ in range(count):
        begin(0)


def is_settled() -> bool:
    """Whether nothing waits."""
    return not huey.pending_count() and not huey.scheduled_count()


if __name__ == "__main__":
    serve_calls(one, many, held, is_settled)
