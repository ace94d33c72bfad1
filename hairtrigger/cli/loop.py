"""The event loop of the commands that keep running: ``dev``, ``server`` and ``worker``."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """What a coroutine gives, on uvloop where there is one. It is made on the loop."""
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:  # Windows
        factory = None

    async def made() -> int:
        return await main()

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(made())
