"""What does it cost to wait?

Method: server and worker are up, one run has been run, nothing is left. Three seconds of rest,
then 30 s in which nobody asks for anything: CPU as a share of one core, memory at the end as
proportional set size (shared pages counted once). PostgreSQL and Redis count too. Where a setup line
says that a peer polls every 10 ms, the setting it has in every other question, its CPU is that of
polling; slower polling would cost less and start runs later.
"""

import time
from collections.abc import Mapping

from benchmarks import figures, session
from benchmarks.processes import Role
from benchmarks.running import opened
from benchmarks.session import Session
from benchmarks.systems import System

STANDING: tuple[Role, ...] = ("database", "server", "worker", "children")


def ask(now: Session) -> None:
    """Answer the question."""
    found = now.gather(lambda system: measure(system, 5 if now.quick else 30))
    cpu = {name: [one for one, _ in rounds] for name, rounds in found.items()}
    memory = {name: [one for _, one in rounds] for name, rounds in found.items()}
    figures.print_times("CPU, % of one core", cpu, digits=2)
    figures.print_times("Memory, MB", memory)


def measure(system: System, seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    """CPU in percent and memory in MB, by role and in all, of one idle stretch."""
    with opened(system) as running:
        time.sleep(3)
        first = running.mark()
        time.sleep(seconds)
        passed = running.since(first)
        share = {role: passed.cpu_us[role] / passed.seconds / 1e4 for role in STANDING}
        return _with_total(share), _with_total(running.memory_mb())


def _with_total(by_role: Mapping[Role, float]) -> dict[str, float]:
    every = {str(role): by_role[role] for role in STANDING}
    return every | {"all": sum(every.values())}


if __name__ == "__main__":
    session.main(ask, __doc__)
