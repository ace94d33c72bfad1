"""``tasks``: tasks by id, when their code lives elsewhere, and hooks of the whole project.

The blocking mirror is generated from this file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, Unpack

from hairtrigger.sdk import hooks
from hairtrigger.sdk.call import Items, trigger_item
from hairtrigger.sdk.client import Client, default
from hairtrigger.sdk.context import Context
from hairtrigger.sdk.definition import reference
from hairtrigger.sdk.handles import BatchHandle, RunHandle
from hairtrigger.sdk.options import TriggerOptions
from hairtrigger.sdk.registry import HOOKS
from hairtrigger.sdk.result import Failed, Ok
from hairtrigger.sdk.send_batch import send_batch
from hairtrigger.sdk.stored import put_apart
from hairtrigger.sdk.task import Decided, Task

P = TypeVar("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

Before = TypeVar("Before", bound=Callable[[Any, Context], Any])
Succeeded = TypeVar("Succeeded", bound=Callable[[Any, Any, Context], Any])
Raised = TypeVar("Raised", bound=Callable[[Any, Exception, Context], Any])
Ended = TypeVar("Ended", bound=Callable[[Any, Ok[Any] | Failed, Context], Any])
Decides = TypeVar(
    "Decides", bound=Callable[[Any, Exception, Context], Decided | Awaitable[Decided]]
)


class Tasks:
    """Tasks by id."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    def ref(self, id: str, payload: type[P], output: type[R], /) -> Task[P, R]:
        """A task whose code lives elsewhere, with the types it is known to have."""
        return Task(reference(id, payload, output))

    async def trigger(
        self, id: str, payload: Any = None, /, **options: Unpack[TriggerOptions]
    ) -> RunHandle[Any, Any]:
        """Trigger a run of the task with that id; see ``Task.trigger``."""
        definition = reference(id)
        client = self._client
        item = await put_apart(client, trigger_item(definition, payload, options))
        made = await client.submit(item)
        return RunHandle(
            made.id or "", id, client=client, definition=definition, is_cached=made.is_cached
        )

    async def batch_trigger(
        self,
        id: str,
        items: Items[Any, Any],
        /,
        **options: Unpack[TriggerOptions],
    ) -> BatchHandle[Any, Any]:
        """Trigger up to 1,000 runs of the task with that id; see ``Task.batch_trigger``."""
        return await send_batch(self._client, reference(id), items, options)

    def on_start_attempt(self, fn: Before, /) -> Before:
        """Call this at the start of every attempt of every task, with payload and context."""
        HOOKS.on_start_attempt.append(fn)
        return fn

    def on_success(self, fn: Succeeded, /) -> Succeeded:
        """Call this with payload, output and context when a run has completed."""
        HOOKS.on_success.append(fn)
        return fn

    def on_failure(self, fn: Raised, /) -> Raised:
        """Call this with payload, error and context when a run has failed for good."""
        HOOKS.on_failure.append(fn)
        return fn

    def on_complete(self, fn: Ended, /) -> Ended:
        """Call this with payload, ``Ok`` or ``Failed``, and context when a run has ended."""
        HOOKS.on_complete.append(fn)
        return fn

    def on_cancel(self, fn: Before, /) -> Before:
        """Call this with payload and context when a run was cancelled while it executed."""
        HOOKS.on_cancel.append(fn)
        return fn

    def catch_error(self, fn: Decides, /) -> Decides:
        """Call this with payload, error and context of a failed attempt; it may decide what follows."""
        HOOKS.catch_error.append(fn)
        return fn

    def middleware(self, name: str, /) -> Callable[[F], F]:
        """Run this around every attempt of every task, as ``@tasks.middleware("database")``.

        It takes payload, context and ``next`` and awaits ``next()`` once; or payload and context, and
        gives a context manager. The first one declared is outermost; a name used again replaces it.
        """

        def declare(fn: F) -> F:
            HOOKS.set_middleware(name, hooks.around(fn))
            return fn

        return declare


tasks = Tasks()
