"""``migrate``: brings a database's schema up to date, or moves a SQLite installation into PostgreSQL."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hairtrigger.cli import loop, words
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.problems import FAILED, USAGE, CommandError, at_start
from hairtrigger.cli.state import State, pass_state
from hairtrigger.errors import ConfigError

if TYPE_CHECKING:
    from hairtrigger.cli.progress import Progress
    from hairtrigger.server.settings import Settings
    from hairtrigger.store.leaving import Leaving, Nul
    from hairtrigger.store.moving import Step

_SHOWN = 20  # of what PostgreSQL cannot hold


@make_command("migrate")
@click.option("--database", metavar="URL", help="As the server's; else HAIRTRIGGER_DATABASE.")
@click.option("--dry-run", is_flag=True, help="Only say what would be applied.")
@click.option(
    "--to", metavar="URL", help="Move everything of a SQLite file into this empty PostgreSQL."
)
@click.option(
    "--replace-nul",
    is_flag=True,
    help="With --to: put U+FFFD for NUL characters, which PostgreSQL cannot hold.",
)
@pass_state
def command(
    state: State, database: str | None, dry_run: bool, to: str | None, replace_nul: bool
) -> int:
    """Bring the schema of a database up to date, or move from SQLite to PostgreSQL with --to.

    The schema of PostgreSQL is changed while servers run; a SQLite file must have none. A move that broke off
    goes on where it was when it is started again.
    """
    state.load_environment()
    from hairtrigger.server.settings import from_environment

    settings = from_environment(database=database)
    _check(settings, dry_run=dry_run, to=to, replace_nul=replace_nul)
    try:
        if to is None:
            return loop.run(lambda: _upgrade(state, settings, dry=dry_run))
        return _move(state, settings, to, replace_nul=replace_nul)
    except ConfigError as error:  # the settings were read: it is the database
        raise at_start(error) from error


def _check(settings: "Settings", *, dry_run: bool, to: str | None, replace_nul: bool) -> None:
    from hairtrigger.store import places

    wrong = None
    if to is None:
        wrong = "--replace-nul is for a move: give --to as well" if replace_nul else None
    elif not places.is_postgres(to):
        wrong = "--to must be postgresql://user@host/name"
    elif settings.is_postgres:
        wrong = "--to moves away from SQLite: --database must be a file"
    elif dry_run:
        wrong = "--dry-run is not for a move"
    if wrong is not None:
        raise CommandError(wrong, exit_code=USAGE, code="usage")


async def _upgrade(state: State, settings: "Settings", *, dry: bool) -> int:
    from hairtrigger.store.upgrading import upgrade

    files = await upgrade(settings.database, dry=dry)
    shown = settings.shown_database()
    if state.out.is_json:
        found = [{"number": file.number, "name": file.name} for file in files]
        state.out.json({"database": shown, "dry_run": dry, "migrations": found})
        return 0
    for file in files:
        state.out.data(f"{'Would apply' if dry else 'Applied'} {file.name}")
    if not files:
        state.out.done(f"{shown} is up to date: nothing to do")
    elif dry:
        state.out.hint(f"{shown} was not changed.")
    else:
        state.out.done(f"{shown} is up to date")
    return 0


def _move(state: State, settings: "Settings", to: str, *, replace_nul: bool) -> int:
    from hairtrigger.store import places
    from hairtrigger.store.leaving import Leaving

    with Leaving(settings.database_file()) as source:
        nuls = source.nuls()
        if nuls and not replace_nul:
            raise _refusal(nuls)
        total = sum(source.count(table) for table in source.tables)
        state.out.confirm(
            f"Move {words.count(total, 'row')} of {source.path} to {places.shown(to)}?",
            yes=state.yes,
        )
        began = time.perf_counter()
        rows, fresh = _copy(state, settings, source, to, total, replace_nul=replace_nul)
        seconds = time.perf_counter() - began
    if state.out.is_json:
        told: dict[str, Any] = {"from": source.path, "to": places.shown(to), "tables": rows}
        told |= {"rows": total, "moved_now": fresh, "seconds": round(seconds, 3)}
        told["replaced"] = [nul._asdict() for nul in nuls]
        told["next"] = _next_steps(settings, to)
        state.out.json(told)
    else:
        _say_replaced(state, nuls)
        _say_end(state, settings, to, fresh, seconds)
    return 0


def _copy(
    state: State, settings: "Settings", source: "Leaving", to: str, total: int, *, replace_nul: bool
) -> tuple[dict[str, int], int]:
    """Move the rows, with a bar on a terminal and a line for each table elsewhere. Answers the rows of each
    table, and how many were moved by this call."""
    from hairtrigger.store.moving import move

    rows: dict[str, int] = {}
    before: dict[str, int] = {}  # what a move that broke off had left there

    async def work(shown: "Progress") -> int:
        def tell(step: "Step") -> None:
            before.setdefault(step.table, step.fresh)
            shown.advance(step.fresh)
            if step.is_end and step.rows and not shown.is_drawn and not state.out.is_json:
                state.out.say(f"{step.table:<12} {words.count(step.rows, 'row')}")

        rows.update(
            await move(
                source, to, lease_ms=settings.lease_ms, replace_nul=replace_nul, tell=tell
            )
        )  # fmt: skip
        return 0

    try:
        with state.out.progress("Moving", total, unit="rows") as shown:
            loop.run(lambda: work(shown))
    except KeyboardInterrupt:
        state.out.say("Stopped. The same command again goes on where it was.")
        raise
    return rows, sum(rows.values()) - sum(before.values())


def _refusal(nuls: "list[Nul]") -> CommandError:
    shown = [f"{nul.shown}  {nul.table}.{nul.column}" for nul in nuls[:_SHOWN]]
    more = [f"and {len(nuls) - _SHOWN:,} more"] if len(nuls) > _SHOWN else []
    held = words.count(len(nuls), "row has a text", "rows have texts")
    return CommandError(
        f"{held} with a NUL character, which PostgreSQL cannot hold",
        "\n  ".join(["Nothing was moved.", *shown, *more]),
        fixes=(("Move them with U+FFFD in its place", "add --replace-nul"),),
        exit_code=FAILED,
        code="nul_character",
    )


def _say_replaced(state: State, nuls: "list[Nul]") -> None:
    for nul in nuls[:_SHOWN]:
        state.out.warn(f"Replaced NUL by U+FFFD: {nul.shown}  {nul.table}.{nul.column}")
    if len(nuls) > _SHOWN:
        state.out.warn(f"and in {len(nuls) - _SHOWN:,} more")


def _say_end(state: State, settings: "Settings", to: str, fresh: int, seconds: float) -> None:
    took = words.duration(seconds * 1000)
    state.out.done(
        f"Moved {words.count(fresh, 'row')} in {took} ({fresh / max(seconds, 0.001):,.0f} rows/s): "
        "counts and sums of ids agree"
    )
    state.out.say(f"{settings.shown_database()} is as it was. Next, for every server:")
    for line in _next_steps(settings, to):
        state.out.data(f"  {line}")


def _next_steps(settings: "Settings", to: str) -> list[str]:
    """What every server on the new database needs: its URL, and the master key of the old one."""
    from dataclasses import replace

    from hairtrigger.store import places

    steps = [f"HAIRTRIGGER_DATABASE={places.shown(to)}"]
    file = settings.key_file().absolute()
    if settings.master_key:
        steps.append("HAIRTRIGGER_MASTER_KEY as it is set now")
    elif file.exists():
        steps.append(f'HAIRTRIGGER_MASTER_KEY="$(cat {file})"')
        default = Path(replace(settings, database=to).key_file()).absolute()
        if default == file:
            steps[-1] += "  (in this directory it is found without)"
    else:
        steps.append(f"HAIRTRIGGER_MASTER_KEY: that of the old server; {file} is not there")
    return steps
