"""What is read of the database for metrics: at most once a second, however many ask."""

import asyncio
import time

from hairtrigger.engine import metrics as engine
from hairtrigger.engine.metrics import Picture
from hairtrigger.rules.stats import DAY_MS, floor, merged
from hairtrigger.store.store import Store

FRESH_S = 1.0
BASE_S = 3_600.0  # between two looks at all days there ever were
RECENT_DAYS = (
    7  # of creation, that are read anew each time; what was created before is an hour late
)


class Scrapes:
    """The latest picture of one store, and what finished before the days that are in it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looking = asyncio.Lock()
        self._picture: Picture | None = None
        self._looked_at = self._based_at = float("-inf")
        self._base: engine.Finished = {}
        self._since = 0

    async def picture(self) -> Picture:
        """Everything as it stands, at most a second old. Its ``finished`` are all there ever were, so they never
        become fewer.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._looking:
            now = time.monotonic()
            if self._picture is None or now - self._looked_at >= FRESH_S:
                if now - self._based_at >= BASE_S:
                    since = floor(self._store.now(), DAY_MS) - RECENT_DAYS * DAY_MS
                    self._base = await engine.finished_before(self._store, since)
                    self._since, self._based_at = since, now
                picture = await engine.look(self._store, since=self._since)
                for key, stat in self._base.items():
                    known = picture.finished.get(key)
                    picture.finished[key] = stat if known is None else merged((stat, known))
                self._picture, self._looked_at = picture, now
            return self._picture
