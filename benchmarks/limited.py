"""How fast are the runs of one queue worked off when ten of them may execute at once?

Method: as `drain.py`, with 20,000 runs of a task whose queue has the limit 10. A run takes no time, so
this is the least time between the end of one and the beginning of the next. Only ours is asked: the
peers limit a queue by the size of its workers, which `drain.py` measures.
"""

from benchmarks import figures, session
from benchmarks.drain import fed_and_drained
from benchmarks.running import Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System

RUNS = 20_000


def ask(now: Session) -> None:
    """Answer the question."""
    found = now.ask_ours(lambda system: measure(system.with_limits, now.size(RUNS)))
    if found:
        figures.print_rates("Drain of one queue with limit 10", {session.OURS: found})


def measure(system: System, count: int) -> Sample:
    """Drain `count` runs of the limited queue once."""
    with opened(system) as running:
        running.stop_worker()
        return fed_and_drained(running, count, "limit")


if __name__ == "__main__":
    session.main(ask, __doc__)
