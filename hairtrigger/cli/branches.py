"""``branches``: those of a preview or development environment."""

from typing import Any

import click

from hairtrigger.cli.commands import Group
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.sdk.api import json_call, segment
from hairtrigger.sdk.client import Client

_PATH = "/api/hairtrigger/v1/branches"
_COLUMNS = (Column("BRANCH", 100), Column("ENVIRONMENT", 90), Column("STATE", 80))

command = Group(
    "branches", help="The branches of this preview or dev environment.", aliases={"ls": "list"}
)


@command.command("list")
@pass_state
def list_branches(state: State) -> None:
    """List the branches by name, archived ones too."""
    found = ask(state, "GET", "")["data"]
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
    elif found:
        rows = [[one["branch"], one["environment"], _state(one)] for one in found]
        state.out.table(_COLUMNS, rows)
    else:
        state.out.hint("None yet. Open one:  hairtrigger branches open NAME")


@command.command("open")
@click.argument("name")
@pass_state
def open_branch(state: State, name: str) -> None:
    """Open the branch NAME, or open it again. What is open stays as it is."""
    made = ask(state, "POST", "", {"branch": name})
    if state.out.is_json:
        state.out.json(made)
        return
    state.out.done(f"{made['branch']} is open as {made['environment']}")
    state.out.hint(f"Act on it with  --branch {made['branch']}  or TRIGGER_PREVIEW_BRANCH")


@command.command("archive")
@click.argument("name")
@pass_state
def archive(state: State, name: str) -> None:
    """Give the branch NAME up: what is unfinished is canceled, its schedules end, its history stays."""
    state.out.confirm(f"Archive {name}, and cancel its unfinished runs?", yes=state.yes)
    gone = ask(state, "DELETE", f"/{segment(name)}")
    if state.out.is_json:
        state.out.json(gone)
    else:
        state.out.done(f"{gone['branch']} is archived")


def ask(state: State, method: str, path: str, body: Any = None) -> Any:
    """The answer of the environment, asked as one that names no branch: it may not be there yet."""
    call = json_call("branches", f"{method} {_PATH}{path}", body)
    return Client(state.settings._replace(branch=None)).send_blocking(call)


def _state(one: dict[str, Any]) -> str:
    return f"archived {one['archivedAt']}" if "archivedAt" in one else "open"
