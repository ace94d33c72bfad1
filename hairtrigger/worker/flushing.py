"""Metadata on its way while a run goes on: once a second what has changed, at the end what is left.

Changes of the own run that are left travel in its result; those of its parent and root are sent before it.
"""

import asyncio
import contextlib

from hairtrigger.errors import HairtriggerError
from hairtrigger.sdk.context import Scope
from hairtrigger.sdk.metadata import flush_scope

INTERVAL_S = 1.0
_LAST_S = 10.0  # for the changes of parent and root, before the run ends without them


class Flusher:
    """Sends the metadata changes of one attempt. Costs nothing for a run that changes none."""

    __slots__ = ("_due", "_loop", "_over", "_scope", "_sending", "_timer")

    def __init__(self, scope: Scope, loop: asyncio.AbstractEventLoop) -> None:
        self._scope, self._loop = scope, loop
        self._due = self._over = False
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """Something has changed. From any thread."""
        if not self._due:
            self._due = True
            with contextlib.suppress(
                RuntimeError
            ):  # the loop is closed: the child is on its way out
                self._loop.call_soon_threadsafe(self._wait)

    @property
    def is_sending(self) -> bool:
        return self._sending is not None and not self._sending.done()

    async def finish(self) -> None:
        """Let what is being sent arrive, and send what only a request can carry."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._sending is not None:
            await self._sending
        if self._scope.relative_ops:
            await self._send()

    def _wait(self) -> None:
        if not self._over:
            self._timer = self._loop.call_later(INTERVAL_S, self._start)

    def _start(self) -> None:
        self._due = False
        self._sending = self._loop.create_task(self._send())

    async def _send(self) -> None:
        try:
            async with asyncio.timeout(_LAST_S):
                await flush_scope(self._scope)
        except (HairtriggerError, TimeoutError) as error:
            self._scope.log("warn", f"Metadata could not be sent: {error}")
