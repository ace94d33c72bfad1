"""What one server counts of itself: requests by route, and how late its event loop is."""

import asyncio
from collections import deque

NO_ROUTE = "(none)"
"""Stands for the path of what no route takes, and of what is turned away unread."""
BEAT_S = 0.25
REMEMBERED_S = 15.0  # how long a lag is told of: no scrape may miss it
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Meter:
    """Counts from the start of the process. ``requests`` by method, path of the route, and status."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = {}
        self._lags: deque[float] = deque([0.0], maxlen=int(REMEMBERED_S / BEAT_S))
        self._beat: asyncio.TimerHandle | None = None

    def count(self, method: str, path: str, status: int) -> None:
        """Count one request as answered. What methods strangers invent is counted as one."""
        key = method if method in _METHODS else "other", path, status
        self.requests[key] = self.requests.get(key, 0) + 1

    @property
    def lag_s(self) -> float:
        """How late the event loop was at worst, in the last 15 s."""
        return max(self._lags)

    def start(self) -> None:
        """Watch the event loop that is running."""
        loop = asyncio.get_running_loop()
        self._beat = loop.call_later(BEAT_S, self._look, loop, loop.time() + BEAT_S)

    def stop(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    def _look(self, loop: asyncio.AbstractEventLoop, expected: float) -> None:
        self._lags.append(max(0.0, loop.time() - expected))
        self._beat = loop.call_later(BEAT_S, self._look, loop, loop.time() + BEAT_S)
