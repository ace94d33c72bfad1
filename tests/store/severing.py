"""A wire between a store and its PostgreSQL that breaks where it is told to: around COMMIT, or as a whole."""

import asyncio
import contextlib
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

COMMIT = b"Q\x00\x00\x00\x0bcommit\x00"  # as the protocol sends it
Side = Literal["before", "after"]


class Wire:
    """Listens on a port of its own and passes on what comes, in both directions.

    Attributes:
        cut: Where each connection that comes to a COMMIT is broken, while ``cuts`` are left: before the
            database gets it, or after, when its answer is on the way.
        is_down: New connections are refused, and those of now are broken.
        is_hole: Nothing passes, and nobody is told.
    """

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self.port = 0
        self.cut: Side = "before"
        self.cuts = self.skipped = self.commits = 0
        self.is_hole = False
        self._server: asyncio.Server | None = None
        self._links: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}

    @property
    def url(self) -> str:
        """Where a store is to connect."""
        place = f"{self._to.username}@127.0.0.1:{self.port}"
        return urlunsplit(self._to._replace(netloc=place))

    async def __aenter__(self) -> "Wire":
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    async def up(self) -> None:
        """Take connections (again)."""
        self._server = await asyncio.start_server(self._link, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections, and break those of now."""
        assert self._server is not None
        self._server.close()
        for task in list(self._links):
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        await self._server.wait_closed()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links[task] = [writer]
        try:
            far, out = await asyncio.open_connection(self._to.hostname, self._to.port)
            self._links[task].append(out)
            back = asyncio.create_task(self._pass_back(far, writer))
            try:
                await self._pass_on(reader, out)
            finally:
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in self._links.pop(task):
                one.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            while self.is_hole:
                await asyncio.sleep(0.005)
            is_cut = COMMIT in data and self._is_due()
            if is_cut and self.cut == "before":
                return
            out.write(data)
            await out.drain()
            if is_cut:
                # PostgreSQL ends what it has read, whether or not somebody is still there
                with contextlib.suppress(OSError):
                    out.write_eof()
                return

    async def _pass_back(self, far: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await far.read(65_536):
                while self.is_hole:
                    await asyncio.sleep(0.005)
                writer.write(data)
                await writer.drain()
            writer.close()

    def _is_due(self) -> bool:
        self.commits += 1
        if self.skipped:
            self.skipped -= 1
            return False
        if not self.cuts:
            return False
        self.cuts -= 1
        return True
