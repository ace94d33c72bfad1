"""Calling a task as a function: its body runs here and now, without a server. For unit tests."""

import asyncio
import time
from typing import Any

from hairtrigger.errors import BlockingCallInLoop
from hairtrigger.sdk.context import SCOPE, Context
from hairtrigger.sdk.definition import Definition
from hairtrigger.sdk.exchange import loop_is_running
from hairtrigger.wire.worker import RunInfo


async def run_here(definition: Definition, payload: Any) -> Any:
    """What the body returns for a payload."""
    returned = definition.fn(*_arguments(definition, payload))
    return await returned if definition.is_async else returned


def run_here_blocking(definition: Definition, payload: Any) -> Any:
    """The same, blocking: an async body gets an event loop of its own."""
    arguments = _arguments(definition, payload)
    if not definition.is_async:
        return definition.fn(*arguments)
    if loop_is_running():
        raise BlockingCallInLoop("Task.__call__")
    return asyncio.run(definition.fn(*arguments))


def _arguments(definition: Definition, payload: Any) -> tuple[Any, ...]:
    if not definition.has_payload:
        return ()
    parsed = definition.parse(payload)
    return (parsed, _context(definition)) if definition.has_context else (parsed,)


def _context(definition: Definition) -> Context:
    """The context of the run around, or one of a run that is no run, so that the body has something."""
    scope = SCOPE.get()
    if scope is not None:
        return scope.context
    info = RunInfo(
        id="run_local",
        lease=0,
        attempt=1,
        task=definition.id,
        max_attempts=1,
        created_at=int(time.time() * 1000),
        queue=f"task/{definition.id}",
        version="",
    )
    return Context(info, environment="local", project="")
