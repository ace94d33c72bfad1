"""Processes under measurement: started with a role, their CPU time and memory summed by role.

CPU time is user + system of /proc/<pid>/stat, over the process, its living descendants and those
already reaped, so a child that was replaced in the window still counts. The kernel counts it in
hundredths of a second: windows must be long enough for that.
"""

import contextlib
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import psutil

Role = Literal["database", "server", "worker", "standby", "children", "client", "loader"]
ROLES: tuple[Role, ...] = (
    "database",
    "server",
    "worker",
    "standby",
    "children",
    "client",
    "loader",
)
WORKERS: tuple[Role, ...] = ("worker", "standby")
STOP_S = 20.0


class Processes:
    """The processes of one system. `children` is everything that a worker's own process started;
    `database` is a PostgreSQL with its whole family, or a Redis."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory, self._environment = directory, environment
        self._started: dict[Role, psutil.Popen] = {}
        self._watched: dict[Role, psutil.Process] = {}

    def start(self, role: Role, command: Sequence[str], cwd: Path, *, talks: bool = False) -> None:
        """Start one process; its output goes to `<role>.log`, and its role is in its environment.

        Args:
            talks: The driver speaks with it over standard input and output instead.
        """
        log = (self._directory / f"{role}.log").open("ab")
        pipe = subprocess.PIPE if talks else None
        with log:
            self._started[role] = psutil.Popen(
                [*command],
                cwd=cwd,
                env={**self._environment, "BENCH_ROLE": role},
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or log,
                stderr=log,
            )

    def watch(self, role: Role, process: psutil.Process) -> None:
        """Count a process, and what it starts, that somebody else began and will end."""
        self._watched[role] = process

    def get(self, role: Role) -> psutil.Popen:
        """The process of a role that is running."""
        return self._started[role]

    def ensure_alive(self) -> None:
        """Raise RuntimeError, with the end of its log, when a process has ended by itself."""
        for role, process in self._started.items():
            if process.poll() is not None:
                raise RuntimeError(f"{role} ended with {process.returncode}: {self.log_end(role)}")

    def log_end(self, role: Role) -> str:
        """The last lines that a process wrote."""
        log = self._directory / f"{role}.log"
        return "\n".join(log.read_text().splitlines()[-15:]) if log.exists() else ""

    def stop(self, role: Role) -> None:
        """End one process and what it started: asked first, killed after 20 s."""
        process = self._started.pop(role)
        family = _family(process)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(family, timeout=STOP_S)
        for one in left:
            one.kill()
        psutil.wait_procs(left, timeout=STOP_S)
        process.wait(STOP_S)
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    def kill(self, role: Role) -> None:
        """End one process and what it started at once, as a power cut would."""
        process = self._started.pop(role)
        family = _family(process)
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(family, timeout=STOP_S)
        process.wait(STOP_S)

    def stop_all(self) -> None:
        """End every process, in the order client, worker, server, database."""
        for role in reversed(ROLES):
            if role in self._started:
                self.stop(role)

    def cpu_us(self) -> dict[Role, float]:
        """CPU time spent so far, in microseconds by role."""
        spent: dict[Role, float] = dict.fromkeys(ROLES, 0.0)
        for role, process in self._counted():
            first, *others = _family(process)
            below: Role = "children" if role in WORKERS else role
            own = first.cpu_times()
            spent[role] += (own.user + own.system) * 1e6
            spent[below] += (own.children_user + own.children_system) * 1e6
            for one in others:
                try:
                    spent[below] += sum(one.cpu_times()[:4]) * 1e6
                except psutil.NoSuchProcess:  # ended since it was listed; its parent counts it next
                    continue
        return spent

    def memory_mb(self) -> dict[Role, float]:
        """Memory by role in MB: proportional set size, so shared pages are counted once."""
        return self._summed(lambda one: float(one.memory_full_info().pss) / 1e6)

    def mapped_mb(self) -> dict[Role, float]:
        """The part of it that is files, by role: the system's own copy of them, which it takes back when it likes."""
        return self._summed(lambda one: _mapped_mb(one.pid))

    def _summed(self, of: Callable[[psutil.Process], float]) -> dict[Role, float]:
        held: dict[Role, float] = dict.fromkeys(ROLES, 0.0)
        for role, process in self._counted():
            for place, one in enumerate(_family(process)):
                below: Role = "children" if role in WORKERS and place else role
                # it has just ended, such as a backend of a pool
                with contextlib.suppress(psutil.NoSuchProcess, OSError):
                    held[below] += of(one)
        return held

    def _counted(self) -> list[tuple[Role, psutil.Process]]:
        return [*self._started.items(), *self._watched.items()]


def _mapped_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, size = line.partition(":")
        if name == "Pss_File":
            return float(size.split()[0]) * 1024 / 1e6
    return 0.0


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]
