"""Counts what telemetry drops, and tells it once in a while."""

import time

from hairtrigger.telemetry.events import emit

TELL_S = 10.0  # between two words


class Dropped:
    """What was meant for one receiver and never arrives there."""

    def __init__(self, to: str) -> None:
        self._to = to
        self.count = 0
        self._untold, self._told_at = 0, float("-inf")

    def add(self, count: int, why: str) -> None:
        """So many more, for this reason."""
        self.count += count
        self._untold += count
        self.tell(why)

    def tell(self, why: str, *, now: bool = False) -> None:
        """Tell those of which nothing was said yet: ``now``, or when the last word is some seconds old."""
        if self._untold and (now or time.monotonic() - self._told_at >= TELL_S):
            emit("telemetry.dropped", to=self._to, count=self._untold, reason=why)
            self._untold, self._told_at = 0, time.monotonic()
