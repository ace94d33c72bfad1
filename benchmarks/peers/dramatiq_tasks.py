"""Dramatiq's side of the work, on Redis. Runs in Dramatiq's environment.

A message is acknowledged when its run is done. There is no result backend, as by default.
"""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks import stamps

QUEUE = "bench"
broker = RedisBroker(url=os.environ["BENCH_DATABASE"])
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name=QUEUE)  # type: ignore[untyped-decorator]  # not in our environment
def begin(asked_ns: int) -> None:
    """The run of every benchmark."""
    stamps.stamp(asked_ns)


@dramatiq.actor(queue_name=QUEUE)  # type: ignore[untyped-decorator]
def held(number: int) -> None:
    """The run that is held."""
    stamps.hold(number)
