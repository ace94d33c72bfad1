"""What was asked for on the command line, and the loop over rounds and systems."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmarks import compared, databases, machine
from benchmarks.databases import Kind
from benchmarks.running import WORK
from benchmarks.systems import System

T = TypeVar("T")
TRIAL, LEAST = 1000, 1000
OURS = "hairtrigger"


@dataclass(frozen=True, slots=True)
class Session:
    """The systems to compare, ours first, how often and with how much work."""

    systems: Sequence[System]
    rounds: int
    quick: bool
    long: bool

    @property
    def ours(self) -> Sequence[System]:
        """Hairtrigger, for a question that only it is asked; empty when it was not chosen."""
        return [one for one in self.systems if one.name == OURS]

    def size(self, full: int, system: System | None = None) -> int:
        """How much work: a tenth when quick, only its share for a slow peer, but at least 1,000
        runs, for CPU time is counted in hundredths of a second."""
        size = round(full * (0.1 if self.quick else 1) * (system.share if system else 1))
        return max(size, min(full, LEAST))

    def gather(
        self, measure: Callable[[System], T], systems: Sequence[System] | None = None
    ) -> dict[str, list[T]]:
        """Measure every system, or these, in every round. Rounds go over all systems, so that a
        change of the machine's mood during the session meets each of them; each begins with
        another, so that none always comes after the same one."""
        chosen = self.systems if systems is None else systems
        found: dict[str, list[T]] = {system.name: [] for system in chosen}
        for number in range(1, self.rounds + 1):
            first = (number - 1) % max(len(chosen), 1)
            for system in [*chosen[first:], *chosen[:first]]:
                print(f"  round {number} of {self.rounds}: {system.name}", file=sys.stderr)
                found[system.name].append(measure(system))
        return found

    def ask_ours(self, measure: Callable[[System], T]) -> list[T]:
        """The same for a question that only ours is asked, which is said; empty without ours."""
        skipped = [one.name for one in self.systems if one.name != OURS]
        if skipped:
            print(f"\n  Not asked: {', '.join(skipped)}.")
        return self.gather(measure, self.ours).get(OURS, [])


Ask = Callable[[Session], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that every benchmark knows."""
    parser.add_argument(
        "--database",
        choices=databases.KINDS,
        default="sqlite",
        help="where ours keeps its runs, which decides the peers (default: sqlite)",
    )
    parser.add_argument("--quick", action="store_true", help="one round of a tenth of the work")
    parser.add_argument("--long", action="store_true", help="the long form of a question")
    parser.add_argument("--no-peers", action="store_true", help="only Hairtrigger")
    parser.add_argument(
        "--only", choices=compared.NAMES, action="append", help="only this system; repeatable"
    )


@contextlib.contextmanager
def started(arguments: argparse.Namespace) -> Iterator[Session]:
    """Settle what is compared, start its databases, and print the machine and each system's setup."""
    WORK.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that databases are ended and removed
    print(f"Machine: {machine.line(WORK)}")
    with _shapes(arguments.database) as shapes:
        wanted = [OURS] if arguments.no_peers else arguments.only or [*shapes]
        if unknown := [name for name in wanted if name not in shapes]:
            raise SystemExit(f"{', '.join(unknown)}: not compared on {arguments.database} here.")
        chosen = [_best(shapes[name]()) for name in shapes if name in wanted]
        for system in chosen:
            print(f"{system.name}: {system.setup}")
        rounds = 1 if arguments.quick else 3
        yield Session(chosen, rounds, arguments.quick, arguments.long)


def answer(ask: Ask, method: str | None, session: Session) -> None:
    """Print how a question is measured, then measure it."""
    print(f"\n{'─' * 80}\n{(method or '').strip()}")
    ask(session)
    print(f"  load average at the end: {os.getloadavg()[0]:.2f}", flush=True)


def main(ask: Ask, method: str | None) -> None:
    """One question as a program: `python -m benchmarks.drain --quick`."""
    parser = argparse.ArgumentParser(description=method)
    add_arguments(parser)
    with started(parser.parse_args()) as session:
        answer(ask, method, session)


@contextlib.contextmanager
def _shapes(kind: Kind) -> Iterator[compared.Shapes]:
    if kind == "sqlite":
        yield compared.on_sqlite()
        return
    redis = databases.find_redis()
    with databases.started_postgres(WORK) as postgres:
        print(postgres.line())
        if redis is not None:
            print(redis.line())
        yield compared.on_postgres(postgres, redis)


def _best(shapes: list[System]) -> System:
    """The shape that drains a small backlog fastest."""
    from benchmarks import drain  # which imports this file, to be a program

    if len(shapes) == 1:
        return shapes[0]
    rates = [drain.measure(system, TRIAL).rate for system in shapes]
    for system, rate in zip(shapes, rates, strict=True):
        print(f"  trial of {TRIAL:,}: {rate:,.0f} runs/s: {system.setup}", file=sys.stderr)
    return shapes[rates.index(max(rates))]
