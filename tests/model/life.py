"""Random lives of an engine beside the reference model: its workers, and the runs that they get."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from hairtrigger.engine import runs, upkeep
from hairtrigger.errors import UnknownWorker, Unprocessable
from hairtrigger.store import store as stores
from hairtrigger.store.store import Store
from hairtrigger.wire import ids
from hairtrigger.wire.options import ReplayBody
from hairtrigger.wire.worker import Failure, QueueManifest, RunInfo, TaskManifest
from tests.clock import MINUTE, SECOND, Clock
from tests.engine.driving import LEASE_MS, Worker, World, exact, manifest, number
from tests.model import checks, reference
from tests.model.places import OneFile, Place
from tests.model.reference import Model

T = TypeVar("T")
TASKS, KEYS = ["a", "b", "c"], ["", "x", "y"]
DECLARED = [frozenset("abc"), frozenset("ab"), frozenset("a"), frozenset("bc")]
OUTCOMES: dict[str, dict[str, Any]] = {
    "done": {"done": True},
    "aborted": {"failed": Failure("E", "m")},
    "failed, now": {"failed": Failure("E", "m"), "retry_in_ms": 0},
    "failed, later": {"failed": Failure("E", "m"), "retry_in_ms": 5_000},
    "crashed": {"crashed": Failure("SIGKILL", "m")},
    "crashed among others": {"crashed": Failure("SIGKILL", "m"), "alone": False},
    "timed out": {"timed_out": True},
    "drained": {"handed_back": True},
    "handed back": {"handed_back": True, "begun": False},
}


def declared(tasks: frozenset[str], limit: int | None, total: int | None) -> list[TaskManifest]:
    retry = exact(max_attempts=3)
    bounds = {
        "a": QueueManifest("task/a", limit),
        "b": QueueManifest("task/b", total_limit=total),
        "c": QueueManifest("task/c", rate=reference.RATE),
    }
    found = [
        msgspec.structs.replace(manifest(task, retry=retry), queue=bounds[task])
        for task in sorted(tasks)
    ]
    return [*found, manifest("tick", scheduled=True, retry=retry)]


class Work(RuleBasedStateMachine):
    """An engine of one server or more, some workers, and the model. What else happens to it: ``turns``."""

    sessions = Bundle("sessions")
    handed = Bundle("handed")  # (worker, hand-out); some are kept when settled, to be reported late
    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.place = self.settle()
        self.luck = Random(0)  # which server is asked
        self.model = Model(self.clock.now)
        self.fences: dict[int, int] = {}
        self.told: set[tuple[str, int]] = set()  # hand-outs whose reports were settled
        self.finished: dict[int, tuple[Any, ...]] = {}
        self.workers: dict[int, Worker] = {}
        self.worlds = [self.open() for _ in range(self.place.servers)]

    def settle(self) -> Place:
        """Where this life takes place."""
        return OneFile(self.clock)

    def open(self) -> World:
        async def opened() -> World:
            store = await Store(self.place.database()).open()
            return await World.make(store, self.clock)

        return self.do(opened())

    @property
    def world(self) -> World:
        """Any server, which knows what the others have named."""
        world = self.luck.choice(self.worlds)
        if len(self.worlds) > 1:
            self.do(world.store.reload())
        return world

    def worker_of(self, session: int) -> Worker:
        """A session as it talks to any server."""
        worker = self.workers[session]
        return Worker(self.world, worker.id, worker.registered)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        for world in self.worlds:
            self.do(world.store.close())
        self.place.close()
        self.loop.close()

    # workers come and go

    @initialize(target=sessions, luck=st.integers(0, 99))
    def first(self, luck: int) -> int:
        self.luck = Random(luck)
        return self.join(DECLARED[0], 1, None, None)

    @rule(
        target=sessions, session=sessions, what=st.sampled_from(["joins", "reloads", "silent", "leaves"]),
        tasks=st.sampled_from([DECLARED[0], *DECLARED]), limit=st.sampled_from([None, 0, 1, 2, 2]),
        total=st.sampled_from([None, None, 1, 3]),
    )  # fmt: skip
    def worker(
        self, session: int, what: str, tasks: frozenset[str], limit: int | None, total: int | None
    ) -> Any:
        """One joins, reloads or comes back with other code, falls silent or wakes, or leaves."""
        if what == "joins":
            return self.join(tasks, limit, total, None)
        if what == "reloads":
            self.join(tasks, limit, total, session)
        elif session not in self.model.sessions:
            with pytest.raises(UnknownWorker):
                self.do(self.worker_of(session).hold())
        elif what == "silent":
            self.model.sessions[session].silent ^= True
        else:
            self.do(self.worker_of(session).leave())
            self.model.leave(session, "handed back")
        return multiple()

    def join(
        self, tasks: frozenset[str], limit: int | None, total: int | None, session: int | None
    ) -> int:
        back, world = self.workers[session].id if session is not None else "", self.world
        worker = self.do(world.register(*declared(tasks, limit, total), worker=back))
        entry = world.store.catalog.version(world.env.id, worker.registered.version)
        assert entry is not None
        self.model.versions[entry.id] = reference.Version(tasks | {"tick"}, limit, total)
        self.model.register(worker.number, entry.id, LEASE_MS, is_back=session is not None)
        self.workers[worker.number] = worker
        return worker.number

    # runs are made

    @rule(
        target=made, task=st.sampled_from([*TASKS, "a", "a", "b"]), ckey=st.sampled_from(KEYS),
        delay=st.sampled_from([None, None, None, 5, 3_600]), ttl=st.sampled_from([None, None, 10, 600]),
        priority=st.sampled_from([0, 0, 60, -60]), key=st.sampled_from([None, None, "k", "l"]),
        attempts=st.sampled_from([None, 1, 2]), count=st.integers(1, 4),
    )  # fmt: skip
    def trigger(
        self, task: str, ckey: str, delay: int | None, ttl: int | None, priority: int, key: str | None,
        attempts: int | None, count: int,
    ) -> Any:  # fmt: skip
        asked = (task, ckey, delay, ttl, priority, key, attempts)
        return multiple(*(self.triggered(*asked) for _ in range(count)))

    def triggered(
        self, task: str, ckey: str, delay: int | None, ttl: int | None, priority: int, key: str | None,
        attempts: int | None,
    ) -> int:  # fmt: skip
        given: dict[str, Any] = {
            "concurrencyKey": ckey or None, "delay": delay and f"{delay}s", "ttl": ttl, "priority": priority,
            "idempotencyKey": key, "idempotencyKeyTTL": "30m" if key else None, "maxAttempts": attempts,
        }  # fmt: skip
        outcome = self.do(self.world.outcome(task, **given))
        known = self.model.holder_of(task, key) if key else None
        assert outcome.cached == (known is not None)
        if known is not None:
            assert outcome.id == known
            return known
        order_at = ids.created_at(outcome.id) - priority * SECOND
        run = reference.Run(
            outcome.id, task, ckey, attempts or 3, order_at, ttl=ttl and ttl * SECOND, key=key
        )
        self.model.add(run, delay and delay * SECOND, 30 * MINUTE)
        if delay:
            run.order_at = self.model.now + delay * SECOND - priority * SECOND
        return outcome.id

    @rule(
        target=made, how=st.sampled_from(["child", "child", "pinned", "replay"]), run=made,
        task=st.sampled_from("aab"), version=st.integers(0, 3),
    )  # fmt: skip
    def trigger_otherwise(self, how: str, run: int, task: str, version: int) -> Any:
        """A child, a run of a certain version, a replay."""
        if how == "replay":
            original, world = self.model.runs[run], self.world
            outcome = self.do(runs.replay(world.store, world.env, run, ReplayBody()))
            return self.born(outcome.id, original.task, ckey=original.ckey)
        if how == "pinned":
            pinned = list(self.model.versions)[version % len(self.model.versions)]
            world = self.world
            name = world.store.catalog.versions[pinned].name
            run_id = self.do(world.trigger(task, lockToVersion=name))
            return self.born(run_id, task, pinned=pinned)
        asked = self.world.trigger(task, parentRunId=ids.public("run", run))
        if not self.model.may_have_children(run):
            with pytest.raises(Unprocessable):
                self.do(asked)
            return multiple()
        return self.born(self.do(asked), task, parent=run)

    @rule(
        target=made, total=st.integers(1, 3), again=st.booleans(),
        indexes=st.lists(st.integers(0, 2), min_size=1, max_size=5),
    )  # fmt: skip
    def batch(self, total: int, again: bool, indexes: list[int]) -> Any:
        """Items for a new batch, or once more for the last one."""
        if not again or not self.model.batches:
            self.model.batches[self.do(self.world.batch(total))] = reference.Batch(total)
        batch = list(self.model.batches)[-1]
        group = self.model.batches[batch]
        indexes = [index for index in indexes if index < group.total]
        adding = self.world.add_items(batch, indexes, "a")
        if group.aborted:
            with pytest.raises(Unprocessable):
                self.do(adding)
            return multiple()
        added = self.do(adding)
        fresh = set() if added.sealed and not added.accepted else set(indexes) - group.items.keys()
        assert (added.accepted, added.deduplicated) == (len(fresh), len(indexes) - len(fresh))
        for index, run_id in self.rows("select ix, run_id from batch_items where batch = ?", batch):
            if index in fresh:
                group.items[index] = self.born(run_id, "a", batch=batch)
        assert added.sealed == (len(group.items) == group.total)
        return multiple(*(group.items[index] for index in fresh))

    def born(self, run_id: int, task: str, *, ckey: str = "", **given: Any) -> int:
        run = reference.Run(run_id, task, ckey, 3, ids.created_at(run_id), **given)
        self.model.add(run, None)
        return run_id

    # runs are handed out, and end

    @rule(
        target=handed,
        session=sessions,
        want=st.integers(1, 5),
        arrives=st.sampled_from([True, True, False]),
    )
    def fetch(self, session: int, want: int, arrives: bool) -> Any:
        return multiple(*self.fetched(session, want, arrives))

    @rule(
        target=handed, session=sessions, outcomes=st.lists(st.sampled_from(list(OUTCOMES)), max_size=4),
        again=st.booleans(), fresh=st.lists(st.sampled_from(TASKS), max_size=6), want=st.integers(0, 4),
    )  # fmt: skip
    def work(
        self, session: int, outcomes: list[str], again: bool, fresh: list[str], want: int
    ) -> Any:
        """Fetch in a session that lives, what was there or came just now, and report at once; what was
        reported may be reported once more, later."""
        for n, task in enumerate(fresh):
            self.triggered(task, KEYS[n % 2], None, None, 0, None, None)
        if session not in self.model.sessions:
            living = list(self.model.sessions)
            session = living[-1] if living else self.join(DECLARED[0], 2, None, None)
        found = self.fetched(session, len(outcomes) + want, True)
        for one, outcome in zip(found, outcomes, strict=False):
            self.say(one, outcome, 1)
        return multiple(*(found if again else found[len(outcomes) :]))

    def fetched(self, session: int, want: int, arrives: bool) -> list[tuple[int, RunInfo]]:
        known = self.model.sessions.get(session)
        if known is None:
            with pytest.raises(UnknownWorker):
                self.do(self.worker_of(session).fetch(want))
            return []
        lanes = self.lanes()
        before = {
            run_id: run for run_id, run in self.model.runs.items() if self.model.may_get(run, known)
        }
        found = self.do(self.worker_of(session).fetch(want))
        held = [row[0] for row in self.rows("select run_id from live where state = 5")]
        self.model.hold_back(known, [one for one in held if self.model.runs[one].state != "held"])
        for info in found:
            self.got(info, known)
        self.check_order(lanes, before, {number(info.id) for info in found} | set(held))
        for run in map(self.of, found):
            assert self.model.room(run) >= 0, "more run than the limit allows"
        if len(found) < want and not set(held) & before.keys():
            left = [
                run for run in before.values() if run.state == "ready" and self.model.room(run) > 0
            ]
            assert not left, "the worker had room, and there was work"
        if not arrives:
            known.lost |= {number(info.id) for info in found}
            return []
        return [(session, info) for info in found]

    def of(self, info: RunInfo) -> reference.Run:
        return self.model.runs[number(info.id)]

    def got(self, info: RunInfo, session: reference.Session) -> None:
        run = self.of(info)
        assert self.model.may_get(run, session), run
        assert run.task in self.model.versions[session.version].tasks
        self.model.hand_out(run, session)
        assert (info.lease, info.attempt, info.isolated) == (run.fence, run.attempt, run.suspect)
        assert info.lease > self.fences.get(run.id, 0), "a fence was given twice"
        self.fences[run.id] = info.lease

    def lanes(self) -> dict[int, list[int]]:
        """The ready runs of each lane in their order."""
        found: dict[int, list[int]] = {}
        for lane, run_id in self.rows(
            "select lane, run_id from live where state = 1 order by lane, order_at, run_id"
        ):
            found.setdefault(lane, []).append(run_id)
        return found

    def check_order(
        self, lanes: dict[int, list[int]], may: dict[int, Any], taken: set[int]
    ) -> None:
        """Of every lane the first that could be had were taken, and none was passed over."""
        for members in lanes.values():
            picked = [run_id in taken for run_id in members if run_id in may]
            assert picked == sorted(picked, reverse=True), "a run was passed over"

    @rule(
        target=handed, one=consumes(handed), outcome=st.sampled_from(list(OUTCOMES)), times=st.integers(1, 2),
        later=st.booleans(),
    )  # fmt: skip
    def report(self, one: tuple[int, RunInfo], outcome: str, times: int, later: bool) -> Any:
        self.say(one, outcome, times)
        return one if later else multiple()

    def say(self, one: tuple[int, RunInfo], outcome: str, times: int) -> None:
        session, info = one
        for _ in range(times):
            settles = self.model.report(number(info.id), session, info.lease, outcome)
            try:
                verdict = self.do(self.worker_of(session).settle(info, **OUTCOMES[outcome]))
            except UnknownWorker:
                assert session not in self.model.sessions
                continue
            if settles:
                self.told.add((info.id, info.lease))
            assert verdict == ("ok" if self.was_told(info) else "lost")

    def was_told(self, info: RunInfo) -> bool:
        return (info.id, info.lease) in self.told

    @rule(session=sessions)
    def hold_quietly(self, session: int) -> None:
        known = self.model.sessions.get(session)
        if known is None or known.silent:
            return
        mine = [
            run
            for run in self.model.runs.values()
            if run.state == "running" and run.worker == session
        ]
        named = [run for run in mine if run.id not in known.lost]
        worker = self.worker_of(session)
        held = self.do(worker.hold(*(_named(run) for run in named), quiet=True))
        assert {notice.run for notice in held.notices} == {
            ids.public("run", r.id) for r in named if r.cancel
        }
        self.model.miss(known, {run.id for run in named})
        known.lease_until = self.model.now + LEASE_MS

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        return self.place.rows(sql, *params)

    @invariant()
    def all_holds(self) -> None:
        """The whole database is as the model says, after every step."""
        checks.places(self.rows, self.model, self.finished)
        checks.counters(self.rows, self.model)
        checks.holders(self.rows, self.model)
        checks.keys(self.rows, self.model)
        checks.attempts(self.rows)
        checks.environments(self.rows)
        store = self.worlds[0].store
        assert self.do(upkeep.counter_drift(store)) == []
        assert self.do(store.read(stores.one("slot_drift"))) == []


def _named(run: reference.Run) -> RunInfo:
    """A hand-out as far as holding it goes."""
    return RunInfo(ids.public("run", run.id), run.fence, run.attempt, run.task, 1, 1, "", "")
