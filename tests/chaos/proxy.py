"""A TCP proxy that does what networks do: it passes bytes on, or loses, delays and cuts them.

It stands between workers and servers, where it is the load balancer too, and between servers and PostgreSQL.
It runs in a thread of its own; its attributes may be set from any other.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable

_CHUNK = 65_536
_LOOK_S = 0.005  # how soon a change of the weather is noticed
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends RST


class Proxy:
    """Listens on ``port``; each new connection goes to the next of ``targets`` that takes it.

    Attributes:
        delay_s: How long each piece of data is kept back, in both directions.
        hole: While true nothing passes either way, and nobody is told; afterwards what waited goes on.
        drop_share: Of the pieces that come back, the share that is lost together with its connection.
    """

    def __init__(self, targets: list[int], luck: random.Random | None = None) -> None:
        self.targets = targets
        self.port = 0
        self.delay_s, self.drop_share, self.hole = 0.0, 0.0, False
        self.dropped = self.passed = self.broken = 0
        self._luck = luck or random.Random(0)
        self._turn = 0
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="proxy")

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def cut(self, target: int = 0) -> int:
        """Reset every connection, or those to one target; says how many there were."""
        return self._all(lambda link: link.reset(), target)

    def deafen(self) -> int:
        """Half-open: what goes up on the connections of now arrives, and nothing ever comes back on them."""
        return self._all(lambda link: link.deafen())

    def calm(self) -> None:
        """Fair weather again. What is half-open stays so."""
        self.delay_s, self.drop_share, self.hole = 0.0, 0.0, False

    def _all(self, do: "Callable[[_Link], None]", target: int = 0) -> int:
        async def visit() -> int:
            links = [link for link in self._links if target in (0, link.target)]
            for link in links:
                do(link)
            self.broken += len(links)
            return len(links)

        return asyncio.run_coroutine_threadsafe(visit(), self._loop).result(5)

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=_CHUNK)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = [link.task for link in self._links]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, reader, writer)
        self._links.add(link)
        try:
            await link.run()
        except asyncio.CancelledError:
            pass  # the proxy stops; asyncio would report it as nobody's error
        finally:
            self._links.discard(link)

    async def connect(self) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the next target that takes one.

        Raises:
            OSError: none does.
        """
        error = OSError("no target")
        for _ in range(len(self.targets)):
            self._turn += 1
            target = self.targets[self._turn % len(self.targets)]
            try:
                return target, *await asyncio.open_connection("127.0.0.1", target, limit=_CHUNK)
            except OSError as refused:
                error = refused
        raise error

    async def weather(self) -> None:
        """Wait as long as a piece of data would be on its way."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        while self.hole:
            await asyncio.sleep(_LOOK_S)

    def loses(self) -> bool:
        """Whether the piece that came back now is lost."""
        lost = self.drop_share > 0 and self._luck.random() < self.drop_share
        self.dropped += lost
        self.passed += not lost
        return lost


class _Link:
    """One connection through the proxy."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy, self._reader, self._writers = proxy, reader, [writer]
        self._deaf = False
        self.target = 0
        task = asyncio.current_task()
        assert task is not None, "made in the task that serves it"
        self.task = task

    async def run(self) -> None:
        try:
            await self._proxy.weather()
            self.target, reader, writer = await self._proxy.connect()
            self._writers.append(writer)
            pumps = [
                asyncio.create_task(self._pump(self._reader, writer, self._up)),
                asyncio.create_task(self._pump(reader, self._writers[0], self._down)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            self.reset()
        finally:
            for one in self._writers:
                one.close()
            for one in self._writers:
                with contextlib.suppress(OSError):
                    await one.wait_closed()

    def reset(self) -> None:
        """Both ends see a connection that was reset."""
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            if raw is not None and not writer.is_closing():
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def deafen(self) -> None:
        """From now on nothing comes back on this connection."""
        self._deaf = True

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passes: Callable[[], Awaitable[bool]],
    ) -> None:
        try:
            while (data := await reader.read(_CHUNK)) and await passes():
                writer.write(data)
                await writer.drain()
        except OSError:
            self.reset()

    async def _up(self) -> bool:
        await self._proxy.weather()
        return True

    async def _down(self) -> bool:
        while self._deaf:
            await asyncio.sleep(3600)
        await self._proxy.weather()
        return not self._proxy.loses()
