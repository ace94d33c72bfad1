"""Who waits for what: a change of a run, a notice for a worker, a change of an environment's runs.

In one process this is all there is; a database with several servers tells the others the same keys.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable

Key = tuple[str, int]
DUE: Key = ("due", 0)  # something is due sooner than the clockwork would look by itself
LOOK_MS = 1_000  # how often it looks by itself


def run(run_id: int) -> Key:
    return ("run", run_id)


def environment(env: int) -> Key:
    """Any run of an environment: told on this server only, after each of its transactions."""
    return ("env", env)


def worker(worker_id: int) -> Key:
    return ("worker", worker_id)


class Watch:
    """Wakes waiters by key. A wake-up says "look again", never what happened."""

    def __init__(self) -> None:
        self._waiting: dict[Key, set[asyncio.Future[None]]] = defaultdict(set)
        self.is_closed = False
        self.on_tell: Callable[[list[Key]], None] | None = None  # tells other servers

    def tell(self, keys: Iterable[Key]) -> None:
        """Wake everybody who waits for one of these keys, on every server."""
        if self.on_tell is not None:
            keys = list(keys)
            self.on_tell(keys)
        self.wake(keys)

    def wake_all(self) -> None:
        """Wake everybody who waits here: something was told, and nobody knows what."""
        self.wake(list(self._waiting))

    def wake(self, keys: Iterable[Key]) -> None:
        """Wake those who wait here for one of these keys."""
        if not self._waiting:
            return
        for key in keys:
            for future in self._waiting.pop(key, ()):
                if not future.done():
                    future.set_result(None)

    def listen(self, key: Key) -> asyncio.Future[None]:
        """A future for the next change. Take it before looking, or a change in between is missed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.is_closed:
            future.set_result(None)
        else:
            self._waiting[key].add(future)
        return future

    def forget(self, key: Key, future: asyncio.Future[None]) -> None:
        """Stop waiting."""
        futures = self._waiting.get(key)
        if futures is not None:
            futures.discard(future)
            if not futures:
                del self._waiting[key]

    def close(self) -> None:
        """Wake everybody, now and from now on: the server is stopping."""
        self.is_closed = True
        self.wake_all()
