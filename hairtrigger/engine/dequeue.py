"""Dequeue: ready runs to a worker session that has room for them."""

import asyncio
from dataclasses import replace

from hairtrigger.errors import UnknownWorker
from hairtrigger.rules.project import Environment
from hairtrigger.store import store as stores
from hairtrigger.store.claim import Demand, decode_queues
from hairtrigger.store.store import Store
from hairtrigger.wire import ids
from hairtrigger.wire.worker import Fetch, RunInfo

MAX_WANT = 2_000


class Sessions:
    """What the server remembers of worker sessions, so that a fetch needs no look-up. A cache only."""

    def __init__(self) -> None:
        self._known: dict[str, Demand] = {}

    def learn(self, public_id: str, demand: Demand) -> None:
        self._known[public_id] = demand

    def forget(self, public_id: str) -> None:
        self._known.pop(public_id, None)

    async def demand(self, store: Store, env: Environment, public_id: str, want: int) -> Demand:
        """A demand of that session.

        Raises:
            UnknownWorker: there is no such session in this environment (any more).
        """
        known = self._known.get(public_id)
        if known is None:
            known = self._known[public_id] = await _look_up(store, public_id)
        if known.env != env.id:
            raise UnknownWorker("No such worker session in this environment. Register again.")
        return replace(known, want=min(max(want, 0), MAX_WANT))


async def _look_up(store: Store, public_id: str) -> Demand:
    number = ids.parse("worker", public_id)
    rows = [] if number is None else await store.read(stores.one("worker", number), quick=True)
    if not rows:
        raise UnknownWorker("This worker session has ended. Register again.")
    row = rows[0]
    return Demand(row[1], row[0], row[2], 0, decode_queues(row[5]))


async def fetch(
    store: Store, known: Sessions, env: Environment, body: Fetch, *, wait_s: float,
    stop: asyncio.Future[None],
) -> list[RunInfo]:  # fmt: skip
    """Ready runs, at most ``body.want``; waits up to ``wait_s`` seconds for the first one.

    Raises:
        UnknownWorker: the session has ended.
    """
    demand = await known.demand(store, env, body.worker, body.want)
    if demand.want == 0:
        return []
    try:
        return await store.claim(demand, wait_s, stop)
    except UnknownWorker:
        known.forget(body.worker)
        raise
