"""What the engine is to do, written a second time and as plainly as possible: no SQL, no speed, no retries.

A model never decides which of several runs a worker gets; it says which ones it may get, and in what order
within one lane. Times in ms.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from hairtrigger.wire.rates import Rate

State = Literal["delayed", "ready", "held", "running", "over"]
RELEASING = {"FAILED", "CRASHED", "SYSTEM_FAILURE", "EXPIRED", "TIMED_OUT"}
IDLE_HAND_OUTS = 20
RATE = Rate(4, 10_000)  # of the queue of task c


@dataclass
class Run:
    id: int
    task: str
    ckey: str
    max_attempts: int
    order_at: int
    ttl: int | None = None
    key: str | None = None
    parent: int | None = None
    batch: int | None = None
    schedule: int | None = None
    pinned: int | None = None  # the version that its trigger asked for
    state: State = "ready"
    at: int | None = None
    expires: int | None = None
    version: int | None = None  # the version that it began on, or was pinned to
    worker: int | None = None
    fence: int = 0
    attempt: int = 1
    cancel: bool = False
    suspect: bool = False
    status: str | None = None  # of a run that is over

    @property
    def public(self) -> str:
        if self.status is not None:
            return self.status
        if self.state == "running":
            return "CANCELED" if self.cancel else "EXECUTING"
        if self.state == "delayed":
            return "EXECUTING" if self.fence else "DELAYED"
        return {"ready": "QUEUED", "held": "PENDING_VERSION"}[self.state]


@dataclass
class Session:
    number: int
    version: int
    lease_until: int
    silent: bool = False
    lost: set[int] = field(default_factory=set)  # runs handed out in an answer that never arrived


@dataclass
class Version:
    tasks: frozenset[str]
    limit: int | None  # of the queue of task a, for each key
    total: int | None = None  # of the queue of task b, over all keys


@dataclass
class Batch:
    total: int
    items: dict[int, int] = field(default_factory=dict)  # index to run
    aborted: bool = False


@dataclass
class Schedule:
    period: int
    next_at: int | None
    fired: set[int] = field(default_factory=set)


@dataclass
class Model:
    """The world as it should be. ``now`` is the database's clock."""

    now: int
    runs: dict[int, Run] = field(default_factory=dict)
    sessions: dict[int, Session] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    current: int | None = None
    limit: int | None = None  # that the code declares for the queue of task a
    override: int | None = None  # that stands in its place
    total: int | None = None  # of the queue of task b
    env_limit: int | None = None
    burst: int = 100
    tokens: Fraction = Fraction(RATE.count)  # of the queue of task c, as of tokens_at
    tokens_at: int = 0
    paused: set[str] = field(default_factory=set)
    keys: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # to (run, expires)
    batches: dict[int, Batch] = field(default_factory=dict)
    schedules: dict[int, Schedule] = field(default_factory=dict)

    # what callers do

    def is_known(self, run: Run) -> bool:
        version = run.pinned if run.pinned is not None else self.current
        return version is not None and run.task in self.versions[version].tasks

    def add(self, run: Run, delay: int | None, key_ttl: int = 0) -> None:
        run.version = run.pinned
        if delay:
            run.state, run.at = "delayed", self.now + delay
            run.order_at += delay
        else:
            run.state = "ready" if self.is_known(run) else "held"
            run.expires = self.now + run.ttl if run.ttl else None
        self.runs[run.id] = run
        if run.key is not None:
            self.keys[run.task, run.key] = (run.id, self.now + key_ttl)

    def holder_of(self, task: str, key: str) -> int | None:
        run_id, expires = self.keys.get((task, key), (None, 0))
        return run_id if expires > self.now else None

    def may_have_children(self, run_id: int) -> bool:
        run = self.runs[run_id]
        return not run.cancel and run.status != "CANCELED"

    def cancel(self, run_id: int) -> None:
        if self.runs[run_id].status is not None:
            return
        for one in self.tree(run_id):
            run = self.runs[one]
            if run.status is not None:
                continue
            if run.state == "running":
                run.cancel = True
            else:
                self.finish(run, "CANCELED")

    def tree(self, run_id: int) -> Iterable[int]:
        yield run_id
        for run in list(self.runs.values()):
            if run.parent == run_id:
                yield from self.tree(run.id)

    def reschedule(self, run_id: int, delay: int) -> bool:
        run = self.runs[run_id]
        if run.state != "delayed" or run.fence:
            return False
        assert run.at is not None
        run.order_at += self.now + delay - run.at
        run.at = self.now + delay
        return True

    # what workers do

    def register(self, number: int, version: int, lease: int, *, is_back: bool) -> None:
        before = self.sessions.get(number)
        if (
            not is_back
            or self.current is None
            or (before is not None and before.version != version)
        ):
            self.current = version
            if "a" in self.versions[version].tasks:  # or its queue stays as it was declared last
                self.limit = self.versions[version].limit
            if "b" in self.versions[version].tasks:
                self.total = self.versions[version].total
            for run in self.runs.values():
                if run.state == "held" and self.is_known(run):
                    run.state = "ready"
                    run.expires = self.now + run.ttl if run.ttl else None
        lost = before.lost if before is not None else set()
        self.sessions[number] = Session(number, version, self.now + lease, lost=lost)

    def may_get(self, run: Run, session: Session) -> bool:
        """Whether a run could be handed to a session but for the room in its queue."""
        return (
            run.state == "ready"
            and (run.expires is None or run.expires > self.now)
            and run.task not in self.paused
            and (
                run.version == session.version
                or (run.version is None and session.version == self.current)
            )
        )

    def room(self, run: Run) -> int:
        """How many more runs the run's environment, queue and key may start now."""
        running = [other for other in self.runs.values() if other.state == "running"]
        of_queue = [other for other in running if other.task == run.task]
        of_key = [other for other in of_queue if other.ckey == run.ckey]
        bounds = [1_000_000]
        if (limit := self.limit_of(run.task)) is not None:
            bounds.append(limit - len(of_key))
        if run.task == "b" and self.total is not None:
            bounds.append(self.total - len(of_queue))
        if run.task == "c":
            bounds.append(int(self.tokens_now()))
        if self.env_limit is not None:
            bounds.append(self.env_limit - len(of_queue))
            bounds.append(self.env_limit * self.burst // 100 - len(running))
        return min(bounds)

    def limit_of(self, task: str) -> int | None:
        """The limit of each key."""
        if task != "a":
            return None
        return self.limit if self.override is None else self.override

    def tokens_now(self) -> Fraction:
        """Of the rate of task c: it earns steadily, up to what the rate counts."""
        earned = Fraction(RATE.count * (self.now - self.tokens_at), RATE.per_ms)
        return min(Fraction(RATE.count), self.tokens + earned)

    def spend(self, run: Run) -> None:
        if run.task == "c":
            self.tokens, self.tokens_at = self.tokens_now() - 1, self.now

    def hand_out(self, run: Run, session: Session) -> None:
        self.spend(run)
        run.state, run.worker, run.expires = "running", session.number, None
        run.fence += 1
        run.version = session.version

    def hold_back(self, session: Session, held: Iterable[int]) -> None:
        """What the current version does not know waits for another one."""
        for run_id in held:
            run = self.runs[run_id]
            assert self.may_get(run, session)
            assert run.task not in self.versions[session.version].tasks
            self.spend(run)  # it was claimed
            run.state, run.version = "held", run.pinned
            run.expires = self.now + run.ttl if run.ttl and not run.fence else None

    def report(self, run_id: int, worker: int, fence: int, outcome: str) -> bool:
        """Whether a report settles its run; if so, it has."""
        run = self.runs[run_id]
        if run.state != "running" or (run.worker, run.fence) != (worker, fence):
            return False
        self.end(run, outcome)
        return True

    def end(self, run: Run, outcome: str) -> None:
        """A hand-out has ended. Section 4 of the guarantees, row by row."""
        last = run.attempt >= run.max_attempts
        if run.cancel:
            self.finish(run, "CANCELED")
        elif outcome == "done":
            self.finish(run, "COMPLETED")
        elif outcome == "timed out":
            self.finish(run, "TIMED_OUT")
        elif outcome == "aborted" or (outcome.startswith("failed") and last):
            self.finish(run, "FAILED")
        elif outcome == "failed, later":
            self.again(run, 5_000, used=True)
        elif outcome == "failed, now":
            self.again(run, 0, used=True)
        elif outcome == "crashed among others" and not run.suspect and run.max_attempts > 1:
            run.suspect = True
            self.again(run, 0, used=False)
        elif outcome.startswith("crashed"):
            if last:
                self.finish(run, "CRASHED")
            else:
                self.again(run, 1_000 * 2 ** (run.attempt - 1), used=True)
        elif outcome == "silent":
            if last:
                self.finish(run, "SYSTEM_FAILURE")
            else:
                self.again(run, 0, used=True)
        elif (
            outcome == "drained" and run.max_attempts == 1
        ) or run.fence - run.attempt >= IDLE_HAND_OUTS:
            self.finish(run, "SYSTEM_FAILURE")
        else:
            assert outcome in ("drained", "handed back")
            self.again(run, 0, used=False)

    def again(self, run: Run, delay: int, *, used: bool) -> None:
        run.state, run.at = ("delayed", self.now + delay) if delay else ("ready", None)
        run.worker = None
        run.attempt += used

    def finish(self, run: Run, status: str) -> None:
        run.state, run.status, run.worker = "over", status, None
        if run.key is not None and status in RELEASING:
            held, _ = self.keys.get((run.task, run.key), (None, 0))
            if held == run.id:
                del self.keys[run.task, run.key]

    def miss(self, session: Session, named: set[int]) -> None:
        """A quiet session does not name what it never got."""
        for run in self.runs.values():
            if run.state == "running" and run.worker == session.number and run.id not in named:
                self.end(run, "handed back")
        session.lost.clear()

    # what time does

    def promote(self) -> None:
        for run in self.runs.values():
            if run.state == "delayed" and run.at is not None and run.at <= self.now:
                run.state, run.at = "ready", None
                run.expires = self.now + run.ttl if run.ttl and not run.fence else None

    def expire(self) -> None:
        for run in self.runs.values():
            if (
                run.state in ("ready", "held")
                and run.expires is not None
                and run.expires <= self.now
            ):
                self.finish(run, "EXPIRED")

    def sweep(self) -> None:
        for session in list(self.sessions.values()):
            if session.lease_until < self.now:
                self.leave(session.number, "silent")

    def leave(self, number: int, how: str) -> None:
        for run in self.runs.values():
            if run.state == "running" and run.worker == number:
                self.end(run, how)
        del self.sessions[number]

    def unlock(self) -> None:
        there = {session.version for session in self.sessions.values()}
        for run in self.runs.values():
            if (
                run.state in ("delayed", "ready")
                and run.pinned is None
                and run.version not in there
            ):
                run.version = None

    def due(self) -> list[tuple[Schedule, int]]:
        """The schedules that fire now, each with the nominal time of its latest tick."""
        found = []
        for schedule in self.schedules.values():
            if schedule.next_at is not None and schedule.next_at <= self.now:
                latest = self.now // schedule.period * schedule.period
                found.append((schedule, latest))
                schedule.next_at = latest + schedule.period
        return found
