"""How many runs may start now, and from which lanes: totals of queues, rates, an environment's limit.

A lane is a queue, or one concurrency key of it. What each lane itself has room for is known to the store;
here is what several lanes share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

MILLI = 1_000  # a token is a thousand of what buckets count in


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane with ready runs. ``room``: the smaller of its free slots and its ready runs."""

    id: int
    queue: int
    room: int


@dataclass(frozen=True, slots=True)
class EnvironmentLimit:
    """How many runs of an environment execute at once; None: as many as there are slots.

    ``burst`` is a percentage: with 200, twice the limit may run in all, but no queue alone goes beyond it.
    Source: Trigger.dev's burst factor. ``plan`` is what the organisation's plan lets execute in it at most,
    whatever the limit and the burst.
    """

    limit: int | None = None
    burst: int = 100
    plan: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether anything bounds the environment, so that what runs in it is counted."""
        return self.limit is not None or self.plan is not None

    @property
    def most(self) -> int | None:
        """How many may execute in the environment; None: any number."""
        own = None if self.limit is None else self.limit * self.burst // 100
        return min((one for one in (own, self.plan) if one is not None), default=None)

    @property
    def most_of_queue(self) -> int | None:
        """How many of one queue may execute; None: any number."""
        return min((one for one in (self.limit, self.plan) if one is not None), default=None)

    def free(self, running: int) -> int | None:
        """How many more may start in the environment; None: any number."""
        most = self.most
        return None if most is None else max(0, most - running)

    def free_of_queue(
        self, running: int, *, total_limit: int | None = None, tokens: int | None = None
    ) -> int | None:
        """How many more may start of one queue over all its keys; None: any number.

        Args:
            running: What runs of it now, over all keys.
            total_limit: The queue's own limit over all keys, if any.
            tokens: Of its rate's bucket, in thousandths; None when it has no rate.
        """
        limits = (self.most_of_queue, total_limit)
        bounds = [limit - running for limit in limits if limit is not None]
        if tokens is not None:
            bounds.append(tokens // MILLI)
        return max(0, min(bounds)) if bounds else None


def may_start(
    lanes: Sequence[Lane], queues: Mapping[int, int | None], free: int | None, want: int
) -> list[tuple[int, int]]:
    """How many runs of which lanes may start now, at most ``want`` together.

    First a fair share for each lane that may start anything, then what is left in the same order.

    Args:
        lanes: In the order of their turn, each once.
        queues: How many more may start of each queue (``free_of_queue``); missing or None: any number.
        free: How many more may start in the environment; None: any number.

    Returns:
        (lane, how many), in the order of the turns, without lanes that start nothing.
    """
    left = max(0, want if free is None else min(want, free))
    shared = {queue: bound for queue, bound in queues.items() if bound is not None}
    able = [lane for lane in lanes if lane.room > 0 and shared.get(lane.queue, 1) > 0]
    members: dict[int, int] = {}
    for lane in able:
        members[lane.queue] = members.get(lane.queue, 0) + 1
    # a queue's bound is shared fairly among its keys as well, or the first one would take it whole
    share = {
        queue: max(1, bound // members[queue])
        for queue, bound in shared.items()
        if queue in members
    }
    fair = max(1, left // max(1, len(able)))
    given = dict.fromkeys((lane.id for lane in able), 0)
    for whole in (False, True):
        for lane in able:
            n = min(left, lane.room - given[lane.id], shared.get(lane.queue, left))
            if not whole:
                n = min(n, fair, share.get(lane.queue, fair))
            given[lane.id] += n
            left -= n
            if lane.queue in shared:
                shared[lane.queue] -= n
    return [(lane, n) for lane, n in given.items() if n]


def refill(tokens: int, tokens_at: int, now: int, *, count: int, per_ms: int) -> tuple[int, int]:
    """A rate's bucket as it stands now: its tokens, in thousandths, and the instant (ms) they are of.

    It holds ``count`` tokens and earns as many in ``per_ms``, in the smallest steps that are whole numbers of
    thousandths and of ms (at most a thousandth of a period that is in whole seconds), so nothing is ever
    rounded. A bucket that was never used, (0, 0), is full. Each start takes ``MILLI`` away.
    """
    most = count * MILLI
    if (
        now <= tokens_at
    ):  # set back: earn nothing twice, and stand still for no longer than a period
        return min(tokens, most), min(tokens_at, now + per_ms)
    divisor = gcd(most, per_ms)
    step_ms, earned = per_ms // divisor, most // divisor
    steps = (now - tokens_at) // step_ms
    if tokens + steps * earned >= most:
        return most, now
    return tokens + steps * earned, tokens_at + steps * step_ms


def next_start(tokens: int, tokens_at: int, *, count: int, per_ms: int) -> int:
    """The instant (ms) at which a refilled bucket has a whole token: ``tokens_at`` when it has one."""
    missing = MILLI - tokens
    if missing <= 0:
        return tokens_at
    divisor = gcd(count * MILLI, per_ms)
    step_ms, earned = per_ms // divisor, count * MILLI // divisor
    return tokens_at + -(-missing // earned) * step_ms
