"""What is counted of finished runs: how they ended, and how long they waited and took.

A run is counted in the minute in which it was created, so that a count over a span of time is the count of
the list over the same span. Times go into logarithmic buckets, each 8 % wider than the one before: a
percentile is within 4 % of the exact one, whatever the times are, and two sets of buckets can be added.
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

from hairtrigger.wire.statuses import FinalStatus

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
STEPS = (MINUTE_MS, HOUR_MS, DAY_MS)
"""The widths in which counts are kept, in ms."""
ALL_TASKS = 0
"""Stands for the sum over all tasks where a task's number is asked for."""
_GROWTH = math.log(1.08)
_FAILURES = (
    FinalStatus.FAILED, FinalStatus.CRASHED, FinalStatus.SYSTEM_FAILURE, FinalStatus.TIMED_OUT,
    FinalStatus.EXPIRED,
)  # fmt: skip


class Stat(msgspec.Struct, array_like=True):
    """Counts of finished runs.

    ``outcomes`` by number of ``FinalStatus``. ``took`` (start to end, of runs that started) and ``waited``
    (ready to first start) count by bucket; ``took_ms`` and ``waited_ms`` are the sums of what they count.
    """

    outcomes: dict[int, int] = {}
    took_ms: int = 0
    took: dict[int, int] = {}
    waited: dict[int, int] = {}
    waited_ms: int = 0

    def add(self, status: int, took_ms: int | None, waited_ms: int | None) -> None:
        """Count one run."""
        self.outcomes[status] = self.outcomes.get(status, 0) + 1
        if took_ms is not None:
            self.took_ms += max(0, took_ms)
            place = bucket(took_ms)
            self.took[place] = self.took.get(place, 0) + 1
        if waited_ms is not None:
            self.waited_ms += max(0, waited_ms)
            place = bucket(waited_ms)
            self.waited[place] = self.waited.get(place, 0) + 1

    def merge(self, other: "Stat") -> None:
        """Count what another one counts too."""
        self.took_ms += other.took_ms
        self.waited_ms += other.waited_ms
        _merge(self.outcomes, other.outcomes)
        _merge(self.took, other.took)
        _merge(self.waited, other.waited)

    @property
    def runs(self) -> int:
        """How many runs finished."""
        return sum(self.outcomes.values())

    @property
    def completed(self) -> int:
        return self.outcomes.get(FinalStatus.COMPLETED, 0)

    @property
    def canceled(self) -> int:
        return self.outcomes.get(FinalStatus.CANCELED, 0)

    @property
    def failed(self) -> int:
        """How many ended in any other way than completed or canceled."""
        return sum(self.outcomes.get(status, 0) for status in _FAILURES)

    @property
    def success(self) -> float | None:
        """The completed among the completed and failed, 0 to 1; None when there are neither."""
        judged = self.completed + self.failed
        return self.completed / judged if judged else None

    @property
    def mean_ms(self) -> float | None:
        """How long a run took on average."""
        started = sum(self.took.values())
        return self.took_ms / started if started else None

    @property
    def mean_wait_ms(self) -> float | None:
        """How long a run waited on average, from when it was ready to its first start."""
        waited = sum(self.waited.values())
        return self.waited_ms / waited if waited else None


def merged(stats: Iterable[Stat]) -> Stat:
    """The sum of some counts."""
    total = Stat({}, 0, {}, {})
    for one in stats:
        total.merge(one)
    return total


def bucket(ms: int) -> int:
    """The bucket of a time: 0 below 1 ms, then each 8 % wider than the one before."""
    return 1 + int(math.log(ms) / _GROWTH) if ms > 0 else 0


def bounds(place: int) -> tuple[float, float]:
    """From which time to below which one (ms) a bucket counts."""
    if place <= 0:
        return 0.0, 1.0
    return math.exp((place - 1) * _GROWTH), math.exp(place * _GROWTH)


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The time (ms) below which a share (0 to 1) of those counted lie, within 4 %; None when there are none.

    It is the nearest rank, shown as the middle of its bucket.
    """
    rank = max(1, math.ceil(sum(counts.values()) * share))
    passed = 0
    for place in sorted(counts):
        passed += counts[place]
        if passed >= rank:
            low, high = bounds(place)
            return math.sqrt(low * high) if place else 0.0
    return None


def floor(instant: int, step: int) -> int:
    """The beginning of the step (ms) in which an instant lies."""
    return instant - instant % step


def _merge(into: dict[int, int], other: Mapping[int, int]) -> None:
    for place, count in other.items():
        into[place] = into.get(place, 0) + count
