"""When 10,000 delayed runs are due at one instant, how late do they begin?

Method: the worker is up and idle. All runs are triggered with a delay to the same instant, early
enough that the last is accepted before it; the task's first line reads the clock. The CPU window
opens just before the instant and closes when the last run is completed. All systems get the same
number of runs, for lateness grows with it. Huey,
DBOS and Procrastinate look for due runs once a second (Huey's least setting, DBOS's only one): on
average half a second of their lateness is waiting for that. Celery and Dramatiq keep delayed runs in
the memory of a worker.
"""

import time

from benchmarks import figures, session, stamps
from benchmarks.running import Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System

COUNT = 10_000


def ask(now: Session) -> None:
    """Answer the question."""
    found = now.gather(lambda system: measure(system, now.size(COUNT)))
    late = {name: [one for one, _ in rounds] for name, rounds in found.items()}
    rates = {name: [one for _, one in rounds] for name, rounds in found.items()}
    figures.print_times(f"{now.size(COUNT):,} runs due at once: begun after the instant", late)
    figures.print_rates("From the instant to completed", rates)


def measure(system: System, count: int) -> tuple[dict[str, float], Sample]:
    """Lateness of first, median and last in ms, and the rate."""
    with opened(system) as running:
        skip = running.begun
        due_ns = time.monotonic_ns() + round((count / system.pace + 3) * 1e9)
        spare_s = running.client.ask("delayed", count=count, due_ns=due_ns)["spare_s"]
        if spare_s < 0.5:
            raise RuntimeError(f"{system.name} took all delayed runs {spare_s:.1f} s before due.")
        time.sleep((due_ns - time.monotonic_ns()) / 1e9 - 0.01)
        first = running.mark()
        running.until_settled(skip + count)
        rate = running.since(first)
        late = [began - due_ns for _, began in stamps.read(running.stamps_file, skip=skip)]
        return {
            "first ms": min(late) / 1e6,
            "p50 ms": figures.percentile(late, 0.5) / 1e6,
            "last ms": max(late) / 1e6,
        }, rate


if __name__ == "__main__":
    session.main(ask, __doc__)
