"""``@task`` and ``@schedules.task``: they make a task of a function and enter it in the registry.

The blocking mirror is generated from this file.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, Unpack, overload

from hairtrigger.sdk.context import Context
from hairtrigger.sdk.definition import Definition
from hairtrigger.sdk.options import TaskOptions
from hairtrigger.sdk.registry import register
from hairtrigger.sdk.scheduled import ScheduledPayload
from hairtrigger.sdk.task import Task

P = TypeVar("P")
R = TypeVar("R")


class TaskDecorator(Protocol):
    """The six shapes of a task function: sync or async; payload and context, payload only, nothing."""

    @overload
    def __call__(self, fn: Callable[[P, Context], Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[[P], Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[[], Coroutine[Any, Any, R]], /) -> Task[None, R]: ...
    @overload
    def __call__(self, fn: Callable[[P, Context], R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[[P], R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[[], R], /) -> Task[None, R]: ...


class ScheduledDecorator(Protocol):
    """The same shapes for a scheduled task, whose payload is always a ``ScheduledPayload``."""

    @overload
    def __call__(
        self, fn: Callable[[ScheduledPayload, Context], Coroutine[Any, Any, R]], /
    ) -> Task[ScheduledPayload, R]: ...
    @overload
    def __call__(
        self, fn: Callable[[ScheduledPayload], Coroutine[Any, Any, R]], /
    ) -> Task[ScheduledPayload, R]: ...
    @overload
    def __call__(
        self, fn: Callable[[], Coroutine[Any, Any, R]], /
    ) -> Task[ScheduledPayload, R]: ...
    @overload
    def __call__(
        self, fn: Callable[[ScheduledPayload, Context], R], /
    ) -> Task[ScheduledPayload, R]: ...
    @overload
    def __call__(self, fn: Callable[[ScheduledPayload], R], /) -> Task[ScheduledPayload, R]: ...
    @overload
    def __call__(self, fn: Callable[[], R], /) -> Task[ScheduledPayload, R]: ...


@overload
def task(fn: Callable[[P, Context], Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
@overload
def task(fn: Callable[[P], Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
@overload
def task(fn: Callable[[], Coroutine[Any, Any, R]], /) -> Task[None, R]: ...
@overload
def task(fn: Callable[[P, Context], R], /) -> Task[P, R]: ...
@overload
def task(fn: Callable[[P], R], /) -> Task[P, R]: ...
@overload
def task(fn: Callable[[], R], /) -> Task[None, R]: ...
@overload
def task(**options: Unpack[TaskOptions]) -> TaskDecorator: ...
def task(fn: Any = None, /, **options: Any) -> Any:
    """Make a task of a function: ``@task``, or ``@task(id=..., retry=..., queue=...)``.

    The function takes its payload (any annotated type) and may take the context after it; or nothing.

    Raises:
        ProjectError: for another shape, an unknown option, or an id that another function has.
    """
    if fn is None:
        return lambda declared: task_of(declared, options)
    return task_of(fn, options)


def task_of(
    fn: Callable[..., Any], options: dict[str, Any], *, scheduled: bool = False
) -> Task[Any, Any]:
    """A registered task, from a function and its options."""
    made: Task[Any, Any] = Task(Definition(fn, options, scheduled=scheduled))
    register(made.definition)
    return made
