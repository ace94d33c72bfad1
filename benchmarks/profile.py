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

PY_SPY, RATE, SHOWN = "0.4.3", 200, 25
RUNS, QUICK = 100_000, 30_000  # py-spy needs a second or two before its first look
Looks = Counter[str]


def ask(now: Session) -> None:
    """Answer the question."""
    for system in now.ours:
        looks, sample = measure(system, QUICK if now.quick else RUNS)
        for who, found in looks.items():
            _print_hottest(f"{system.name}'s {who}", found)
        figures.print_rates("The drain that was looked at", {system.name: [sample]})


def measure(system: System, count: int) -> tuple[dict[str, Looks], Sample]:
    """Drain `count` runs, looked at from the first to the last."""
    with opened(system) as running:
        running.stop_worker()
        running.client.ask("batch", count=count)
        begun = running.begun
        spies = {"server": _spy(running, "server", running.pid("server"))}
        running.start_worker()
        running.until_begun(begun + 1, every_s=0.002)
        first = running.mark()
        spies["child"] = _spy(running, "child", _busiest_child(running))
        running.until_settled(begun + count)
        sample = running.since(first)
        return {who: _looks(running, who, spy) for who, spy in spies.items()}, sample


def _busiest_child(running: Running) -> int:
    """A child that runs tasks: the first one may be a helper of Python's own, which sleeps."""
    family = psutil.Process(running.pid("worker")).children(recursive=True)
    return int(max(family, key=lambda one: one.cpu_times().user).pid)


def _spy(running: Running, who: str, pid: int) -> "subprocess.Popen[bytes]":
    program = shutil.which("py-spy") or str(install.python_of("py-spy", PY_SPY).with_name("py-spy"))
    words = ("record", "--format", "raw", "--nonblocking", "--function", "--rate", str(RATE))
    target = ("--pid", str(pid), "--output", str(_file(running, who)))
    return subprocess.Popen(
        [program, *words, *target], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def _looks(running: Running, who: str, spy: "subprocess.Popen[bytes]") -> Looks:
    """End a spy, and count in which function its looks ended."""
    spy.send_signal(signal.SIGINT)  # as Ctrl-C: it writes what it has
    said, _ = spy.communicate(timeout=60)
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
