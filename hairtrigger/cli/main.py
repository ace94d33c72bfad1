"""The program ``hairtrigger``: which command is in which module, and how every call of it ends.

Only the chosen command's module is imported; ``--version`` and ``--help`` import none. Everything that goes
wrong ends in ``_ended``: as a problem in words, or JSON, and an exit code.
"""

import sys
from collections.abc import Sequence
from typing import Any

import click

from hairtrigger.cli.commands import META, Group
from hairtrigger.cli.problems import FAILED, INTERRUPTED, USAGE, Explained, Problem, of
from hairtrigger.cli.state import state_of
from hairtrigger.errors import HairtriggerError

_HERE = "hairtrigger.cli."
TABLE = {
    "init": (_HERE + "init", "Set up a project: two example tasks, a configuration and a key."),
    "dev": (_HERE + "dev.command", "Server, worker and reload in this terminal."),
    "trigger": (_HERE + "trigger", "Trigger a task, and wait for it or follow it if you like."),
    "runs": (_HERE + "runs", "List, read, watch, cancel and replay runs."),
    "explain": (_HERE + "explain", "Why a run is not running, or why it ran again."),
    "tasks": (_HERE + "tasks", "The tasks that this environment knows."),
    "schedules": (_HERE + "schedules", "List, create, pause, resume and delete schedules."),
    "queues": (_HERE + "queues", "What runs and waits where; pause, resume and limit queues."),
    "cron": (_HERE + "cron", "Say a cron pattern in words, with its next five times."),
    "server": (_HERE + "server", "Run a server: API, database and clockwork."),
    "migrate": (_HERE + "migrate", "Bring a database up to date, or move it to PostgreSQL."),
    "deploy": (_HERE + "deploy", "Make this code the current version, before its workers come."),
    "deployments": (_HERE + "deployments", "The versions of the code, and which one is current."),
    "promote": (_HERE + "deployments:promote", "Make a version of the code the current one."),
    "rollback": (_HERE + "deployments:rollback", "Go back to the version that was current before."),
    "branches": (_HERE + "branches", "Branches of preview and dev: list, open, archive."),
    "keys": (_HERE + "keys", "The environment's secret keys: list, create, rotate, revoke."),
    "env": (_HERE + "env", "Variables that workers get: list, get, set, unset, import, pull."),
    "alerts": (_HERE + "alerts", "Who is told of failures: list, add, edit, remove, enable, test."),
    "projects": (_HERE + "projects", "The installation's projects: list, create, environments."),
    "plan": (_HERE + "plan", "The organisation's plan: show it, or set another one."),
    "usage": (_HERE + "plan:usage", "What is used of the plan this month, and runs now."),
    "audit": (_HERE + "audit", "Who changed what: people, their tools, and keys."),
    "users": (_HERE + "users", "Who may use the dashboard: list, add, remove, roles, passwords."),
    "worker": (_HERE + "worker", "Run a worker: it executes tasks for a server."),
    "verify": (_HERE + "verify", "Prove that nothing was lost, doubled or over a limit."),
    "doctor": (_HERE + "doctor", "Check configuration, key, server, database and task code."),
    "login": (_HERE + "login", "Sign in to a server in the browser, or with a token."),
    "logout": (_HERE + "login:logout", "Sign out, and revoke the token."),
    "switch": (_HERE + "login:switch", "Act on another project or environment from now on."),
    "whoami": (_HERE + "whoami", "Which project and environment the key opens."),
    "completion": (_HERE + "completion", "Print a script that completes commands in your shell."),
    "version": (_HERE + "version", "Print the version."),
}


class Root(Group):
    """The program. Called with a list of arguments, it runs a command and exits with its code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        argv = list(sys.argv[1:] if args is None else args)
        try:
            result = super().main(
                argv, prog_name or "hairtrigger", complete_var, standalone_mode=False, **extra
            )
            code = result if isinstance(result, int) else 0
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 (the program ends here)
            code = _ended(error, argv)
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HairtriggerError as error:
            raise Explained(of(error, state_of(ctx).origin)) from error


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from hairtrigger.cli.version import print_version

        print_version(as_json=bool(ctx.meta.get(META, {}).get("json")))
        ctx.exit()


root = Root(
    "hairtrigger",
    table=TABLE,
    aliases={"schedule": "schedules", "queue": "queues", "task": "tasks", "run": "runs",
             "user": "users", "project": "projects", "key": "keys", "deployment": "deployments"},
    is_root=True,
    help="Durable background jobs. Start with `hairtrigger init`, then `hairtrigger dev`.",
    params=[
        click.Option(
            ["--version", "-V"], is_flag=True, is_eager=True, expose_value=False,
            callback=_print_version, help="Print the version.",
        )
    ],
)  # fmt: skip


def main() -> None:
    """The console script."""
    root(prog_name="hairtrigger")


def _ended(error: BaseException, argv: Sequence[str]) -> int:
    """Say how a call failed; gives its exit code."""
    from hairtrigger.cli.output import Output

    out = Output(json="--json" in argv, no_color="--no-color" in argv, debug="--debug" in argv)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        out.say()
        return INTERRUPTED
    if isinstance(error, click.UsageError):
        problem = _usage(error)
    elif isinstance(error, click.ClickException):
        problem = Problem(error.format_message(), exit_code=FAILED)
    elif isinstance(error, HairtriggerError):
        problem = of(error)
    else:
        problem = Problem(
            f"{type(error).__name__}: {error}",
            ("This is a mistake of ours, not of yours.",),
            (("See where", "the same command with --debug"),),
            FAILED,
            "internal",
        )
    out.problem(problem)
    if out.debug:
        import traceback

        out.raw("".join(traceback.format_exception(error)))
    return problem.exit_code


def _usage(error: click.UsageError) -> Problem:
    what, _, rest = error.format_message().partition(". ")
    why = (rest,) if rest else ()
    if isinstance(error, click.NoSuchOption):
        what = f"No such option: {error.option_name}"
        guess = " or ".join(error.possibilities or ())
        why = (f"Did you mean {guess}?",) if guess else ()
    path = error.ctx.command_path if error.ctx is not None else "hairtrigger"
    return Problem(what.rstrip("."), why, (("See", f"{path} --help"),), USAGE, "usage")
