"""``Task``: what ``@task`` makes of a function. Triggered from anywhere, run by a worker.

The blocking mirror (``SyncTask``) is generated from this file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, Unpack, overload

from hairtrigger.sdk import hooks
from hairtrigger.sdk.bodies import run_here
from hairtrigger.sdk.call import Call, Items, trigger_item
from hairtrigger.sdk.client import default
from hairtrigger.sdk.context import Context
from hairtrigger.sdk.definition import Definition
from hairtrigger.sdk.handles import BatchHandle, RunHandle
from hairtrigger.sdk.hooks import RetryDecision
from hairtrigger.sdk.options import TriggerOptions
from hairtrigger.sdk.result import Failed, Ok
from hairtrigger.sdk.send_batch import send_batch
from hairtrigger.sdk.stored import put_apart

if TYPE_CHECKING:
    from hairtrigger import SyncTask as OtherTask  # by the front door: the mirror is made from here

P = TypeVar("P")
R = TypeVar("R")

Decided: TypeAlias = RetryDecision | None
Entered: TypeAlias = AbstractAsyncContextManager[Any] | AbstractContextManager[Any]


class Task(Generic[P, R]):
    """A task: ``P`` is the type of its payload, ``R`` of its output.

    ``id`` is its name for the API, the dashboard and other languages.
    """

    __slots__ = ("definition",)

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    @property
    def id(self) -> str:
        return self.definition.id

    @overload
    async def trigger(
        self: Task[None, R], payload: None = ..., /, **options: Unpack[TriggerOptions]
    ) -> RunHandle[None, R]: ...
    @overload
    async def trigger(
        self, payload: P, /, **options: Unpack[TriggerOptions]
    ) -> RunHandle[P, R]: ...
    async def trigger(
        self, payload: Any = None, /, **options: Unpack[TriggerOptions]
    ) -> RunHandle[Any, R]:
        """Trigger a run; returns when it is durably stored, not when it has run.

        Raises:
            PayloadValidationError: when the payload does not fit, before anything is sent.
            TooLarge: when it has more bytes than the server stores (100 MiB).
            ApiError: when the server refuses it.
            ConnectionFailed: when the server cannot be reached.
        """
        item = trigger_item(self.definition, payload, options)
        client = default()
        made = await client.submit(await put_apart(client, item))
        return RunHandle(
            made.id or "",
            self.definition.id,
            client=client,
            definition=self.definition,
            is_cached=made.is_cached,
        )

    async def batch_trigger(
        self,
        items: Items[P, R],
        /,
        **options: Unpack[TriggerOptions],
    ) -> BatchHandle[P, R]:
        """Trigger up to 1,000 runs at once: payloads, or ``task.call(payload, ...)`` for own options.

        ``idempotency_key`` is the batch's; all other options are for every item that does not say
        otherwise. An item that the server refuses does not stop the others.

        Raises:
            PayloadValidationError: when a payload does not fit, before anything is sent.
            TooLarge: for more than 1,000 items.
        """
        return await send_batch(default(), self.definition, items, options)

    def call(self, payload: P, /, **options: Unpack[TriggerOptions]) -> Call[P, R]:
        """The task with a payload and options, not yet sent: for batches."""
        return Call(self.definition, payload, options)

    @overload
    async def __call__(self: Task[None, R], payload: None = ..., /) -> R: ...
    @overload
    async def __call__(self, payload: P, /) -> R: ...
    async def __call__(self, payload: Any = None, /) -> R:
        """Run the body here and now, without a server: for unit tests."""
        output: R = await run_here(self.definition, payload)
        return output

    @property
    def sync(self) -> OtherTask[P, R]:  # sync: def aio(self) -> OtherTask[P, R]:
        """The same task, blocking."""  # sync: """The same task, to be awaited."""
        kind: Any = import_module("hairtrigger.sync").SyncTask  # sync: kind = OtherTask
        made: OtherTask[P, R] = kind(self.definition)
        return made

    def on_start_attempt(self, fn: Callable[[P, Context], Any], /) -> Callable[[P, Context], Any]:
        """Call this at the start of every attempt."""
        self.definition.hooks.on_start_attempt.append(fn)
        return fn

    def on_success(self, fn: Callable[[P, R, Context], Any], /) -> Callable[[P, R, Context], Any]:
        """Call this with the output when the run has completed."""
        self.definition.hooks.on_success.append(fn)
        return fn

    def on_failure(
        self, fn: Callable[[P, Exception, Context], Any], /
    ) -> Callable[[P, Exception, Context], Any]:
        """Call this with the error when the run has failed for good."""
        self.definition.hooks.on_failure.append(fn)
        return fn

    def on_complete(
        self, fn: Callable[[P, Ok[R] | Failed, Context], Any], /
    ) -> Callable[[P, Ok[R] | Failed, Context], Any]:
        """Call this when the run has ended, either way."""
        self.definition.hooks.on_complete.append(fn)
        return fn

    def on_cancel(self, fn: Callable[[P, Context], Any], /) -> Callable[[P, Context], Any]:
        """Call this when the run was cancelled while it executed."""
        self.definition.hooks.on_cancel.append(fn)
        return fn

    def catch_error(
        self, fn: Callable[[P, Exception, Context], Decided | Awaitable[Decided]], /
    ) -> Callable[[P, Exception, Context], Decided | Awaitable[Decided]]:
        """Call this with the error of a failed attempt; it may decide whether there is another."""
        self.definition.hooks.catch_error.append(fn)
        return fn

    @overload
    def middleware(
        self, fn: Callable[[P, Context, hooks.Next], Awaitable[None]], /
    ) -> Callable[[P, Context, hooks.Next], Awaitable[None]]: ...
    @overload
    def middleware(
        self, fn: Callable[[P, Context], Entered], /
    ) -> Callable[[P, Context], Entered]: ...
    def middleware(self, fn: Any, /) -> Any:
        """Run this around every attempt: it awaits ``next()`` once, or gives a context manager."""
        self.definition.hooks.middleware.append(hooks.around(fn))
        return fn

    def __repr__(self) -> str:
        return f"<Task {self.definition.id}>"
