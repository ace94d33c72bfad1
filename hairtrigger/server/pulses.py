"""How each environment is, beat by beat, for everybody who watches: one look at the database for all of them.

While nobody watches, nobody looks. A beat comes when something was written here, at most every 0.9 s, and
once a second to learn what other servers wrote; it rings only when what it shows has changed.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from hairtrigger.engine import failures, numbers, stats
from hairtrigger.engine.numbers import Numbers
from hairtrigger.errors import Unavailable
from hairtrigger.rules.stats import DAY_MS, Stat, floor
from hairtrigger.store import watch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit

GAP_S = 0.9  # between two beats at least: what is drawn for one serves all who look in that second
LOOK_S = 1.0  # between two at most
RATE_S = 5.0  # over which completions are counted
REST_S = 10.0  # after the last watcher has gone
_DAYS = 35  # of creation; what was created before and ends now is not in the rate


@dataclass(slots=True)
class Beat:
    """What is known of an environment. ``seq`` grows when something has changed; ``rate`` in runs a second."""

    seq: int
    numbers: Numbers
    finished: int
    rate: float
    errors: int


class _Sample(NamedTuple):
    at: float
    finished: int


class Pulse:
    """One environment's."""

    def __init__(self, store: Store, env: int) -> None:
        self._store, self._env = store, env
        self.beat = Beat(0, Numbers(), 0, 0.0, 0)
        self._shown: object = None
        self._samples: deque[_Sample] = deque()
        self._watchers = 0
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    @property
    def numbers(self) -> Numbers:
        """The latest there are."""
        return self.beat.numbers

    async def fresh(self) -> Beat:
        """The beat of this moment: at most ``LOOK_S`` old."""
        if time.monotonic() - self._looked_at > LOOK_S:
            await self._look()
        return self.beat

    async def changed(self, seq: int) -> Beat:
        """The first beat after ``seq``. Whoever waits here makes the pulse go."""
        self._watchers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"pulse {self._env}")
        try:
            while self.beat.seq == seq:
                await self._rung.wait()
            return self.beat
        finally:
            self._watchers -= 1

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        alone_since = time.monotonic()
        while self._watchers or time.monotonic() - alone_since < REST_S:
            if self._watchers:
                alone_since = time.monotonic()
            key = watch.environment(self._env)
            change = self._store.watch.listen(key)
            began = time.monotonic()
            try:
                await self._look()
            except Unavailable:
                pass  # it will be back, and the pages say how old they are
            except Exception as error:  # noqa: BLE001 (a pulse that stops would show old numbers for ever)
                emit("tick.failed", loop="pulse", error=f"{type(error).__name__}: {error}")
            await asyncio.wait([change], timeout=LOOK_S)
            self._store.watch.forget(key, change)
            await asyncio.sleep(max(0.0, began + GAP_S - time.monotonic()))

    async def _look(self) -> None:
        async with self._looking:
            if time.monotonic() - self._looked_at < GAP_S / 2:
                return
            found = await numbers.now(self._store, self._env)
            today = floor(self._store.now(), DAY_MS)
            total = await stats.total(
                self._store,
                self._env,
                start=today - _DAYS * DAY_MS,
                end=today + DAY_MS,
                step=DAY_MS,
            )
            errors = await failures.count_new(self._store, self._env)
            self._looked_at = time.monotonic()
            self._note(found, total, errors)

    def _note(self, found: Numbers, total: Stat, errors: int) -> None:
        rate = self._rate(total.runs)
        shown = (found, total.outcomes, errors, round(rate, 1))
        seq = self.beat.seq + (shown != self._shown)
        self._shown = shown
        rings = seq != self.beat.seq
        self.beat = Beat(seq, found, total.runs, rate, errors)
        if rings:
            self._rung.set()
            self._rung = asyncio.Event()

    def _rate(self, finished: int) -> float:
        """Completions a second, over the last ``RATE_S`` seconds or as long as there are samples."""
        now = time.monotonic()
        self._samples.append(_Sample(now, finished))
        while len(self._samples) > 2 and self._samples[1].at <= now - RATE_S:
            self._samples.popleft()
        first = self._samples[0]
        if now - first.at < GAP_S / 2 or now - first.at > 3 * RATE_S:
            return 0.0
        return max(0, finished - first.finished) / (now - first.at)


class Pulses:
    """Those of all environments of a server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pulses: dict[int, Pulse] = {}

    def of(self, env: int) -> Pulse:
        found = self._pulses.get(env)
        if found is None:
            found = self._pulses[env] = Pulse(self._store, env)
        return found

    async def stop(self) -> None:
        await asyncio.gather(*(pulse.stop() for pulse in self._pulses.values()))
