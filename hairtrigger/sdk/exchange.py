"""One request, one answer: asynchronously through aiohttp, blocking through urllib3.

Both are imported on first use. No retries and no decisions here: ``api`` has those.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from hairtrigger.sdk.api import Answer

if TYPE_CHECKING:
    import aiohttp
    import urllib3

CONNECT_S, ANSWER_S = 10.0, 60.0
CONNECTIONS = 100
LARGE_BYTES = 1_048_576


class Failure(Exception):
    """The request got no answer; the cause says why."""


class AsyncExchange:
    """The connections of one event loop. They are closed with it."""

    __slots__ = ("_life", "_session")

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._life: AsyncGenerator[aiohttp.ClientSession, None] | None = None

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, held_s: float
    ) -> Answer:
        """The answer to one request.

        Raises:
            Failure: when there is none.
        """
        import aiohttp
        from yarl import URL

        if self._session is None:
            self._life = _session()
            # asyncio.run closes the async generators of its loop, and with it our connections
            self._session = await anext(self._life)
        timeout = aiohttp.ClientTimeout(total=ANSWER_S + held_s, sock_connect=CONNECT_S)
        # aiohttp sends a large text in one go, which would keep the loop busy; a file goes in pieces
        data = BytesIO(body) if body and len(body) > LARGE_BYTES else body
        try:
            async with self._session.request(
                method, URL(url, encoded=True), headers=headers, data=data, timeout=timeout
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Failure(str(error)) from error
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, names, content)

    async def close(self) -> None:
        """Close the connections."""
        life, self._life, self._session = self._life, None, None
        if life is not None:
            await life.aclose()


async def _session() -> "AsyncGenerator[aiohttp.ClientSession, None]":
    import aiohttp

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
    ) as session:
        yield session


class BlockingExchange:
    """The connections of one process, for all of its threads."""

    __slots__ = ("_pid", "_pool")

    def __init__(self) -> None:
        self._pool: urllib3.PoolManager | None = None
        self._pid = 0

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, held_s: float
    ) -> Answer:
        """The answer to one request.

        Raises:
            Failure: when there is none.
        """
        import urllib3

        if self._pool is None or self._pid != os.getpid():  # a forked child must not share sockets
            self._pool, self._pid = (
                urllib3.PoolManager(maxsize=CONNECTIONS, retries=False),
                os.getpid(),
            )
        timeout = urllib3.Timeout(connect=CONNECT_S, read=ANSWER_S + held_s)
        try:
            answer = self._pool.request(method, url, headers=headers, body=body, timeout=timeout)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Failure(str(error)) from error
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, names, answer.data)

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.clear()
            self._pool = None


async def sleep(seconds: float) -> None:
    """Wait."""
    await asyncio.sleep(seconds)


def sleep_blocking(seconds: float) -> None:
    """Wait, blocking."""
    time.sleep(seconds)


def loop_is_running() -> bool:
    """Whether the calling code runs on an event loop, which a blocking call would stop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
