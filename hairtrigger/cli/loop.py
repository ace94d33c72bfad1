"""The event loop of the commands that keep running: ``dev``, ``server`` and ``worker``."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

# A server makes thousands of objects a tick and next to no circles: with Python's own thresholds it spends a
# tenth of its time looking for them (measured: 5 of 49 us a run).
_THRESHOLDS = (50_000, 20, 100)


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """What a coroutine gives, on uvloop where there is one. It is made on the loop."""
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:  # Windows
        factory = None

    gc.set_threshold(*_THRESHOLDS)

    async def made() -> int:
        return await main()

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(made())
