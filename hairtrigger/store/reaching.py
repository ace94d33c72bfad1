"""Whether a PostgreSQL that does not answer is still there.

A network that swallows everything says nothing: a statement on a connection through it would wait until its
time is up, which must be long for large ones. So, when an answer takes long, another connection is tried; and
asked whether the database is at work on ours, or waits for us as we do for it: then the answer was lost.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import asyncpg

from hairtrigger.store import connecting
from hairtrigger.telemetry.events import emit

PATIENCE_S = 4.0  # that a transaction waits for a database that is away
OUTAGE_S = 1.0  # away for longer: nobody could renew a lease meanwhile
LAST_S = 1.0  # that the last try to reach it may take
LOOK_AFTER_S = 2.0  # without an answer, and again after as long
CONNECT_S = 1.5  # that another connection may take
SILENT_S = 1.5  # that the database has waited for us
_WAITS = """
select exists (
  select from pg_stat_activity where pid = $1 and wait_event = 'ClientRead'
  and state_change < clock_timestamp() - make_interval(secs => $2))
"""


def left_s(deadline: float) -> float:
    """Seconds that may pass yet for a try to reach the database."""
    return max(LAST_S, deadline - time.monotonic())


class Absence:
    """Since when the database has been away, if it is."""

    def __init__(self) -> None:
        self.since: float | None = None

    def deadline(self) -> float:
        """Until when to wait for it: whoever comes when it has been away for long waits no more."""
        now = time.monotonic()
        is_gone = self.since is not None and now - self.since > PATIENCE_S
        return now if is_gone else now + PATIENCE_S

    def begin(self) -> None:
        if self.since is None:
            self.since = time.monotonic()
            emit("database.away")

    def end(self) -> bool:
        """It answers; whether it was away for so long that nobody could renew a lease."""
        if self.since is None:
            return False
        away_s = time.monotonic() - self.since
        self.since = None
        emit("database.back", away_ms=round(away_s * 1000))
        return away_s > OUTAGE_S


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
        if await _is_lost(connection, url):
            connection.terminate()
            return
        await asyncio.sleep(LOOK_AFTER_S)


async def _is_lost(connection: Any, url: str) -> bool:
    try:
        other = await connecting.connect_plainly(url, "hairtrigger look", timeout_s=CONNECT_S)
    except (OSError, TimeoutError):
        return True
    except (asyncpg.PostgresError, asyncpg.InterfaceError):  # full, or starting: it says so itself
        return False
    try:
        # behind a pooler the number is nobody's
        pid = connection.get_server_pid()
        return bool(await other.fetchval(_WAITS, pid, SILENT_S, timeout=CONNECT_S))
    except (*connecting.AWAY, asyncpg.PostgresError):
        return False
    finally:
        with contextlib.suppress(*connecting.AWAY, asyncpg.PostgresError):
            await other.close(timeout=CONNECT_S)
