"""``worker``: executes the tasks of the project here for a server, until it is told to stop."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hairtrigger.cli import deployed, loop
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.state import State, pass_state

if TYPE_CHECKING:
    from hairtrigger.worker.settings import WorkerSettings
    from hairtrigger.worker.supervisor import Supervisor


@make_command("worker")
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="NAME",
    help="Serve this queue only; repeatable.",
)
@click.option(
    "--slots",
    type=click.IntRange(1, 10_000),
    default=16,
    help="Run so many at once; 16 by default.",
)
@click.option(
    "--processes", type=click.IntRange(1, 256), help="Share them among so many; one for each CPU."
)
@click.option(
    "--version",
    default="",
    metavar="VERSION",
    help="Of the code: YYYYMMDD.N, or chosen.",
)
@click.option(
    "--promote/--no-promote",
    default=True,
    help="Make this version of the code the current one, or leave that to `hairtrigger promote`.",
)
@click.option(
    "--drain-timeout", default="30s", metavar="TIME", help="How long runs may go on after a stop."
)
@click.option(
    "--health-port", type=click.IntRange(1, 65_535), help="Answer GET /healthcheck there."
)
@click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    default="text",
    help="How to say what happens.",
)
@click.option(
    "--deployed",
    "is_deployed",
    is_flag=True,
    help="Run what `hairtrigger deploy` sent, not the code here.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --deployed: where code and environments are kept.",
)
@click.option("--with-parent", type=int, hidden=True)
@pass_state
def command(
    state: State, /, queues: tuple[str, ...], drain_timeout: str, log_format: str, is_deployed: bool,
    cache: Path | None, with_parent: int | None, **given: Any,
) -> int:  # fmt: skip
    """Run a worker: it executes the tasks of this project for the server.

    With --deployed it needs no project: it fetches the code of each deployed version, installs what that needs, and
    runs every version that is current or has unfinished runs.

    The first SIGTERM or Ctrl-C finishes what is running, the second one stops at once.
    """
    from hairtrigger.cli import log_lines
    from hairtrigger.telemetry.events import subscribe
    from hairtrigger.wire import durations
    from hairtrigger.worker.settings import WorkerSettings

    if with_parent is not None:
        from hairtrigger.worker.parent import die_with

        die_with(with_parent, signal.SIGTERM)
    here = state.settings
    if cache is not None and not is_deployed:
        raise click.UsageError("--cache is for --deployed")
    if is_deployed and (given["version"] or not given["promote"]):
        raise click.UsageError("--deployed runs the versions that are deployed: it takes none")
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = WorkerSettings(
        url=here.url, key=here.key, project_dir=state.root.resolve(), queues=queues, echo=False,
        drain_timeout_s=durations.parse(drain_timeout, "--drain-timeout") / 1000, **chosen,
    )  # fmt: skip
    form = "json" if state.out.is_json else log_format
    write = log_lines.writer(state.out, form)

    def hear(name: str, facts: dict[str, Any]) -> None:
        write(name, facts)
        if name == "worker.started" and form == "text":
            state.out.data("  " + ", ".join(sorted(facts["tasks"])))

    unsubscribe = subscribe(hear, log_lines.wanted(form))
    try:
        if is_deployed:
            words = [word for queue in queues for word in ("--queue", queue)]
            words += [
                "--slots",
                str(given["slots"]),
                "--drain-timeout",
                drain_timeout,
                "--log-format",
                form,
            ]
            words += ["--processes", str(given["processes"])] if given["processes"] else []
            place = (cache or deployed.default_cache()).resolve()
            return loop.run(lambda: deployed.follow(here, place, words, given["health_port"]))
        return loop.run(lambda: _work(settings))
    finally:
        unsubscribe()


async def _work(settings: "WorkerSettings") -> int:
    """Run the worker; the exit code tells which signal ended it."""
    from hairtrigger.worker.start import run_worker

    signals = asyncio.get_running_loop()
    exits: list[int] = []

    def prepare(supervisor: "Supervisor") -> None:
        for number, code in deployed.EXITS.items():
            signals.add_signal_handler(number, ended, supervisor, code)

    def ended(supervisor: "Supervisor", code: int) -> None:
        exits.append(code)
        supervisor.kill() if supervisor.draining else supervisor.drain()

    code = await run_worker(settings, signals=False, on_start=prepare)
    return exits[0] if exits else code
