"""What a system under test is, and ours. The peers are in `peers/setups.py`."""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.databases import Database, Sqlite

HERE = Path(__file__).parent
KEY = "tr_dev_" + secrets.token_hex(16)
PLACES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One job system. In its commands `{database}` is a path or a URL, and `{port}` a free port.

    Attributes:
        name: The package to import, too.
        setup: What was chosen for it and what it keeps, printed with the figures.
        database: Where it keeps its runs.
        share: The part of the full work it is given, so that a slow one ends within minutes.
        flight: Callers at once with which it accepts single triggers fastest.
        pace: Delayed runs a second it surely accepts; only sets how long to wait for their due time.
        narrow: A worker with exactly 20 places for runs.
        prepare: Makes its tables, before anything else is started.
        project: A directory copied and made the working directory.
        environment: More variables of its processes.
    """

    name: str
    setup: str
    database: Database
    share: float
    flight: int
    pace: float
    worker: tuple[str, ...]
    narrow: tuple[str, ...]
    client: tuple[str, ...]
    server: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    project: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def with_limits(self) -> "System":
        """The same, two of whose tasks have limits."""
        return replace(self, environment={**self.environment, "BENCH_LIMITS": "1"})


def hairtrigger(database: Database) -> System:
    """Ours: a server, a worker with one child process, HTTP between all of them."""
    program = str(Path(sys.executable).with_name("hairtrigger"))
    embedded = isinstance(database, Sqlite)
    url = "sqlite:///{database}" if embedded else "{database}"
    durable = "synchronous=FULL" if embedded else "synchronous_commit=on"
    worker = (program, "worker", "--processes", "1", "--slots")
    return System(
        name="hairtrigger",
        setup=f"server, worker and client apart over HTTP; {durable}; every run, its attempts, "
        "arguments and outcome kept; 1 child process, 4,000 slots",
        database=database,
        share=1,
        flight=64,
        pace=1000,
        server=(program, "server", "--host", "127.0.0.1", "--port", "{port}", "--database", url),
        worker=(*worker, "4000"),
        narrow=(*worker, str(PLACES)),
        client=(sys.executable, "client.py"),
        project=HERE / "project",
    )
