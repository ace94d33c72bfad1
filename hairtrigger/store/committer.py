"""Group commit: what arrives while one transaction is being written goes into the next, together.

A tick settles reports, then does single changes in order, then takes in new runs, then deals ready runs to
whoever waits for work, so that a run triggered in a tick is handed out in the same one. Nobody is answered
before the commit. There is no artificial delay: an idle committer starts at once.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from hairtrigger.errors import BadRequest, HairtriggerError, Unavailable
from hairtrigger.store import settle
from hairtrigger.store.asking import Call, Made
from hairtrigger.store.catalog import Catalog, Fresh
from hairtrigger.store.claim import FRESH_MS, Demand
from hairtrigger.store.database import Database, DataError, Row, Steps
from hairtrigger.store.tally import Tally
from hairtrigger.store.tick import Change, Lanes, Tick, Waiting, answer
from hairtrigger.telemetry.events import emit

T = TypeVar("T")
MAX_WEIGHT = 2_000  # of new runs in a tick; the rest waits for the next one
MAX_SETTLES = 4_000
MAX_CHANGES = 200
WORTH_A_TICK = 50  # runs and reports that wait while another tick is written
ASK_S = (
    10.0  # requests are looked up first after one that was known: whoever repeats one repeats more
)
MAX_PENDING = 100_000  # weight beyond which callers are told to come back


class Committer:
    """Collects work and writes it tick by tick, until it is closed."""

    def __init__(self, database: Database, catalog: Catalog, make_id: Callable[[], int]) -> None:
        self.catalog = catalog
        self.tally = Tally()
        self._database, self._make_id = database, make_id
        self._settles: deque[tuple[list[settle.Settle], asyncio.Future[list[settle.Settled]]]] = (
            deque()
        )
        self._changes: deque[tuple[tuple[Change, Lanes], asyncio.Future[Any]]] = deque()
        self._calls: deque[tuple[Call, asyncio.Future[list[Made]]]] = deque()
        self._waiting: deque[Waiting] = deque()
        self.on_commit: Callable[[Collection[int]], None] = lambda _: None  # told environments
        self.on_tick: Callable[[Tick, float], None] | None = None  # told what was written, in s
        self._pending = 0
        self._may_claim = False
        self._looks_soon = False
        self._asks_until = 0.0
        self._wake = asyncio.Event()
        self._closing = False
        self._ticking = 0
        self._tasks = [
            asyncio.create_task(self._work(), name="committer") for _ in range(database.writers)
        ]

    async def close(self) -> None:
        """Write what is pending, answer whoever waits with nothing, and stop."""
        self._closing = True
        self._wake.set()
        await asyncio.gather(*self._tasks)
        for waiting in self._waiting:
            answer(waiting.future, [])

    def take(self, call: Call) -> asyncio.Future[list[Made]]:
        """New runs; raises Unavailable when too many are pending already."""
        if self._pending and self._pending + call.weight > MAX_PENDING:
            raise Unavailable("Too many runs are being written at once. Try again in a second.")
        self._pending += call.weight
        return self._add(self._calls, call)

    def settle(self, items: list[settle.Settle]) -> asyncio.Future[list[settle.Settled]]:
        """Reports of a worker."""
        return self._add(self._settles, items)

    def change(self, change: Change, lanes: Lanes = ()) -> asyncio.Future[Any]:
        """Any other change, as steps of a transaction which can be taken again. ``lanes``: the environments
        whose lanes, counters and slots it touches."""
        return self._add(self._changes, (change, lanes))

    def look(self) -> None:
        """Something may be ready that did not come from here: whoever waits is dealt to again."""
        self._may_claim = True
        self._wake.set()

    def _look_soon(self) -> None:
        """Nothing else is known to be ready: a look may go with what comes in the next moment."""
        if not self._looks_soon:
            self._looks_soon = True
            asyncio.get_running_loop().call_later(FRESH_MS / 1_000, self._look_at_unlooked)

    def _look_at_unlooked(self) -> None:
        self._looks_soon = False
        if self._has_unlooked():
            self.look()

    def _has_unlooked(self) -> bool:
        return any(one.demand.env in self.catalog.unlooked for one in self._waiting)

    def _come_back(self) -> None:
        """A rate lets the next run start later, and nobody will tell."""
        at, self.catalog.look_at = self.catalog.look_at, None
        if at is not None and self._waiting:
            wait_s = max(0, at - self._database.now()) / 1_000
            asyncio.get_running_loop().call_later(wait_s, self.look)

    async def _tell_others(self, tick: Tick, answered: dict[int, int]) -> None:
        """Servers with idle workers want to know of runs that nobody here has room for."""
        if not self._database.is_shared or not (tick.settles or tick.changes or tick.calls):
            return
        envs = {call.env for call, _ in tick.calls} | {
            i.env for batch, _ in tick.settles for i in batch
        }
        hungry = {
            one.demand.env
            for one in self._waiting
            if not one.future.done() and answered.get(id(one.future), 0) < one.demand.want
        }
        freed = any(lanes is None or lanes for (_, lanes), _ in tick.changes)
        if freed or envs - hungry:
            await self._database.tell({"ready": True})

    def demand(self, demand: Demand) -> Waiting:
        """Ask for runs; ``withdraw`` ends the waiting."""
        waiting = Waiting(demand, asyncio.get_running_loop().create_future())
        if self._closing:
            answer(waiting.future, [])
            return waiting
        self._waiting.append(waiting)
        if demand.env in self.catalog.calm:
            self.catalog.unlooked.setdefault(demand.env, self._database.now())
            self._look_soon()
        else:
            self.look()
        return waiting

    def withdraw(self, waiting: Waiting) -> None:
        """Stop waiting. Await the future all the same: the tick under way may be handing out runs to it."""
        waiting.withdrawn = True
        if not waiting.in_tick:
            answer(waiting.future, [])

    def _add(self, queue: deque[Any], item: Any) -> asyncio.Future[Any]:
        if self._closing:
            raise Unavailable("The server is stopping.")
        future = asyncio.get_running_loop().create_future()
        queue.append((item, future))
        self._wake.set()
        return future

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._has_work():
                self._ticking += 1
                try:
                    await self._tick()
                finally:
                    self._ticking -= 1
                # the answers go out first: SQLite's next statements keep the loop from sending anything
                await asyncio.sleep(0)
            if self._closing:
                self._wake.set()  # for the others
                return

    def _has_work(self) -> bool:
        """Whether a tick is worth its commit: beside another one that is being written, only with much to
        do, or what comes one by one would be written one by one."""
        if self._ticking:
            settles = sum(len(items) for items, _ in self._settles)
            return settles + self._pending >= WORTH_A_TICK
        return bool(
            self._settles or self._changes or self._calls or (self._may_claim and self._waiting)
        )

    async def _tick(self) -> None:
        tick = Tick(
            settles=_some(self._settles, MAX_SETTLES, lambda items: len(items)),
            changes=_some(self._changes, MAX_CHANGES, lambda _: 1),
            calls=_some(self._calls, MAX_WEIGHT, lambda call: call.weight),
            waiting=[],
        )
        self._pending -= sum(call.weight for call, _ in tick.calls)
        if tick.settles or tick.changes or tick.calls:
            self._may_claim = True
        if self._may_claim:
            self._may_claim = False
            tick.waiting = [
                one for one in self._waiting if not one.in_tick and not one.future.done()
            ]
        elsewhere = any(
            one.in_tick for one in self._waiting
        )  # looking already, and not at this tick
        for waiting in tick.waiting:
            waiting.in_tick = True
        try:
            await self._write(tick)
        except HairtriggerError as error:
            tick.fail(error)  # first: a database that is away keeps who reads waiting as well
            await self._reload()
            emit("tick.failed", error=str(error))
            await asyncio.sleep(0.05)  # the disk is full or away: do not spin on it
        except Exception as error:  # noqa: BLE001 (were this task to end, nothing would be written again)
            await self._reload()
            await self._one_by_one(tick, error)
        for waiting in tick.waiting:
            waiting.in_tick = False
            if waiting.withdrawn:
                answer(waiting.future, [])
        if tick.waiting:
            self._waiting = deque(one for one in self._waiting if not one.future.done())
        if elsewhere:
            self._may_claim = True
        elif self._has_unlooked():
            self._look_soon()
        self._wake.set()

    @property
    def pending(self) -> dict[str, int]:
        """What waits to be written: new runs, reports of workers, and other changes."""
        reports = sum(len(items) for items, _ in self._settles)
        return {"triggers": self._pending, "reports": reports, "changes": len(self._changes)}

    async def _write(self, tick: Tick) -> None:
        fresh = Fresh()
        began = time.monotonic()
        tick.is_remote = self._database.is_remote
        tick.asks = not tick.is_remote or began < self._asks_until
        answers = await self._database.write(
            lambda now: self._noting(fresh, tick.steps(self.catalog, now, self._make_id)),
            lanes=lambda: tick.lanes(self.catalog),
        )
        if tick.found_known:
            self._asks_until = began + ASK_S
        took = time.monotonic() - began
        self.tally.add(took, tick.calls, tick.settles, tick.changes)
        if self.on_tick is not None:
            self.on_tick(tick, took)
        self.on_commit(tick.envs(self.catalog))
        self.catalog.lower_again(fresh)  # what was claimed beside it did not see its runs yet
        self._come_back()
        await self._tell_others(
            tick, {id(future): len(a) for future, a in answers if isinstance(a, list)}
        )
        for future, given in answers:
            answer(future, given)

    def _noting(self, fresh: Fresh, steps: Steps[T]) -> Steps[T]:
        """Steps whose fresh runs are noted apart from those of a transaction beside it."""
        rows: list[Row] | None = None
        fresh.clear()  # of an attempt that was given up
        while True:
            self.catalog.fresh = fresh
            try:
                statement = steps.send(rows)  # type: ignore[arg-type]  # None begins it
            except StopIteration as stop:
                result: T = stop.value
                return result
            rows = yield statement

    async def _one_by_one(self, tick: Tick, error: Exception) -> None:
        """A value was refused, or a step broke: write each item alone, so that only the guilty one fails."""
        singles = tick.singles()
        if len(singles) == 1:
            _refuse(singles[0], error)
            return
        for single in singles:
            try:
                await self._write(single)
            except HairtriggerError as cause:
                await self._reload()
                single.fail(cause)
            except Exception as cause:  # noqa: BLE001 (as above)
                await self._reload()
                _refuse(single, cause)

    async def _reload(self) -> None:
        """What was rolled back must be forgotten; without its database the server knows what it knew."""
        with contextlib.suppress(Unavailable):
            await self._database.recall()


def _refuse(single: Tick, error: Exception) -> None:
    """Tell the one whose work cannot be written; whoever waits for runs goes on waiting."""
    emit("tick.failed", error=f"{type(error).__name__}: {error}")
    if isinstance(error, DataError | ValueError):
        single.fail(BadRequest(f"The database refused a value of this request ({error})."))
    else:
        single.fail(HairtriggerError(f"This could not be written ({type(error).__name__})."))


def _some(queue: deque[Any], most: int, weight: Callable[[Any], int]) -> list[Any]:
    """As much from the head of a queue as one tick takes: at least one, if there is one."""
    if len(queue) == 1:
        return [queue.popleft()]
    taken: list[Any] = []
    total = 0
    while queue and (not taken or total + weight(queue[0][0]) <= most):
        item = queue.popleft()
        total += weight(item[0])
        taken.append(item)
    return taken
