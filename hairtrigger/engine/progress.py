"""How far batches are: listed with counts, or item by item; and what failed of one, run again."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from hairtrigger.engine import bulk
from hairtrigger.engine.bulk import Chosen
from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, fetch
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.store.store import Store, one
from hairtrigger.wire import ids, statuses
from hairtrigger.wire.statuses import LiveState

MOST_LOOKED_AT = 20_000  # batches of all environments, for a page
BROKEN, GONE = "BROKEN", "GONE"
"""What stands for the status of an item that could not become a run, and of one whose run is kept no longer."""
FAILURES = ("FAILED", "CRASHED", "SYSTEM_FAILURE", "TIMED_OUT", "EXPIRED")
_UNFINISHED = 100  # a state of an unfinished run is told as this and its number: see batches.sql
_OTHERS = {110: "REATTEMPTING", -1: BROKEN, 99: GONE}
_END = 2**63 - 1


@dataclass(slots=True)
class Progress:
    """A batch and how its items stand, by status: the public ones, REATTEMPTING, ``BROKEN`` and ``GONE``.

    Instants in ms; ``tasks`` counts items by task. Items that have not arrived yet are in ``missing`` only.
    """

    id: int
    created_at: int
    finished_at: int | None
    total: int
    made: int
    sealed: bool
    aborted: bool
    parent: int | None
    key: str | None
    counts: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """How many items did not come to a good end: runs that failed, and what could not become one."""
        return self.counts[BROKEN] + self.failed_runs

    @property
    def failed_runs(self) -> int:
        return sum(self.counts[name] for name in FAILURES)

    @property
    def missing(self) -> int:
        """How many items have not arrived."""
        return self.total - self.made

    @property
    def status(self) -> str:
        """The public status. Source: Trigger.dev, batches."""
        if self.aborted or (self.sealed and self.counts[BROKEN] == self.made):
            return "ABORTED"
        if not self.sealed:
            return "PENDING"
        if self.finished_at is None:
            return "PROCESSING"
        return "PARTIAL_FAILED" if self.counts[BROKEN] else "COMPLETED"


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a batch. ``error`` is why it could not become a run. Instants in ms."""

    index: int
    run: int | None
    task: str
    status: str
    error: str | None
    started_at: int | None
    finished_at: int | None


async def list_page(
    store: Store, env: Environment, *, size: int, after: int | None, before: int | None
) -> tuple[list[Progress], int | None]:
    """A page of batches, newest first, older than ``after`` or newer than ``before``; and the number to go on from.

    Costs an entry for each item of the page's batches. A page is short, with a number to go on from, when
    ``MOST_LOOKED_AT`` batches of all environments were looked at.
    """

    def look(_: Catalog) -> Steps[tuple[list[Progress], int | None]]:
        if before is not None:
            rows = yield fetch("batches_of_env_newer", env.id, before, size, MOST_LOOKED_AT)
            found = [_progress(row) for row in reversed(rows)]
            yield from _count(found)
            return found, found[-1].id if found else None
        start = after if after is not None else _END
        rows = yield fetch("batches_of_env_older", env.id, start, size + 1, MOST_LOOKED_AT)
        found = [_progress(row) for row in rows[:size]]
        yield from _count(found)
        if len(rows) > size:
            return found, found[-1].id
        least, looked = (yield fetch("batches_looked_at", start, MOST_LOOKED_AT))[0]
        return found, least if looked == MOST_LOOKED_AT else None

    return await store.with_catalog(look)


async def retrieve(store: Store, env: Environment, batch_id: int) -> Progress:
    """One batch.

    Raises:
        NotFound: no such batch here.
    """

    def look(_: Catalog) -> Steps[Progress | None]:
        rows = yield fetch("batch", batch_id, env.id)
        if not rows:
            return None
        id_, _, *rest = rows[0]
        found = [_progress((id_, *rest))]
        yield from _count(found)
        return found[0]

    found = await store.with_catalog(look)
    if found is None:
        raise NotFound("Batch not found")
    return found


async def items(store: Store, batch: Progress, *, start: int = 0, limit: int) -> list[Item]:
    """Items of a batch in their order, from an index on."""
    rows = await store.read(one("items_standing", batch.id, start, limit))
    return [_item(row) for row in rows]


async def replay_failed(store: Store, env: Environment, batch_id: int, *, by: str) -> int:
    """Run again what failed of a batch, as a bulk action; answers its number. The new runs are in no batch.

    Raises:
        NotFound: no such batch here. BadRequest: no run of it has failed.
    """
    batch = await retrieve(store, env, batch_id)
    if not batch.failed_runs:
        raise BadRequest("No run of this batch has failed: there is nothing to replay.")
    chosen = Chosen(filter=RunFilter(batch=batch_id, statuses=list(FAILURES)))
    name = f"Failed runs of {ids.public('batch', batch_id)}"
    return await bulk.create(store, env, "replay", chosen, name=name, by=by)


def _count(batches: list[Progress]) -> Steps[None]:
    """Count the items of batches."""
    found = {batch.id: batch for batch in batches}
    if not found:
        return
    for batch, task, how, number in (yield fetch("batch_progress", list(found))):
        found[batch].counts[_status(how)] += number
        found[batch].tasks[task] += number


def _progress(row: Row) -> Progress:
    id_, created_at, _, finished_at, total, made, _, sealed, aborted, parent, key = row
    return Progress(
        id_, created_at, finished_at, total, made, bool(sealed), bool(aborted), parent, key
    )


def _item(row: Row) -> Item:
    index, run, task, error, how, started_at, finished_at = row
    text = msgspec.json.decode(error)[0] if error else None
    return Item(index, run, task, _status(how), text, started_at, finished_at)


def _status(how: int) -> str:
    if how in _OTHERS:
        return _OTHERS[how]
    if how >= _UNFINISHED:
        return statuses.of_live(LiveState(how - _UNFINISHED), 0, 0)
    return statuses.of_final(how)
