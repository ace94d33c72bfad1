"""``env``: the variables that an environment's workers get when they start."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from hairtrigger.cli import words
from hairtrigger.cli.commands import Group
from hairtrigger.cli.problems import USAGE, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.sdk.api import ApiCall, reads, segment

_COLUMNS = (Column("NAME", 100), Column("VALUE", 50))
_ANY: Any = Any  # JSON of any form
_secret = click.option(
    "--secret/--no-secret",
    default=None,
    help="Never show its value again, and keep it out of logs.",
)

command = Group(
    "env", help="Variables that workers get when they start.",
    aliases={"ls": "list", "rm": "unset", "delete": "unset"},
)  # fmt: skip


@command.command("list")
@pass_state
def list_variables(state: State) -> None:
    """List them; the values of secrets are not shown."""
    found = state.get(_place(state))
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
    elif found:
        state.out.table(_COLUMNS, [[one["name"], one["value"]] for one in found])
    else:
        state.out.hint("No variables. Set one:  hairtrigger env set NAME=value")


@command.command("get")
@click.argument("name")
@pass_state
def get(state: State, name: str) -> None:
    """Read one by its NAME."""
    found = state.get(f"{_place(state)}/{segment(name)}")
    if state.out.is_json:
        state.out.json(found)
    else:
        state.out.data(found["value"])


@command.command("set")
@click.argument("pairs", nargs=-1, required=True, metavar="NAME=VALUE...")
@_secret
@pass_state
def set_variables(state: State, pairs: tuple[str, ...], secret: bool | None) -> None:
    """Set variables. Workers get them at their next start."""
    given = dict(_pair(one) for one in pairs)
    _import(state, given, secret=secret, override=True)


@command.command("unset")
@click.argument("names", nargs=-1, required=True)
@pass_state
def unset(state: State, names: tuple[str, ...]) -> None:
    """Forget variables by their NAMES."""
    place = _place(state)
    for name in names:
        state.ask(ApiCall("env unset", f"DELETE {place}/{segment(name)}", returns=reads(_ANY)))
    _say(state, f"Forgot {', '.join(names)}", list(names))


@command.command("import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--override", is_flag=True, help="Replace those that are set already.")
@_secret
@pass_state
def import_file(state: State, file: Path, override: bool, secret: bool | None) -> None:
    """Set all that a .env FILE sets (- for stdin), or none of it."""
    from hairtrigger.rules.variables import parse

    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    _import(state, parse(text), secret=secret, override=override)


@command.command("pull")
@pass_state
def pull(state: State) -> None:
    """Print them as a .env file. Those that are secret stand in it as comments."""
    from hairtrigger.rules.variables import REDACTED, written

    for one in state.get(_place(state)):
        if one["isSecret"] or one["value"] == REDACTED:
            state.out.data(f"# {one['name']}= (a secret)")
        else:
            state.out.data(written({one["name"]: one["value"]}).rstrip("\n"))


def _place(state: State) -> str:
    who = state.get("/api/v1/whoami")
    slug = segment(who["environment"]["slug"])
    return f"/api/v1/projects/{segment(who['project'])}/envvars/{slug}"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(
            f"{text!r} has no =", fixes=(("Write", "hairtrigger env set NAME=value"),),
            exit_code=USAGE, code="usage",
        )  # fmt: skip
    return name, value


def _import(state: State, given: dict[str, str], *, secret: bool | None, override: bool) -> None:
    body: dict[str, Any] = {"variables": given, "override": override}
    if secret is not None:
        body["isSecret"] = secret
    state.ask(
        ApiCall(
            "env",
            f"POST {_place(state)}/import",
            returns=reads(_ANY),
            body=msgspec.json.encode(body),
        )
    )
    _say(
        state,
        f"Set {words.count(len(given), 'variable')}; workers get them at their next start",
        sorted(given),
    )


def _say(state: State, text: str, names: list[str]) -> None:
    if state.out.is_json:
        state.out.json({"names": names})
    else:
        state.out.done(text)
