"""``verify``: proves from the stored history that nothing was lost, doubled or over a limit."""

import time
from typing import TYPE_CHECKING, Any

import click

from hairtrigger.cli import loop, words
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.problems import FAILED, at_start
from hairtrigger.cli.state import State, pass_state
from hairtrigger.errors import ConfigError

if TYPE_CHECKING:
    from hairtrigger.cli.progress import Progress
    from hairtrigger.engine.verify import Finding
    from hairtrigger.server.settings import Settings


@make_command("verify")
@click.option("--database", metavar="URL", help="As the server's; else HAIRTRIGGER_DATABASE.")
@click.option("--since", metavar="TIME", help="Only runs not older than 1h, say; else all.")
@click.option(
    "--repair",
    is_flag=True,
    help="First set the counters of limits right; on SQLite with the server stopped.",
)
@pass_state
def command(state: State, database: str | None, since: str | None, repair: bool) -> int:
    """Prove that nothing was lost, finished twice or over a limit, from the stored history.

    Reads only, also beside running servers. Exit code 1 when something does not hold.
    """
    state.load_environment()
    from hairtrigger.server.settings import from_environment
    from hairtrigger.wire import durations

    settings = from_environment(database=database)
    since_ms = None if since is None else durations.parse(since, "--since")
    try:
        return loop.run(lambda: _verify(state, settings, since_ms, repair=repair))
    except (
        ConfigError
    ) as error:  # the settings were read: the database is not there, or somebody has it
        raise at_start(error) from error


async def _verify(state: State, settings: "Settings", since_ms: int | None, *, repair: bool) -> int:
    from hairtrigger.store.opening import reader_at

    repaired = await _repair(settings) if repair else None
    if repaired is not None and not state.out.is_json:
        state.out.done(f"Set {words.count(repaired, 'counter')} right")
    began = time.perf_counter()
    database = reader_at(settings.database)
    await database.open()
    try:
        findings = await _walk(state, database, since_ms, settings.retention_ms)
    finally:
        await database.close()
    took_ms = (time.perf_counter() - began) * 1000
    wrong = [one for one in findings if not one.holds and not one.check.is_warning]
    if state.out.is_json:
        told: dict[str, Any] = {"ok": not wrong, "database": settings.shown_database()}
        told |= {"repaired": repaired} if repaired is not None else {}
        state.out.json(told | {"checks": [_as_json(one) for one in findings]})
    else:
        for one in findings:
            _say(state, one)
        runs = findings[0].rows
        if wrong:
            names = ", ".join(one.check.name for one in wrong)
            state.out.warn(f"{words.count(runs, 'run')} in {words.duration(took_ms)}: {names}")
        else:
            state.out.done(f"{words.count(runs, 'run')} in {words.duration(took_ms)}: all holds")
    return FAILED if wrong else 0


async def _walk(
    state: State, database: Any, since_ms: int | None, retention_ms: int
) -> "list[Finding]":
    from contextlib import ExitStack

    from hairtrigger.engine.verify import verify_history

    with ExitStack() as stack:
        shown: list[Progress] = []

        def start(total: int) -> None:
            shown.append(stack.enter_context(state.out.progress("Verifying", total)))

        return await verify_history(
            database, since_ms=since_ms, retention_ms=retention_ms, on_start=start,
            on_runs=lambda count: shown[0].advance(count),
        )  # fmt: skip


async def _repair(settings: "Settings") -> int:
    from hairtrigger.engine import upkeep
    from hairtrigger.store.opening import database_at
    from hairtrigger.store.store import Store

    store = await Store(database_at(settings.database, pooled=settings.database_pooled)).open()
    try:
        return await upkeep.repair_counters(store, retention_ms=settings.retention_ms)
    finally:
        await store.close()


def _say(state: State, one: "Finding") -> None:
    """One line, and the first violations with what they mean."""
    check = one.check
    glyph, colour = ("ok", "green") if one.holds else ("bad", "red")
    if check.is_warning and not one.holds:
        glyph, colour = "warn", "yellow"
    sign = state.out.style_data(state.out.glyph(glyph), fg=colour)
    looked = words.count(one.rows, check.unit, check.units)
    wrong = "" if one.holds else f": {words.count(one.found, 'violation')}"
    state.out.data(f"{sign} {check.name:<13}{check.claim} ({looked}){wrong}")
    for violation in one.shown:
        state.out.data(f"    {violation.subject} {violation.text}")
    if one.found > len(one.shown):
        state.out.data(f"    and {one.found - len(one.shown):,} more")
    if not one.holds:
        state.out.data(f"  {check.meaning}")


def _as_json(one: "Finding") -> dict[str, Any]:
    return {
        "name": one.check.name,
        "claim": one.check.claim,
        "ok": one.holds,
        "warning": one.check.is_warning,
        "rows": one.rows,
        "found": one.found,
        "meaning": None if one.holds else one.check.meaning,
        "violations": [{"subject": v.subject, "text": v.text} for v in one.shown],
    }
