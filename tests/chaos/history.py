"""What happened, from two witnesses: the ledger that the bodies wrote, and what the database says.

``Ledger`` reads the one, ``Archive`` the other; ``judge`` (tests/chaos/judge.py) compares them.
"""

import collections
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hairtrigger.wire import ids, statuses
from tests import databases

OPEN = 2**63  # when an execution ends of which nobody has seen the end


@dataclass
class Execution:
    """One execution of a body. Instants in ns of the machine's monotonic clock.

    ``how`` it ended: ``end`` (it returned), ``cut`` (it was interrupted), ``dead`` or ``frozen`` (its process
    was), or empty. ``holder`` is what became of its process, then or later: ``dead``, ``frozen`` or empty.
    A ``zombie`` began in a process that had been frozen, after the run had begun elsewhere: nothing can stop
    what was on its way to the body then, and the fence refuses its result.
    """

    name: str
    pid: int
    run: str
    task: str
    number: str
    key: str
    began: int
    ended: int = OPEN
    how: str = ""
    holder: str = ""
    zombie: bool = False


class Ledger:
    """An append-only file: the lines of task bodies, and what the test did to their processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def mark(self, what: str, pid: int) -> None:
        """Write down that a process is ``dead`` or ``frozen`` from now on."""
        with self.path.open("ab", buffering=0) as file:
            file.write(f"{what} {time.monotonic_ns()} {pid}\n".encode())

    def executions(self) -> list[Execution]:
        """Every execution, in order of beginning."""
        whole, _, _ = self.path.read_text().rpartition("\n")  # the rest is being written
        return parsed(whole.splitlines())

    def open(self) -> list[Execution]:
        """The executions that are under way."""
        return [one for one in self.executions() if not one.how]


def parsed(lines: list[str]) -> list[Execution]:
    """The executions that a ledger's lines tell of."""
    found: dict[str, Execution] = {}
    by_pid = collections.defaultdict[int, list[Execution]](list)
    frozen, begun = set[int](), set[str]()
    for line in lines:
        what, at, name, *rest = line.split()
        if what == "begin":
            pid, run, task, number, key = rest
            one = Execution(name, int(pid), run, task, number, key, int(at))
            one.zombie = int(pid) in frozen and run in begun
            begun.add(run)
            found[name] = one
            by_pid[one.pid].append(one)
            continue
        if what in ("end", "cut"):
            one = found[name]
            # what a frozen process ends after its thaw does not lengthen what counts against limits
            one.ended, one.how = min(one.ended, int(at)), what
        else:
            frozen |= {int(name)} if what == "frozen" else set()
            for one in by_pid[int(name)]:
                one.holder = what
                if one.how == "" or (what == "dead" and one.how == "frozen"):
                    one.ended, one.how = min(one.ended, int(at)), what
    return sorted(found.values(), key=lambda one: one.began)


@dataclass(frozen=True)
class Accepted:
    """A run that a caller was told of: ``number`` is the caller's own name for it."""

    number: str
    task: str


@dataclass(frozen=True)
class Stored:
    """How a run ended, as stored."""

    status: str
    output: str


@dataclass(frozen=True)
class Counter:
    """A counter and the rows that it counts, of one snapshot."""

    name: str
    says: int
    rows: int


@dataclass
class History:
    """All that is known of a scenario.

    Args:
        looks: What was stored at earlier looks; a final outcome never changes.
    """

    accepted: dict[str, Accepted]
    executions: list[Execution]
    stored: dict[str, Stored]
    looks: list[dict[str, Stored]] = field(default_factory=list)
    counters: list[Counter] = field(default_factory=list)


class Archive:
    """The database behind the servers' backs, read only."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """What a query finds; question marks stand for parameters."""
        if not self.url.startswith("sqlite:///"):
            return databases.rows(self.url, sql, *params)
        connection = sqlite3.connect(
            f"file:{self.url.removeprefix('sqlite:///')}?mode=ro", uri=True, timeout=10
        )
        try:
            return connection.execute(sql, params).fetchall()
        finally:
            connection.close()

    def unfinished(self) -> int:
        """How many runs are not final."""
        return int(self.rows("select count(*) from live")[0][0])

    def stored(self) -> dict[str, Stored]:
        """How every finished run ended."""
        return {
            ids.public("run", number): Stored(statuses.of_final(status), output or "")
            for number, status, output in self.rows("select run_id, status, output from results")
        }

    def count_runs(self) -> int:
        """How many runs there are in all."""
        return int(self.rows("select count(*) from runs")[0][0])

    def counters(self) -> list[Counter]:
        """Every counter of concurrency."""
        return [Counter(name, says, rows) for name, says, rows in self.rows(_COUNTERS)]


_LIVE = "(select count(*) from live v where v.lane = l.id and v.tracked = 1 and v.state = {0})"
_COUNTERS = f"""
select 'running of lane ' || cast(l.id as text), l.running, {_LIVE.format(2)} from lanes l
union all select 'queued of lane ' || cast(l.id as text), l.queued, {_LIVE.format(1)} from lanes l
"""
