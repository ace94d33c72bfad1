"""A collector of telemetry that costs next to nothing: it reads what is posted, and answers 200 to all of it.

A program of `telemetry.py`: `python -m benchmarks.collector PORT`.
"""

import asyncio
import re
import sys

_ROOM = 1 << 20
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class _Conversation(asyncio.BufferedProtocol):
    """One connection: heads are read for the length of what follows, which is thrown away."""

    def __init__(self) -> None:
        self._buffer, self._head, self._left = bytearray(_ROOM), b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._left > nbytes:  # in the middle of a body, as nearly always
            self._left -= nbytes
            return
        given = bytes(self._buffer[:nbytes])
        while given:
            if self._left:
                taken = min(self._left, len(given))
                self._left, given = self._left - taken, given[taken:]
            else:
                head, end, given = (self._head + given).partition(b"\r\n\r\n")
                self._head = b"" if end else head
                if not end:
                    return
                found = _LENGTH.search(head)
                self._left = int(found[1]) if found else 0
            if not self._left:
                self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Conversation, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
