"""How fast are runs completed while they are being triggered?

Method: the worker is up and idle. The client triggers 50,000 runs in batches, as fast as they are
acknowledged. The window opens at the first call and closes when the last run is completed and the
system, asked over its public interface, says that nothing is left.
"""

from benchmarks import figures, session
from benchmarks.running import Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System


def ask(now: Session) -> None:
    """Answer the question."""
    found = now.gather(lambda system: measure(system, now.size(50_000, system)))
    figures.print_rates("Batch triggers to completed", found)


def measure(system: System, count: int) -> Sample:
    """Trigger and complete `count` runs once."""
    with opened(system) as running:
        first = running.mark()
        running.client.ask("batch", count=count)
        running.until_settled(first.begun + count)
        return running.since(first)


if __name__ == "__main__":
    session.main(ask, __doc__)
