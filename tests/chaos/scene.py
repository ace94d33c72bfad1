"""Where a scenario plays: servers, workers, a database of either kind, and what stands between them.

Workers and callers go through ``door``, the load balancer. Servers go to PostgreSQL through ``back``, when
the scenario asks for it.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests import databases, postgres
from tests.chaos.history import Archive, Execution, History, Ledger, Stored
from tests.chaos.judge import LIMITS, Verdict, judge, limits_reached
from tests.chaos.load import Load
from tests.chaos.proxy import Proxy
from tests.running import PROGRAM, Live, Process, free_port, until

PROJECT = Path(__file__).parent / "project"
LEASE_S = 4.0
DURABLE = {"fsync": "off", "full_page_writes": "off"}  # kill -9 does not end the kernel
END_S = 90.0  # that accepted runs have to end when the faults are over
OF_TIME = {"overlaps", "limits"}  # what ``verify`` finds by comparing times
_CHILD = "hairtrigger.worker.child"


@dataclass
class Scene:
    """What a scenario acts on. ``long`` says whether there is time for its long form."""

    live: Live
    kind: str
    ledger: Ledger
    archive: Archive
    door: Proxy
    long: bool
    luck: random.Random
    cluster: postgres.Cluster | None = None
    back: Proxy | None = None
    looks: list[dict[str, Stored]] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    loads: list[Load] = field(default_factory=list)
    lease_s: float = LEASE_S
    disk: Path | None = None
    slots: int = 16

    # size

    def times(self, short: int, long: int = 20) -> int:
        """How often to do something, in this form."""
        return long if self.long else short

    # servers

    @property
    def ports(self) -> list[int]:
        return list(self.live.servers)

    def start_server(self, port: int = 0, **env: str) -> Process:
        """Start a server, or start it again, and let the door know."""
        server = self.live.start_server(port, **(self.environ | env))
        self.door.targets = self.ports
        return server

    def server(self, port: int) -> Process:
        return self.live.servers[port]

    # workers

    def start_worker(self, *words: str, **env: str) -> Process:
        """Start a worker that notes in the ledger; returns when it is registered."""
        words = ("--slots", str(self.slots), "--processes", "2", *words)
        return self.live.start_worker(PROJECT, *words, LEDGER=str(self.ledger.path), **env)

    def kill_worker(self, worker: Process) -> float:
        """Kill -9 of a worker alone: its children must die with it. Gives the instant."""
        family = psutil.Process(worker.popen.pid).children(recursive=True)
        worker.kill()
        at = time.monotonic()
        psutil.wait_procs(family, timeout=2)
        alive = [one for one in family if _is_alive(one)]
        assert not alive, f"These outlived their worker by 2 s: {alive}"
        for one in family:
            self.ledger.mark("dead", one.pid)
        self.live.workers.remove(worker)
        return at

    def kill_child(self) -> None:
        """Kill -9 of a child of some worker."""
        children = until(self.children, "a child to kill", self.live.workers)
        child = self.luck.choice(children)
        child.send_signal(signal.SIGKILL)
        self.ledger.mark("dead", child.pid)

    def children(self, worker: Process | None = None) -> list[psutil.Process]:
        """The processes that execute bodies: of all workers, or of one."""
        found = []
        for one in [worker] if worker else self.live.workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [
                    child for child in psutil.Process(one.popen.pid).children()
                    if _CHILD in child.cmdline()
                ]  # fmt: skip
        return found

    def freeze(self, worker: Process) -> list[int]:
        """SIGSTOP for a worker and its children, as when its machine is suspended."""
        pids = [worker.popen.pid, *(child.pid for child in self.children(worker))]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            self.ledger.mark("frozen", pid)
        return pids

    # what is seen

    def busy(self, limit_s: float = 30.0) -> None:
        """Wait until bodies have begun since now."""
        seen = self.ledger.size
        until(lambda: self.ledger.size > seen, "work to be done", limit_s=limit_s)

    def until_limited(self) -> None:
        """Wait until from now on as many runs of limited tasks have gone on at once as may.

        Raises:
            AssertionError: they never do: slots have leaked, or the load is too small.
        """
        since = time.monotonic_ns()
        until(
            lambda: limits_reached(self.ledger.executions(), since) == set(LIMITS),
            "the limits to be reached", self.live.workers,
        )  # fmt: skip

    def pause(self, most_s: float) -> None:
        """A random moment is the point of many a fault."""
        time.sleep(self.luck.uniform(0.0, most_s))

    def look(self) -> dict[str, Stored]:
        """Remember what is stored now: a final outcome must never change."""
        seen = self.archive.stored()
        self.looks.append(seen)
        return seen

    def make_schedules(self, task: str, cron: str, count: int) -> set[str]:
        """Schedules made by API; gives their ids."""
        load = Load(f"http://127.0.0.1:{self.door.port}", self.live.dev_key, callers=0)
        return {
            load.repeat(
                "POST", "/api/v1/schedules",
                json.dumps({"task": task, "cron": cron, "deduplicationKey": f"{task} {n}"}).encode(),
                f"schedule {n}",
            )["id"]
            for n in range(count)
        }  # fmt: skip

    def trigger(
        self, task: str, count: int, seconds: float = 0.0, *, key: str = "", **options: Any
    ) -> list[str]:
        """Runs besides the load; they are accepted like its own."""
        load = Load(f"http://127.0.0.1:{self.door.port}", self.live.dev_key, callers=0)
        self.loads.append(load)
        return [
            load.trigger(
                task,
                {"number": f"extra-{len(self.loads)}-{n}", "seconds": seconds, "key": key},
                {"ttl": 0, **options},
            )
            for n in range(count)
        ]

    def change(self, sql: str) -> None:
        """Change PostgreSQL's rows behind the servers' backs."""
        databases.run(databases.execute(self.archive.url, sql))

    def intact(self) -> bool:
        """Whether SQLite finds its file in order; PostgreSQL would have said so itself."""
        return self.kind != "sqlite" or self.archive.rows("pragma integrity_check") == [("ok",)]

    def begun(self, runs: list[str]) -> list[Execution]:
        """The executions of these runs."""
        wanted = set(runs)
        return [one for one in self.ledger.executions() if one.run in wanted]

    @contextlib.contextmanager
    def load(self, **how: Any) -> Iterator[Load]:
        """Callers at work meanwhile; afterwards it is still told what they were told."""
        load = Load(f"http://127.0.0.1:{self.door.port}", self.live.dev_key, **how)
        self.loads.append(load)
        with load:
            self.until_limited()
            yield load
            self.until_limited()  # no slot has leaked: the full limits are reached again
        self.figures["longest gap s"] = round(load.longest_gap_s, 1)
        if load.failures:
            self.figures["callers told"] = dict(load.failures)

    def rest(self, limit_s: float = END_S) -> float:
        """Wait until no run is unfinished; gives how many seconds that took."""
        began = time.monotonic()
        until(
            lambda: self.archive.unfinished() == 0, "all runs to end", self.live.workers,
            limit_s=limit_s,
        )  # fmt: skip
        return time.monotonic() - began

    def conclude(self, *, excused: bool = False, clock_jumped: bool = False) -> Verdict:
        """Wait for the end of all runs, and compare.

        Args:
            excused: As ``judge`` takes it.
            clock_jumped: Stored times cannot be compared: the clock of the database was set back.
        """
        self.figures["ended in s"] = round(self.rest(), 1)
        accepted = {run: one for load in self.loads for run, one in load.accepted.items()}
        executions = self.ledger.executions()
        verdict = judge(
            History(
                accepted, executions, self.archive.stored(), self.looks, self.archive.counters()
            ),
            excused=excused,
        )
        verdict.figures |= self.figures
        verdict.broken += self._leaks() + self._verified(OF_TIME if clock_jumped else set())
        return verdict

    def _leaks(self) -> list[str]:
        """Slots that nobody holds any more."""
        held = [
            row
            for sql in (
                "select 'lane', id, running, queued, runs from lanes where running + queued + runs > 0",
                "select 'slots', owner, running, 0, 0 from slots where running > 0",
            )
            for row in self.archive.rows(sql)
        ]
        return [f"leaked: {held}"] if held else []

    def _verified(self, excused: set[str]) -> list[str]:
        """What ``hairtrigger verify`` finds."""
        done = subprocess.run(
            [*PROGRAM, "verify", "--database", self.archive.url],
            capture_output=True, text=True, cwd=self.live.directory, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return []
        found = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("✕")}
        return [f"verify: {done.stdout}{done.stderr}"] if not found or found - excused else []


@contextlib.contextmanager
def scene(
    directory: Path,
    kind: str,
    *,
    servers: int = 1,
    workers: int = 2,
    long: bool = False,
    behind: bool = False,
    lease_s: float = LEASE_S,
    disk: Callable[[str], contextlib.AbstractContextManager[Path]] | None = None,
    **env: str,
) -> Iterator[Scene]:
    """Everything started, and ended afterwards; what does not end in order breaks the scenario.

    Args:
        behind: Put a proxy between the servers and PostgreSQL.
        disk: Makes a file system of its own for a kind of database.
        env: More settings of the servers.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        cluster = back = None
        database_in = stack.enter_context(disk(kind)) if disk is not None else None
        if kind == "postgres":
            cluster = stack.enter_context(postgres.started(DURABLE, database_in))
            url = direct = cluster.url()
            if behind:
                back = stack.enter_context(Proxy([cluster.port], random.Random(1)))
                url = cluster.url(port=back.port)
        else:
            url = direct = f"sqlite:///{database_in or directory}/hairtrigger.db"
        door = stack.enter_context(Proxy([], random.Random(2)))
        live = Live(directory, database=url, door=door.port)
        settings = {
            "HAIRTRIGGER_LEASE_MS": str(round(lease_s * 1000)), "HAIRTRIGGER_HOLD_MS": "2000",
            "HAIRTRIGGER_LOG_FORMAT": "json",
        }  # fmt: skip
        made = Scene(
            live, kind, Ledger(directory / "ledger"), Archive(direct), door, long, random.Random(3),
            cluster, back, environ=settings | env, lease_s=lease_s, disk=database_in,
        )  # fmt: skip
        try:
            for number in range(servers):
                made.start_server(free_port() if number else 0)
            for _ in range(workers):
                made.start_worker()
            yield made
            live.stop()
        finally:
            live.kill()


def said(processes: list[Process], event: str) -> list[str]:
    """The lines with this event in what processes have said."""
    return [line for one in processes for line in one.output().splitlines() if event in line]


def _is_alive(process: psutil.Process) -> bool:
    """Whether it runs: one that is dead and not collected by its new parent yet does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
