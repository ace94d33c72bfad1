"""Whether a PostgreSQL that does not answer is still there.

A network that swallows everything says nothing: a statement on a connection through it would wait until its
time is up, which must be long for large ones. So, when an answer takes long, another connection is tried.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import asyncpg

from hairtrigger.store import connecting

LOOK_AFTER_S = 2.0  # without an answer, and again after as long
CONNECT_S = 1.5  # that another connection may take


@contextlib.contextmanager
def watched(connection: Any, url: str) -> Iterator[None]:
    """While this lasts, end the connection when the database cannot be reached by another one either:
    whoever waits for an answer gets an error of ``connecting.AWAY``."""
    looking: list[asyncio.Task[None]] = []

    def look() -> None:
        looking.append(asyncio.create_task(_look(connection, url), name="reaching"))

    timer = asyncio.get_running_loop().call_later(LOOK_AFTER_S, look)
    try:
        yield
    finally:
        timer.cancel()
        for task in looking:
            task.cancel()


async def _look(connection: Any, url: str) -> None:
    while True:
        if not await _is_there(url):
            connection.terminate()
            return
        await asyncio.sleep(LOOK_AFTER_S)


async def _is_there(url: str) -> bool:
    try:
        other = await connecting.connect_plainly(url, "hairtrigger look", timeout_s=CONNECT_S)
    except (OSError, TimeoutError):
        return False
    except (asyncpg.PostgresError, asyncpg.InterfaceError):  # full, or starting: it says so itself
        return True
    with contextlib.suppress(*connecting.AWAY, asyncpg.PostgresError):
        await other.close(timeout=CONNECT_S)
    return True
