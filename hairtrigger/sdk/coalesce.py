"""Concurrent ``trigger()`` calls of one event loop travel together.

Self-clocked: what gathers while requests are in flight goes with the next one, so a lone call waits for
nothing and a thousand concurrent ones need a few requests. Measured on two cores: 8 us of client CPU per
call with 64 callers at once, against 110 us and more for a request of its own each.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec import UNSET

from hairtrigger.wire.options import CoalescedTrigger, Triggered

MAX_ITEMS = 500  # of one request
MAX_BYTES = 2_000_000  # of payloads in one request; the server takes 3 MiB
IN_FLIGHT = 2  # while one is with the server, the next one is written and read

Post = Callable[[Sequence[CoalescedTrigger]], Awaitable[list[Triggered]]]
_Waiting = tuple[CoalescedTrigger, asyncio.Future[Triggered]]


class Coalescer:
    """Sends the triggers of one client and one loop through ``post``, several at a time."""

    __slots__ = ("_loop", "_post", "_senders", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, post: Post) -> None:
        self._loop, self._post = loop, post
        self._waiting: list[_Waiting] = []
        self._senders: set[asyncio.Task[None]] = set()

    def submit(self, item: CoalescedTrigger) -> asyncio.Future[Triggered]:
        """The answer to come. The request leaves in the next turn of the loop, with all of this turn."""
        future: asyncio.Future[Triggered] = self._loop.create_future()
        self._waiting.append((item, future))
        if len(self._senders) < IN_FLIGHT:
            sender = self._loop.create_task(self._send())
            self._senders.add(sender)
        return future

    async def _send(self) -> None:
        """Send until nothing waits."""
        me = asyncio.current_task()
        try:
            while self._waiting:
                await self._send_some(self._take())
        finally:
            self._senders.discard(me)

    def _take(self) -> list[_Waiting]:
        waiting, size, count = self._waiting, 0, 0
        for item, _ in waiting:
            size += _size(item)
            if count and (count == MAX_ITEMS or size > MAX_BYTES):
                break
            count += 1
        self._waiting = waiting[count:]
        return waiting[:count]

    async def _send_some(self, taken: list[_Waiting]) -> None:
        live = [(item, future) for item, future in taken if not future.done()]  # or given up
        if not live:
            return
        try:
            answers = await self._post([item for item, _ in live])
        except asyncio.CancelledError:
            for _, future in live:
                future.cancel()  # the loop is ending: nobody must wait for an answer that never comes
            raise
        except Exception as error:  # noqa: BLE001 (it is its callers' to handle, whatever it is)
            for _, future in live:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(live, answers, strict=True):
            if not future.done():
                future.set_result(answer)


def _size(item: CoalescedTrigger) -> int:
    return 0 if item.payload is UNSET else len(memoryview(item.payload))
