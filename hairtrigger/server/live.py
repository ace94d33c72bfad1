"""Calls that wait: until something changes, the time is over, the server stops, or the caller has gone.

Whoever waits here holds a place of its environment's share, given back however the wait ends.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from hairtrigger.errors import RateLimitError
from hairtrigger.server.answers import Receive
from hairtrigger.store import watch
from hairtrigger.store.store import Store

T = TypeVar("T")
FREE_LOOKS = 5  # most runs change a few times only, and whoever waits wants to know at once
MIN_LOOK_S = 0.02  # after them: a run that logs without pause wakes its readers 50 times a second


class Live:
    """The waiting calls of one server."""

    def __init__(self, max_held: int) -> None:
        self._max_held = max_held
        self._held: Counter[int] = Counter()
        self._stops: set[asyncio.Future[None]] = set()
        self.is_stopping = False

    def stop(self) -> None:
        """Let every waiting call answer at once, and every later one too."""
        self.is_stopping = True
        for future in self._stops:
            if not future.done():
                future.set_result(None)

    @asynccontextmanager
    async def waiting(
        self, env: int, receive: Receive, *, worker: bool = False
    ) -> AsyncIterator[asyncio.Future[None]]:
        """A place among an environment's waiting calls, and a future that is done when waiting has
        become pointless: the server stops, or the caller hung up. The body must have been read.

        A worker's calls take no place: whoever waits for results must not keep workers from their work.

        Raises:
            RateLimitError: when all places are taken.
        """
        places = int(not worker)
        if places and self._held[env] >= self._max_held:
            raise RateLimitError(f"{self._max_held} calls of this key are waiting already.")
        stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.is_stopping:
            stop.set_result(None)
        self._held[env] += places
        self._stops.add(stop)
        listener = asyncio.create_task(_hang_up(receive, stop))
        try:
            yield stop
        finally:
            listener.cancel()
            self._stops.discard(stop)
            self._held[env] -= places
            await asyncio.gather(listener, return_exceptions=True)

    @contextmanager
    def told_to_stop(self, stop: asyncio.Future[None]) -> Iterator[None]:
        """``stop`` is done when the server stops: for what goes on until then, and holds no place."""
        if self.is_stopping:
            stop.set_result(None)
        self._stops.add(stop)
        try:
            yield
        finally:
            self._stops.discard(stop)

    async def until_changed(
        self, store: Store, run_id: int, *, env: int, receive: Receive, wait_s: float,
        look: Callable[[], Awaitable[T]], enough: Callable[[T], bool],
    ) -> T:  # fmt: skip
        """What ``look`` finds once it is ``enough``, or after ``wait_s`` seconds as it is then.

        It looks at once, and again after each change of the run.
        """
        key = watch.run(run_id)
        loop = asyncio.get_running_loop()
        deadline, looks = loop.time() + wait_s, 0
        async with self.waiting(env, receive) as stop:
            while True:
                change = store.watch.listen(key)  # before looking: no change in between is missed
                try:
                    looked_at = loop.time()
                    found = await look()
                    left = deadline - loop.time()
                    if enough(found) or left <= 0 or stop.done():
                        return found
                    either = [change, stop]
                    await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    store.watch.forget(key, change)
                looks += 1
                if looks > FREE_LOOKS:
                    await asyncio.sleep(max(0.0, looked_at + MIN_LOOK_S - loop.time()))


async def _hang_up(receive: Receive, stop: asyncio.Future[None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    if not stop.done():
        stop.set_result(None)
