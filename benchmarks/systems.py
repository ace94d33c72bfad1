"""The systems that are compared: how each is started, in words and in commands."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import install

HERE = Path(__file__).parent
KEY = "tr_dev_" + secrets.token_hex(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One job system. In its commands `{database}` is a path and `{port}` a free port.

    Attributes:
        setup: What was chosen for it, printed with the figures.
        share: The part of the full work it is given, so that a slow one ends within minutes.
        flight: Callers at once with which it accepts single triggers fastest.
        pace: Delayed runs a second it surely accepts; only sets how long to wait for their due time.
        project: A directory copied and made the working directory.
    """

    name: str
    setup: str
    share: float
    flight: int
    pace: float
    worker: tuple[str, ...]
    client: tuple[str, ...]
    server: tuple[str, ...] = ()
    project: Path | None = None


def hairtrigger() -> System:
    """Ours: a server, a worker with two child processes, HTTP between all of them."""
    program = str(Path(sys.executable).with_name("hairtrigger"))
    database = ("--database", "sqlite:///{database}")
    return System(
        name="hairtrigger",
        setup="server, worker and client apart over HTTP; synchronous=FULL; "
        "2 child processes, 500 slots",
        share=1,
        flight=64,
        pace=1000,
        server=(program, "server", "--host", "127.0.0.1", "--port", "{port}", *database),
        worker=(program, "worker", "--processes", "2", "--slots", "500"),
        client=(sys.executable, "client.py"),
        project=HERE / "project",
    )


def huey(kind: str, workers: int) -> System:
    """Huey on SQLite: worker and client open the file themselves; there is no server.

    Args:
        kind: `thread` or `process`.
    """
    python = str(install.python_of("huey", "3.5.4"))
    consumer = (python, "-m", "huey.bin.huey_consumer", "benchmarks.peers.huey_tasks.huey")
    polling = ("-d", "0.01", "-m", "0.01", "-s", "1")
    return System(
        name="huey",
        setup=f"Huey 3.5.4, SqliteHuey, WAL, fsync, outcomes kept; {workers} × {kind}, polls every 10 ms "
        "(default 100 ms and slower), its schedule every 1 s (the least it takes)",
        share=0.2,
        flight=1,
        pace=500,
        worker=(*consumer, "-k", kind, "-w", str(workers), *polling, "-g", "TERM", "-q"),
        client=(python, "-m", "benchmarks.peers.huey_client"),
    )


def dbos() -> System:
    """DBOS on SQLite: worker and client open the file themselves; there is no server."""
    python = str(install.python_of("dbos", "3.4.0"))
    return System(
        name="dbos",
        setup="DBOS 3.4.0 on SQLite, WAL, synchronous=FULL; one worker process, 100 workflows at "
        "once, polls every 10 ms (default 1 s)",
        share=0.03,
        flight=1,
        pace=300,
        worker=(python, "-m", "benchmarks.peers.dbos_tasks"),
        client=(python, "-m", "benchmarks.peers.dbos_client"),
    )


def _hueys() -> list[System]:
    return [huey(kind, workers) for kind in ("thread", "process") for workers in (1, 2, 4)]


SHAPES: dict[str, Callable[[], list[System]]] = {
    "hairtrigger": lambda: [hairtrigger()],
    "huey": _hueys,
    "dbos": lambda: [dbos()],
}
"""Every system by name, ours first. One with several worker shapes is given its best."""
