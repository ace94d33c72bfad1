"""Whether a limit was ever exceeded: the hand-outs that took its slots, walked in the order of time.

Runs come in the order of their numbers, which is that of their creation, and none is handed out before it is
created: so all that began before the newest run seen was created can be judged and forgotten. Memory grows
with the runs that waited at the same time, not with history.
"""

from collections import defaultdict
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from hairtrigger.rules.verify import HandOut, Violation
from hairtrigger.wire import durations, ids

FOREVER = 1 << 62
SLACK_MS = (
    60_000  # by which clocks of servers, and numbers made in a burst, may be ahead of each other
)
Owner = tuple[str, int, str]  # what has slots: its kind, an id, a concurrency key


class Limit(NamedTuple):
    """``most`` at once since ``since`` (ms); before that it was another. ``name`` is for people."""

    name: str
    most: int
    since: int


class Sweep:
    """Judges the hand-outs that began before ``until`` (ms), the moment at which the walk itself began."""

    def __init__(self, until: int) -> None:
        self.until = until
        self.unplaced = (
            0  # hand-outs that came too late to be judged: a clock was set back by minutes
        )
        self._starts: list[tuple[int, int, int, Sequence[tuple[Owner, Limit]]]] = []
        self._ends: dict[Owner, list[int]] = defaultdict(list)
        self._reached = -FOREVER
        self._tidy_at = 1_000

    def add(self, one: HandOut, owners: Sequence[tuple[Owner, Limit]]) -> None:
        """Note a hand-out that took a slot of each of these. Two in the same ms do not overlap."""
        if not owners or one.started_at is None or one.started_at >= self.until:
            return
        if one.started_at < self._reached:
            self.unplaced += 1
            return
        end = FOREVER if one.ended_at is None else one.ended_at
        heappush(self._starts, (one.started_at, one.run_id, end, owners))

    def advance(self, to: int) -> list[Violation]:
        """Judge what began before an instant; nothing that began earlier may be added afterwards."""
        found: list[Violation] = []
        while self._starts and self._starts[0][0] < to:
            start, run_id, end, owners = heappop(self._starts)
            for owner, limit in owners:
                ends = self._ends[owner]
                while ends and ends[0] <= start:
                    heappop(ends)
                if len(ends) >= limit.most and start > limit.since:
                    found.append(_exceeded(run_id, start, len(ends), limit))
                heappush(ends, end)
        self._reached = max(self._reached, to)
        if len(self._ends) > self._tidy_at:
            self._tidy()
        return found

    def finish(self) -> list[Violation]:
        """Judge the rest."""
        return self.advance(FOREVER)

    def _tidy(self) -> None:
        """Forget concurrency keys whose hand-outs are all over."""
        over = [
            owner for owner, ends in self._ends.items() if not ends or max(ends) <= self._reached
        ]
        for owner in over:
            del self._ends[owner]
        self._tidy_at = 2 * len(self._ends) + 1_000


def _exceeded(run_id: int, start: int, running: int, limit: Limit) -> Violation:
    text = (
        f"began at {durations.iso(start)} when {running} of {limit.name} went on already; "
        f"the limit is {limit.most}"
    )
    return Violation("limits", ids.public("run", run_id), text)
