"""Commands on an installation's database itself: ``users``, ``projects`` and ``plan``.

A SQLite file has one process that writes: its server does it then, through the dashboard.
"""

import getpass
import platform
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import click

from hairtrigger.cli import loop
from hairtrigger.cli.problems import Explained, at_start
from hairtrigger.cli.state import State
from hairtrigger.errors import ConfigError, DatabaseInUse

if TYPE_CHECKING:
    from hairtrigger.server.settings import Settings
    from hairtrigger.store.database import Database
    from hairtrigger.store.store import Store

T = TypeVar("T")
_NAMES = ("email", "name", "named", "plan")  # of what a command changes, by its parameters
option = click.option(
    "--database", metavar="URL", help="As the server's; else HAIRTRIGGER_DATABASE."
)


def settings(state: State, database: str | None) -> "Settings":
    """The server's settings, as it would read them here."""
    state.load_environment()
    from hairtrigger.server.settings import from_environment

    return from_environment(database=database)


def read(settings: "Settings", work: "Callable[[Database], Awaitable[T]]") -> T:
    """What some work on the database gives that only reads; also beside a running server."""

    async def opened() -> T:
        from hairtrigger.store.opening import reader_at

        database = reader_at(settings.database)
        await database.open()
        try:
            return await work(database)
        finally:
            await database.close()

    return _finished(opened)


def change(settings: "Settings", work: "Callable[[Store], Awaitable[T]]") -> T:
    """What some work on the open database gives; that must be there, and of this program's version."""

    async def opened() -> T:
        from hairtrigger.store.opening import database_at
        from hairtrigger.store.store import Store

        pooled = settings.database_pooled
        store = Store(database_at(settings.database, pooled=pooled, migrate=False))
        await store.open()
        try:
            done = await work(store)
            await _note(store)
            return done
        finally:
            await store.close()

    return _finished(opened)


async def _note(store: "Store") -> None:
    """Write down in the audit log which command was called, and by whom on this machine."""
    from hairtrigger.engine import audit

    ctx = click.get_current_context()
    named = (ctx.params.get(name) for name in _NAMES)
    await audit.note(
        store, who=f"{_user()} at {platform.node()}", action=ctx.command_path.replace(" ", "."),
        what=ctx.command.get_short_help_str(200), subject=str(next(filter(None, named), "")),
    )  # fmt: skip


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return "somebody"


def _finished(work: "Callable[[], Awaitable[T]]") -> T:
    found: list[T] = []

    async def run() -> int:
        found.append(await work())
        return 0

    try:
        loop.run(run)
    except DatabaseInUse as error:
        raise _in_use(error) from error
    except ConfigError as error:  # the settings were read: it is the database
        raise at_start(error) from error
    return found[0]


def _in_use(error: DatabaseInUse) -> Explained:
    problem = at_start(error).problem
    here = (
        "Its server changes this too: sign in to its dashboard as an admin, Settings or Usage.",
        "Or stop it first.",
    )
    return Explained(replace(problem, why=here))
