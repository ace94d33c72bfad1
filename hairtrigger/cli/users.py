"""``users``: who may use the dashboard, for the first person of an installation without a browser, and for
whoever has lost every password."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from hairtrigger.cli import installation, words
from hairtrigger.cli.commands import Group
from hairtrigger.cli.problems import USAGE, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.rules.accounts import ROLES, User, check_role
from hairtrigger.wire import durations

if TYPE_CHECKING:
    from hairtrigger.store.database import Database
    from hairtrigger.store.store import Store

_COLUMNS = (
    Column("EMAIL", 100), Column("ROLE", 90), Column("NAME", 80), Column("PASSWORD", 20),
    Column("SEEN", 60),
)  # fmt: skip
_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
_role = click.Choice(ROLES)

command = Group(
    "users", help="Who may use the dashboard: list, add, remove, roles, passwords.",
    aliases={"ls": "list"},
)  # fmt: skip


@command.command("list")
@installation.option
@pass_state
def list_users(state: State, database: str | None) -> None:
    """List everybody, also beside a running server."""
    found = installation.read(installation.settings(state, database), _read)
    if state.out.is_json:
        state.out.json({"data": [_as_json(user) for user in found], "pagination": {"next": None}})
    elif found:
        state.out.table(_COLUMNS, [_row(user) for user in found])
    else:
        state.out.hint("Nobody yet. Add the first one:  hairtrigger users add EMAIL --role admin")


@command.command("add")
@click.argument("email")
@click.option("--name", default="", help="What they are called; else the email address says.")
@click.option("--role", type=_role, default="viewer", help="viewer (may look) or admin.")
@_stdin
@click.option("--no-password", is_flag=True, help="They come through a proxy, which asks them.")
@installation.option
@pass_state
def add(
    state: State, email: str, name: str, role: str, password_stdin: bool, no_password: bool,
    database: str | None,
) -> None:  # fmt: skip
    """Add somebody with this EMAIL address; their password is asked for."""
    settings = installation.settings(state, database)
    if no_password and password_stdin:
        raise CommandError(
            "--no-password and --password-stdin do not go together", exit_code=USAGE, code="usage"
        )
    password = None if no_password else _password(email, from_stdin=password_stdin)

    async def work(store: "Store") -> User:
        from hairtrigger.engine import accounts

        return await accounts.add_user(
            store, email=email, name=name, role=check_role(role), password=password
        )

    user = installation.change(settings, work)
    _say(state, f"Added {user.email} as {user.role}", user)


@command.command("remove")
@click.argument("email")
@installation.option
@pass_state
def remove(state: State, email: str, database: str | None) -> None:
    """Remove somebody, and end their logins."""
    settings = installation.settings(state, database)
    state.out.confirm(f"Remove {email}?", yes=state.yes)

    async def work(store: "Store") -> User:
        from hairtrigger.engine import accounts

        user = await accounts.find(store, email)
        await accounts.remove_user(store, user.id)
        return user

    user = installation.change(settings, work)
    _say(state, f"Removed {user.email}", user)


@command.command("role")
@click.argument("email")
@click.argument("role", type=_role)
@installation.option
@pass_state
def role(state: State, email: str, role: str, database: str | None) -> None:
    """Make somebody an admin or a viewer."""

    async def work(store: "Store") -> User:
        from hairtrigger.engine import accounts

        user = await accounts.find(store, email)
        await accounts.change_role(store, user.id, check_role(role))
        return replace(user, role=check_role(role))

    user = installation.change(installation.settings(state, database), work)
    _say(state, f"{user.email} is {'an admin' if user.is_admin else 'a viewer'} now", user)


@command.command("password")
@click.argument("email")
@_stdin
@installation.option
@pass_state
def password(state: State, email: str, password_stdin: bool, database: str | None) -> None:
    """Give somebody a new password, and end their logins."""
    settings = installation.settings(state, database)
    new = _password(email, from_stdin=password_stdin)

    async def work(store: "Store") -> User:
        from hairtrigger.engine import accounts

        user = await accounts.find(store, email)
        await accounts.set_password(store, user, new)
        return replace(user, has_password=True)

    user = installation.change(settings, work)
    _say(state, f"{user.email} has a new password, and is signed out everywhere", user)


def _password(email: str, *, from_stdin: bool) -> str:
    """The password that was typed twice, or the first line of stdin.

    Raises:
        CommandError: nobody can be asked.
        Unprocessable: it will not do.
    """
    from hairtrigger.rules.accounts import check_password

    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        given = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise CommandError(
            "There is no terminal to ask for the password",
            fixes=(("Pipe it", "add --password-stdin"),),
            exit_code=USAGE,
            code="usage",
        )
    check_password(given, email)
    return str(given)


async def _read(reader: "Database") -> list[User]:
    from hairtrigger.engine import accounts

    return await accounts.users(reader)


def _row(user: User) -> list[str]:
    seen = "never"
    if user.seen_at is not None:
        seen = words.ago(durations.to_datetime(user.seen_at), words.now())
    return [user.email, user.role, user.name, "yes" if user.has_password else "no", seen]


def _as_json(user: User) -> dict[str, Any]:
    return {
        "id": user.public_id,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "hasPassword": user.has_password,
        "createdAt": durations.iso(user.created_at),
        "seenAt": None if user.seen_at is None else durations.iso(user.seen_at),
    }


def _say(state: State, text: str, user: User) -> None:
    if state.out.is_json:
        state.out.json(_as_json(user))
    else:
        state.out.done(text)
