"""What goes around a body: hooks, middleware, and what follows its value or its exception.

Middleware is outside of everything else; in each place the project's hooks come before the task's, but for
``catch_error``, where the task decides first.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from hairtrigger.errors import AbortTaskRunError, CompleteTaskWithOutput, TaskError
from hairtrigger.sdk import registry
from hairtrigger.sdk.context import Scope
from hairtrigger.sdk.definition import Definition
from hairtrigger.sdk.hooks import Around, Hooks, RetryDecision
from hairtrigger.sdk.result import Failed, Ok
from hairtrigger.wire.worker import Result, RetryPolicy
from hairtrigger.worker import failure, outcome
from hairtrigger.worker.body import Stopper

OnThread = Callable[[Callable[..., Any], tuple[Any, ...]], Awaitable[Any]]


def is_plain(definition: Definition) -> bool:
    """Whether nothing goes around a task's body."""
    both = (registry.HOOKS, definition.hooks)
    return not any(getattr(hooks, name) for hooks in both for name in Hooks.__slots__)


class Lifecycle:
    """One attempt with all that goes around it. ``body`` runs the body, ``on_thread`` sync hooks."""

    def __init__(
        self,
        stopper: Stopper,
        definition: Definition,
        *,
        payload: Any,
        scope: Scope,
        policy: RetryPolicy,
        on_thread: OnThread,
    ) -> None:
        self._stopper, self._definition, self._scope = stopper, definition, scope
        self._payload, self._policy, self._on_thread = payload, policy, on_thread
        self._decided: tuple[BaseException, Result] | None = None

    async def run(self, body: Callable[[], Awaitable[Any]]) -> Result:
        """The attempt, from the first middleware to its result."""
        settled: Result | None = None

        async def innermost() -> None:
            nonlocal settled
            settled = await self._attempt(body)

        call = innermost
        for around in reversed([*registry.HOOKS.middleware, *self._definition.hooks.middleware]):
            call = self._wrapped(around, call)
        try:
            await call()
        except BaseException as error:  # noqa: BLE001 (what a body or middleware raises is an outcome)
            return await self.after_error(error)
        if settled is not None:
            return settled
        if (
            self._decided is not None
        ):  # a middleware swallowed the exception: the attempt failed all the same
            return self._decided[1]
        return await self.after_error(RuntimeError("A middleware returned without calling next()."))

    def _wrapped(self, around: Around, call: Callable[[], Awaitable[None]]) -> Callable[[], Any]:
        return lambda: around(self._payload, self._scope.context, call)

    async def _attempt(self, body: Callable[[], Awaitable[Any]]) -> Result:
        """Hooks and body, inside the middleware: an exception goes out through it, already decided on."""
        try:
            for hook in self._hooks("on_start_attempt"):
                await self._call(hook, self._payload, self._scope.context)
            output = await body()
        except CompleteTaskWithOutput as done:
            output = done.output
        except BaseException as error:
            result = await self.after_error(error)
            self._decided = (error, result)
            raise
        return await self.after_value(output)

    async def after_value(self, output: Any) -> Result:
        """What follows when a body has returned."""
        info = self._stopper.info
        result = outcome.completed(info, output)
        if result.failed is not None:
            error = TaskError(result.failed.message, name=result.failed.name)
            await self._tell_failure(error, error)
            return result
        await self._tell("on_success", self._payload, output, self._scope.context)
        ended = Ok(output, id=info.id, task_id=info.task)
        await self._tell("on_complete", self._payload, ended, self._scope.context)
        return result

    async def after_error(self, error: BaseException) -> Result:
        """What follows an exception: an interruption, an end, or another attempt."""
        info, why = self._stopper.info, self._stopper.why
        if self._decided is not None and self._decided[0] is error:
            return self._decided[1]
        if why is not None:  # also when the body made another exception of the interruption
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                task.uncancel()
            if why == "cancel":
                await self._tell("on_cancel", self._payload, self._scope.context)
            return outcome.interrupted((info.id, info.lease), why)
        if isinstance(error, CompleteTaskWithOutput):
            return await self.after_value(error.output)
        decision: RetryDecision | None = None
        retry_in_ms: int | None = None
        if not isinstance(error, AbortTaskRunError):
            decision = await self._decision(error)
            retry_in_ms = outcome.retry_in_ms(info, self._policy, decision)
        shown = (decision or {}).get("error", error)
        reason = failure.describe(shown)
        if retry_in_ms is None:
            told = TaskError(reason.message, name=reason.name, stack_trace=reason.trace)
            await self._tell_failure(shown, told)
        return outcome.failed(info, reason, retry_in_ms)

    async def _decision(self, error: BaseException) -> RetryDecision | None:
        """What the first ``catch_error`` hook with an opinion says."""
        for hook in [*self._definition.hooks.catch_error, *registry.HOOKS.catch_error]:
            try:
                decision: Any = await self._call(hook, self._payload, error, self._scope.context)
            except Exception as problem:  # noqa: BLE001 (a hook may raise anything: the policy stands)
                self._complain("catch_error", problem)
                continue
            if decision is not None:
                return decision  # type: ignore[no-any-return]  # a TypedDict, by its declaration
        return None

    async def _tell_failure(self, error: BaseException, told: TaskError) -> None:
        info = self._stopper.info
        await self._tell("on_failure", self._payload, error, self._scope.context)
        ended = Failed(told, id=info.id, task_id=info.task)
        await self._tell("on_complete", self._payload, ended, self._scope.context)

    async def _tell(self, name: str, *args: Any) -> None:
        """Call the hooks that only hear of it: their errors are logged and change nothing."""
        for hook in self._hooks(name):
            try:
                await self._call(hook, *args)
            except Exception as error:  # noqa: BLE001 (a hook may raise anything)
                self._complain(name, error)

    def _hooks(self, name: str) -> list[Callable[..., Any]]:
        return [*getattr(registry.HOOKS, name), *getattr(self._definition.hooks, name)]

    async def _call(self, hook: Callable[..., Any], *args: Any) -> Any:
        if inspect.iscoroutinefunction(hook):
            return await hook(*args)
        value = await self._on_thread(hook, args)
        return await value if inspect.isawaitable(value) else value

    def _complain(self, name: str, error: BaseException) -> None:
        self._scope.log("error", f"A hook ({name}) raised.\n{failure.trace_of(error)}")
