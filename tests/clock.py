"""The clock of a database in tests: it stands still until it is told to move."""

from datetime import UTC, datetime

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


def ms(text: str) -> int:
    """An ISO date, in UTC unless it names a zone, as ms since 1970."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


class Clock:
    """Seconds since 1970, as ``time.time``; ``now`` is the same in ms."""

    def __init__(self, now: int = ms("2026-03-02T12:00:00")) -> None:
        self.now = now

    def __call__(self) -> float:
        return (self.now + 0.5) / 1_000  # in the middle of the ms: no rounding can change it

    def move(self, ms: int) -> int:
        """Let time pass; answers the new time."""
        self.now += ms
        return self.now
