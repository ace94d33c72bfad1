"""The commands of a client whose library blocks: what the driver may ask of Celery, Dramatiq, Huey and DBOS.

Runs in the peer's interpreter: standard library only. `serve_calls` is given a few functions of the
peer and makes the same workloads of them that `async_caller.py` makes for clients on an event loop.
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from benchmarks.conversation import Answer, serve

TriggerOne = Callable[[int, float], object]
"""Trigger one run: when it was asked for (monotonic ns), and seconds to delay it (0: none)."""


def serve_calls(
    one: TriggerOne,
    many: Callable[[int], None],
    hold: Callable[[int], object],
    is_settled: Callable[[], bool],
) -> None:
    """Answer the driver until it closes the pipe.

    Args:
        one: Triggers one run and returns when it is durable.
        many: Triggers so many runs in the fastest way that the peer documents.
        hold: Triggers the run of a number that is held until the driver lets it go.
        is_settled: Whether no run waits or executes.
    """

    def trigger(count: int, flight: int) -> Answer:
        def caller(share: int) -> list[int]:
            return [_timed(one) for _ in range(share)]

        started = time.monotonic_ns()
        if flight == 1:  # a pool of one thread would cost the peer a hand-over
            took = caller(count)
        else:
            with ThreadPoolExecutor(flight) as pool:
                took = list(chain.from_iterable(pool.map(caller, [count // flight] * flight)))
        return {"seconds": _since(started), "took_ns": took}

    def batch(count: int) -> Answer:
        started = time.monotonic_ns()
        many(count)
        return {"seconds": _since(started)}

    def load(per_second: float, seconds: float) -> Answer:
        started, sent = time.monotonic_ns(), 0
        while (passed := _since(started)) < seconds:
            if sent >= passed * per_second:
                time.sleep(0.001)
                continue
            one(0, 0.0)
            sent += 1
        return {"sent": sent, "seconds": _since(started)}

    def probe(count: int) -> Answer:
        for _ in range(count):
            time.sleep(random.uniform(0.03, 0.07))
            one(time.monotonic_ns(), 0.0)
        return {}

    def delayed(count: int, due_ns: int) -> Answer:
        for _ in range(count):
            one(due_ns, (due_ns - time.monotonic_ns()) / 1e9)
        return {"spare_s": (due_ns - time.monotonic_ns()) / 1e9}

    def held(count: int) -> Answer:
        for number in range(1, count + 1):
            hold(number)
        return {}

    def settled() -> Answer:
        return {"settled": is_settled()}

    serve(
        {
            "trigger": trigger,
            "batch": batch,
            "load": load,
            "probe": probe,
            "delayed": delayed,
            "held": held,
            "settled": settled,
        }
    )


def _timed(one: TriggerOne) -> int:
    asked_ns = time.monotonic_ns()
    one(asked_ns, 0.0)
    return time.monotonic_ns() - asked_ns


def _since(started_ns: int) -> float:
    return (time.monotonic_ns() - started_ns) / 1e9
