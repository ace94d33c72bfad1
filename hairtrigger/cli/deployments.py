"""``deployments``, ``promote`` and ``rollback``: which version of the code an environment runs."""

from typing import Any

import click
import msgspec

from hairtrigger.cli import words
from hairtrigger.cli.commands import Group, closest
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.problems import NOT_FOUND, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.errors import NotFound
from hairtrigger.sdk.api import ApiCall, reads, segment

_VERSIONS = "/api/hairtrigger/v1/versions"
_COLUMNS = (
    Column("VERSION", 100), Column("STATE", 90), Column("TASKS", 60, right=True),
    Column("WORKERS", 80, right=True), Column("PROMOTED", 40), Column("MADE", 20),
)  # fmt: skip
_ANY: Any = Any  # JSON of any form
_dry = click.option("--dry-run", is_flag=True, help="Only tell what it would mean.")
_force = click.option(
    "--force", is_flag=True, help="Although waiting payloads do not fit: those runs fail."
)

command = Group(
    "deployments", help="The versions of the code that workers brought.", aliases={"ls": "list"}
)


@command.command("list")
@pass_state
def list_deployments(state: State) -> None:
    """List the versions of this environment, newest first."""
    found = state.get(_VERSIONS)["data"]
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
    elif found:
        state.out.table(_COLUMNS, [_row(one) for one in found])
    else:
        state.out.hint("No version yet. A worker brings one: hairtrigger worker")


@make_command("promote")
@click.argument("version")
@_dry
@_force
@pass_state
def promote(state: State, version: str, dry_run: bool, force: bool) -> None:
    """Make VERSION the current one: new runs and those that wait run on it.

    Payloads that wait are checked first against the schemas of its tasks.
    """
    try:
        done = post(state, f"/api/v1/deployments/{segment(version)}/promote", _body(dry_run, force))
    except NotFound as error:
        guess = closest(version, [one["version"] for one in state.get(_VERSIONS)["data"]])
        raise CommandError(
            f"No version {version}", str(error),
            *((f"Closest: {' or '.join(guess)}.",) if guess else ()),
            fixes=(("See them", "hairtrigger deployments list"),),
            exit_code=NOT_FOUND, code=error.code,
        ) from None  # fmt: skip
    say(state, done)


@make_command("rollback")
@_dry
@_force
@pass_state
def rollback(state: State, dry_run: bool, force: bool) -> None:
    """Make the version current again that was before the one that is."""
    say(state, post(state, "/api/v1/deployments/rollback", _body(dry_run, force)))


def post(state: State, path: str, body: bytes) -> dict[str, Any]:
    """What a deployment was answered."""
    found: dict[str, Any] = state.ask(
        ApiCall("deployments", f"POST {path}", returns=reads(_ANY), body=body)
    )
    return found


def say(state: State, done: dict[str, Any]) -> None:
    """What came of it, or would."""
    if state.out.is_json:
        state.out.json(done)
        return
    version, before = done["version"], done.get("previous")
    if not done["promoted"]:
        state.out.data(f"{version} instead of {before or 'none'} would mean:")
    elif before == version:
        state.out.done(f"{version} is current already")
    else:
        state.out.done(f"{version} is current" + (f", {before} was" if before else ""))
    details(state, done)


def details(state: State, done: dict[str, Any]) -> None:
    """Tasks that change, and runs that would suffer."""
    for kind, ids in done["changes"].items():
        if ids:
            state.out.data(f"  {kind:<9}{', '.join(ids)}")
    for one in done["unfit"]:
        state.out.data(f"  unfit    {one['run']} of {one['task']}: {one['why']}")
    if done["misfits"] > len(done["unfit"]):
        state.out.data(f"  … and {done['misfits'] - len(done['unfit']):,} more")
    for task, count in done["stranded"].items():
        state.out.data(f"  waiting  {words.count(count, 'run')} of {task}, which it has not")
    if not done["whole"]:
        state.out.data("  More wait than were looked at.")


def _body(dry_run: bool, force: bool) -> bytes:
    return msgspec.json.encode({"dryRun": dry_run, "force": force})


def _row(one: dict[str, Any]) -> list[str]:
    now = words.now()
    moments = [words.instant(one.get(name)) for name in ("promotedAt", "createdAt")]
    ago = ["never" if moment is None else words.ago(moment, now) for moment in moments]
    return [
        one["version"], "current" if one["current"] else "", f"{len(one['tasks']):,}",
        f"{one['workers']:,}", *ago,
    ]  # fmt: skip
