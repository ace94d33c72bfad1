"""Functions that run around bodies: those of one task, and those of the whole project.

The worker calls them: middleware outside of everything else, project before task.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from typing import Any, TypeAlias, TypedDict

from hairtrigger.sdk.context import Context
from hairtrigger.sdk.options import Retry

Next: TypeAlias = Callable[[], Awaitable[None]]
Around: TypeAlias = Callable[[Any, Context, Next], Awaitable[None]]


class RetryDecision(TypedDict, total=False):
    """What a ``catch_error`` hook may decide; the first key that applies wins, in this order.

    ``skip_retrying``: fail now. ``retry_at``: again at that time. ``retry_delay_in_ms``: again after so
    long. ``retry``: these retry options instead of the task's. ``error``: report this error instead.
    """

    skip_retrying: bool
    retry_at: datetime
    retry_delay_in_ms: int
    retry: Retry
    error: Exception


class Hooks:
    """The hooks of one task, or of the project, in the order of their declaration.

    Each takes the payload first and the context last: ``on_success`` the output between them,
    ``on_failure`` and ``catch_error`` the exception, ``on_complete`` ``Ok`` or ``Failed``.
    ``middleware`` takes ``(payload, ctx, next)`` and awaits ``next()`` once.
    """

    __slots__ = (
        "_named",
        "catch_error",
        "middleware",
        "on_cancel",
        "on_complete",
        "on_failure",
        "on_start_attempt",
        "on_success",
    )  # fmt: skip

    def __init__(self) -> None:
        self.on_start_attempt: list[Callable[[Any, Context], Any]] = []
        self.on_success: list[Callable[[Any, Any, Context], Any]] = []
        self.on_failure: list[Callable[[Any, Exception, Context], Any]] = []
        self.on_complete: list[Callable[[Any, Any, Context], Any]] = []
        self.on_cancel: list[Callable[[Any, Context], Any]] = []
        self.catch_error: list[Callable[[Any, Exception, Context], Any]] = []
        self.middleware: list[Around] = []
        self._named: dict[str, Around] = {}

    def set_middleware(self, name: str, fn: Around) -> None:
        """Add middleware under a name, in the place of what had that name before."""
        before = self._named.get(name)
        if before is None:
            self.middleware.append(fn)
        else:
            self.middleware[self.middleware.index(before)] = fn
        self._named[name] = fn

    def clear(self) -> None:
        """Forget them all."""
        for name in self.__slots__:
            getattr(self, name).clear()


def around(fn: Callable[..., Any]) -> Around:
    """Middleware in its one form, ``(payload, ctx, next)``, from either of the two that users write.

    The other form is a function of payload and context that gives a context manager.
    """
    if _positional(fn) != 2:
        return fn

    async def entered(payload: Any, ctx: Context, next: Next) -> None:
        manager: Any = fn(payload, ctx)
        if isinstance(manager, AbstractAsyncContextManager):
            async with manager:
                await next()
        else:
            held: AbstractContextManager[Any] = manager
            with held:
                await next()

    return entered


def _positional(fn: Callable[..., Any]) -> int:
    inner: Any = getattr(fn, "__wrapped__", fn)  # contextmanager() keeps the generator there
    code = getattr(inner, "__code__", None)
    return 3 if code is None else int(code.co_argcount)
