"""Answers drawn once for everybody who asks for the same within a second."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
FRESH_S = 1.0
_MOST = 200


class Fragments:
    """What was drawn lately, by what was asked for and by whom as far as that makes a difference."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[float, asyncio.Future[Any]]] = OrderedDict()

    async def get(self, key: Hashable, draw: Callable[[], Awaitable[T]]) -> T:
        """What was drawn for this key, drawn anew when it is a second old."""
        now = time.monotonic()
        found = self._kept.get(key)
        if found is None or found[0] <= now or _failed(found[1]):
            found = self._kept[key] = (now + FRESH_S, asyncio.ensure_future(draw()))
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        drawn: T = await asyncio.shield(found[1])
        return drawn

    def forget(self) -> None:
        """Draw everything anew: something was changed by whoever looks."""
        self._kept.clear()


def _failed(drawing: "asyncio.Future[Any]") -> bool:
    return drawing.done() and (drawing.cancelled() or drawing.exception() is not None)
