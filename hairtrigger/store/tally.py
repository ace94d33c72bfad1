"""What a committer counts of the transactions that it has written."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from hairtrigger.store.asking import Call


@dataclass(slots=True)
class Tally:
    """Counts since the start. ``seconds`` is how long its ticks took together, ``slowest`` the longest since that was
    set back; ``triggers`` are weights of calls."""

    ticks: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    triggers: int = 0
    reports: int = 0
    changes: int = 0

    def add(
        self,
        seconds: float,
        calls: Collection[tuple[Call, Any]],
        settles: Collection[tuple[list[Any], Any]],
        changes: Collection[Any],
    ) -> None:
        """Count one transaction by what was in it."""
        self.ticks += 1
        self.seconds += seconds
        self.slowest = max(self.slowest, seconds)
        self.triggers += sum(call.weight for call, _ in calls)
        self.reports += sum(len(items) for items, _ in settles)
        self.changes += len(changes)
