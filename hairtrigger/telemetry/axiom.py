"""Events to Axiom: gathered, sent in batches beside everything else, and never waited for.

With ``AXIOM_TOKEN`` and ``AXIOM_DATASET`` in its environment a worker sends; ``AXIOM_URL`` is another edge than the
public one. What cannot be sent is tried again with longer and longer waits while the buffer holds it; what comes
beyond the buffer is dropped, counted and told. Source: Axiom's ingest API, ``POST /v1/datasets/{dataset}/ingest``.
"""

import asyncio
import contextlib
import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from random import random
from urllib.parse import quote

import aiohttp

from hairtrigger.telemetry.dropping import Dropped
from hairtrigger.telemetry.events import emit

URL = "https://api.axiom.co"
MOST_EVENTS, MOST_SIZE = 50_000, 32_000_000  # characters, of the buffer, with what is under way
BATCH_EVENTS, BATCH_SIZE = 8_000, 2_000_000  # 100,000 events/s where an answer takes 80 ms
GATHER_S = 0.25  # that an event waits for others
TIMEOUT_S = 15.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
_AGAIN = frozenset({408, 429})  # and every 5xx
# of gzip: 0.3 µs an event for a tenth of the bytes; a higher level costs more than it saves
_LEVEL, _GZIP = 1, 31


class _Batch:
    """Events of one request, compressed as they come: what waits is small, and was in the cache when it was written."""

    def __init__(self) -> None:
        self.events = self.size = 0  # characters
        self._packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
        self._parts: list[bytes] = []

    def add(self, events: Sequence[str], size: int) -> None:
        """Put events in, of so many characters."""
        text = f"{',' if self.events else '['}{','.join(events)}"
        self._parts.append(self._packer.compress(text.encode(errors="replace")))
        self.events += len(events)
        self.size += size

    def has_room(self, events: int, size: int) -> bool:
        """Whether so much more may go with it."""
        return self.events + events <= BATCH_EVENTS and self.size + size <= BATCH_SIZE

    def packed(self) -> bytes:
        """The array of them; nothing can be put in any more."""
        return b"".join((*self._parts, self._packer.compress(b"]"), self._packer.flush()))


class Axiom:
    """A buffer before one dataset. Made and used on one event loop."""

    def __init__(self, token: str, dataset: str, url: str = URL) -> None:
        self._url = f"{url.rstrip('/')}/v1/datasets/{quote(dataset, safe='')}/ingest"
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        self._waiting: deque[_Batch] = deque()  # the last one is open
        self._events = self._size = 0  # waiting or under way
        self.dropped = Dropped("Axiom")
        self._away = self._closing = False
        self._some, self._stop = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._work(), name="axiom")

    def send(self, events: Sequence[str]) -> None:
        """Take events, each a JSON object; at once, whatever Axiom does."""
        size = sum(map(len, events))
        if self._events + len(events) > MOST_EVENTS or self._size + size > MOST_SIZE:
            events = self._fitting(events)
            size = sum(map(len, events))
        if events:
            self._put(events, size)
            self._events += len(events)
            self._size += size
            self._some.set()

    def _put(self, events: Sequence[str], size: int) -> None:
        """Put events into the open batch, or a new one; what is too much for any is divided."""
        if len(events) > 1 and (len(events) > BATCH_EVENTS or size > BATCH_SIZE):
            middle = len(events) // 2
            for part in (events[:middle], events[middle:]):
                self._put(part, sum(map(len, part)))
            return
        batch = self._waiting[-1] if self._waiting else None
        if batch is None or not batch.has_room(len(events), size):
            batch = _Batch()
            self._waiting.append(batch)
        batch.add(events, size)

    def _fitting(self, events: Sequence[str]) -> list[str]:
        """Those for which there is room, first things first; the others are dropped."""
        found: list[str] = []
        room, left = MOST_EVENTS - self._events, MOST_SIZE - self._size
        for event in events:
            if len(found) < room and len(event) <= left:
                found.append(event)
                left -= len(event)
        self.dropped.add(len(events) - len(found), "the buffer is full")
        return found

    async def close(self, *, patience_s: float) -> None:
        """Send what is there, as far as that can be done in so many seconds."""
        self._closing = True
        self._some.set()
        self._stop.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._task), patience_s)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._events:
            self.dropped.add(self._events, "the worker stopped")
            self._waiting.clear()
            self._events = self._size = 0
        self.dropped.tell("the worker stopped", now=True)

    async def _work(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
            while True:
                await self._some.wait()
                if not self._waiting and self._closing:
                    return
                if len(self._waiting) < 2:
                    await self._rest(GATHER_S)
                await self._deliver(session, self._waiting.popleft())
                if not self._waiting and not self._closing:
                    self._some.clear()

    async def _deliver(self, session: aiohttp.ClientSession, batch: _Batch) -> None:
        """Send a batch, which stays in the buffer's count until it has arrived."""
        body, pause_s = batch.packed(), FIRST_PAUSE_S
        while True:
            wait_s, why = await self._post(session, body)
            if wait_s is None:
                self._over(batch, why)
                self._away = False
                return
            if not self._away:
                self._away = True
                emit("telemetry.away", to="Axiom", reason=why)
            await self._rest(max(wait_s, pause_s * (0.5 + random() / 2)))  # noqa: S311 (no secret)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> tuple[float | None, str]:
        """None when it is over, with what is wrong if it was refused; else seconds to wait at least, and why."""
        try:
            async with session.post(self._url, data=body) as answer:
                if answer.status < 300:
                    return None, ""
                said = (await answer.text())[:200]
                if answer.status in _AGAIN or answer.status >= 500:
                    return _retry_after(
                        answer.headers.get("retry-after")
                    ), f"{answer.status} {said}"
                return None, f"Axiom refused them: {answer.status} {said}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return 0.0, f"{type(error).__name__}: {error}"

    def _over(self, batch: _Batch, why: str) -> None:
        """A batch is done with: it has arrived, or it never will and this is why."""
        self._events -= batch.events
        self._size -= batch.size
        if why:
            self.dropped.add(batch.events, why)

    async def _rest(self, seconds: float) -> None:
        """Wait, but no longer than until the worker stops; while it stops, not for others to come."""
        if self._closing:
            await asyncio.sleep(min(seconds, FIRST_PAUSE_S) if self._away else 0)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # Python 3.11's wait_for may swallow a cancel
                await self._stop.wait()


def from_environment(environ: Mapping[str, str]) -> Axiom | None:
    """Where an environment says to send to; None when it says nothing."""
    token, dataset = environ.get("AXIOM_TOKEN", ""), environ.get("AXIOM_DATASET", "")
    if not token or not dataset:
        return None
    return Axiom(token, dataset, environ.get("AXIOM_URL") or URL)


def _retry_after(text: str | None) -> float:
    """Seconds that an answer asks to wait; a date or nonsense is none."""
    try:
        return min(max(float(text or 0), 0.0), LONGEST_PAUSE_S)
    except ValueError:
        return 0.0
