"""``plan``: which plan the organisation has, and another one; ``usage``: what is used of it this month."""

from typing import TYPE_CHECKING, Any

import click

from hairtrigger.cli import installation
from hairtrigger.cli.commands import Group
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.rules.plans import NAMES, Name, Plan

if TYPE_CHECKING:
    from hairtrigger.store.database import Database
    from hairtrigger.store.store import Store

_COLUMNS = (
    Column("PROJECT", 90), Column("ENVIRONMENT", 100), Column("RUNNING", 80, right=True),
    Column("LIMIT", 70, right=True),
)  # fmt: skip
_USAGE = "/api/v1/usage"

command = Group("plan", help="The organisation's plan: show, set.", aliases={"get": "show"})


@command.command("show")
@installation.option
@pass_state
def show(state: State, database: str | None) -> None:
    """Say which plan it is and what it allows, also beside a running server."""
    _say(state, installation.read(installation.settings(state, database), _read))


@command.command("set")
@click.argument("name", type=click.Choice(NAMES))
@installation.option
@pass_state
def set_plan(state: State, name: Name, database: str | None) -> None:
    """Put the organisation on plan NAME, from now on, on every server and for what waits too."""
    settings = installation.settings(state, database)
    state.out.confirm(f"Put the whole organisation on the plan {name}?", yes=state.yes)

    async def work(store: "Store") -> Plan:
        from hairtrigger.engine import plans

        return await plans.change(store, name, by="the command line")

    _say(state, installation.change(settings, work), done=True)


@make_command("usage")
@pass_state
def usage(state: State) -> None:
    """What the organisation used of its plan this month, and what executes now."""
    found = state.get(_USAGE)
    if state.out.is_json:
        state.out.json(found)
        return
    runs, plan = found["runs"], found["plan"]
    share = "" if runs["percentage"] is None else f" of {runs['limit']:,} ({runs['percentage']:g}%)"
    state.out.data(f"{runs['count']:,} runs{share} this month, on the plan {plan['name']}")
    state.out.data(f"  counting begins anew on {found['resetsAt'][:10]} (UTC)")
    rows = [
        [one["project"], one["environment"], f"{one['running']:,}", _number(one["limit"])]
        for one in found["environments"]
    ]
    state.out.table(_COLUMNS, rows)
    if found["warning"]:
        state.out.warn(found["warning"])


async def _read(reader: "Database") -> Plan:
    from hairtrigger.rules import plans
    from hairtrigger.store import store as stores

    for name, *numbers in await reader.read(stores.one("organization")):
        return plans.plan_of(plans.check(name), plans.Numbers(*numbers))
    return plans.UNLIMITED  # no server has opened the database yet


def _say(state: State, plan: Plan, *, done: bool = False) -> None:
    if state.out.is_json:
        state.out.json(_as_json(plan))
        return
    if done:
        state.out.done(f"The plan is {plan.name}")
    else:
        state.out.data(plan.name)
    state.out.data(f"  price        {plan.price}")
    state.out.data(f"  runs         {_number(plan.runs)} in a calendar month")
    state.out.data(f"  concurrency  {_number(plan.concurrency)} at once in each environment")
    state.out.data(f"  support      {plan.support}")


def _as_json(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "price": plan.price,
        "support": plan.support,
        "runsLimit": plan.runs,
        "concurrencyLimit": plan.concurrency,
    }


def _number(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit:,}"
