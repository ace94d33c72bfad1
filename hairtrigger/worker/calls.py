"""One call of the worker protocol: bytes out, bytes back, or the error that says what to do next."""

import asyncio
import contextlib
import random

import aiohttp
import msgspec

from hairtrigger.errors import ApiError, ConnectionFailed, from_status
from hairtrigger.telemetry.events import emit
from hairtrigger.wire.worker import HEADER, PREFIX, PROTOCOL

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 2.0
_CONNECT_TIMEOUT_S = 5.0
_KEEP_S = 4.0  # idle connections: less than servers keep them, or a call meets a closing one


class NotSent(ConnectionFailed):
    """No connection at all: the server cannot have seen the call."""


class Refused(Exception):
    """An answer of the server that says no. ``wait_s`` is how long it asks to be left alone."""

    def __init__(self, error: ApiError, wait_s: float | None) -> None:
        super().__init__(str(error))
        self.error, self.wait_s = error, wait_s

    @property
    def passes(self) -> bool:
        """Whether the same call may succeed later."""
        return self.error.status in (408, 429) or self.error.status >= 500


class _ErrorBody(msgspec.Struct):
    error: str = ""
    code: str | None = None


_error_body = msgspec.json.Decoder(_ErrorBody)


class Calls:
    """The connections of one worker to its server, and how long to wait after failures."""

    def __init__(self, url: str, key: str, branch: str | None = None) -> None:
        self._base = url.rstrip("/") + PREFIX
        self._session = aiohttp.ClientSession(
            headers={
                "authorization": f"Bearer {key}",
                "content-type": "application/json",
                HEADER: str(PROTOCOL),
                **({"x-trigger-branch": branch} if branch else {}),
            },
            connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_S),
        )
        self._failures = 0
        self._answered = asyncio.Event()
        self.connected = False
        self._lost = False

    async def once(self, call: str, body: bytes, *, timeout_s: float) -> bytes:
        """Make one call.

        Raises:
            NotSent: the server was not reached.
            ConnectionFailed: it may have been, but no answer came.
            Refused: it said no.
        """
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECT_TIMEOUT_S)
        try:
            async with self._session.post(self._base + call, data=body, timeout=timeout) as answer:
                data = await answer.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise self._failed(NotSent(self._base, str(error))) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise self._failed(ConnectionFailed(self._base, reason)) from None
        if answer.status == 200:
            self._succeeded()
            return data
        raise _refusal(answer.status, data, answer.headers.get("retry-after"))

    async def wait(self, at_least_s: float | None = None) -> None:
        """Wait before the next try: longer after each failure, shorter when another call gets through."""
        self._failures += at_least_s is not None  # an answer counts as a failure here, not above
        longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures, 10))
        wait_s = random.uniform(longest / 2, longest)  # noqa: S311 (jitter)
        if at_least_s is not None:
            await asyncio.sleep(max(wait_s, at_least_s))
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), wait_s)

    async def close(self) -> None:
        await self._session.close()

    def _succeeded(self) -> None:
        self._failures = 0
        self._answered.set()
        self.connected = True
        if self._lost:
            self._lost = False
            emit("worker.reconnected", url=self._base)

    def _failed(self, error: ConnectionFailed) -> ConnectionFailed:
        self._failures += 1
        self._answered.clear()
        self.connected = False
        if not self._lost:
            self._lost = True
            emit("worker.disconnected", url=self._base, reason=error.reason)
        return error


def _refusal(status: int, data: bytes, retry_after: str | None) -> Refused:
    try:
        body = _error_body.decode(data)
    except msgspec.DecodeError:
        body = _ErrorBody(data[:200].decode(errors="replace"))
    wait_s = float(retry_after) if retry_after and retry_after.isdecimal() else None
    return Refused(from_status(status, body.error or f"HTTP {status}", body.code), wait_s)


async def unless_cancelled(call: "asyncio.Task[bytes | None]") -> bytes | None:
    """The result of a call, or None when only the call was cancelled."""
    try:
        return await call
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            call.cancel()
            raise
        return None
