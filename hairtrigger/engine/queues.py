"""Queues: paused and let go on."""

from hairtrigger.errors import NotFound
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store


async def pause(store: Store, env: Environment, name: str, *, paused: bool = True) -> None:
    """Hand out no more runs of a queue, or (``paused=False``) hand them out again. What runs goes on.

    Raises:
        NotFound: the environment has no queue of that name.
    """

    def switch(catalog: Catalog, _: int) -> Steps[None]:
        queue = catalog.queue(env.id, name)
        if queue is None:
            raise NotFound(f"No queue {name!r} in this environment.")
        queue.paused = paused
        yield fetch("pause_queue", queue.id, int(paused))
        yield fetch("pause_lanes", queue.id, int(paused))

    await store.change(switch)
