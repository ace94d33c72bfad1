"""A range in about twenty-five bars, read from as few counts as make it up: whole hours or days, and smaller
steps only at its two ends. So figures that are asked for every second cost some dozens of rows, and are those
of the range to the minute.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hairtrigger.engine import stats
from hairtrigger.rules.stats import ALL_TASKS, DAY_MS, HOUR_MS, Stat, floor, merged
from hairtrigger.server.dashboard.charts import Bars
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.store.store import Store

MOST = 31
_DEPTH = 64  # how many times less than the longest a time is that has no height any more
FAILING = 0.01
"""From which share of failures on a bar is red."""


class Piece(NamedTuple):
    """Counts of one step (ms) over a part of a range."""

    start: int
    end: int
    step: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A span of time from ``start`` to before ``end`` (ms), in bars of ``width`` ms of which ``first`` is the
    first; ``step`` is that of most counts, ``fine`` that of those at both ends."""

    start: int
    end: int
    width: int
    step: int
    fine: int

    @property
    def first(self) -> int:
        return floor(self.start, self.step)

    def bars(self) -> range:
        """The beginnings of the bars."""
        return range(self.first, self.end, self.width)

    def pieces(self) -> list[Piece]:
        """What to add up: at most three."""
        begin, end = -(-self.start // self.step) * self.step, floor(self.end, self.step)
        if begin >= end:
            return [Piece(self.start, self.end, self.fine)]
        found = [
            Piece(self.start, begin, self.fine),
            Piece(begin, end, self.step),
            Piece(end, self.end, self.fine),
        ]
        return [piece for piece in found if piece.start < piece.end]

    def place(self, at: int) -> int:
        """The bar in which something that began at an instant is counted."""
        return self.first + floor(at - self.first, self.width)

    def before(self) -> "Cut":
        """The span of the same length before it."""
        length = self.end - self.start
        return Cut(self.start - length, self.start, self.width, self.step, self.fine)


def cut(of: Range, now: int) -> Cut:
    """A range in bars. What is still to come of it is left out, so that it can be compared with the same time
    before."""
    fine, length = of.step, of.length
    step = fine if length <= 6 * HOUR_MS else HOUR_MS if length <= 10 * DAY_MS else DAY_MS
    step = max(step, fine)
    end = min(of.end, floor(now, fine) + fine)
    count = -(-(end - floor(of.start, step)) // step)
    return Cut(of.start, end, step * -(-count // MOST), step, fine)


async def over_time(
    store: Store, env: int, span: Cut, tasks: Sequence[int] = (ALL_TASKS,)
) -> dict[int, dict[int, Stat]]:
    """What finished, by task and bar; every bar is there."""
    found: dict[int, dict[int, list[Stat]]] = {
        task: {at: [] for at in span.bars()} for task in tasks
    }
    for piece in span.pieces():
        read = await stats.by_task(
            store, env, start=piece.start, end=piece.end, step=piece.step, tasks=tasks
        )
        for task, of in read.items():
            for at, stat in of.items():
                found[task][span.place(at)].append(stat)
    return {task: {at: merged(stats) for at, stats in of.items()} for task, of in found.items()}


def counts(of: Mapping[int, float], said: Mapping[int, str]) -> Bars:
    """Bars from nothing to the largest."""
    most = max(of.values(), default=0) or 1
    return Bars([value / most for value in of.values()], [said[at] for at in of])


def times(of: Mapping[int, float | None], said: Mapping[int, str]) -> Bars:
    """Bars of times (ms) on a logarithmic scale, so that one long one does not hide all others."""
    most = max((ms for ms in of.values() if ms), default=1.0)
    return Bars(
        [
            math.log(max(ms * _DEPTH / most, 1.1)) / math.log(_DEPTH) if ms else 0.0
            for ms in of.values()
        ],
        [said[at] for at in of],
    )


def is_failing(stat: Stat) -> bool:
    """Whether more runs failed than can be let pass."""
    judged = stat.completed + stat.failed
    return stat.failed > judged * FAILING
