"""Events to Axiom: gathered, sent in batches beside everything else, and never waited for.

With ``AXIOM_TOKEN`` and ``AXIOM_DATASET`` in its environment a worker sends; ``AXIOM_URL`` is another edge than the
public one. What cannot be sent is tried again with longer and longer waits while the buffer holds it; what comes
beyond the buffer is dropped, counted and told. An event is only put aside when it is sent: it is written with others,
when there is somebody to send it to. Source: Axiom's ingest API, ``POST /v1/datasets/{dataset}/ingest``.
"""

import asyncio
import contextlib
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from random import random
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from hairtrigger.telemetry.events import emit

URL = "https://api.axiom.co"
MOST_EVENTS, MOST_BYTES = 50_000, 32_000_000  # of the buffer, with what is under way
BATCH_EVENTS, BATCH_BYTES = 2_000, 2_000_000  # 40,000 events/s where an answer takes 50 ms
GATHER_S = 0.25  # that an event waits for others
TIMEOUT_S = 15.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
TELL_S = 10.0  # between two words on what was dropped
_AGAIN = frozenset({408, 429})  # and every 5xx
# of gzip: 0.4 µs an event on a thread, for a tenth of the bytes; a higher level costs more than it saves
_LEVEL, _GZIP = 1, 31
_encode = msgspec.json.Encoder().encode

Write = Callable[[list[Any]], bytes]  # events to a JSON array of them


class Axiom:
    """A buffer before one dataset. Made and used on one event loop.

    Args:
        write: What makes JSON of a batch; events of mappings need none.
    """

    def __init__(self, token: str, dataset: str, url: str = URL, *, write: Write = _encode) -> None:
        self._url = f"{url.rstrip('/')}/v1/datasets/{quote(dataset, safe='')}/ingest"
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        self._write = write
        self._waiting: deque[tuple[Any, int]] = deque()
        self._events = self._bytes = 0  # waiting or under way
        self.dropped = 0
        self._untold, self._told_at = 0, float("-inf")
        self._away = self._closing = False
        self._some, self._stop = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._work(), name="axiom")

    def send(self, event: Any, size: int) -> None:
        """Take one event of about so many bytes; at once, whatever Axiom does."""
        if self._events >= MOST_EVENTS or self._bytes + size > MOST_BYTES:
            self._drop(1, "the buffer is full")
            return
        self._waiting.append((event, size))
        self._events += 1
        self._bytes += size
        self._some.set()

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
            self._drop(self._events, "the worker stopped")
            self._waiting.clear()
            self._events = self._bytes = 0
        self._tell_dropped("the worker stopped", now=True)

    async def _work(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
            while True:
                await self._some.wait()
                if not self._waiting and self._closing:
                    return
                if len(self._waiting) < BATCH_EVENTS:
                    await self._rest(GATHER_S)
                await self._deliver(session, *self._batch())
                if not self._waiting and not self._closing:
                    self._some.clear()

    def _batch(self) -> tuple[list[Any], int]:
        """What is sent next, and its bytes. It stays in the buffer's count until it has arrived."""
        batch: list[Any] = []
        waiting, size = self._waiting, 0
        while waiting and len(batch) < BATCH_EVENTS:
            if batch and size + waiting[0][1] > BATCH_BYTES:
                break
            event, of_one = waiting.popleft()
            batch.append(event)
            size += of_one
        return batch, size

    async def _deliver(self, session: aiohttp.ClientSession, batch: list[Any], size: int) -> None:
        count, pause_s = len(batch), FIRST_PAUSE_S
        try:
            body = await asyncio.to_thread(_packed, self._write(batch))  # zlib lets others run
        except Exception as error:  # noqa: BLE001 (what one event holds must not silence all others)
            self._over(count, size, f"they cannot be written: {type(error).__name__}: {error}")
            return
        while True:
            wait_s, why = await self._post(session, body)
            if wait_s is None:
                self._over(count, size, why)
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

    def _over(self, count: int, size: int, why: str) -> None:
        """A batch is done with: it has arrived, or it never will and this is why."""
        self._events -= count
        self._bytes -= size
        if why:
            self._drop(count, why)

    async def _rest(self, seconds: float) -> None:
        """Wait, but no longer than until the worker stops; while it stops, not for others to come."""
        if self._closing:
            await asyncio.sleep(min(seconds, FIRST_PAUSE_S) if self._away else 0)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # Python 3.11's wait_for may swallow a cancel
                await self._stop.wait()

    def _drop(self, count: int, why: str) -> None:
        self.dropped += count
        self._untold += count
        self._tell_dropped(why)

    def _tell_dropped(self, why: str, *, now: bool = False) -> None:
        if self._untold and (now or time.monotonic() - self._told_at >= TELL_S):
            emit("telemetry.dropped", to="Axiom", count=self._untold, reason=why)
            self._untold, self._told_at = 0, time.monotonic()


def from_environment(environ: Mapping[str, str], *, write: Write = _encode) -> Axiom | None:
    """Where an environment says to send to; None when it says nothing."""
    token, dataset = environ.get("AXIOM_TOKEN", ""), environ.get("AXIOM_DATASET", "")
    if not token or not dataset:
        return None
    return Axiom(token, dataset, environ.get("AXIOM_URL") or URL, write=write)


def _packed(body: bytes) -> bytes:
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
    return packer.compress(body) + packer.flush()


def _retry_after(text: str | None) -> float:
    """Seconds that an answer asks to wait; a date or nonsense is none."""
    try:
        return min(max(float(text or 0), 0.0), LONGEST_PAUSE_S)
    except ValueError:
        return 0.0
