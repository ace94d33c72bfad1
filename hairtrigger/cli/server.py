"""``server``: the API, the database and the clockwork, until it is told to stop."""

import asyncio
import os
import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from hairtrigger.cli import loop
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.problems import INTERRUPTED, TERMINATED, at_start
from hairtrigger.cli.state import State, pass_state
from hairtrigger.errors import ConfigError, MissingKey

if TYPE_CHECKING:
    from hairtrigger.server.settings import Settings
    from hairtrigger.worker.settings import WorkerSettings

_EXITS = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@make_command("server")
@click.option("--host", metavar="ADDRESS", help="Listen there; 127.0.0.1 by default.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="3030 by default, 0 for a free one.",
)
@click.option(
    "--database", metavar="URL", help="sqlite:///path, a path, or postgresql://user@host/name."
)
@click.option(
    "--workers",
    type=click.IntRange(0, 256),
    default=0,
    help="Also run a worker of N processes.",
)
@click.option("--log-format", type=click.Choice(("text", "json")), help="How to say what happens.")
@click.option(
    "--migrate/--no-migrate",
    default=None,
    help="Bring the schema up to date at the start, or refuse an old one.",
)
@pass_state
def command(
    state: State, host: str | None, port: int | None, database: str | None, workers: int,
    log_format: str | None, migrate: bool | None,
) -> int:  # fmt: skip
    """Run a server: API, database and clockwork. Each option is a variable too: HAIRTRIGGER_PORT."""
    state.load_environment()
    from hairtrigger.server.settings import from_environment

    given = log_format or ("json" if state.out.is_json else None)
    settings = from_environment(
        host=host, port=port, database=database, log_format=given, migrate=migrate
    )
    try:
        settings, made = _with_keys(settings)
    except ConfigError as error:  # there is no database to be reached
        raise at_start(error) from error
    worker = _worker(state, made, workers) if workers else None
    return _run(state, settings, made, worker)


@dataclass(frozen=True, slots=True)
class _Made:
    """The keys that a fresh database gets; those that nobody chose are shown once."""

    chosen: tuple[tuple[str, str], ...] = ()
    new: tuple[tuple[str, str], ...] = ()

    def key(self) -> str | None:
        """The key to work with: the development one first."""
        return next((key for _, key in (*self.chosen, *self.new)), None)


def _with_keys(settings: "Settings") -> tuple["Settings", _Made]:
    """The settings with a key for each environment, when the database is yet to be made."""
    from hairtrigger.engine.projects import new_key
    from hairtrigger.sdk.settings import find_key
    from hairtrigger.store import opening

    if not opening.is_new(settings.database):
        return settings, _Made()
    ours, chosen, new = find_key() or "", [], []
    keys: dict[str, str] = {}
    for slug in ("dev", "prod"):
        key = getattr(settings, f"{slug}_key") or (ours if ours.startswith(f"tr_{slug}_") else "")
        if key:
            chosen.append((slug, key))
        else:
            key = new_key(slug)
            new.append((slug, key))
        keys[slug] = key
    settings = replace(settings, dev_key=keys["dev"], prod_key=keys["prod"])
    return settings, _Made(tuple(chosen), tuple(new))


def _worker(state: State, made: _Made, processes: int) -> "WorkerSettings":
    from hairtrigger.sdk.settings import find_key
    from hairtrigger.worker.settings import WorkerSettings

    key = find_key() or made.key()
    if key is None:
        raise MissingKey
    root = state.root.resolve()
    return WorkerSettings(url="", key=key, project_dir=root, processes=processes, echo=False)


def _run(state: State, settings: "Settings", made: _Made, worker: "WorkerSettings | None") -> int:
    from hairtrigger.cli import log_lines
    from hairtrigger.telemetry.events import subscribe

    form = settings.log_format
    unsubscribe = subscribe(log_lines.writer(state.out, form), log_lines.wanted(form))
    try:
        return loop.run(lambda: _serve(state, settings, made, worker))
    except ConfigError as error:  # the settings were read: their address or their database is taken
        raise at_start(error) from error
    finally:
        unsubscribe()


async def _serve(
    state: State, settings: "Settings", made: _Made, worker: "WorkerSettings | None"
) -> int:
    from hairtrigger.server.serve import serve

    stop, ready = asyncio.Event(), asyncio.Event()
    signals = asyncio.get_running_loop()
    exits: list[int] = []
    url = ""

    def ended(number: signal.Signals) -> None:
        exits.append(_EXITS[number])
        stop.set()

    def listening(where: str) -> None:
        nonlocal url
        url = where
        for number in _EXITS:  # in place of the web server's, which does not tell which signal came
            signals.add_signal_handler(number, ended, number)
        _say_listening(state, settings, where)
        ready.set()

    def founded(is_ours: bool) -> None:
        if is_ours:
            _say_keys(state, settings, made)
        elif made.new:
            state.out.hint(
                "  Another server made this database just now: its keys were shown there."
            )

    def unset(where: str) -> None:
        _say_setup(state, settings, where)

    serving = asyncio.create_task(
        serve(settings, on_ready=listening, on_founded=founded, on_setup=unset, stop=stop)
    )
    if worker is not None:
        await asyncio.wait(
            [serving, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        if ready.is_set():
            await _work_beside(replace(worker, url=url), stop)
    await serving
    return exits[0] if exits else 0


async def _work_beside(settings: "WorkerSettings", stop: asyncio.Event) -> None:
    """Run a worker until the server is to stop; the server outlives it, to hear its last words."""
    from hairtrigger.worker.start import run_worker
    from hairtrigger.worker.supervisor import Supervisor

    taken: list[Supervisor] = []
    working = asyncio.create_task(run_worker(settings, signals=False, on_start=taken.append))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        for supervisor in taken:
            supervisor.drain()
        await working
    finally:
        stopping.cancel()
        stop.set()


def _say_listening(state: State, settings: "Settings", url: str) -> None:
    if settings.log_format == "json":
        from hairtrigger.cli import log_lines

        facts = {"url": url, "database": settings.shown_database(), "pid": os.getpid()}
        state.out.data(log_lines.as_json("server.listening", facts))
    else:
        state.out.data(f"Listening on {url}  database {settings.shown_database()}")
    if settings.host not in _LOOPBACK:
        state.out.warn(
            f"Anybody who reaches {settings.host}:{url.rpartition(':')[2]} can try keys, and HTTP is not "
            "encrypted: put a TLS proxy in front of it, or listen on 127.0.0.1."
        )


def _say_setup(state: State, settings: "Settings", url: str) -> None:
    """Where the first admin is made. On stderr, so that its token stays out of the log."""
    if settings.log_format == "json":
        from hairtrigger.cli import log_lines

        state.out.raw(log_lines.as_json("server.setup", {"url": url}))
    else:
        state.out.say(f"  The dashboard has no admin yet. Create the first one at  {url}")


def _say_keys(state: State, settings: "Settings", made: _Made) -> None:
    """Where the keys of a fresh database are. On stderr, so that they stay out of the log."""
    for slug, _ in made.chosen:
        state.out.say(f"  {slug:<5} the key that is configured opens it")
    for slug, key in made.new:
        state.out.say(f"  {slug:<5} {key}")
    if made.new:
        seal = "HAIRTRIGGER_MASTER_KEY" if settings.master_key else settings.key_file()
        state.out.hint("  Shown once: put one in .env as TRIGGER_SECRET_KEY.")
        state.out.hint(f"  The database keeps them sealed; what opens the seal is {seal}.")
