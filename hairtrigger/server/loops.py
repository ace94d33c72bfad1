"""The clockwork: calls each upkeep verb, sleeps as long as it is told, and goes on whatever happens.

The only ``while True`` of the server. A verb that fails is told, and tried again after a while.
"""

import asyncio
from collections.abc import Awaitable, Callable

from hairtrigger.engine import bulk, latency, schedules, stats, upkeep
from hairtrigger.engine.alerting import Vault
from hairtrigger.server import sending
from hairtrigger.server.keyring import Keyring
from hairtrigger.server.settings import Settings
from hairtrigger.store import watch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit

Verb = Callable[[], Awaitable[int]]  # answers in how many ms it is worth calling again
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 100, 5_000


async def run(store: Store, settings: Settings, vault: Vault, keyring: Keyring) -> None:
    """Run every upkeep verb until cancelled."""
    clock = upkeep.Clock(store)
    verbs: dict[str, Verb] = {
        "promote_due": lambda: upkeep.promote_due(store),
        "expire": lambda: upkeep.expire(store),
        "rescue_lost": lambda: upkeep.rescue_lost(store, clock, lease_ms=settings.lease_ms),
        "fire_due": lambda: schedules.fire_due(store),
        "abort_batches": lambda: upkeep.abort_batches(store),
        "keep": lambda: upkeep.keep(store),
        "look": lambda: upkeep.look(store),
        "roll_up": lambda: stats.roll_up(store),
        "note_uses": keyring.note_uses,
        "bulk": lambda: bulk.work(store),
        "watch_queues": lambda: latency.watch_queues(store),
        "send_alerts": lambda: sending.deliver(store, vault, settings),
        "prune": lambda: upkeep.prune(store, retention_ms=settings.retention_ms),
    }
    async with asyncio.TaskGroup() as group:
        for name, verb in verbs.items():
            watched = store.watch if name == "promote_due" else None
            group.create_task(repeat(name, verb, watched), name=name)


async def repeat(name: str, verb: Verb, watched: watch.Watch | None = None) -> None:
    """Call one verb again and again, forever; when ``watched`` says so, sooner than it asked for."""
    pause_ms = FIRST_PAUSE_MS
    while True:
        due = None if watched is None else watched.listen(watch.DUE)
        try:
            wait_ms = await verb()
            pause_ms = FIRST_PAUSE_MS
        except Exception as error:  # noqa: BLE001 (upkeep must outlive every error, or runs would stall)
            emit("tick.failed", loop=name, error=f"{type(error).__name__}: {error}")
            wait_ms, pause_ms = pause_ms, min(pause_ms * 2, LONGEST_PAUSE_MS)
        pause_s = max(wait_ms, 0) / 1_000
        if watched is None or due is None or watched.is_closed:  # which wakes everybody, always
            await asyncio.sleep(pause_s)
        else:
            await asyncio.wait([due], timeout=pause_s)
            watched.forget(watch.DUE, due)
