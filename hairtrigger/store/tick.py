"""What one transaction does: the reports, changes, new runs and demands that arrived before it began."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

from hairtrigger.errors import HairtriggerError
from hairtrigger.store import allowance, intake, settle
from hairtrigger.store.asking import Call
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.claim import Demand, claim
from hairtrigger.store.database import NOW, Steps
from hairtrigger.store.rows import Known, Rows
from hairtrigger.wire.worker import RunInfo

Change = Callable[[Catalog, int], Steps[Any]]
Lanes = Collection[int] | None  # of these environments; None: of every one


class Waiting:
    """A demand that waits for work: ``future`` gets the runs, or nothing when it is withdrawn."""

    __slots__ = ("demand", "future", "in_tick", "withdrawn")

    def __init__(self, demand: Demand, future: asyncio.Future[list[RunInfo]]) -> None:
        self.demand, self.future = demand, future
        self.in_tick = self.withdrawn = False


class Tick:
    """What one transaction does."""

    __slots__ = ("asks", "calls", "changes", "found_known", "is_remote", "settles", "waiting")

    def __init__(
        self,
        settles: list[tuple[list[settle.Settle], asyncio.Future[Any]]],
        changes: list[tuple[tuple[Change, Lanes], asyncio.Future[Any]]],
        calls: list[tuple[Call, asyncio.Future[Any]]],
        waiting: list[Waiting],
    ) -> None:
        self.settles, self.changes, self.calls, self.waiting = settles, changes, calls, waiting
        self.is_remote = False  # whether each statement is a round trip: fewer are worth some care
        self.asks = True  # whether its requests are looked up first, or taken for new
        self.found_known = False  # whether one of them was not

    def steps(
        self, catalog: Catalog, now: int, make_id: Callable[[], int]
    ) -> Steps[list[tuple[asyncio.Future[Any], Any]]]:
        """All that it does, and who is answered what."""
        answers: list[tuple[asyncio.Future[Any], Any]] = []
        calls = [call for call, _ in self.calls]
        if self.is_remote and not self.changes:  # which may make anything ready
            catalog.fresh.calm |= catalog.calm
        catalog.calm -= self.envs(catalog)
        if self.is_remote and self.changes:
            ((now,),) = yield NOW
        known: Known = {}
        if not self.changes:  # first, so that all that is written goes together
            known = yield from self._look_up(calls, now)
        if self.settles:
            items = [item for batch, _ in self.settles for item in batch]
            settled = yield from settle.settle(catalog, items, now)
            start = 0
            for batch, future in self.settles:
                answers.append((future, settled[start : start + len(batch)]))
                start += len(batch)
        for (change, _), future in self.changes:
            try:
                answers.append((future, (yield from change(catalog, now))))
            except HairtriggerError as error:  # raised before anything was written
                answers.append((future, error))
        rows: Rows | None = None
        if calls:
            if self.changes:
                known = yield from self._look_up(calls, now)
            made, rows = yield from intake.prepare(catalog, calls, known, now)
            answers += zip((future for _, future in self.calls), made, strict=True)
        if self.is_remote and self.waiting:
            ((now,),) = yield NOW
        for session in _by_session(self.waiting):
            try:
                runs = yield from claim(catalog, _together(session), rows, now, make_id())
            except HairtriggerError as error:  # likewise
                answers += [(waiting.future, error) for waiting in session]
            else:
                answers += _share(session, runs)
        if rows is not None:
            yield from intake.write(catalog, rows, now)
        answers.reverse()  # who waits for work hears first: the run begins while its caller is told
        return answers

    def _look_up(self, calls: list[Call], now: int) -> Steps[Known]:
        """What its requests made before. Most are new: where asking takes a round trip they are only asked for
        when writing one met another, by which this is begun anew."""
        if not (calls and self.asks):
            self.asks = True
            return {}
        known = yield from intake.look_up(calls, now)
        self.found_known = bool(known)
        return known

    def lanes(self, catalog: Catalog) -> set[int]:
        """The environments whose lanes it touches, of those that have any; and the plan's lock, where it counts."""
        envs = self.envs(catalog)
        found = {env for env in envs if env in catalog.envs and catalog.is_laned(env)}
        if envs and catalog.plan.runs is not None and (self.calls or self.changes):
            found.add(allowance.LOCK)
        return found

    def envs(self, catalog: Catalog) -> set[int]:
        """The environments whose runs it touches."""
        envs = {item.env for batch, _ in self.settles for item in batch}
        envs |= {call.env for call, _ in self.calls} | {one.demand.env for one in self.waiting}
        for (_, lanes), _ in self.changes:
            envs.update(catalog.envs if lanes is None else lanes)
        return envs

    def singles(self) -> list["Tick"]:
        return [
            *(Tick([one], [], [], []) for one in self.settles),
            *(Tick([], [one], [], []) for one in self.changes),
            *(Tick([], [], [one], []) for one in self.calls),
            *(Tick([], [], [], [one]) for one in self.waiting),
        ]

    def fail(self, error: HairtriggerError) -> None:
        for _, future in (*self.settles, *self.changes, *self.calls):
            answer(future, error)


def answer(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, HairtriggerError):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _by_session(waiting: list[Waiting]) -> Iterable[list[Waiting]]:
    """The demands of each worker session: one that reports may wait for more besides. The newest stands first:
    it is answered now in any case."""
    sessions: dict[int, list[Waiting]] = {}
    for one in waiting:
        sessions.setdefault(one.demand.worker, []).insert(0, one)
    return sessions.values()


def _together(session: list[Waiting]) -> Demand:
    """What a session has room for in all."""
    first = session[0].demand
    return (
        first if len(session) == 1 else replace(first, want=sum(one.demand.want for one in session))
    )


def _share(
    session: list[Waiting], runs: list[RunInfo]
) -> Iterable[tuple[asyncio.Future[Any], Any]]:
    """Each demand's part of the runs that their session got."""
    for one in session:
        part, runs = runs[: one.demand.want], runs[one.demand.want :]
        if part:
            yield one.future, part
