"""A worker is killed with twenty runs in flight: how long until all twenty have finished?

Method: a worker with exactly twenty places runs twenty runs, which hold until the driver says go. Its
whole process tree is ended with SIGKILL, and go is said. Seconds from there until the last of the
twenty has finished: when the same worker is started again at once, and when another is up already (seen
to run a run of its own) and nothing is started. Runs that began again are counted; one that finishes
twice would be a fault. Patience ends after 120 s; a system that used it up is not asked in the next
rounds. Every system has the settings of its setup line: what it takes to notice a dead
worker is most of the figure, and is its default. Procrastinate leaves the retry to its users: here a
periodic task does it once a minute, as its documentation shows.
"""

import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import figures, session, stamps
from benchmarks.running import Running, opened
from benchmarks.session import Session
from benchmarks.systems import PLACES, System

PATIENCE_S, PROBE_S = 120.0, 10.0
CASES = {"restarted at once": False, "another is there": True}
NUMBERS = range(1, PLACES + 1)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of the twenty: seconds until the last finished, or None when patience ended."""

    seconds: float | None
    finished: int
    again: int
    twice: int


def ask(now: Session) -> None:
    """Answer the question."""
    for title, standby in CASES.items():
        found = {one.name: _rounds(one, standby, now.rounds) for one in now.systems}
        head = ["", "until all finished", "lowest to highest", "finished", "began again", "twice"]
        figures.print_table(
            f"After kill -9 of the worker: {title}",
            head,
            [_row(name, rounds) for name, rounds in found.items()],
        )


def _rounds(system: System, standby: bool, rounds: int) -> list[Recovery]:
    found: list[Recovery] = []
    for number in range(1, rounds + 1):
        print(f"  round {number} of {rounds}: {system.name}", file=sys.stderr)
        found.append(measure(system, standby=standby))
        if found[-1].seconds is None:
            break
    return found


def _row(name: str, rounds: Sequence[Recovery]) -> list[str]:
    took = [one.seconds for one in rounds if one.seconds is not None]
    seconds = f"{statistics.median(took):.1f} s" if took else "–"
    if len(took) < len(rounds):
        seconds = f"not within {PATIENCE_S:.0f} s"
    extent = f"{min(took):.1f} to {max(took):.1f} s" if took else "–"
    worst = min(one.finished for one in rounds)
    again = statistics.median(one.again for one in rounds)
    twice = sum(one.twice for one in rounds)
    return [name, seconds, extent, f"{worst} of {PLACES}", f"{again:.0f}", str(twice)]


def measure(system: System, *, standby: bool) -> Recovery:
    """Kill a worker once."""
    with opened(system) as running:
        running.stop_worker()
        running.start_worker(narrow=True)
        skip = running.begun
        running.client.ask("held", count=PLACES)
        running.until_begun(skip + PLACES)
        if standby:
            running.start_worker("standby", narrow=True)
            _until_probe_began(running)
        killed_ns = time.monotonic_ns()
        running.kill_worker()
        if not standby:
            running.start_worker(narrow=True)
        stamps.gate(running.stamps_file).touch()
        return _watched(running, skip, killed_ns)


def _until_probe_began(running: Running) -> None:
    """The first worker is full, so whoever runs this run is the second. A first worker that took it
    without running it (a prefetch) would keep it: then the time is all that tells."""
    begun, deadline_ns = running.begun, time.monotonic_ns() + PROBE_S * 1e9
    running.client.ask("trigger", count=1, flight=1)
    running.until(lambda: running.begun > begun or time.monotonic_ns() > deadline_ns)


def _watched(running: Running, skip: int, killed_ns: int) -> Recovery:
    """Follow the twenty until all have finished or patience ends."""

    def seconds() -> float:
        return (time.monotonic_ns() - killed_ns) / 1e9

    def counted() -> Counter[int]:
        return Counter(number for number, _ in stamps.read(running.stamps_file, skip=skip))

    def finished(seen: Counter[int]) -> int:
        return sum(-number in seen for number in NUMBERS)

    running.until(lambda: finished(counted()) == PLACES or seconds() > PATIENCE_S)
    took, seen = seconds(), counted()
    return Recovery(
        took if finished(seen) == PLACES else None,
        finished(seen),
        sum(seen[number] - 1 for number in NUMBERS),
        sum(seen[-number] > 1 for number in NUMBERS),
    )


if __name__ == "__main__":
    session.main(ask, __doc__)
