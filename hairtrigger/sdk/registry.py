"""What importing a project's code leaves behind: its tasks by id, and the hooks of the whole project."""

from typing import Any

from hairtrigger.errors import ProjectError
from hairtrigger.sdk.definition import Definition
from hairtrigger.sdk.hooks import Hooks
from hairtrigger.sdk.task import Task

TASKS: dict[str, Task[Any, Any]] = {}
HOOKS = Hooks()


def register(definition: Definition) -> None:
    """Enter a task.

    Raises:
        ProjectError: when another function has the same id, naming both places.
    """
    known = TASKS.get(definition.id)
    if known is not None and _place(known.definition) != _place(definition):
        raise ProjectError(
            f"Two tasks have the id {definition.id!r}: {_named(known.definition)} and "
            f"{_named(definition)}. Give one of them another id."
        )
    TASKS[definition.id] = Task(definition)


def clear() -> None:
    """Forget all tasks and hooks."""
    TASKS.clear()
    HOOKS.clear()


def _place(definition: Definition) -> tuple[str, int]:
    # the same function under two module names (as __main__, say) is one task
    return (definition.file, definition.line)


def _named(definition: Definition) -> str:
    return f"{definition.export} in {definition.file}:{definition.line}"
