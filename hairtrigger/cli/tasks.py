"""``tasks``: what the environment's current code has."""

from typing import Any

import click

from hairtrigger.cli import memory
from hairtrigger.cli.commands import Group, closest
from hairtrigger.cli.problems import NOT_FOUND, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column

_COLUMNS = (
    Column("TASK", 100), Column("FILE", 40), Column("EXPORT", 20), Column("QUEUE", 30), Column("CRON", 50),
    Column("VERSION", 60),
)  # fmt: skip

command = Group("tasks", help="The tasks that this environment knows.", aliases={"ls": "list"})


@command.command("list")
@pass_state
def list_tasks(state: State) -> None:
    """List the tasks of the current version of the code."""
    found = _tasks(state)
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
        return
    if not found:
        state.out.hint("No tasks. A worker tells the server which there are: hairtrigger dev")
        return
    rows = [
        [
            task["id"],
            task["file"],
            task["export"],
            task["queue"],
            task.get("cron", ""),
            task["version"],
        ]
        for task in found
    ]
    state.out.table(_COLUMNS, rows)


@command.command("schema")
@click.argument("task")
@pass_state
def schema(state: State, task: str) -> None:
    """Print the JSON Schema of a TASK's payload."""
    known = {found["id"]: found for found in _tasks(state)}
    if task not in known:
        guess = closest(task, list(known))
        raise CommandError(
            f"No task {task}",
            *((f"Closest: {' or '.join(guess)}.",) if guess else ()),
            fixes=(("See them", "hairtrigger tasks list"),),
            exit_code=NOT_FOUND,
            code="task_not_found",
        )
    found = known[task].get("payloadSchema")
    if found is None:
        state.out.hint(f"{task} does not say what its payload is: anything goes.")
    state.out.json({} if found is None else found)


def _tasks(state: State) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = state.get("/api/hairtrigger/v1/tasks")["data"]
    memory.remember(state.root, "tasks", [task["id"] for task in found], replace=True)
    return found
