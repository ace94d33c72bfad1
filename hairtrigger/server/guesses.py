"""How often somebody may guess a password: five failures in a minute, then longer and longer waits.

Counted for each address and for each email address, in this server only. Source: OWASP Authentication.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from hairtrigger.errors import RateLimitError

FREE, WINDOW_S = 5, 60.0
FIRST_S, MOST_S = 60.0, 900.0
_LONGER = 4  # times: then a wait is as long as the longest one
REMEMBERED = 10_000  # names; the one that failed longest ago is forgotten


@dataclass(slots=True)
class _Record:
    """The tries of the last minute, and when the door was closed for them: each time for longer."""

    tries: list[float] = field(default_factory=list)
    closed: list[float] = field(default_factory=list)

    @property
    def until(self) -> float:
        """When the next try is welcome."""
        if not self.closed:
            return 0.0
        return self.closed[-1] + min(MOST_S, FIRST_S * 2.0 ** (len(self.closed) - 1))


class Guesses:
    """Who failed when. Times are seconds of any clock that does not go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, _Record] = OrderedDict()

    def take(self, *names: str) -> float:
        """Count a try before it is known how it ends, so that many at once are not many more. Answers its
        time, for ``forgive``.

        Raises:
            RateLimitError: one of the names has failed too often; it says when to come back.
        """
        now = self._clock()
        wait_s = max(self._record(name, now).until - now for name in names)
        if wait_s > 0:
            raise RateLimitError(
                f"Too many failed sign-ins. Try again in {_words(wait_s)}.",
                retry_after_ms=int(wait_s * 1_000) + 1,
            )
        for name in names:
            self._count(name, now)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return now

    def forgive(self, name: str, tried_at: float) -> None:
        """Take back one try, which was right; other failures of the name stay counted."""
        record = self._seen.get(name)
        if record is None or tried_at not in record.tries:
            return
        record.tries.remove(tried_at)
        if record.closed and record.closed[-1] == tried_at:
            record.closed.pop()

    def forget(self, name: str) -> None:
        """Count nothing of what a name did before."""
        self._seen.pop(name, None)

    def _count(self, name: str, now: float) -> None:
        record = self._seen[name] = self._record(name, now)
        self._seen.move_to_end(name)
        record.tries = [at for at in record.tries if at > now - WINDOW_S]
        record.tries.append(now)
        if record.closed or len(record.tries) >= FREE:
            record.closed = [*record.closed[-_LONGER:], now]

    def _record(self, name: str, now: float) -> _Record:
        """What is known of a name: nothing when it was quiet for as long as the longest wait."""
        record = self._seen.get(name)
        if record is None or now >= max(record.until, *record.tries, 0.0) + MOST_S:
            return _Record()
        return record


def _words(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole} seconds" if whole < 120 else f"{-(-whole // 60)} minutes"
