"""How fast are waiting runs worked off?

Method: 100,000 runs are triggered while no worker is up, then the worker starts. The window opens
when the first run begins and closes when the last is completed and the system, asked over its
public interface, says that nothing is left. A slower peer gets a smaller backlog, in its favour. PostgreSQL
is told to analyze in between, as it does by itself within a minute; a peer plans badly without.
"""

from typing import Any

from benchmarks import databases, figures, session
from benchmarks.databases import Postgres
from benchmarks.running import Running, Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System


def ask(now: Session) -> None:
    """Answer the question."""
    found = now.gather(lambda system: measure(system, now.size(100_000, system)))
    figures.print_rates("Drain of waiting runs", found)


def measure(system: System, count: int) -> Sample:
    """Drain `count` runs once."""
    with opened(system) as running:
        running.stop_worker()
        return fed_and_drained(running, count)


def fed_and_drained(
    running: Running, count: int, command: str = "batch", **arguments: Any
) -> Sample:
    """Trigger `count` runs with a command of the client while no worker is up, then drain them."""
    running.client.ask(command, count=count, **arguments)
    if isinstance(running.system.database, Postgres):
        databases.execute(running.address, "analyze")
    begun = running.begun
    running.start_worker()
    running.until_begun(begun + 1, every_s=0.002)
    first = running.mark()
    running.until_settled(begun + count)
    return running.since(first)


if __name__ == "__main__":
    session.main(ask, __doc__)
