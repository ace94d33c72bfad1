"""Random lives of an engine against the reference model; after every step the whole database is checked."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from hairtrigger.engine import batches, runs, schedules, upkeep
from hairtrigger.engine.schedules import Schedule
from hairtrigger.errors import BadRequest, UnknownWorker, Unprocessable
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from hairtrigger.wire import ids, statuses
from hairtrigger.wire.options import ReplayBody, ScheduleBody
from hairtrigger.wire.worker import Failure, RunInfo, TaskManifest
from tests.clock import DAY, HOUR, MINUTE, SECOND, Clock, ms
from tests.engine.driving import LEASE_MS, Worker, World, exact, manifest, number
from tests.model import reference
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
STATES = {0: "delayed", 1: "ready", 2: "running", 5: "held"}


def declared(tasks: frozenset[str], limit: int | None) -> list[TaskManifest]:
    retry = exact(max_attempts=3)
    found = [manifest(task, retry=retry, limit=limit if task == "a" else None) for task in sorted(tasks)]
    return [*found, manifest("tick", scheduled=True, retry=retry)]


class Life(RuleBasedStateMachine):
    """One engine, some workers, and the model."""

    sessions = Bundle("sessions")
    handed = Bundle("handed")  # (worker's number, hand-out): kept when settled, so that reports come late
    made = Bundle("made")
    groups = Bundle("groups")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.folder = tempfile.mkdtemp(prefix="hairtrigger-model-", dir=folder)
        self.clock = Clock()
        self.model = Model(self.clock.now)
        self.fences: dict[int, int] = {}
        self.told: set[tuple[str, int]] = set()  # hand-outs whose reports were settled
        self.finished: dict[int, tuple[Any, ...]] = {}
        self.workers: dict[int, Worker] = {}
        self.ticks: dict[int, str] = {}  # schedules by number to public id
        self.world = self.open()
        self.look_in = sqlite3.connect(f"{self.folder}/life.db")

    def open(self) -> World:
        async def opened() -> World:
            store = await Store(SQLite(f"{self.folder}/life.db", clock=self.clock)).open()
            return await World.make(store, self.clock)

        return self.do(opened())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.look_in.close()
        self.do(self.world.store.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    # workers come and go

    @initialize(target=sessions)
    def first(self) -> int:
        return self.join(DECLARED[0], 1, None)

    @rule(target=sessions, tasks=st.sampled_from(DECLARED), limit=st.sampled_from([None, 0, 1, 2]))
    def worker_joins(self, tasks: frozenset[str], limit: int | None) -> int:
        return self.join(tasks, limit, None)

    @rule(session=sessions, tasks=st.sampled_from(DECLARED), limit=st.sampled_from([None, 1, 2]))
    def worker_reloads_or_comes_back(self, session: int, tasks: frozenset[str], limit: int | None) -> None:
        self.join(tasks, limit, session)

    def join(self, tasks: frozenset[str], limit: int | None, session: int | None) -> int:
        back = self.workers[session].id if session is not None else ""
        worker = self.do(self.world.register(*declared(tasks, limit), worker=back))
        entry = self.world.store.catalog.version(self.world.env.id, worker.registered.version)
        assert entry is not None
        self.model.versions[entry.id] = reference.Version(tasks, limit)
        self.model.register(worker.number, entry.id, LEASE_MS, is_back=session is not None)
        self.workers[worker.number] = worker
        return worker.number

    @rule(session=sessions)
    def worker_falls_silent_or_wakes(self, session: int) -> None:
        if session in self.model.sessions:
            self.model.sessions[session].silent ^= True

    @rule(session=sessions)
    def worker_leaves(self, session: int) -> None:
        if session not in self.model.sessions:
            with pytest.raises(UnknownWorker):
                self.do(self.workers[session].hold())
            return
        self.do(self.workers[session].leave())
        self.model.leave(session, "handed back")

    # runs are made

    @rule(
        target=made, task=st.sampled_from([*TASKS, "a", "a", "b"]), ckey=st.sampled_from(KEYS),
        delay=st.sampled_from([None, None, None, 5, 3_600]), ttl=st.sampled_from([None, None, 10, 600]),
        priority=st.sampled_from([0, 0, 60, -60]), key=st.sampled_from([None, None, "k", "l"]),
        attempts=st.sampled_from([None, None, 1]),
    )  # fmt: skip
    def trigger(
        self, task: str, ckey: str, delay: int | None, ttl: int | None, priority: int, key: str | None,
        attempts: int | None,
    ) -> int:  # fmt: skip
        given = {
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

    @rule(target=made, parent=made, task=st.sampled_from(TASKS))
    def trigger_child(self, parent: int, task: str) -> Any:
        asked = self.world.trigger(task, parentRunId=ids.public("run", parent))
        if not self.model.may_have_children(parent):
            with pytest.raises(Unprocessable):
                self.do(asked)
            return multiple()
        return self.born(self.do(asked), task, parent=parent)

    @rule(target=made, version=st.integers(0, 3), task=st.sampled_from("ab"))
    def trigger_pinned(self, version: int, task: str) -> int:
        pinned = list(self.model.versions)[version % len(self.model.versions)]
        name = self.world.store.catalog.versions[pinned].name
        run_id = self.do(self.world.trigger(task, lockToVersion=name))
        return self.born(run_id, task, pinned=pinned)

    @rule(target=groups, total=st.integers(1, 3))
    def announce_batch(self, total: int) -> int:
        batch = self.do(self.world.batch(total))
        self.model.batches[batch] = reference.Batch(total)
        return batch

    @rule(target=made, batch=groups, indexes=st.lists(st.integers(0, 2), min_size=1, max_size=4))
    def fill_batch(self, batch: int, indexes: list[int]) -> Any:
        group = self.model.batches[batch]
        indexes = [index for index in indexes if index < group.total]
        adding = self.world.add_items(batch, indexes, "a")
        created = ids.created_at(batch)
        if len(group.items) < group.total and created < self.model.now - batches.UNSEALED_MS:
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

    @rule(target=made, run=made)
    def replay(self, run: int) -> int:
        original = self.model.runs[run]
        outcome = self.do(runs.replay(self.world.store, self.world.env, run, ReplayBody()))
        return self.born(outcome.id, original.task, ckey=original.ckey)

    def born(self, run_id: int, task: str, *, ckey: str = "", **given: Any) -> int:
        run = reference.Run(run_id, task, ckey, 3, ids.created_at(run_id), **given)
        self.model.add(run, None)
        return run_id

    # runs are handed out, and end

    @rule(target=handed, session=sessions, want=st.integers(1, 5), arrives=st.sampled_from([True, True, False]))
    def fetch(self, session: int, want: int, arrives: bool) -> Any:
        known = self.model.sessions.get(session)
        if known is None:
            with pytest.raises(UnknownWorker):
                self.do(self.workers[session].fetch(want))
            return multiple()
        lanes = self.lanes()
        before = {run_id: run for run_id, run in self.model.runs.items() if self.model.may_get(run, known)}
        room = {run_id: self.model.room(run) for run_id, run in before.items()}
        found = self.do(self.workers[session].fetch(want))
        held = [row[0] for row in self.rows("select run_id from live where state = 5")]
        self.model.hold_back(known, [one for one in held if self.model.runs[one].state != "held"])
        for info in found:
            self.got(info, known)
        self.check_order(lanes, before, {number(info.id) for info in found} | set(held))
        started = {(run.task, run.ckey) for run in map(self.of, found)}
        for task, ckey in started:
            limit = self.model.limit_of(task)
            running = [r for r in self.model.runs.values() if r.state == "running" and (r.task, r.ckey) == (task, ckey)]
            assert limit is None or len(running) <= limit
        if len(found) < want and not set(held) & before.keys():
            left = [r for r in before.values() if r.state == "ready" and room[r.id] > 0 and self.model.room(r) > 0]
            assert not left, "the worker had room, and there was work"
        if not arrives:
            known.lost |= {number(info.id) for info in found}
            return multiple()
        return multiple(*((session, info) for info in found))

    def of(self, info: RunInfo) -> reference.Run:
        return self.model.runs[number(info.id)]

    def got(self, info: RunInfo, session: reference.Session) -> None:
        run = self.of(info)
        assert self.model.may_get(run, session), run
        assert run.task == "tick" or run.task in self.model.versions[session.version].tasks
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

    def check_order(self, lanes: dict[int, list[int]], may: dict[int, Any], taken: set[int]) -> None:
        """Of every lane the first that could be had were taken, and none was passed over."""
        for members in lanes.values():
            picked = [run_id in taken for run_id in members if run_id in may]
            assert picked == sorted(picked, reverse=True), "a run was passed over"

    @rule(one=consumes(handed), outcome=st.sampled_from(list(OUTCOMES)), times=st.integers(1, 2))
    def report(self, one: tuple[int, RunInfo], outcome: str, times: int) -> None:
        self.say(one, outcome, times)

    @rule(one=handed, outcome=st.sampled_from(list(OUTCOMES)))
    def report_and_again_later(self, one: tuple[int, RunInfo], outcome: str) -> None:
        self.say(one, outcome, 1)

    def say(self, one: tuple[int, RunInfo], outcome: str, times: int) -> None:
        session, info = one
        for _ in range(times):
            alive = session in self.model.sessions
            saying = self.workers[session].settle(info, **OUTCOMES[outcome])
            if not alive:
                try:
                    assert self.do(saying) == "lost" or info.lease == self.of(info).fence or self.was_told(info)
                except UnknownWorker:
                    pass
                continue
            settles = self.model.report(number(info.id), session, info.lease, outcome)
            verdict = self.do(saying)
            if settles:
                assert verdict == "ok"
                self.told.add((info.id, info.lease))
            else:
                assert verdict == ("ok" if self.was_told(info) else "lost")

    def was_told(self, info: RunInfo) -> bool:
        return (info.id, info.lease) in self.told

    @rule(session=sessions)
    def hold_quietly(self, session: int) -> None:
        known = self.model.sessions.get(session)
        if known is None or known.silent:
            return
        mine = [run for run in self.model.runs.values() if run.state == "running" and run.worker == session]
        named = [run for run in mine if run.id not in known.lost]
        worker = self.workers[session]
        held = self.do(worker.hold(*(_named(run) for run in named), quiet=True))
        assert {notice.run for notice in held.notices} == {ids.public("run", r.id) for r in named if r.cancel}
        self.model.miss(known, {run.id for run in named})
        known.lease_until = self.model.now + LEASE_MS

    # callers change their minds

    @rule(run=made)
    def cancel(self, run: int) -> None:
        self.do(self.world.cancel(run))
        self.model.cancel(run)

    @rule(run=made, delay=st.sampled_from([1, 120]))
    def reschedule(self, run: int, delay: int) -> None:
        asked = runs.reschedule(self.world.store, self.world.env, run, f"{delay}s")
        if self.model.reschedule(run, delay * SECOND):
            self.do(asked)
        else:
            with pytest.raises(BadRequest):
                self.do(asked)

    @rule(task=st.sampled_from("ab"))
    def pause_or_resume(self, task: str) -> None:
        if self.world.store.catalog.queue(self.world.env.id, f"task/{task}") is None:
            return
        self.model.paused ^= {task}
        self.do(self.world.pause(f"task/{task}", paused=task in self.model.paused))

    # schedules

    @precondition(lambda self: len(self.ticks) < 2)
    @rule(period=st.sampled_from([5, 20]))
    def make_schedule(self, period: int) -> None:
        made = self.do(schedules.create(self.world.store, self.world.env, _every(period)))
        self.ticks[made.id] = ids.public("sched", made.id)
        self.model.schedules[made.id] = reference.Schedule(period * MINUTE, None)
        self.expect_next(made)

    @precondition(lambda self: self.ticks)
    @rule(which=st.integers(0, 1), period=st.sampled_from([5, 20]))
    def edit_schedule(self, which: int, period: int) -> None:
        id, public = list(self.ticks.items())[which % len(self.ticks)]
        edited = self.do(schedules.update(self.world.store, self.world.env, public, _every(period)))
        self.model.schedules[id].period = period * MINUTE
        self.expect_next(edited)

    @precondition(lambda self: self.ticks)
    @rule(which=st.integers(0, 1), active=st.booleans())
    def switch_schedule(self, which: int, active: bool) -> None:
        id, public = list(self.ticks.items())[which % len(self.ticks)]
        was = self.model.schedules[id].next_at
        switched = self.do(schedules.switch(self.world.store, self.world.env, public, active=active))
        if active and was is not None:
            assert switched.next_at == was
        else:
            self.expect_next(switched)

    def expect_next(self, schedule: Schedule) -> None:
        entry = self.model.schedules[schedule.id]
        entry.next_at = (self.model.now // entry.period + 1) * entry.period if schedule.active else None
        assert schedule.next_at == entry.next_at

    # time, and the end of the server

    @rule(
        ms=st.sampled_from([1, 999, 5 * SECOND, 9 * SECOND, LEASE_MS + 1, 6 * MINUTE, HOUR, 2 * DAY]),
        renews=st.booleans(),
    )
    def time_passes(self, ms: int, renews: bool) -> None:
        self.clock.move(ms)
        self.model.now = self.clock.now
        for session in list(self.model.sessions.values()):
            if renews and not session.silent:
                self.hold_quietly(session.number)
        self.look()

    @rule()
    def server_restarts(self) -> None:
        self.do(self.world.store.close())
        self.world = self.open()
        for worker in self.workers.values():
            worker.world = self.world
        self.do(upkeep.give_full_leases(self.world.store, lease_ms=LEASE_MS))
        for session in self.model.sessions.values():
            session.lease_until = max(session.lease_until, self.model.now + LEASE_MS)

    @rule()
    def prune(self) -> None:
        self.do(upkeep.prune(self.world.store, retention_ms=0))

    def look(self) -> None:
        self.do(self.world.look())
        self.model.promote()
        self.model.expire()
        self.model.sweep()
        self.model.unlock()
        self.fire()
        late = self.rows(
            "select run_id from live where (state = 0 and at <= ?1) or (state in (1, 5) and expires_at <= ?1)",
            self.model.now,
        )
        assert not late, "due rows were left behind"

    def fire(self) -> None:
        due = self.model.due()
        born = self.rows("select id, payload, schedule from runs where schedule is not null")
        new = [row for row in born if row[0] not in self.model.runs]
        expected = []
        for schedule, at in due:
            if at not in schedule.fired:  # a tick that fired before an edit does not fire again
                schedule.fired.add(at)
                expected.append(at)
        assert sorted(_nominal(payload) for _, payload, _ in new) == sorted(expected)
        for run_id, _, _ in new:
            self.born(run_id, "tick", schedule=1)

    # the whole database, after every step

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        return self.look_in.execute(sql, params).fetchall()

    @invariant()
    def every_run_is_where_the_model_says(self) -> None:
        live = {
            row[0]: row
            for row in self.rows(
                "select run_id, state, worker, fence, attempt, order_at, at, expires_at, flags, version "
                "from live"
            )
        }
        over = {row[0]: row for row in self.rows("select * from results")}
        assert live.keys().isdisjoint(over)
        assert live.keys() | over.keys() == self.model.runs.keys()
        for run_id, row in live.items():
            self.check_live(self.model.runs[run_id], row)
        for run_id, row in over.items():
            assert statuses.of_final(row[2]) == self.model.runs[run_id].status, run_id
            assert self.finished.setdefault(run_id, row) == row, "a result changed"

    def check_live(self, run: reference.Run, row: tuple[Any, ...]) -> None:
        _, state, worker, fence, attempt, order_at, at, expires, flags, version = row
        assert statuses.of_live(state, fence, flags) == run.public, run
        assert (STATES[state], worker, fence, attempt, order_at, at, expires, version) == (
            run.state, run.worker, run.fence, run.attempt, run.order_at, run.at, run.expires, run.version,
        )  # fmt: skip
        assert bool(flags & statuses.SUSPECT) == run.suspect
        assert fence <= attempt + 1 + reference.IDLE_HAND_OUTS

    @invariant()
    def counters_equal_their_rows(self) -> None:
        assert self.do(upkeep.counter_drift(self.world.store)) == []
        for batch, opened, made in self.rows("select id, open, made from batches"):
            group = self.model.batches[batch]
            unfinished = [r for r in group.items.values() if self.model.runs[r].status is None]
            assert (opened, made) == (len(unfinished), len(group.items))

    @invariant()
    def running_runs_have_a_session_and_others_have_none(self) -> None:
        assert not self.rows(
            "select run_id from live where (state = 2) <> (worker is not null) "
            "or (worker is not null and worker not in (select id from workers))"
        )
        assert {row[0] for row in self.rows("select id from workers")} == self.model.sessions.keys()

    @invariant()
    def keys_point_where_the_model_says(self) -> None:
        found = {
            (task, key): run_id
            for task, key, run_id in self.rows(
                "select t.name, i.key, i.run_id from idempotency i join tasks t on t.id = i.task "
                "where i.expires_at > ? and i.key not like 'schedule:%'", self.model.now,
            )
        }  # fmt: skip
        alive = {name: run for name, (run, until) in self.model.keys.items() if until > self.model.now}
        assert found == alive

    @invariant()
    def all_that_belongs_to_a_run_is_of_its_environment(self) -> None:
        for table in ("live", "results"):
            assert not self.rows(
                f"select r.id from {table} x join runs r on r.id = x.run_id where r.env <> x.env"
            )
        assert not self.rows(
            "select c.id from runs c left join runs p on p.id = c.parent "
            "where c.parent is not null and p.env is not c.env"
        )


def _named(run: reference.Run) -> RunInfo:
    """A hand-out as far as holding it goes."""
    return RunInfo(ids.public("run", run.id), run.fence, run.attempt, run.task, 1, 1, "", "")


def _every(minutes: int) -> ScheduleBody:
    return ScheduleBody("tick", f"*/{minutes} * * * *")


def _nominal(payload: str) -> int:
    return ms(msgspec.json.decode(payload)["json"]["timestamp"])


Life.TestCase.settings = settings(max_examples=100, stateful_step_count=50)
TestLife = pytest.mark.acceptance("S02", "S37", "S40", "S42", "S95")(Life.TestCase)
