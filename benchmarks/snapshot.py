"""Does a transaction that somebody forgot slow the queue down?

Method: PostgreSQL only. `drain.py` twice: as there, and while a transaction with a snapshot from
before the first trigger stays open, so that nothing that the drain leaves behind can be cleaned up. A
report, a dump or a session left open does that to a database. The figure is the second rate over the
first, of the same round.
"""

import contextlib
import statistics

from benchmarks import databases, figures, session
from benchmarks.databases import Postgres
from benchmarks.drain import fed_and_drained
from benchmarks.running import Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System

RUNS = 100_000


def ask(now: Session) -> None:
    """Answer the question."""
    able = [one for one in now.systems if isinstance(one.database, Postgres)]
    if not able:
        print("\n  Nothing here keeps its runs in PostgreSQL.")
        return
    found = now.gather(lambda one: measure(one, now.size(RUNS, one)), able)
    for place, title in enumerate(("Drain, fresh", "Drain, with an old snapshot held open")):
        figures.print_rates(title, {name: [one[place] for one in of] for name, of in found.items()})
    print()
    for name, rounds in found.items():
        share = statistics.median(held.rate / fresh.rate for fresh, held in rounds)
        print(f"  {name}: held over fresh: {share:.2f}")


def measure(system: System, count: int) -> tuple[Sample, Sample]:
    """Drain `count` runs without and with the snapshot."""
    return _drained(system, count, hold=False), _drained(system, count, hold=True)


def _drained(system: System, count: int, *, hold: bool) -> Sample:
    with opened(system) as running:
        running.stop_worker()
        snapshot = databases.snapshot(running.address) if hold else contextlib.nullcontext()
        with snapshot:
            return fed_and_drained(running, count)


if __name__ == "__main__":
    session.main(ask, __doc__)
