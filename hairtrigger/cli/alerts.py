"""``alerts``: who is told when runs fail."""

from typing import Any

import click

from hairtrigger.cli import words
from hairtrigger.cli.commands import Group
from hairtrigger.cli.problems import NOT_FOUND, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.rules.alerts import CHANNELS, KINDS
from hairtrigger.sdk.api import segment

_COLUMNS = (
    Column("NAME", 100), Column("WHEN", 90), Column("TASKS", 30), Column("TO", 80), Column("LAST", 70),
    Column("ID", 60),
)  # fmt: skip
_PATH = "/api/hairtrigger/v1/alerts"

command = Group(
    "alerts", help="Who is told of failures: list, add, edit, remove, enable, disable, test.",
    aliases={"ls": "list", "create": "add", "rm": "remove", "delete": "remove"},
)  # fmt: skip


@command.command("list")
@pass_state
def list_alerts(state: State) -> None:
    """List them, with what became of the last message of each."""
    found = state.get(_PATH)["data"]
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
    elif found:
        state.out.table(_COLUMNS, [_row(one) for one in found])
    else:
        state.out.hint("No alerts. Make one:  hairtrigger alerts add --help")


def _row(one: dict[str, Any]) -> list[str]:
    last = one["deliveries"][0]["state"] if one["deliveries"] else "nothing yet"
    return [
        one["name"], one["type"] if one["enabled"] else f"{one['type']} (off)",
        ", ".join(one["tasks"]) or "all", f"{one['channel']} {one['to']}", last, one["id"],
    ]  # fmt: skip


@command.command("add")
@click.argument("name")
@click.option("--when", type=click.Choice(KINDS), default="run.failed", show_default=True)
@click.option("--by", "channel", type=click.Choice(CHANNELS), required=True, help="How to tell.")
@click.option("--to", required=True, help="A URL, or an email address.")
@click.option("--task", "tasks", multiple=True, help="Only of this task; may be repeated.")
@click.option("--over", metavar="TIME", help="With queue.latency: how long a run may wait, 5m.")
@pass_state
def add(
    state: State,
    name: str,
    when: str,
    channel: str,
    to: str,
    tasks: tuple[str, ...],
    over: str | None,
) -> None:
    """Make an alert of this NAME. The secret of a webhook is shown now and never again."""
    body = {"name": name, "type": when, "channel": channel, "to": to, "tasks": list(tasks)}
    body |= {} if over is None else {"over": over}
    made = state.request("POST", _PATH, body)
    if state.out.is_json:
        state.out.json(made)
        return
    state.out.done(f"Made {name}; try it:  hairtrigger alerts test {name}")
    state.out.data(made["id"])
    if "secret" in made:
        state.out.data(f"  secret      {made['secret']}")


@command.command("edit")
@click.argument("alert")
@click.option("--name", help="Another name.")
@click.option("--when", type=click.Choice(KINDS))
@click.option("--by", "channel", type=click.Choice(CHANNELS), help="How to tell; needs --to.")
@click.option("--to", help="A URL, or an email address.")
@click.option("--task", "tasks", multiple=True, help="Only of this task; may be repeated.")
@click.option("--all-tasks", is_flag=True, help="Of every task.")
@click.option("--over", metavar="TIME", help="With queue.latency: how long a run may wait, 5m.")
@pass_state
def edit(
    state: State, /, alert: str, tasks: tuple[str, ...], *, all_tasks: bool, **given: str | None
) -> None:
    """Change an ALERT (name or id); what is not said stays."""
    if tasks and all_tasks:
        raise click.UsageError("--task and --all-tasks do not go together")
    found = _find(state, alert)
    given["type"] = given.pop("when")
    body: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if tasks or all_tasks:
        body["tasks"] = list(tasks)
    if not body:
        raise click.UsageError("Say what to change: --name, --when, --by, --to, --task or --over")
    changed = state.request("PUT", f"{_PATH}/{segment(found['id'])}", body)
    _say(state, f"{changed['name']} is changed", changed)
    if "secret" in changed and not state.out.is_json:
        state.out.data(f"  secret      {changed['secret']}")


@command.command("remove")
@click.argument("alerts", nargs=-1, required=True)
@pass_state
def remove(state: State, alerts: tuple[str, ...]) -> None:
    """Delete ALERTS (names or ids), with what they still had to tell."""
    found = [_find(state, one) for one in alerts]
    state.out.confirm(f"Delete {words.count(len(found), 'alert')}?", yes=state.yes)
    for one in found:
        gone = state.request("DELETE", f"{_PATH}/{segment(one['id'])}")
        _say(state, f"Deleted {one['name']}", gone)


@command.command("enable")
@click.argument("alerts", nargs=-1, required=True)
@pass_state
def enable(state: State, alerts: tuple[str, ...]) -> None:
    """Let ALERTS tell again, from now on."""
    _switch(state, alerts, enabled=True)


@command.command("disable")
@click.argument("alerts", nargs=-1, required=True)
@pass_state
def disable(state: State, alerts: tuple[str, ...]) -> None:
    """Let ALERTS tell nothing. What fails meanwhile is not made up for."""
    _switch(state, alerts, enabled=False)


@command.command("test")
@click.argument("alert")
@pass_state
def test(state: State, alert: str) -> None:
    """Send a test of an ALERT (name or id) now."""
    found = _find(state, alert)
    answer = state.request("POST", f"{_PATH}/{segment(found['id'])}/test", {})
    if state.out.is_json:
        state.out.json(answer)
    if not answer["delivered"]:
        raise CommandError(f"The test of {found['name']} did not arrive", answer["problem"])
    if not state.out.is_json:
        state.out.done(f"The test of {found['name']} was taken by {found['to']}")


def _switch(state: State, alerts: tuple[str, ...], *, enabled: bool) -> None:
    for name in alerts:
        one = _find(state, name)
        changed = state.request("PUT", f"{_PATH}/{segment(one['id'])}", {"enabled": enabled})
        _say(state, f"{one['name']} is {'on' if enabled else 'off'}", changed)


def _find(state: State, wanted: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = state.get(_PATH)["data"]
    for one in found:
        if wanted in (one["id"], one["name"]):
            return one
    raise CommandError(
        f"There is no alert {wanted}", fixes=(("See them", "hairtrigger alerts list"),),
        exit_code=NOT_FOUND, code="not_found",
    )  # fmt: skip


def _say(state: State, text: str, answer: dict[str, Any]) -> None:
    if state.out.is_json:
        state.out.ndjson(answer)
    else:
        state.out.done(text)
