"""The rows of new runs, between the moment they are put together and the one they are written."""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hairtrigger.store.allowance import Allowance
from hairtrigger.store.asking import Made
from hairtrigger.store.database import Row
from hairtrigger.wire.statuses import LiveState

Known = dict[tuple[int, str], str]
"""What was made, by environment and name of the request."""
LANE, STATE, TRACKED, ORDER_AT, EXPIRES_AT, FLAGS, VERSION = 2, 3, 4, 5, 7, 8, 9
"""Columns of ``insert_live``."""
_SESSION = 11  # and from there on: its lease, and when the run began and was handed out


@dataclass(slots=True)
class Rows:
    """What a tick will write, by table. Until it is written, what is ready may be handed out: see ``claim``."""

    allowance: Allowance
    runs: list[Row] = field(default_factory=list)
    live: list[list[Any]] = field(default_factory=list)
    # of queues without a limit, by lane: the rows of ``live`` and ``runs``
    ready: dict[int, list[tuple[list[Any], Row]]] = field(default_factory=lambda: defaultdict(list))
    sessions: set[tuple[int, int]] = field(default_factory=set)  # that got some, and their versions
    tracked: dict[tuple[int, str], list[list[Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    tags: list[Row] = field(default_factory=list)
    keys: list[Row] = field(default_factory=list)
    stored: list[Row] = field(default_factory=list)  # runs whose payload lies apart
    requests: list[Row] = field(default_factory=list)
    # requests that made more of what they asked for: what they have made now, and had before
    again: dict[tuple[int, str], tuple[str, str]] = field(default_factory=dict)
    parents: set[int] = field(default_factory=set)
    fresh_keys: dict[tuple[int, int, str], int] = field(default_factory=dict)
    fresh_requests: dict[tuple[int, str], list[Made]] = field(default_factory=dict)
    # what was remembered of the tick's requests before it, and which one-time tokens were spent
    known_requests: Known = field(default_factory=dict)

    def hand_out(
        self, granted: list[tuple[int, int]], worker: int, version: int, now: int
    ) -> list[Row]:
        """Let a session have so many runs of these lanes, by lane: they are written as running.

        Returns:
            What the statement ``claim`` answers; fewer where not as many are there that the session may have.
        """
        taken: list[Row] = []
        for lane, most in granted:
            fit = [
                (live[ORDER_AT], live[0], live, run) for live, run in self.ready[lane]
                if live[VERSION] in (None, version) and (live[EXPIRES_AT] is None or live[EXPIRES_AT] > now)
            ]  # fmt: skip
            for order_at, id_, live, run in heapq.nsmallest(most, fit):
                live[STATE], live[EXPIRES_AT], live[VERSION] = (
                    LiveState.RUNNING.value,
                    None,
                    version,
                )
                live[_SESSION:] = worker, 1, now, now
                (_, _, task, queue, ckey, created_at, payload, payload_type, tags, _, parent, root, batch, schedule,
                 _, max_attempts, max_duration, _, opts) = run  # fmt: skip
                taken.append((
                    id_, 1, 1, live[FLAGS], order_at, now, 0, lane, task, queue, ckey, created_at, payload,
                    payload_type, tags, parent, root, batch, schedule, max_attempts, max_duration, opts,
                ))  # fmt: skip
            self.ready[lane] = [one for one in self.ready[lane] if one[0][STATE] == LiveState.READY]
        if taken:
            self.sessions.add((worker, version))
        return taken

    def clear(self) -> None:
        """Forget what has been written; what was folded by key stays known for the tick."""
        for written in (self.runs, self.live, self.tags, self.keys, self.requests, self.stored):
            written.clear()
        for folded in (self.again, self.tracked, self.parents, self.ready, self.sessions):
            folded.clear()
