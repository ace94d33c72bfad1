"""``audit``: who changed what in an installation."""

from typing import TYPE_CHECKING, Any

import click
import msgspec

from hairtrigger.cli import installation
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column

if TYPE_CHECKING:
    from hairtrigger.store.database import Database

_COLUMNS = (
    Column("AT", 100), Column("WHO", 95), Column("ACTION", 90), Column("OF", 80), Column("WHERE", 60),
    Column("ADDRESS", 50),
)  # fmt: skip


@make_command("audit")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@installation.option
@pass_state
def command(state: State, limit: int, database: str | None) -> None:
    """Who changed what, newest first: people, their tools, and keys. Also beside a running server."""

    async def read(reader: "Database") -> list[Any]:
        from hairtrigger.engine import audit
        from hairtrigger.server.api.audit import shown
        from hairtrigger.store import catalog

        envs = (await reader.read(catalog.load())).envs
        found, _ = await audit.page(reader, size=limit)
        return [msgspec.to_builtins(shown(one, envs)) for one in found]

    found = installation.read(installation.settings(state, database), read)
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
    elif found:
        state.out.table(_COLUMNS, [_row(one) for one in found])
    else:
        state.out.hint("Nothing has been changed by anybody yet.")


def _row(one: dict[str, Any]) -> list[str]:
    place = f"{one['project']}/{one['environment']}" if "project" in one else ""
    return [one["at"], one["who"], one["action"], one["subject"], place, one["address"]]
