"""What was asked for on the command line, and the loop over rounds and systems."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmarks import machine, systems
from benchmarks.running import WORK
from benchmarks.systems import System

T = TypeVar("T")
TRIAL, LEAST = 1000, 1000


@dataclass(frozen=True, slots=True)
class Session:
    """The systems to compare, ours first, how often and with how much work."""

    systems: Sequence[System]
    rounds: int
    quick: bool

    def size(self, full: int, system: System | None = None) -> int:
        """How much work: a tenth when quick, only its share for a slow peer, but at least 1,000
        runs, for CPU time is counted in hundredths of a second."""
        size = round(full * (0.1 if self.quick else 1) * (system.share if system else 1))
        return max(size, min(full, LEAST))

    def gather(self, measure: Callable[[System], T]) -> dict[str, list[T]]:
        """Measure every system in every round. Rounds go over all systems, so that a change of
        the machine's mood during the session meets each of them."""
        found: dict[str, list[T]] = {system.name: [] for system in self.systems}
        for number in range(1, self.rounds + 1):
            for system in self.systems:
                print(f"  round {number} of {self.rounds}: {system.name}", file=sys.stderr)
                found[system.name].append(measure(system))
        return found


Ask = Callable[[Session], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that every benchmark knows."""
    parser.add_argument("--quick", action="store_true", help="one round of a tenth of the work")
    parser.add_argument("--no-peers", action="store_true", help="only Hairtrigger")
    parser.add_argument("--only", choices=list(systems.SHAPES), help="only this system")


def start(arguments: argparse.Namespace) -> Session:
    """Settle what is compared, and print the machine and each system's setup."""
    WORK.mkdir(exist_ok=True)
    print(f"Machine: {machine.line(WORK)}")
    only = "hairtrigger" if arguments.no_peers else arguments.only
    names = [only] if only else list(systems.SHAPES)
    chosen = [_best(systems.SHAPES[name]()) for name in names]
    for system in chosen:
        print(f"{system.name}: {system.setup}")
    return Session(chosen, 1 if arguments.quick else 3, arguments.quick)


def answer(ask: Ask, method: str | None, session: Session) -> None:
    """Print how a question is measured, then measure it."""
    print(f"\n{'─' * 80}\n{(method or '').strip()}")
    ask(session)
    print(f"  load average at the end: {os.getloadavg()[0]:.2f}")


def main(ask: Ask, method: str | None) -> None:
    """One question as a program: `python -m benchmarks.drain --quick`."""
    parser = argparse.ArgumentParser(description=method)
    add_arguments(parser)
    answer(ask, method, start(parser.parse_args()))


def _best(shapes: list[System]) -> System:
    """The shape that drains a small backlog fastest."""
    from benchmarks import drain  # which imports this file, to be a program

    if len(shapes) == 1:
        return shapes[0]
    rates = [drain.measure(system, TRIAL).rate for system in shapes]
    for system, rate in zip(shapes, rates, strict=True):
        print(f"  trial of {TRIAL:,}: {rate:,.0f} runs/s: {system.setup}", file=sys.stderr)
    return shapes[rates.index(max(rates))]
