"""One system on one fresh database, started, fed, watched and ended."""

import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import stamps
from benchmarks.conversation import Client
from benchmarks.databases import Sqlite, free_port
from benchmarks.processes import ROLES, Processes, Role
from benchmarks.systems import HERE, KEY, System

WORK = HERE / ".work"
SILENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Mark:
    """The clock (ns), the CPU time by role (µs) and the runs begun, at one moment."""

    at_ns: int
    cpu_us: Mapping[Role, float]
    begun: int


@dataclass(frozen=True, slots=True)
class Sample:
    """So many runs in so many seconds, with the CPU time that they took by role, in µs."""

    runs: int
    seconds: float
    cpu_us: Mapping[Role, float]

    @property
    def rate(self) -> float:
        """Runs a second."""
        return self.runs / self.seconds

    def cpu_per_run(self, *roles: Role) -> float:
        """CPU microseconds a run, of these roles together."""
        return sum(self.cpu_us[role] for role in roles) / self.runs


class Running:
    """A system whose server, worker and client are up. `client` takes the commands.

    Attributes:
        address: Where its database is: a path or a URL.
        url: Where its server answers, if it has one.
    """

    client: Client
    address: str

    def __init__(self, system: System, directory: Path, stamps_file: Path) -> None:
        self.system, self.directory, self.stamps_file = system, directory, stamps_file
        self._port = free_port()
        self._cwd = directory
        if system.project:
            self._cwd = Path(shutil.copytree(system.project, directory / "project"))
        self.url = f"http://127.0.0.1:{self._port}"
        self._environment = {
            **os.environ,
            "BENCH_STAMPS": str(stamps_file),
            "HAIRTRIGGER_DEV_KEY": KEY,
            "PYTHONPATH": str(HERE.parent),
            "TRIGGER_API_URL": self.url,
            "TRIGGER_SECRET_KEY": KEY,
            **system.environment,
        }
        self._processes = Processes(directory, self._environment)

    @contextmanager
    def with_database(self) -> Iterator[None]:
        """Make the database; everything that was started is ended before it goes."""
        with self.system.database.fresh(self.directory, self._processes) as self.address:
            self._environment["BENCH_DATABASE"] = self.address
            try:
                yield
            finally:
                self._processes.stop_all()

    def start_all(self) -> None:
        """Start server, worker and client, and see one run through all of them."""
        if self.system.prepare:
            command = self._filled(self.system.prepare)
            done = subprocess.run(
                command, cwd=self._cwd, env=self._environment, capture_output=True, text=True
            )
            if done.returncode:
                raise RuntimeError(f"{self.system.name} could not be prepared: {done.stderr}")
        self.start_server()
        self.start_worker()
        if isinstance(self.system.database, Sqlite) and not self.system.server:
            # the worker makes the file; wait until it has
            self.until(lambda: Path(self.address).exists())
            time.sleep(2)
        self.client = self.start_client("client")
        self.client.ask("trigger", count=1, flight=1)
        self.until_settled(1)

    def start_server(self) -> None:
        """Start the server, if the system has one, and wait until it answers."""
        if self.system.server:
            self._start("server", self.system.server)
            self._until_healthy()

    def stop_server(self) -> None:
        """End the server, as an operator would."""
        self._processes.stop("server")

    def start_worker(self, role: Role = "worker", *, narrow: bool = False) -> None:
        """Start a worker; its first run may begin at once.

        Args:
            role: `standby` is a second one.
            narrow: With exactly 20 places for runs, instead of the fastest shape.
        """
        self._start(role, self.system.narrow if narrow else self.system.worker)

    def stop_worker(self) -> None:
        """End the worker, as an operator would."""
        self._processes.stop("worker")

    def kill_worker(self) -> None:
        """End the worker and its children at once with SIGKILL."""
        self._processes.kill("worker")

    def pid(self, role: Role) -> int:
        """The first process of a role."""
        return int(self._processes.get(role).pid)

    def start_client(self, role: Role) -> Client:
        """Start a client; `loader` is a second one that makes load beside the first."""
        self._start(role, self.system.client, talks=True)
        process = self._processes.get(role)
        assert process.stdin
        assert process.stdout
        return Client(process.stdin, process.stdout, lambda: self._processes.log_end(role))

    @property
    def begun(self) -> int:
        """Runs that have begun so far."""
        return stamps.count(self.stamps_file)

    def mark(self) -> Mark:
        """This moment."""
        return Mark(time.monotonic_ns(), self._processes.cpu_us(), self.begun)

    def since(self, mark: Mark) -> Sample:
        """What happened between a mark and now, counted in runs that have begun."""
        now = self.mark()
        cpu_us = {role: now.cpu_us[role] - mark.cpu_us[role] for role in ROLES}
        return Sample(now.begun - mark.begun, (now.at_ns - mark.at_ns) / 1e9, cpu_us)

    def memory_mb(self) -> Mapping[Role, float]:
        """Memory by role, in MB."""
        return self._processes.memory_mb()

    def mapped_mb(self) -> Mapping[Role, float]:
        """The part of it that is mapped files, by role, in MB."""
        return self._processes.mapped_mb()

    def until_begun(self, total: int, *, every_s: float = 0.02) -> None:
        """Wait until `total` runs have begun since the start.

        Raises:
            RuntimeError: when a process ends, or no run begins for two minutes.
        """
        self.until(lambda: self.begun >= total, every_s=every_s)

    def until_settled(self, total: int) -> None:
        """Wait until `total` runs have begun and the system says that none is left.

        Raises:
            RuntimeError: as `until_begun`, and when a run has begun more than once.
        """
        self.until_begun(total)
        self.until(lambda: bool(self.client.ask("settled")["settled"]), every_s=0.01)
        if self.begun != total:
            raise RuntimeError(f"{self.begun} runs began; {total} were triggered.")

    def _start(self, role: Role, command: tuple[str, ...], *, talks: bool = False) -> None:
        self._processes.start(role, self._filled(command), self._cwd, talks=talks)

    def _filled(self, command: tuple[str, ...]) -> list[str]:
        return [word.format(database=self.address, port=self._port) for word in command]

    def _until_healthy(self) -> None:
        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"{self.url}/healthcheck", timeout=1) as answer:
                    return bool(answer.status == 200)
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                return False

        self.until(answers)

    def until(self, holds: Callable[[], bool], *, every_s: float = 0.02) -> None:
        """Wait until something holds.

        Raises:
            RuntimeError: when a process ends, or no run begins for two minutes.
        """
        begun, moved_ns = self.begun, time.monotonic_ns()
        while not holds():
            self._processes.ensure_alive()
            if self.begun != begun:
                begun, moved_ns = self.begun, time.monotonic_ns()
            if time.monotonic_ns() - moved_ns > SILENCE_S * 1e9:
                raise RuntimeError(
                    f"{self.system.name}: no run began for {SILENCE_S:.0f} s, after {begun}. "
                    f"Worker: {self._processes.log_end('worker')}"
                )
            time.sleep(every_s)


@contextmanager
def opened(system: System) -> Iterator[Running]:
    """A system that has run one run on a fresh database; ended and removed afterwards.

    The database lies beside the benchmarks, on the disk of the checkout; the stamps lie in memory.
    What the system under test says is in `<role>.log` of its directory, whose end is in the error.
    """
    WORK.mkdir(exist_ok=True)
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with (
        tempfile.TemporaryDirectory(dir=WORK, prefix=system.name) as directory,
        tempfile.TemporaryDirectory(dir=memory, prefix="bench") as stamps_directory,
    ):
        running = Running(system, Path(directory), Path(stamps_directory) / "stamps")
        with running.with_database():
            running.start_all()
            yield running
