"""Counts of finished runs over time: rolled up, and read."""

from collections.abc import Sequence

from hairtrigger.engine import alerting, failures
from hairtrigger.rules.stats import ALL_TASKS, Stat, merged
from hairtrigger.store import stats
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store, one

ROLL_UP_MS = 1_000


async def roll_up(store: Store) -> int:
    """Add what was finished to the counts, and group what failed; answers ms until the next call."""

    def add(catalog: Catalog, now: int) -> Steps[int]:
        count, failed = yield from stats.roll_up()
        asked = (yield fetch("alerts_on")) if failed else []
        seen = yield from failures.group(catalog, failed, tell=bool(asked))
        yield from alerting.note(store, asked, seen, now)
        return count

    if not await store.read(one("any_deltas"), quick=True):
        return ROLL_UP_MS
    count: int = await store.change(add)
    return 0 if count == stats.MOST else ROLL_UP_MS


async def over_time(
    store: Store, env: int, *, start: int, end: int, step: int, task: int = ALL_TASKS
) -> dict[int, Stat]:
    """What finished of the runs created from ``start`` to before ``end`` (ms), by the beginning of each
    ``step`` (a minute, an hour or a day, in ms). Steps in which nothing did are left out."""
    found = await store.read(stats.series(env, [task], start=start, end=end, step=step))
    return dict(sorted(found[task].items()))


async def by_task(
    store: Store, env: int, *, start: int, end: int, step: int, tasks: Sequence[int] | None = None
) -> dict[int, dict[int, Stat]]:
    """The same for each task of the environment, or for some (by their numbers), by its number."""
    if tasks is None:
        tasks = [task.id for task in store.catalog.tasks.values() if task.env == env]
    return await store.read(stats.series(env, tasks, start=start, end=end, step=step))


async def total(
    store: Store, env: int, *, start: int, end: int, step: int, task: int = ALL_TASKS
) -> Stat:
    """The sum over a span of time."""
    return merged(
        (await over_time(store, env, start=start, end=end, step=step, task=task)).values()
    )
