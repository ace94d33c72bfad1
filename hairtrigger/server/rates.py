"""How many requests a key may send: a token bucket for each credential, off unless configured.

Counted in this server only; with several servers the sum counts. Source: Trigger.dev's rate limits.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

from hairtrigger.errors import RateLimitError
from hairtrigger.server.answers import Header

WINDOW_MS = 10_000
_REMEMBERED = 10_000  # credentials; the longest unseen one is forgotten, and starts full again


class Buckets:
    """Buckets of ``limit`` requests, refilled with ``refill`` every 10 s. A limit of 0 limits nothing."""

    def __init__(self, limit: int, refill: int, clock: Callable[[], float] = time.time) -> None:
        self.limit, self._per_ms, self._clock = limit, refill / WINDOW_MS, clock
        self._levels: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, credential: bytes) -> list[Header]:
        """Count one request of a credential.

        Returns:
            The three headers that every answer carries; none when nothing is limited.
        Raises:
            Refused: when the bucket is empty.
        """
        if not self.limit:
            return []
        now = self._clock() * 1_000
        name = hashlib.sha256(credential).digest()
        level, seen = self._levels.pop(name, (float(self.limit), now))
        level = min(self.limit, level + max(0.0, now - seen) * self._per_ms)
        allowed = level >= 1
        self._levels[name] = (level - 1 if allowed else level, now)
        if len(self._levels) > _REMEMBERED:
            self._levels.popitem(last=False)
        if allowed:
            return self._headers(int(level) - 1, now)
        wait_ms = (1 - level) / self._per_ms if self._per_ms else float(WINDOW_MS)
        raise Refused(self.limit, wait_ms, self._headers(0, now + wait_ms))

    def _headers(self, remaining: int, reset_ms: float) -> list[Header]:
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % reset_ms),  # Unix milliseconds, as the clients read it
        ]


class Refused(RateLimitError):
    """A request over the limit; ``headers`` say when the next one is welcome."""

    def __init__(self, limit: int, wait_ms: float, headers: list[Header]) -> None:
        seconds = max(1, -(-int(wait_ms) // 1_000))
        super().__init__(
            f"Rate limit exceeded: 0 of {limit} requests left. Retry in {seconds} seconds.",
            retry_after_ms=int(wait_ms),
        )
        self.headers = headers
