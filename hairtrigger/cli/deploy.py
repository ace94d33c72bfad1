"""``deploy``: makes the code here a version of the environment, from a clean process, without running it."""

from pathlib import Path
from typing import Any

import click
import msgspec

from hairtrigger.cli import deployments
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.indexing import index
from hairtrigger.cli.problems import FAILED, CommandError
from hairtrigger.cli.state import State, pass_state


@make_command("deploy")
@click.argument(
    "path", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False
)
@click.option("--dry-run", is_flag=True, help="Only tell what it would mean.")
@click.option("--no-promote", is_flag=True, help="Leave the current version current.")
@click.option(
    "--force", is_flag=True, help="Although waiting payloads do not fit: those runs fail."
)
@click.option("--version", default="", metavar="VERSION", help="YYYYMMDD.N, or chosen.")
@pass_state
def command(
    state: State, path: Path | None, dry_run: bool, no_promote: bool, force: bool, version: str
) -> None:
    """Make the code in PATH (here, when left out) the current version of the environment.

    Its tasks are found and their payload schemas checked against the payloads that wait; its queues and schedules
    apply from then on. Runs wait until workers with the same code are there.
    """
    found = index((path or state.root).resolve())
    _refuse_broken(found["problems"])
    body = {
        "tasks": found["manifests"], "contentHash": found["contentHash"], "project": found["project"],
        "version": version, "promote": not no_promote, "dryRun": dry_run, "force": force,
    }  # fmt: skip
    done = deployments.post(state, "/api/v1/deployments", msgspec.json.encode(body))
    if not state.out.is_json and not dry_run and not done["promoted"]:
        state.out.done(
            f"{done['version']} is known; promote it: hairtrigger promote {done['version']}"
        )
        deployments.details(state, done)
    else:
        deployments.say(state, done)


def _refuse_broken(problems: list[dict[str, Any]]) -> None:
    """Raises CommandError when a file of the project cannot be loaded."""
    if not problems:
        return
    first = problems[0]
    where = f"{first['file']}:{first['line']}" if first["file"] else "The project"
    raise CommandError(
        f"{where} cannot be loaded: {first['error']}",
        *(line for line in first["context"].splitlines() if line.strip()),
        *(f"Also {one['file']}:{one['line']}: {one['error']}" for one in problems[1:10]),
        "Nothing was deployed: the current version stays.",
        exit_code=FAILED,
        code="project",
    )
