"""Counting what finishes: noted in the transaction of the end, rolled up within seconds.

A tick adds one narrow row for each task and minute (``stat_deltas``), which no other transaction touches.
From time to time one server adds those up to minutes, hours and days (``rollups``) and groups the failures.
Whoever reads counts adds what is not rolled up yet, so that they are exact at every moment.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from hairtrigger.rules.stats import ALL_TASKS, DAY_MS, HOUR_MS, MINUTE_MS, STEPS, Stat, floor
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, each, fetch, gather
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import FinalStatus

KEPT_MS = {MINUTE_MS: 8 * DAY_MS, HOUR_MS: 100 * DAY_MS}
MOST = 500  # deltas that are rolled up at once
Place = tuple[int, int, int, int]  # environment, step, task, beginning
_encode = msgspec.json.Encoder().encode
_stat = msgspec.json.Decoder(Stat)
_numbers = msgspec.json.Decoder(list[int])
_FAILED = frozenset((
    FinalStatus.FAILED, FinalStatus.CRASHED, FinalStatus.SYSTEM_FAILURE, FinalStatus.TIMED_OUT,
))  # fmt: skip


class Finished:
    """What one transaction finishes."""

    __slots__ = ("_failed", "_stats")

    def __init__(self) -> None:
        self._stats: dict[tuple[int, int, int], Stat] = {}
        self._failed: dict[tuple[int, int, int], list[int]] = {}

    def add(
        self, env: int, task: int, run_id: int, status: int, now: int,
        started_at: int | None, ready_at: int | None,
    ) -> None:  # fmt: skip
        """Note one run. ``ready_at``: when it could first have started; None when nobody knows any more."""
        created = ids.created_at(run_id)
        key = env, task, created - created % MINUTE_MS
        stat = self._stats.get(key)
        if stat is None:
            stat = self._stats[key] = Stat({}, 0, {}, {})
        if started_at is None:
            stat.add(status, None, None)
        else:
            waited = None if ready_at is None else started_at - max(ready_at, created)
            stat.add(status, now - started_at, waited)
        if status in _FAILED:
            self._failed.setdefault(key, []).append(run_id)

    def rows(self) -> list[Row]:
        """The rows of ``stat_deltas``."""
        rows: list[Row] = []
        for key, stat in self._stats.items():
            failed = self._failed.get(key)
            text = None if failed is None else _encode(failed).decode()
            rows.append((*key, _encode(stat).decode(), text))
        return rows


def roll_up() -> Steps[tuple[int, list[int]]]:
    """Add up to ``MOST`` deltas to minutes, hours and days; answers how many there were, and the runs that
    failed. While another server is at it, there are none."""
    rows = yield fetch("take_deltas", MOST)
    added: dict[Place, Stat] = defaultdict(lambda: Stat({}, 0, {}, {}))
    failed: list[int] = []
    for env, task, minute, body, failures in rows:
        stat = _stat.decode(body)
        for step in STEPS:
            at = floor(minute, step)
            added[env, step, ALL_TASKS, at].merge(stat)
            if task:
                added[env, step, task, at].merge(stat)
        if failures:
            failed += _numbers.decode(failures)
    for *place, body in (yield gather("rollups_at", sorted(added))):
        added[tuple(place)].merge(_stat.decode(body))
    yield each(
        "put_rollup", [(*place, _encode(stat).decode()) for place, stat in sorted(added.items())]
    )
    return len(rows), failed


def series(
    env: int, tasks: Iterable[int], *, start: int, end: int, step: int
) -> Steps[dict[int, dict[int, Stat]]]:
    """What finished of the runs created from ``start`` to before ``end`` (ms), by task and step.

    Args:
        tasks: Numbers of tasks; ``ALL_TASKS`` among them is the sum.
        start: The beginning of a step.
        step: One of ``STEPS``, in ms.
    """
    wanted = set(tasks)
    found: dict[int, dict[int, Stat]] = {task: {} for task in wanted}
    for task, at, body in (yield fetch("rollups_between", env, step, sorted(wanted), start, end)):
        found[task][at] = _stat.decode(body)
    for task, minute, body in (yield fetch("deltas_between", env, start, end)):
        at = floor(minute, step)
        for one in wanted & {task, ALL_TASKS}:
            if at in found[one]:
                found[one][at].merge(_stat.decode(body))
            else:
                found[one][at] = _stat.decode(body)
    return found


def totals(env: int, tasks: list[int], *, start: int, end: int) -> Steps[dict[int, Stat]]:
    """The sums by task of what was rolled up of runs created from ``start`` to before ``end``: the beginnings
    of days, in ms. Never less than before, while ``start`` stays."""
    found: dict[int, Stat] = {}
    for task, _, body in (yield fetch("rollups_between", env, DAY_MS, tasks, start, end)):
        stat = _stat.decode(body)
        if task in found:
            found[task].merge(stat)
        else:
            found[task] = stat
    return found


def forget(catalog: Catalog, now: int) -> Steps[None]:
    """Forget the counts of steps that nobody looks at any more; those of days are kept."""
    tasks = [(task.env, task.id) for task in catalog.tasks.values()]
    tasks += [(env, ALL_TASKS) for env in catalog.envs]
    for step, kept_ms in KEPT_MS.items():
        before = now - kept_ms
        yield each("old_rollups", [(env, step, task, before) for env, task in sorted(tasks)])
        yield fetch("old_error_counts", step, before)
