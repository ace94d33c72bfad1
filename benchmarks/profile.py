"""Where does our time go?

Method: ours only, on the database asked for. py-spy looks 200 times a second at the server and at one of
the worker's two children during a drain, from the first run that begins; threads that wait are left
out. Printed: the functions in which most of the looks ended (self time: what they call counts for
itself), as a share of each process's looks; then the drain's CPU time by role. py-spy slows what it looks
at, so the rates here are not to be compared with `drain.py`. It is taken from PATH, else installed
beside the peers.
"""

import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import psutil

from benchmarks import figures, session
from benchmarks.peers import install
from benchmarks.running import Running, Sample, opened
from benchmarks.session import Session
from benchmarks.systems import System

PY_SPY, RATE, SHOWN, RUNS = "0.4.3", 200, 25, 100_000
Looks = Counter[str]


def ask(now: Session) -> None:
    """Answer the question."""
    for system in now.ours:
        looks, sample = measure(system, now.size(RUNS))
        for who, found in looks.items():
            _print_hottest(f"{system.name}'s {who}", found)
        figures.print_rates("The drain that was looked at", {system.name: [sample]})


def measure(system: System, count: int) -> tuple[dict[str, Looks], Sample]:
    """Drain `count` runs, looked at from the first to the last."""
    with opened(system) as running:
        running.stop_worker()
        running.client.ask("batch", count=count)
        begun = running.begun
        running.start_worker()
        running.until_begun(begun + 1, every_s=0.002)
        first = running.mark()
        child, *_ = psutil.Process(running.pid("worker")).children()
        watched = {"server": running.pid("server"), "child": child.pid}
        spies = {who: _spy(running, who, pid) for who, pid in watched.items()}
        running.until_settled(begun + count)
        sample = running.since(first)
        return {who: _looks(running, who, spy) for who, spy in spies.items()}, sample


def _spy(running: Running, who: str, pid: int) -> "subprocess.Popen[bytes]":
    program = shutil.which("py-spy") or str(install.python_of("py-spy", PY_SPY).with_name("py-spy"))
    words = ("record", "--format", "raw", "--nonblocking", "--function", "--rate", str(RATE))
    target = ("--pid", str(pid), "--output", str(_file(running, who)))
    return subprocess.Popen(
        [program, *words, *target], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def _looks(running: Running, who: str, spy: "subprocess.Popen[bytes]") -> Looks:
    """End a spy, and count in which function its looks ended."""
    spy.send_signal(signal.SIGINT)  # as Ctrl-C: it writes what it has
    _, said = spy.communicate(timeout=60)
    path = _file(running, who)
    if not path.exists():
        raise RuntimeError(f"py-spy wrote nothing about the {who}: {said.decode()[-500:]}")
    found: Looks = Counter()
    for line in path.read_text().splitlines():
        stack, _, times = line.rpartition(" ")
        found[stack.rpartition(";")[2]] += int(times)
    return found


def _file(running: Running, who: str) -> Path:
    return running.directory / f"{who}.stacks"


def _print_hottest(title: str, found: Looks) -> None:
    total = found.total()
    rows = [
        [function, f"{times / total:.1%}", f"{times:,}"]
        for function, times in found.most_common(SHOWN)
    ]
    figures.print_table(f"{title}: self time of {total:,} looks", ["", "share", "looks"], rows)


if __name__ == "__main__":
    session.main(ask, __doc__)
