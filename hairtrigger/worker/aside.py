"""What a supervisor does with runs and their ends once they have been passed on."""

import asyncio
from collections import deque
from collections.abc import Callable

_AFTER_S = 0.002  # by then a batch is on its way to the children or to the server


class Aside:
    """Work that can wait a moment: whoever waits for a run, or for its end, does not wait for it."""

    def __init__(self) -> None:
        self._works: deque[Callable[[], None]] = deque()
        self._loop = asyncio.get_running_loop()

    def put(self, work: Callable[[], None]) -> None:
        """Do this soon, after what was put here before."""
        self._works.append(work)
        if len(self._works) == 1:
            self._loop.call_later(_AFTER_S, self._do_next)

    def finish(self) -> None:
        """Do now what is left."""
        while self._works:
            self._works.popleft()()

    def _do_next(self) -> None:
        """Do one, then let others have their turn."""
        if not self._works:  # finished meanwhile
            return
        try:
            self._works.popleft()()
        finally:
            if self._works:
                self._loop.call_soon(self._do_next)
