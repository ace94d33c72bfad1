"""What servers tell each other through PostgreSQL: that runs are ready, or what changed.

A word is a hint to look, never what happened, so that losing one costs a second and nothing else. NOTIFY
makes commits wait for each other, so what is to be told is gathered: at most one word every few
milliseconds from a server.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import asyncpg
import msgspec

from hairtrigger.store.membership import Membership
from hairtrigger.telemetry.events import emit

CHANNEL = "hairtrigger"
GATHER_S = 0.002
MAX_BYTES = 7_900  # of 8,000 that NOTIFY takes
EVERYTHING = {"all": True}
_RETRY_S = 1.0
_ANSWER_S = 2.0
_encode = msgspec.json.Encoder().encode


class Listener:
    """A connection that listens, and tells. ``hears`` while it does."""

    def __init__(
        self, url: str, membership: Membership, on_told: Callable[[dict[str, Any]], None]
    ) -> None:
        self._url, self._membership, self._on_told = url, membership, on_told
        self._connection: asyncpg.Connection | None = None
        self._words: dict[str, Any] = {}
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.hears = False

    async def open(self) -> None:
        """Connect, say hello to the others, and go on listening."""
        await self._listen()
        await self._notify({"hello": self._membership.node})
        self._tasks = [asyncio.create_task(self._stay()), asyncio.create_task(self._send())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._connection.close(timeout=1)

    async def tell(self, facts: dict[str, Any]) -> None:
        """Tell the others soon: lists are joined with what is to be told already."""
        for name, fact in facts.items():
            if isinstance(fact, list):
                self._words.setdefault(name, []).extend(fact)
            else:
                self._words[name] = fact
        self._wake.set()

    async def check(self) -> None:
        """End a connection that does not answer: a network may swallow what is told, and nobody notices."""
        connection = self._connection
        if connection is not None and self.hears:
            try:
                await connection.execute("select 1", timeout=_ANSWER_S)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=5, command_timeout=5, statement_cache_size=0,
            server_settings={"application_name": "hairtrigger listener", "tcp_keepalives_idle": "5"},
        )  # fmt: skip
        self._lost.clear()
        connection.add_termination_listener(lambda _: self._lost.set())
        await connection.add_listener(CHANNEL, self._heard)
        self._connection, self.hears = connection, True

    def _heard(self, _connection: Any, _pid: int, _channel: str, text: Any) -> None:
        facts = msgspec.json.decode(text)
        if facts.pop("from", None) != self._membership.node:
            if "hello" in facts:
                self._membership.others = max(self._membership.others, 1)
            self._on_told(facts)

    async def _stay(self) -> None:
        """Connect again whenever the connection is lost; what was told meanwhile may be anything."""
        while True:
            await self._lost.wait()
            self.hears = False
            emit("listener.lost")
            while not self.hears:
                try:
                    await self._listen()
                except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await asyncio.sleep(_RETRY_S)
            self._on_told(dict(EVERYTHING))

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            self._wake.clear()
            words, self._words = self._words, {}
            with contextlib.suppress(
                OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError
            ):
                await self._notify(words)

    async def _notify(self, words: dict[str, Any]) -> None:
        text = _encode({"from": self._membership.node, **words})
        if len(text) > MAX_BYTES:
            text = _encode({"from": self._membership.node, **EVERYTHING})
        if self._connection is not None and self.hears:
            await self._connection.execute("select pg_notify($1, $2)", CHANNEL, text.decode())
