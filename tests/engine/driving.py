"""Driving the engine in this process: an environment, workers by hand, and time that passes when told."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from hairtrigger.engine import (
    attempts,
    batches,
    dequeue,
    projects,
    queues,
    runs,
    schedules,
    sessions,
    upkeep,
)
from hairtrigger.engine import trigger as triggers
from hairtrigger.errors import HairtriggerError
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.postgres import Postgres
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from hairtrigger.wire import ids
from hairtrigger.wire.options import BatchItem, CreateBatch, TriggerOptions
from hairtrigger.wire.worker import (
    CronManifest,
    Event,
    Failure,
    Fetch,
    Held,
    Hold,
    QueueManifest,
    Register,
    Registered,
    Report,
    Reported,
    Result,
    RetryPolicy,
    RunInfo,
    TaskManifest,
)
from tests import databases
from tests.clock import Clock

LEASE_MS, HOLD_MS = 30_000, 20_000
PROJECT = "proj_test"
Outcome = triggers.Outcome


def manifest(
    id: str, *, queue: str | None = None, limit: int | None = None, cron: str | None = None,
    timezone: str = "UTC", environments: list[str] | None = None, scheduled: bool = False, **rest: Any,
) -> TaskManifest:  # fmt: skip
    """A task as a version declares it."""
    named = QueueManifest(queue or f"task/{id}", limit) if queue or limit is not None else None
    ticks = CronManifest(cron, timezone, environments) if cron is not None else None
    return TaskManifest(
        id, "tasks.py", id, queue=named, cron=ticks, scheduled=scheduled or cron is not None, **rest
    )


def exact(**policy: Any) -> RetryPolicy:
    """A retry policy without jitter."""
    return RetryPolicy(**{"randomize": False, **policy})


def options(**given: Any) -> TriggerOptions:
    """Trigger options under their names on the wire."""
    return msgspec.json.decode(msgspec.json.encode(given), type=TriggerOptions)


def number(public: str, prefix: str = "run") -> int:
    """The number behind a public id, which must be one."""
    found = ids.parse(prefix, public)
    assert found is not None, public
    return found


@dataclass
class World:
    """A store with its project, seen from one environment."""

    store: Store
    clock: Clock
    envs: dict[str, Environment]
    env: Environment
    known: dequeue.Sessions = field(default_factory=dequeue.Sessions)

    @classmethod
    async def make(cls, store: Store, clock: Clock, slug: str = "prod") -> "World":
        vault = projects.Vault("a master key")
        envs, _ = await projects.open_project(store, vault, ref=PROJECT, name="test", keys={})
        return cls(store, clock, envs, envs[slug])

    def beside(self, slug: str) -> "World":
        """The same store from another environment."""
        return World(self.store, self.clock, self.envs, self.envs[slug], self.known)

    async def register(self, *tasks: TaskManifest | str, **given: Any) -> "Worker":
        """A worker session with these tasks."""
        registered = await self.register_raw(*tasks, **given)
        return Worker(self, registered.worker, registered)

    async def register_raw(
        self, *tasks: TaskManifest | str, slots: int = 100, **given: Any
    ) -> Registered:
        declared = [manifest(task) if isinstance(task, str) else task for task in tasks]
        body = Register("w", given.pop("version", ""), declared, slots, [1], **given)
        return await sessions.register(
            self.store, self.known, self.env, body, lease_ms=LEASE_MS, hold_ms=HOLD_MS
        )

    async def trigger_all(
        self, items: Sequence[triggers.Item], request_key: str | None = None
    ) -> list[Outcome | HairtriggerError]:
        return await triggers.trigger(self.store, self.env, items, request_key=request_key)

    async def outcome(
        self, task: str = "work", payload: Any = UNSET, request_key: str | None = None, **given: Any
    ) -> Outcome:
        """Trigger one run; an error of it is raised."""
        raw = UNSET if payload is UNSET else Raw(msgspec.json.encode(payload))
        item = triggers.Item(task, raw, options(**given) if given else None)
        (outcome,) = await self.trigger_all([item], request_key)
        if isinstance(outcome, HairtriggerError):
            raise outcome
        return outcome

    async def trigger(self, task: str = "work", payload: Any = UNSET, **given: Any) -> int:
        """Trigger one run and answer its number."""
        return (await self.outcome(task, payload, **given)).id

    async def run(self, run_id: int) -> Run:
        return await runs.retrieve(self.store, self.env, run_id)

    async def status(self, run_id: int) -> str:
        return (await self.run(run_id)).status

    async def statuses(self, run_ids: Sequence[int]) -> list[str]:
        return [await self.status(run_id) for run_id in run_ids]

    async def cancel(self, run_id: int) -> None:
        await runs.cancel(self.store, self.env, run_id)

    async def batch(self, count: int, **given: Any) -> int:
        made = await batches.create(self.store, self.env, CreateBatch(count, **given))
        return made.id

    async def add_items(
        self, batch: int, indexes: Sequence[int], task: str = "work", **given: Any
    ) -> Any:
        items = [BatchItem(ix, task, Raw(b"%d" % ix), options(**given)) for ix in indexes]
        return await batches.add_items(self.store, self.env, batch, items)

    async def pause(self, queue: str, *, paused: bool = True) -> None:
        """Pause or resume a queue."""
        await queues.pause(self.store, self.env, queue, paused=paused)

    async def let_pass(self, ms: int) -> None:
        """Let time pass, and the clockwork look once."""
        self.clock.move(ms)
        await self.look()

    async def look(self) -> None:
        """Every upkeep verb once, but for pruning."""
        still = upkeep.Clock(self.store)
        await upkeep.promote_due(self.store)
        await upkeep.expire(self.store)
        await upkeep.rescue_lost(self.store, still, lease_ms=LEASE_MS)
        await schedules.fire_due(self.store)
        await upkeep.abort_batches(self.store)

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """What a statement of the test's own finds in the database; question marks are parameters."""
        database = self.store.database
        if isinstance(database, Postgres):
            return databases.rows(database.url, sql, *params)
        assert isinstance(database, SQLite)
        connection = sqlite3.connect(database.path)
        try:
            return connection.execute(sql, params).fetchall()
        finally:
            connection.close()

    async def write(self, sql: str, *params: Any) -> None:
        """Change the database behind the engine's back."""
        database = self.store.database
        if isinstance(database, Postgres):
            databases.rows(database.url, sql, *params)
            return
        assert isinstance(database, SQLite)
        connection = sqlite3.connect(database.path)
        try:
            with connection:
                connection.execute(sql, params)
        finally:
            connection.close()


@dataclass
class Worker:
    """A worker session driven by hand."""

    world: World
    id: str
    registered: Registered

    @property
    def number(self) -> int:
        return number(self.id, "worker")

    async def fetch(self, want: int = 100) -> list[RunInfo]:
        """What is ready now: waits for a tick that has looked, not for time to pass."""
        world = self.world
        stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        body = Fetch(self.id, want)
        await world.known.demand(world.store, world.env, self.id, want)  # else it is read first
        asked = asyncio.ensure_future(
            dequeue.fetch(world.store, world.known, world.env, body, wait_s=30, stop=stop)
        )
        await asyncio.sleep(0)  # it asks
        await world.store.change(_nothing)
        stop.set_result(None)
        return await asked

    async def fetch_one(self) -> RunInfo:
        (run,) = await self.fetch(1)
        return run

    async def report(
        self, *results: Result, want: int = 0, events: list[Event] | None = None
    ) -> Reported:
        body = Report(self.id, list(results), events or [], want)
        return await attempts.report(self.world.store, self.world.known, self.world.env, body)

    async def settle(self, run: RunInfo, **result: Any) -> str:
        """Report one result; answers the verdict."""
        return (await self.report(Result(run.id, run.lease, **result))).verdicts[0]

    async def complete(self, run: RunInfo, output: str | None = None) -> str:
        return await self.settle(run, done=True if output is None else ("application/json", output))

    async def fail(self, run: RunInfo, retry_in_ms: int | None = None) -> str:
        failure = Failure("ValueError", f"attempt {run.attempt}")
        return await self.settle(run, failed=failure, retry_in_ms=retry_in_ms)

    async def crash(self, run: RunInfo, *, alone: bool = True, begun: bool = True) -> str:
        return await self.settle(run, crashed=Failure("SIGSEGV", "died"), alone=alone, begun=begun)

    async def hold(
        self, *held: RunInfo, seen: int = 0, quiet: bool = False, wait_s: float = 0,
        lease_ms: int = LEASE_MS,
    ) -> Held:  # fmt: skip
        stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        body = Hold(self.id, [(run.id, run.lease, seen) for run in held], quiet)
        return await sessions.hold(
            self.world.store, self.world.known, self.world.env, body, lease_ms=lease_ms, wait_s=wait_s,
            stop=stop,
        )  # fmt: skip

    async def leave(self) -> None:
        await sessions.leave(self.world.store, self.world.known, self.world.env, self.id)


def _nothing(_catalog: Catalog, _now: int) -> Steps[None]:
    """A change of nothing: when it is answered, a tick has passed."""
    yield fetch("next_due")
