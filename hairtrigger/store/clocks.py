"""PostgreSQL's clock, which decides for all its servers, as one of them knows it."""

import time
from collections.abc import Callable

CLOCK = "select (extract(epoch from clock_timestamp()) * 1000)::bigint"
COMPARE_S = (
    1.0  # for which a comparison holds; clocks drift apart by less than a millisecond meanwhile
)


class DatabaseClock:
    """Goes on from the last comparison by this process's own clock.

    Args:
        given: Seconds since 1970, for tests: in the place of the database's.
    """

    def __init__(self, given: Callable[[], float] | None = None) -> None:
        self._given = given
        self._offset_ms = 0.0
        self._compared_at = float("-inf")

    def now(self) -> int:
        """ms since 1970."""
        if self._given is not None:
            return int(self._given() * 1000)
        return int(time.monotonic() * 1000 + self._offset_ms)

    def compare(self, now_ms: int) -> None:
        """Hear what the database's clock says."""
        self._compared_at = time.monotonic()
        self._offset_ms = now_ms - self._compared_at * 1000

    def must_compare(self) -> bool:
        """Whether the last comparison is too old."""
        return time.monotonic() - self._compared_at > COMPARE_S

    def forget(self) -> None:
        """Let the next comparison be due."""
        self._compared_at = float("-inf")
