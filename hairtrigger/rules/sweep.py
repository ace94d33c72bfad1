"""Whether a limit or a rate was ever exceeded: the hand-outs that took its slots, walked in the order of time.

Runs come in the order of their numbers, which is that of their creation, and none is handed out before it is
created: so all that began before the newest run seen was created can be judged and forgotten. Memory grows
with the runs that waited at the same time, not with history.
"""

from collections import defaultdict
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from hairtrigger.rules import queues
from hairtrigger.rules.verify import HandOut, Violation
from hairtrigger.wire import durations, ids, rates
from hairtrigger.wire.rates import Rate

FOREVER = 1 << 62
SLACK_MS = (
    60_000  # by which clocks of servers, and numbers made in a burst, may be ahead of each other
)
EARLY_MS = 5_000  # that a start may be early for its rate: its instant precedes its locks
Owner = tuple[str, int, str]  # what has slots: its kind, an id, a concurrency key


class Limit(NamedTuple):
    """``most`` at once since ``since`` (ms); before that it was another. ``name`` is for people."""

    name: str
    most: int
    since: int


class Pace(NamedTuple):
    """No faster than a rate since ``since`` (ms)."""

    name: str
    rate: Rate
    since: int

    @property
    def least(self) -> int:
        """Tokens (in thousandths) that must be there for a start: fewer than one, by what is earned early."""
        return queues.MILLI - self.rate.count * queues.MILLI * EARLY_MS // self.rate.per_ms


Bounds = Sequence[tuple[Owner, Limit | Pace]]


class Sweep:
    """Judges the hand-outs that began before ``until`` (ms), the moment at which the walk itself began."""

    def __init__(self, until: int) -> None:
        self.until = until
        self.unplaced = (
            0  # hand-outs that came too late to be judged: a clock was set back by minutes
        )
        self._starts: list[tuple[int, int, int, Bounds]] = []
        self._ends: dict[Owner, list[int]] = defaultdict(list)
        self._buckets: dict[Owner, tuple[int, int]] = {}
        self._reached = -FOREVER
        self._tidy_at = 1_000

    def add(self, one: HandOut, owners: Bounds) -> None:
        """Note a hand-out that took a slot or a token of each of these. Two in the same ms do not overlap."""
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
            for owner, bound in owners:
                if isinstance(bound, Pace):
                    wrong = self._token(owner, bound, start)
                else:
                    wrong = self._slot(owner, bound, start, end)
                if wrong:
                    text = f"began at {durations.iso(start)} when {wrong}"
                    found.append(Violation("limits", ids.public("run", run_id), text))
        self._reached = max(self._reached, to)
        if len(self._ends) > self._tidy_at:
            self._tidy()
        return found

    def finish(self) -> list[Violation]:
        """Judge the rest."""
        return self.advance(FOREVER)

    def _slot(self, owner: Owner, limit: Limit, start: int, end: int) -> str:
        """What is wrong when it takes one now; empty: nothing."""
        ends = self._ends[owner]
        while ends and ends[0] <= start:
            heappop(ends)
        running = len(ends)
        heappush(ends, end)
        if running < limit.most or start <= limit.since:
            return ""
        return f"{running} of {limit.name} went on already; the limit is {limit.most}"

    def _token(self, owner: Owner, pace: Pace, start: int) -> str:
        """The same, of a rate whose bucket was full at first."""
        if start <= pace.since:
            return ""
        count, per_ms = pace.rate.count, pace.rate.per_ms
        kept, at = self._buckets.get(owner, (0, 0))
        tokens, at = queues.refill(kept, at, start, count=count, per_ms=per_ms)
        self._buckets[owner] = tokens - queues.MILLI, at
        if tokens >= pace.least:
            return ""
        return f"{pace.name} had started as many as it may; the rate is {rates.to_text(pace.rate)}"

    def _tidy(self) -> None:
        """Forget concurrency keys whose hand-outs are all over."""
        over = [
            owner for owner, ends in self._ends.items() if not ends or max(ends) <= self._reached
        ]
        for owner in over:
            del self._ends[owner]
        self._tidy_at = 2 * len(self._ends) + 1_000
