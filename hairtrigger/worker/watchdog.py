"""Notices from its own thread that the child's loop stands still, and says where."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

BLOCKED_S = 5.0
ADVICE = (
    "This process's event loop has stood still for {seconds:.0f} s, and with it every other async run "
    "there. Await what is waited for, use asyncio.to_thread, or make the task a plain def.\n{stack}"
)
_LOOK_S = 0.5
_OURS = str(Path(__file__).parent)

Blocked = Callable[[float, "asyncio.Task[object] | None", str], None]


class Watchdog:
    """Asks the loop for a sign of life while something runs.

    ``on_blocked(seconds, task, stack)`` and then ``on_free()`` are called from the watching thread, once
    for each time the loop stands still.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        is_busy: Callable[[], bool],
        on_blocked: Blocked,
        on_free: Callable[[], None],
        patience_s: float = BLOCKED_S,
    ) -> None:
        self._loop, self._is_busy = loop, is_busy
        self._on_blocked, self._on_free = on_blocked, on_free
        self._patience_s, self._look_s = patience_s, min(_LOOK_S, patience_s / 4)
        self._loop_thread = threading.get_ident()
        self._answered = threading.Event()

    def start(self) -> None:
        """Watch from now on, as long as the loop lives. Call it in the loop's thread."""
        threading.Thread(target=self._watch, name="hairtrigger-watchdog", daemon=True).start()

    def _watch(self) -> None:
        while not self._loop.is_closed():
            time.sleep(self._look_s)
            if not self._is_busy():
                continue
            asked = time.monotonic()
            self._answered.clear()
            try:
                self._loop.call_soon_threadsafe(self._answered.set)
            except RuntimeError:  # closed meanwhile
                return
            if self._answered.wait(self._patience_s):
                continue
            task = asyncio.current_task(self._loop)
            self._on_blocked(time.monotonic() - asked, task, self._stack())
            self._answered.wait()
            self._on_free()

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        stack = traceback.extract_stack(frame)
        users = [ix for ix, line in enumerate(stack) if line.filename.startswith(_OURS)]
        return "".join(traceback.format_list(stack[users[-1] + 1 if users else 0 :])).rstrip("\n")
