"""``deploy``: makes the code here a version of the environment, from a clean process, without running it."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from hairtrigger.cli import branches, deployments, words
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.indexing import index
from hairtrigger.cli.problems import FAILED, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.sdk.api import ApiCall, nothing

if TYPE_CHECKING:
    from hairtrigger.worker.bundle import Bundle


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
@click.option("--no-archive", is_flag=True, help="Send no code: workers bring their own.")
@click.option(
    "--container-file", is_flag=True, help="Print one for this project, and deploy nothing."
)
@pass_state
def command(
    state: State, path: Path | None, dry_run: bool, no_promote: bool, force: bool, version: str,
    no_archive: bool, container_file: bool,
) -> None:  # fmt: skip
    """Make the code in PATH (here, when left out) the current version of the environment.

    It is packed without what .gitignore and .hairtriggerignore name, hidden files and keys; its tasks are found in
    what was packed, and their payload schemas checked against the payloads that wait. Its queues and schedules apply
    from then on. Workers started with --deployed fetch it; others bring the same code.
    """
    root = (path or state.root).resolve()
    if container_file:
        from hairtrigger.cli.containers import container_file as made

        state.out.data(made(root).rstrip("\n"))
        return
    found, packed = (index(root), None) if no_archive else _packed(root)
    _refuse_broken(found["problems"])
    here = state.settings
    if here.branch and here.key.startswith(("tr_preview_", "tr_dev_")) and not dry_run:
        branches.ask(state, "POST", "", {"branch": here.branch})
    if packed is not None and not dry_run:
        _send(state, packed)
    body = {
        "archive": "" if packed is None or dry_run else packed.hash,
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
    if packed is not None and not state.out.is_json:
        size = words.size(len(packed.body))
        state.out.hint(f"  archive  {words.count(len(packed.files), 'file')}, {size}")


def _packed(root: Path) -> "tuple[dict[str, Any], Bundle]":
    """What the code in a directory holds, found in a copy that has nothing but what workers will have; and that."""
    from hairtrigger.worker import bundle

    packed = bundle.pack(root)
    with tempfile.TemporaryDirectory(prefix="hairtrigger-") as directory:
        code = Path(directory) / root.name
        bundle.unpack(packed.body, code)
        return index(code), packed


def _send(state: State, packed: "Bundle") -> None:
    path = f"/api/hairtrigger/v1/archives/{packed.hash}"
    state.ask(
        ApiCall(
            "deploy",
            f"PUT {path}",
            returns=nothing,
            body=packed.body,
            content_type="application/gzip",
        )
    )


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
