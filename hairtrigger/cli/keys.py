"""``keys``: the secret keys of an environment."""

from typing import Any

import click

from hairtrigger.cli import words
from hairtrigger.cli.commands import Group
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.sdk.api import segment

_PATH = "/api/hairtrigger/v1/keys"
_COLUMNS = (
    Column("ID", 100), Column("NAME", 90), Column("KEY", 80), Column("USED", 60), Column("MADE", 40),
    Column("EXPIRES", 70),
)  # fmt: skip

command = Group("keys", help="The secret keys of this environment.", aliases={"ls": "list"})


@command.command("list")
@pass_state
def list_keys(state: State) -> None:
    """List the keys, newest first, by their ends."""
    found = state.get(_PATH)["data"]
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
    else:
        state.out.table(_COLUMNS, [_row(one) for one in found])


@command.command("create")
@click.argument("name")
@click.option("--expires", metavar="TIME", help="When, from now on: 90d. Else when it is revoked.")
@pass_state
def create(state: State, name: str, expires: str | None) -> None:
    """Make another key called NAME, and print it: it is not shown again."""
    made = state.request("POST", _PATH, {"name": name, "expiresIn": expires})
    _say_secret(state, made, f"The key {name} is made. It is not shown again:")


@command.command("rotate")
@pass_state
def rotate(state: State) -> None:
    """Make a new root key, and print it. The one before is good for another 24 hours."""
    made = state.request("POST", _PATH + "/rotate")
    _say_secret(state, made, f"The root key before this one ends {made['previousExpiresAt']}")


@command.command("revoke")
@click.argument("key", metavar="ID")
@pass_state
def revoke(state: State, key: str) -> None:
    """Let the key ID open nothing any more."""
    gone = state.request("DELETE", f"{_PATH}/{segment(key)}")
    if state.out.is_json:
        state.out.json(gone)
    else:
        state.out.done(f"The key {gone['name']} is revoked")


def _say_secret(state: State, made: dict[str, Any], done: str) -> None:
    if state.out.is_json:
        state.out.json(made)
    else:
        state.out.done(done)
        state.out.data(made["secret"])


def _row(one: dict[str, Any]) -> list[str]:
    now = words.now()
    used, made, ends = (
        words.instant(one.get(name)) for name in ("lastUsedAt", "createdAt", "expiresAt")
    )
    return [
        one["id"], one.get("name", "root"), one["key"], "never" if used is None else words.ago(used, now),
        "" if made is None else words.ago(made, now), _end(ends, now),
    ]  # fmt: skip


def _end(ends: Any, now: Any) -> str:
    if ends is None:
        return "never"
    return "over" if ends <= now else words.ahead(ends, now)
