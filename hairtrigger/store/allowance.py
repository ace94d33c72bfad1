"""What the organisation's plan leaves of its month to the runs of a transaction, and the count of those it makes.

Where runs are limited, a transaction holds the plan's lock (``LOCK``), counts as many runs as it may make before
it makes any, and gives back what came to nothing: so no two of them ever share the last run. Where they are not,
it adds what it made at its end, in a row that no other transaction writes. One statement either way.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from hairtrigger.errors import PlanLimitReached
from hairtrigger.rules import plans
from hairtrigger.rules.plans import DAY_MS, ORGANIZATION, Month, Plan
from hairtrigger.store.asking import Call
from hairtrigger.store.database import Row, Steps, each, gather
from hairtrigger.wire import ids

LOCK = 1  # beside the environments, whose numbers are far greater


class Allowance:
    """What may still be made in a transaction."""

    __slots__ = ("_days", "_left", "_made", "_plan", "_reserved")

    def __init__(self, plan: Plan, now: int) -> None:
        self._plan = plan
        self._days = [_day(now - now % DAY_MS)]
        self._made = Counter[_Day]()
        self._reserved = Counter[_Day]()
        self._left: dict[Month, int] = {}

    def reserve(self, calls: Sequence[Call]) -> Steps[None]:
        """Count all that may be made, where that is limited."""
        most = self._plan.runs
        if most is None:
            return
        for call in calls:
            self._reserved.update(self._day_of(run.id) for run in call.runs)
        known = {day.begin: (day.month, n) for day, n in self._reserved.items()}
        for begin, total in (yield gather("reserve_runs", _rows(self._reserved))):
            month, n = known[begin]
            left = most - (total - n)
            # of two days around midnight, the second may see what was reserved for the first
            self._left[month] = max(self._left.get(month, left), left)

    def settle(self) -> Steps[None]:
        """Let the count be what was made."""
        if self._plan.runs is None:
            yield each("count_runs", [row[:3] for row in _rows(self._made)])
            return
        self._made.subtract(self._reserved)
        back = _rows(self._made)
        if back:
            yield gather("reserve_runs", back)

    def refusal(self, run_id: int) -> PlanLimitReached | None:
        """Why a run cannot be made, if so."""
        if self._plan.runs is None:
            return None
        month = self._day_of(run_id).month
        return None if self._left[month] > 0 else plans.refusal(self._plan, month)

    def take(self, run_id: int) -> None:
        """A run is made."""
        day = self._day_of(run_id)
        self._made[day] += 1
        if self._plan.runs is not None:
            self._left[day.month] -= 1

    def _day_of(self, run_id: int) -> "_Day":
        """The day of a run, which its number tells: around midnight there are two in a transaction."""
        for day in self._days:
            if day.first <= run_id < day.end:
                return day
        at = ids.created_at(run_id)
        self._days.append(_day(at - at % DAY_MS))
        return self._days[-1]


class _Day:
    """The day (UTC) that begins at an instant, and the numbers of its runs: from ``first``, before ``end``."""

    __slots__ = ("begin", "end", "first", "month")

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.month = plans.month_of(begin)
        self.first, self.end = ids.first_at(self.begin), ids.first_at(self.begin + DAY_MS)


@lru_cache(maxsize=4)
def _day(begin: int) -> _Day:
    """The same one for every transaction of a day."""
    return _Day(begin)


def _rows(counts: Counter[_Day]) -> list[Row]:
    """What to add to which day, in their order: of two servers one waits, and neither for the other."""
    return [
        (ORGANIZATION, day.begin, n, day.month.begin, day.month.end)
        for day, n in sorted(counts.items(), key=lambda one: one[0].begin) if n
    ]  # fmt: skip
