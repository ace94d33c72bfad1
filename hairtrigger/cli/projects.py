"""``projects``: those of an installation and their environments, and the keys of new ones."""

from typing import TYPE_CHECKING, Any

import click

from hairtrigger.cli import installation
from hairtrigger.cli.commands import Group
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column

if TYPE_CHECKING:
    from hairtrigger.engine.projects import Made
    from hairtrigger.store.database import Database
    from hairtrigger.store.store import Store

_COLUMNS = (Column("PROJECT", 100), Column("NAME", 90), Column("ENVIRONMENTS", 80))

command = Group(
    "projects", help="The projects of an installation and their environments.",
    aliases={"ls": "list"},
)  # fmt: skip


@command.command("list")
@installation.option
@pass_state
def list_projects(state: State, database: str | None) -> None:
    """List every project, also beside a running server."""
    found = installation.read(installation.settings(state, database), _read)
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
    elif found:
        rows = [[one["ref"], one["name"], " ".join(one["environments"])] for one in found]
        state.out.table(_COLUMNS, rows)
    else:
        state.out.hint("None yet. The first server that starts makes one:  hairtrigger server")


@command.command("create")
@click.argument("name")
@click.option("--ref", default="", metavar="PROJ", help="proj_...; else the first worker names it.")
@installation.option
@pass_state
def create(state: State, name: str, ref: str, database: str | None) -> None:
    """Make a project called NAME with environments dev and prod, and print their keys."""
    settings = installation.settings(state, database)

    async def work(store: "Store") -> "list[Made]":
        from hairtrigger.engine import projects
        from hairtrigger.server.server import vault_of

        return await projects.create_project(store, vault_of(settings), name=name, ref=ref)

    _say(state, installation.change(settings, work))


@command.command("add-env")
@click.argument("named", metavar="PROJECT")
@click.argument("slug", metavar="ENVIRONMENT")
@installation.option
@pass_state
def add_env(state: State, named: str, slug: str, database: str | None) -> None:
    """Give PROJECT (its reference or name) another ENVIRONMENT, staging. Prints its key."""
    settings = installation.settings(state, database)

    async def work(store: "Store") -> "list[Made]":
        from hairtrigger.engine import projects
        from hairtrigger.server.server import vault_of

        number = projects.find(store.catalog, named)
        return [await projects.create_environment(store, vault_of(settings), number, slug)]

    _say(state, installation.change(settings, work))


async def _read(reader: "Database") -> list[dict[str, Any]]:
    from hairtrigger.store import store as stores

    found: dict[str, dict[str, Any]] = {}
    for _, _, ref, name, slug, *_ in await reader.read(stores.one("all_envs")):
        found.setdefault(ref, {"ref": ref, "name": name, "environments": []})
        found[ref]["environments"].append(slug)
    return list(found.values())


def _say(state: State, made: "list[Made]") -> None:
    if state.out.is_json:
        shown = [{"environment": one.env.slug, "key": one.key} for one in made]
        project = {"ref": made[0].env.project_ref, "name": made[0].env.project_name}
        state.out.json({**project, "environments": shown})
        return
    env = made[0].env
    state.out.done(
        f"{env.project_name} ({env.project_ref}) has {' and '.join(one.env.slug for one in made)}"
    )
    for one in made:
        state.out.data(f"  {one.env.slug:<8} {one.key}")
