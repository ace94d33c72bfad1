"""How fast are runs worked off when each of 10,000 customers may have one at a time?

Method: as `drain.py`, with 50,000 runs of a task whose limit is 1, triggered in turn for 10,000
concurrency keys. Only ours is asked: the peers have no limit for each value of a key.
"""

from benchmarks import figures, session
from benchmarks.drain import fed_and_drained
from benchmarks.running import Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System

KEYS, RUNS = 10_000, 50_000


def ask(now: Session) -> None:
    """Answer the question."""
    keys = now.size(KEYS)
    found = now.ask_ours(lambda system: measure(system.with_limits, now.size(RUNS), keys))
    if found:
        figures.print_rates(f"Drain, {keys:,} keys of limit 1", {session.OURS: found})


def measure(system: System, count: int, keys: int) -> Sample:
    """Drain `count` runs of so many keys once."""
    with opened(system) as running:
        running.stop_worker()
        return fed_and_drained(running, count, "keys", keys=keys)


if __name__ == "__main__":
    session.main(ask, __doc__)
