"""Hooks: declared on a task or on the project, kept in their order."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from hairtrigger import Context, Failed, Ok, RetryDecision, task, tasks
from hairtrigger.sdk.bodies import _context
from hairtrigger.sdk.hooks import Next
from hairtrigger.sdk.registry import HOOKS


def test_hooks_of_a_task_are_its_own() -> None:
    @task
    async def add(payload: int) -> str:
        return str(payload)

    @add.on_start_attempt
    async def started(payload: int, ctx: Context) -> None: ...

    @add.on_success
    async def succeeded(payload: int, output: str, ctx: Context) -> None: ...

    @add.on_failure
    def failed(payload: int, error: Exception, ctx: Context) -> None: ...

    @add.on_complete
    async def completed(payload: int, result: Ok[str] | Failed, ctx: Context) -> None: ...

    @add.catch_error
    def caught(payload: int, error: Exception, ctx: Context) -> RetryDecision | None:
        return {"skip_retrying": True}

    @add.on_cancel
    def cancelled(payload: int, ctx: Context) -> None: ...

    hooks = add.definition.hooks
    assert hooks.on_start_attempt == [started]
    assert hooks.on_success == [succeeded]
    assert hooks.on_failure == [failed]
    assert hooks.on_complete == [completed]
    assert hooks.catch_error == [caught]
    assert hooks.on_cancel == [cancelled]
    assert add.sync.definition.hooks is hooks
    assert HOOKS.on_failure == []


async def test_middleware_has_one_form_whichever_was_written() -> None:
    seen: list[str] = []

    @task
    async def add(payload: int) -> None: ...

    @add.middleware
    async def plain(payload: int, ctx: Context, next: Next) -> None:
        seen.append(f"plain {payload}")
        await next()

    @add.middleware
    @asynccontextmanager
    async def entered(payload: int, ctx: Context) -> AsyncIterator[None]:
        seen.append("enter")
        yield
        seen.append("leave")

    @add.middleware
    @contextmanager
    def held(payload: int, ctx: Context) -> Iterator[None]:
        seen.append("hold")
        yield

    async def body() -> None:
        seen.append("body")

    for around in add.definition.hooks.middleware:
        await around(3, _context(add.definition), body)

    assert seen == ["plain 3", "body", "enter", "body", "leave", "hold", "body"]


def test_hooks_of_the_project_are_kept_and_named_middleware_replaces_itself() -> None:
    @tasks.on_failure
    def notify(payload: Any, error: Exception, ctx: Context) -> None: ...

    def middleware(number: int) -> Any:
        @tasks.middleware("database")
        async def connected(payload: Any, ctx: Context, next: Next) -> None:
            await next()

        return connected

    middleware(1)
    second = middleware(2)

    assert HOOKS.on_failure == [notify]
    assert HOOKS.middleware == [second]
