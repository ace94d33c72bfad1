"""``schedules``: those that tasks declare, and those that are made here or over the API."""

import time
from typing import Any

import click

from hairtrigger.cli import words
from hairtrigger.cli.commands import Group
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.rules import cron as crons
from hairtrigger.sdk.api import segment
from hairtrigger.wire import durations

_COLUMNS = (
    Column("TASK", 100), Column("CRON", 90), Column("WHEN", 30), Column("ZONE", 50), Column("NEXT", 80),
    Column("ID", 60), Column("MADE BY", 10), Column("EXTERNAL ID", 20),
)  # fmt: skip
_PATH = "/api/v1/schedules"

command = Group(
    "schedules", help="List, create, pause, resume and delete schedules.", aliases={"show": "get"}
)


@command.command("list")
@pass_state
def list_schedules(state: State) -> None:
    """List all schedules."""
    found: list[dict[str, Any]] = []
    page, pages = 1, 1
    while page <= pages:
        answer = state.get(f"{_PATH}?perPage=100&page={page}")
        found += answer["data"]
        page, pages = page + 1, answer["pagination"]["totalPages"]
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
    elif found:
        state.out.table(_COLUMNS, [_row(schedule) for schedule in found])
    else:
        state.out.hint(
            "No schedules. Declare one on a task, or: hairtrigger schedules create --help"
        )


def _row(schedule: dict[str, Any]) -> list[str]:
    return [
        schedule["task"],
        schedule["generator"]["expression"],
        schedule["generator"]["description"],
        schedule["timezone"],
        _next(schedule),
        schedule["id"],
        "code" if schedule["type"] == "DECLARATIVE" else "API",
        schedule.get("externalId", ""),
    ]


def _next(schedule: dict[str, Any]) -> str:
    if not schedule["active"]:
        return "paused"
    moment = words.instant(schedule.get("nextRun"))
    return "" if moment is None else words.ahead(moment, words.now())


@command.command("get")
@click.argument("schedule")
@pass_state
def get_schedule(state: State, schedule: str) -> None:
    """Read one SCHEDULE, by its id or its deduplication key."""
    _show(state, state.get(f"{_PATH}/{segment(schedule)}"))


@command.command("create")
@click.option("--task", required=True, help="The task that it runs.")
@click.option("--cron", required=True, metavar="PATTERN", help='Five fields: "0 9 * * *".')
@click.option("--tz", default="UTC", metavar="ZONE", help="An IANA time zone; UTC by default.")
@click.option("--external-id", metavar="ID", help="What it is for: reaches the task.")
@click.option(
    "--key", "deduplication_key", metavar="KEY", help="Change the schedule with this key, if any."
)
@pass_state
def create(
    state: State,
    task: str,
    cron: str,
    tz: str,
    external_id: str | None,
    deduplication_key: str | None,
) -> None:
    """Make a schedule for a task."""
    crons.check(cron, tz)
    warning = crons.gap_warning(cron, tz, int(time.time() * 1000))
    if warning:
        state.out.warn(warning)
    body = {"task": task, "cron": cron, "timezone": tz, "deduplicationKey": deduplication_key or ""}
    if external_id is not None:
        body["externalId"] = external_id
    made = state.request("POST", _PATH, body)
    if not state.out.is_json:
        state.out.done(f"{made['generator']['description']} ({made['timezone']}), {_next(made)}")
    _show(state, made, short=True)


@command.command("pause")
@click.argument("schedules", nargs=-1, required=True)
@pass_state
def pause(state: State, schedules: tuple[str, ...]) -> None:
    """Stop SCHEDULES from firing. What they miss is not made up for."""
    for one in schedules:
        changed = state.request("POST", f"{_PATH}/{segment(one)}/deactivate", {})
        _say(state, f"Paused {changed['id']}", changed)


@command.command("resume")
@click.argument("schedules", nargs=-1, required=True)
@pass_state
def resume(state: State, schedules: tuple[str, ...]) -> None:
    """Let SCHEDULES fire again, from now on."""
    for one in schedules:
        changed = state.request("POST", f"{_PATH}/{segment(one)}/activate", {})
        _say(state, f"Resumed {changed['id']}, {_next(changed)}", changed)


@command.command("delete")
@click.argument("schedules", nargs=-1, required=True)
@pass_state
def delete(state: State, schedules: tuple[str, ...]) -> None:
    """Delete SCHEDULES that were made over the API; those of the code end with the code."""
    state.out.confirm(f"Delete {words.count(len(schedules), 'schedule')}?", yes=state.yes)
    for one in schedules:
        deleted = state.request("DELETE", f"{_PATH}/{segment(one)}")
        _say(state, f"Deleted {deleted['id']}", deleted)


def _say(state: State, text: str, answer: dict[str, Any]) -> None:
    if state.out.is_json:
        state.out.ndjson(answer)
    else:
        state.out.done(text)


def _show(state: State, schedule: dict[str, Any], *, short: bool = False) -> None:
    if state.out.is_json:
        state.out.json(schedule)
        return
    state.out.data(schedule["id"])
    if short:
        return
    cron, zone = schedule["generator"]["expression"], schedule["timezone"]
    facts = {
        "task": schedule["task"],
        "cron": f"{cron}  {schedule['generator']['description']}",
        "zone": zone,
        "made by": "code" if schedule["type"] == "DECLARATIVE" else "API",
        "external id": schedule.get("externalId"),
        "key": schedule.get("deduplicationKey"),
        "next": _next(schedule),
    }
    for label, value in facts.items():
        if value:
            state.out.data(f"  {label:<12}{value}")
    if schedule["active"]:
        for instant in crons.upcoming(cron, zone, int(time.time() * 1000)):
            state.out.data(f"    {durations.iso(instant)}")
