"""What waits in queues: since when, in which of their keys, and which runs come next. All of it reads only.

Of a queue with many keys a bounded number is looked at, in the order of the keys; what is said of more than
those is "at least".
"""

from dataclasses import dataclass

from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, fetch
from hairtrigger.store.store import Store, one
from hairtrigger.wire import ids

MOST_KEYS = 1_000  # of a queue
MOST_QUEUES = 200  # whose oldest is looked for at once
UNLIMITED = 2**31 - 1  # stands in the row of a key whose queue has no limit any more


@dataclass(frozen=True, slots=True)
class Key:
    """A concurrency key of a queue with a limit (empty: runs without one). ``next`` is the number of the run
    that is next in line, ``since`` when (ms) it began to wait; None when nothing waits."""

    name: str
    running: int
    queued: int
    limit: int | None
    next: int | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """The runs of a queue that come next, in order, and the keys that they wait in, by name; a queue without
    a limit has none. ``short``: only so many keys were looked at."""

    runs: list[Run]
    keys: dict[str, Key]
    short: bool = False


async def oldest(store: Store, queues: list[int]) -> dict[int, int]:
    """Since when (ms) the next run of each queue waits, of those in which one does.

    Costs an entry of an index for each of the first ``MOST_KEYS`` keys of each of the first ``MOST_QUEUES``
    queues.
    """
    if not queues:
        return {}
    rows = await store.read(one("oldest_waiting", queues[:MOST_QUEUES], MOST_KEYS))
    return {row[0]: row[1] for row in rows}


async def keys(store: Store, queue: int, *, start: str = "", limit: int) -> tuple[list[Key], str]:
    """A page of a queue's keys by name, from ``start`` on, and the name that the next page starts with (empty
    when this one is the last). Keys that have not been used for long are forgotten, and not here."""
    rows = await store.read(one("keys_of_queue", queue, start, limit + 1))
    found = [_key(row[:4], row[4], row[5]) for row in rows]
    return found[:limit], found[limit].name if len(found) > limit else ""


async def key_of(store: Store, queue: int, name: str) -> Key | None:
    """One key of a queue, if there is something to say of it."""
    rows = await store.read(one("key_of_queue", queue, name), quick=True)
    return _key(rows[0]) if rows else None


async def next_runs(store: Store, env: Environment, queue: int, *, limit: int) -> Next:
    """The runs of a queue that come next, without payloads, by when they became ready (ahead by their
    priority). Keys take turns, so theirs may start in another order.

    Costs ``limit`` entries of an index for each of the ``limit`` keys whose next run comes first.
    """

    def look(_: Catalog) -> Steps[tuple[list[int], list[Row]]]:
        rows = yield fetch("next_keys", queue, MOST_KEYS, limit)
        numbers = yield fetch("next_runs", [-queue, *(row[0] for row in rows)], limit)
        return [row[0] for row in numbers], [row[1:] for row in rows]

    numbers, rows = await store.with_catalog(look)
    found = {run.id: run for run in await store.runs(env.id, numbers, brief=True)}
    runs = [found[number] for number in numbers if number in found]
    return Next(runs, {row[0]: _key(row) for row in rows}, len(rows) == limit)


def _key(row: Row, next_: int | None = None, order_at: int | None = None) -> Key:
    name, running, queued, limit = row
    since = None if next_ is None or order_at is None else max(order_at, ids.created_at(next_))
    return Key(name, running, queued, None if limit >= UNLIMITED else limit, next_, since)
