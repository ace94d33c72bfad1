"""What else happens in a life: callers change their minds, schedules and limits are set, time passes."""

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from hairtrigger.engine import batches, queues, runs, schedules, upkeep
from hairtrigger.engine.schedules import Schedule
from hairtrigger.errors import BadRequest
from hairtrigger.wire import ids
from hairtrigger.wire.options import ScheduleBody
from tests.clock import DAY, HOUR, MINUTE, SECOND, ms
from tests.engine.driving import LEASE_MS
from tests.model import reference
from tests.model.life import Work

LIMITS = st.sampled_from([0, 1, 1, 2, 2, 3])
BURSTS = st.sampled_from([0, 100, 100, 150])  # 0: no limit


class Life(Work):
    """A whole life."""

    made = Work.made

    def __init__(self) -> None:
        super().__init__()
        self.ticks: dict[int, str] = {}  # schedules by number to public id

    # callers change their minds

    @rule(run=made)
    def cancel(self, run: int) -> None:
        self.do(self.world.cancel(run))
        self.model.cancel(run)

    @precondition(lambda self: any(run.at and not run.fence for run in self.model.runs.values()))
    @rule(which=st.integers(0, 9), other=made, delay=st.sampled_from([1, 120]))
    def reschedule(self, which: int, other: int, delay: int) -> None:
        delayed = [run.id for run in self.model.runs.values() if run.at and not run.fence]
        run = ([*delayed, *delayed, other] * 9)[which]
        world = self.world
        asked = runs.reschedule(world.store, world.env, run, f"{delay}s")
        if self.model.reschedule(run, delay * SECOND):
            self.do(asked)
        else:
            with pytest.raises(BadRequest):
                self.do(asked)

    # schedules

    @rule(
        what=st.sampled_from(["make", "edit", "off", "on"]), which=st.integers(0, 1),
        period=st.sampled_from([5, 20]),
    )  # fmt: skip
    def schedule(self, what: str, which: int, period: int) -> None:
        """One is made, edited, switched off or on."""
        world = self.world
        store, env = world.store, world.env
        if not self.ticks or (what == "make" and len(self.ticks) < 2):
            made = self.do(schedules.create(store, env, _every(period)))
            self.ticks[made.id] = ids.public("sched", made.id)
            self.model.schedules[made.id] = reference.Schedule(period * MINUTE, None)
            self.expect_next(made)
            return
        id, public = list(self.ticks.items())[which % len(self.ticks)]
        if what in ("make", "edit"):
            self.model.schedules[id].period = period * MINUTE
            self.expect_next(self.do(schedules.update(store, env, public, _every(period))))
            return
        was = self.model.schedules[id].next_at
        switched = self.do(schedules.switch(store, env, public, active=what == "on"))
        if what == "on" and was is not None:
            assert switched.next_at == was
        else:
            self.expect_next(switched)

    def expect_next(self, schedule: Schedule) -> None:
        entry = self.model.schedules[schedule.id]
        entry.next_at = (
            (self.model.now // entry.period + 1) * entry.period if schedule.active else None
        )
        assert schedule.next_at == entry.next_at

    # time, and the end of the server

    @rule(
        ms=st.sampled_from(
            [1, 999, 5 * SECOND, 9 * SECOND, LEASE_MS + 1, 6 * MINUTE, HOUR, 2 * DAY]
        ),
        renews=st.booleans(),
        looks=st.sampled_from([True, True, False]),
    )
    def time_passes(self, ms: int, renews: bool, looks: bool) -> None:
        self.clock.move(ms)
        self.model.now = self.clock.now
        for session in list(self.model.sessions.values()):
            if renews and not session.silent:
                self.hold_quietly(session.number)
        if looks:
            self.look()

    @rule(what=st.sampled_from(["restart", "prune", "pause a", "pause b"]))
    def server(self, what: str) -> None:
        """It restarts, prunes, pauses or resumes a queue."""
        if what == "prune":
            self.do(upkeep.prune(self.world.store, retention_ms=0))
        elif what == "restart":
            self.restart()
        else:
            self.model.paused ^= {what[-1]}
            self.do(self.world.pause(f"task/{what[-1]}", paused=what[-1] in self.model.paused))

    @rule(what=st.sampled_from(["override", "reset", "environment"]), limit=LIMITS, burst=BURSTS)
    def limit(self, what: str, limit: int, burst: int) -> None:
        """A limit is set or lifted at run time."""
        world = self.world
        if what == "override":
            self.model.override = limit
            self.do(queues.override_limit(world.store, world.env, "task/a", limit))
        elif what == "environment":
            self.model.env_limit, self.model.burst = (limit if burst else None), burst or 100
            asked = self.model.env_limit, self.model.burst
            self.do(queues.limit_environment(world.store, world.env, asked[0], burst=asked[1]))
        else:
            resetting = queues.reset_limit(world.store, world.env, "task/a")
            if self.model.override is None:
                with pytest.raises(BadRequest):
                    self.do(resetting)
            else:
                self.do(resetting)
            self.model.override = None

    def restart(self) -> None:
        """One of the servers, if there are several."""
        place = self.luck.randrange(len(self.worlds))
        self.do(self.worlds[place].store.close())
        self.worlds[place] = self.open()
        self.do(upkeep.give_full_leases(self.worlds[place].store, lease_ms=LEASE_MS))
        for session in self.model.sessions.values():
            session.lease_until = max(session.lease_until, self.model.now + LEASE_MS)

    def look(self) -> None:
        self.do(self.world.look())
        self.model.promote()
        self.model.expire()
        self.model.sweep()
        self.model.unlock()
        for batch, group in self.model.batches.items():
            late = ids.created_at(batch) < self.model.now - batches.UNSEALED_MS
            group.aborted |= late and len(group.items) < group.total
        self.fire()
        left = self.rows(
            "select run_id from live "
            "where (state = 0 and at <= ?) or (state in (1, 5) and expires_at <= ?)",
            self.model.now, self.model.now,
        )  # fmt: skip
        assert not left, "due rows were left behind"

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


def _every(minutes: int) -> ScheduleBody:
    return ScheduleBody("tick", f"*/{minutes} * * * *")


def _nominal(payload: str) -> int:
    return ms(msgspec.json.decode(payload)["json"]["timestamp"])
