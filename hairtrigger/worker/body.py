"""Where a body runs, and how it is stopped: on the loop, or on a thread of the child's pool."""

import asyncio
import contextvars
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hairtrigger.sdk.context import Scope
from hairtrigger.wire.worker import RunInfo
from hairtrigger.worker.frames import Why

THREAD_GRACE_S = 0.5  # a sync body may look at ctx.cancelled() before it is interrupted


class Stopper:
    """Knows what a hand-out is doing right now, and stops it from outside."""

    __slots__ = (
        "_inner_cancel", "_lock", "_loop", "_scope", "_struck", "_thread", "_threaded", "info", "task",
        "why",
    )  # fmt: skip

    def __init__(self, info: RunInfo, loop: asyncio.AbstractEventLoop) -> None:
        self.info, self._loop = info, loop
        self.why: Why | None = None
        self.task: asyncio.Task[None] | None = None
        self._scope: Scope | None = None  # from begin to end
        self._threaded = self._struck = False
        self._thread = 0  # while the body is on it
        self._inner_cancel: Callable[[], Any] | None = None
        self._lock: threading.Lock | None = None

    def begin(self, scope: Scope) -> None:
        """From here on, stopping reaches the body. A task cancelled before its first step never takes it."""
        self._scope = scope

    def end(self) -> None:
        """The body is over: there is nothing left to stop."""
        self._scope = None

    def stop(self, why: Why) -> None:
        """Interrupt it, once: the first reason stands."""
        if self.why is not None:
            return
        self.why = why
        if self._scope is None:
            return
        self._scope.cancel.set()
        if self._threaded:
            self._loop.call_later(THREAD_GRACE_S, self._strike)
        elif self.task is not None:
            self.task.cancel()

    def log(self, level: str, message: str) -> None:
        """Write into the run's log, from any thread."""
        scope = self._scope
        if scope is not None:
            scope.log(level, message)

    async def on_thread(
        self, pool: ThreadPoolExecutor, fn: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        """Call a function on a thread of the pool, in a copy of the context."""
        if self._lock is None:
            self._lock = threading.Lock()
        context = contextvars.copy_context()
        self._threaded = True
        try:
            value, error = await self._loop.run_in_executor(
                pool, lambda: context.run(self._on_this_thread, fn, args)
            )
        finally:
            self._threaded = False
        if error is not None:
            raise error
        return value

    def with_own_loop(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Run a coroutine function to its end on this thread: for async bodies that want one."""

        async def main() -> Any:
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            assert task is not None
            self._inner_cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            try:
                return await fn(*args)
            finally:
                self._inner_cancel = None

        return asyncio.run(main())

    def _on_this_thread(
        self, fn: Callable[..., Any], args: tuple[Any, ...]
    ) -> tuple[Any, BaseException | None]:
        assert self._lock is not None
        with self._lock:
            if self.why is not None:
                return None, asyncio.CancelledError()
            self._thread = threading.get_ident()
        try:
            return fn(*args), None
        except BaseException as error:  # noqa: BLE001 (it is raised again on the loop)
            return None, error
        finally:
            with self._lock:
                if self._struck:  # an exception on its way must not hit the thread's next work
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)
                self._thread = 0

    def _strike(self) -> None:
        """Raise CancelledError in the thread; it arrives between two steps of Python code."""
        assert self._lock is not None
        with self._lock:
            if not self._thread:
                return
            self._struck = True
            if self._inner_cancel is not None:
                self._inner_cancel()
                return
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread), ctypes.py_object(asyncio.CancelledError)
            )
