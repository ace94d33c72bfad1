"""``dev``: everything that a developer needs, in one terminal and one process."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hairtrigger.cli import loop
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.problems import NOT_ALLOWED, CommandError, at_start
from hairtrigger.cli.state import State, pass_state
from hairtrigger.errors import ConfigError, Unauthorized

if TYPE_CHECKING:
    from hairtrigger.cli.dev.place import Key
    from hairtrigger.cli.dev.session import Plan

_INLINE_SLOTS, _SLOTS = 1, 16
_DRAIN_S = 30.0
_HOST = "127.0.0.1"


@make_command("dev")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Listen here; else 3030 or the next free one."
)
@click.option("--slots", type=click.IntRange(1, 10_000), help="Run so many at once; 16 by default.")
@click.option(
    "--logs",
    type=click.Choice(("off", "info", "debug")),
    default="info",
    help="Which log lines to show.",
)
@click.option("--task", metavar="TASK", help="Show runs of this task only.")
@click.option(
    "--inline", is_flag=True, help="One process that keeps the terminal, for breakpoint()."
)
@click.option("--attach", metavar="URL", help="Run only a worker, against the server at URL.")
@pass_state
def command(
    state: State, port: int | None, slots: int | None, logs: str, task: str | None, inline: bool,
    attach: str | None,
) -> int:  # fmt: skip
    """Run a server and a worker here, reload on save, and show runs and logs as they happen.

    Keys: o open, l logs, r reload, p pause, q quit. Ctrl-C finishes what is running; twice stops at once.
    """
    began = time.perf_counter()
    before = dict(os.environ)
    state.load_environment()
    from hairtrigger.cli.dev.lines import Wording
    from hairtrigger.cli.dev.screen import Screen
    from hairtrigger.cli.dev.session import Session

    remote = attach or _remote(state)
    plan = _plan(state, remote, port, slots, inline=inline)
    plan = replace(plan, reread_env=lambda: state.reload_environment(before))
    shown = "off" if inline else logs  # the task's process writes to the terminal itself
    screen = Screen(state.out, Wording(state.out, plan.root), logs=shown, task=task, plain=inline)
    try:
        return loop.run(lambda: Session(plan, screen, began).run())
    except ConfigError as error:
        raise at_start(error) from error
    except Unauthorized as error:
        if remote is not None:
            raise
        raise CommandError(
            f"The key in {plan.key.where} does not open .hairtrigger/dev.db",
            "A database keeps the key that it was made with.",
            fixes=(("Put that key back", "or start over: rm -r .hairtrigger"),),
            exit_code=NOT_ALLOWED,
            code=error.code,
        ) from error


def _plan(
    state: State, remote: str | None, port: int | None, slots: int | None, *, inline: bool
) -> "Plan":
    from hairtrigger.cli.dev.session import Plan
    from hairtrigger.worker.settings import WorkerSettings

    root = state.root.resolve()
    key = _key(state, root, local=remote is None)
    worker = WorkerSettings(
        url=remote or "", key=key.text, project_dir=root, drain_timeout_s=_DRAIN_S,
        slots=slots or (_INLINE_SLOTS if inline else _SLOTS), echo=inline, inline=inline, tolerant=True,
    )  # fmt: skip
    if inline:
        worker = replace(worker, processes=1)
    plan = Plan(root=root, task_dirs=_task_dirs(root), key=key, worker=worker)
    if remote is not None:
        return replace(plan, url=remote.rstrip("/"))
    return _with_server(plan, port)


def _with_server(plan: "Plan", port: int | None) -> "Plan":
    """The plan with a server on the port that was asked for, or on the next free one."""
    from hairtrigger.cli.dev import place
    from hairtrigger.server.settings import from_environment, variable

    lock = place.Lock(plan.root)
    wanted = place.wanted_port(os.environ.get("TRIGGER_API_URL"))
    found = place.free_port(_HOST, wanted) if port is None else port
    server = from_environment(
        database=str(place.folder(plan.root) / "dev.db"),
        host=_HOST,
        port=found,
        dev_key=plan.key.text,
        login=os.environ.get(variable("login")) or "none",  # only this machine comes here
    )
    notes = []
    if port is None and found != wanted:
        hint = "Set TRIGGER_API_URL for your application."
        notes.append(f"Port {wanted} is taken: this is {found}. {hint}")
    return replace(plan, server=server, lock=lock, notes=notes)


def _remote(state: State) -> str | None:
    """The server elsewhere that the settings name; None when it is to be one of our own."""
    from hairtrigger.cli.dev import place

    url = state.given.get("api_url") or os.environ.get("TRIGGER_API_URL")
    return None if place.is_local(url) else url


def _key(state: State, root: Path, *, local: bool) -> "Key":
    from hairtrigger.cli.dev import place
    from hairtrigger.sdk.settings import find_key

    given = state.given.get("api_key") or find_key()
    if local:
        return place.key(root, given, state.origin.key.rpartition(" in ")[2])
    key = state.settings.key
    if key.startswith("tr_prod_"):
        raise CommandError(
            "dev does not take production runs",
            f"{state.origin.key} is a production key.",
            fixes=(("Run a worker", "hairtrigger worker"),),
            exit_code=NOT_ALLOWED,
            code="forbidden",
        )
    return place.Key(key, state.origin.key.rpartition(" in ")[2])


def _task_dirs(root: Path) -> list[Path]:
    """Where tasks are, as far as the configuration can be read: the worker says what is wrong with it."""
    from hairtrigger.sdk.config import Config, find_config, load_config
    from hairtrigger.worker.loader import task_dirs

    try:
        config = load_config(find_config(root))
    except ConfigError:
        config = Config()
    return task_dirs(root, config)
