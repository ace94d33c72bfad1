"""What an environment is doing at this moment, in a handful of numbers."""

from collections import defaultdict
from dataclasses import dataclass, field

from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store

MOST_READY, MOST_LATER = 100_000, 20_000
"""Up to which number ready and later runs are counted; a number that reaches it is "at least"."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Runs that are not over, by what they do; ``queued`` is the sum of ``by_queue`` (ids of queues).

    ``retrying`` are between two attempts, ``held`` wait for code. ``slots`` are those of the ``workers``
    whose lease is not over.
    """

    running: int = 0
    queued: int = 0
    delayed: int = 0
    retrying: int = 0
    waiting: int = 0
    held: int = 0
    workers: int = 0
    slots: int = 0
    by_queue: dict[int, int] = field(default_factory=dict)

    @property
    def unfinished(self) -> int:
        """All of them."""
        return self.running + self.queued + self.delayed + self.retrying + self.waiting + self.held


async def now(store: Store, env: int) -> Numbers:
    """The numbers of one environment. Costs an entry of an index for each run that executes or waits, up to
    the bounds above."""
    return await store.with_catalog(lambda catalog: _count(catalog, env, store.now()))


def _count(catalog: Catalog, env: int, now: int) -> Steps[Numbers]:
    rows = yield fetch("count_live", env, now)
    counts: dict[str, int] = {name: int(number) for name, number in rows}
    ready: dict[int, int] = defaultdict(int)
    queues = [queue.id for queue in catalog.queues_of(env)]
    for queue, number in (yield fetch("count_ready", queues, env)):
        if number:
            ready[queue] += int(number)
    return Numbers(**counts, queued=sum(ready.values()), by_queue=dict(ready))
