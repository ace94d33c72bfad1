"""Triggers Celery's runs as the driver asks. Celery has no batch: many runs are many messages, sent
over one connection that is kept."""

import os

import redis

from benchmarks.peers.caller import serve_calls
from benchmarks.peers.celery_tasks import QUEUE, app, begin, held

REDIS = redis.Redis.from_url(os.environ["BENCH_DATABASE"])
UNACKED = "unacked"


def one(asked_ns: int, delay_s: float) -> None:
    """Send one message, or one that the worker is to keep for a while."""
    if delay_s > 0:
        begin.apply_async((asked_ns,), countdown=delay_s)
    else:
        begin.delay(asked_ns)


def many(count: int) -> None:
    """Send so many, one after the other."""
    with app.producer_or_acquire() as producer:
        for _ in range(count):
            begin.apply_async((0,), producer=producer)


def is_settled() -> bool:
    """Whether no message waits, and none is without its acknowledgement."""
    return not REDIS.llen(QUEUE) and not REDIS.hlen(UNACKED)


if __name__ == "__main__":
    serve_calls(one, many, held.delay, is_settled)
