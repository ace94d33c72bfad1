"""``queues``: what runs and waits where, paused and limited at run time."""

from typing import Any

import click
import msgspec

from hairtrigger.cli import memory, words
from hairtrigger.cli.commands import Group, closest
from hairtrigger.cli.problems import NOT_FOUND, USAGE, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.errors import NotFound
from hairtrigger.sdk import queues as calls
from hairtrigger.sdk.api import ApiCall, reads
from hairtrigger.wire.options import MAX_BURST, MAX_CONCURRENCY

_COLUMNS = (
    Column("QUEUE", 100), Column("STATE", 80), Column("RUNNING", 90, right=True),
    Column("QUEUED", 90, right=True), Column("LIMIT", 70), Column("TOTAL", 40, right=True),
    Column("RATE", 50), Column("ID", 10),
)  # fmt: skip
_LIMIT = click.IntRange(0, MAX_CONCURRENCY)
_ENVIRONMENT = "/api/hairtrigger/v1/concurrency"
_ANY: Any = Any  # JSON of any form

command = Group(
    "queues", help="What runs and waits where; pause, resume and limit queues.",
    aliases={"show": "get", "ls": "list"},
)  # fmt: skip


@command.command("list")
@pass_state
def list_queues(state: State) -> None:
    """List the queues of the current version of the code."""
    found = _queues(state)
    if state.out.is_json:
        state.out.json({"data": found, "pagination": {"next": None}})
    elif found:
        state.out.table(_COLUMNS, [_row(queue) for queue in found])
    else:
        state.out.hint("No queues. A worker tells the server which there are: hairtrigger dev")


@command.command("get")
@click.argument("queue")
@pass_state
def get_queue(state: State, queue: str) -> None:
    """Read one QUEUE: a name, task/ID for a task's own, or a queue's id."""
    found = _ask(state, calls.retrieve_queue_call(queue), queue)
    if state.out.is_json:
        state.out.json(found)
        return
    state.out.data(found["id"])
    facts = {
        "queue": _name(found),
        "state": _state(found),
        "running": f"{found['running']:,}",
        "queued": f"{found['queued']:,}",
        "limit": _limit(found) + (" for each concurrency key" if _is_limited(found) else ""),
        "total limit": _number(found.get("totalLimit")),
        "rate limit": found.get("rateLimit"),
    }
    for label, value in facts.items():
        if value:
            state.out.data(f"  {label:<12}{value}")


@command.command("pause")
@click.argument("queues", nargs=-1, required=True)
@pass_state
def pause(state: State, queues: tuple[str, ...]) -> None:
    """Start no more runs of QUEUES; what runs goes on."""
    for one in queues:
        changed = _ask(state, calls.switch_queue_call("pause", one), one)
        running = words.count(changed["running"], "run")
        _say(state, f"Paused {_name(changed)}, {running} still running", changed)


@command.command("resume")
@click.argument("queues", nargs=-1, required=True)
@pass_state
def resume(state: State, queues: tuple[str, ...]) -> None:
    """Start the runs of paused QUEUES again."""
    for one in queues:
        changed = _ask(state, calls.switch_queue_call("resume", one), one)
        _say(state, f"Resumed {_name(changed)}, {changed['queued']:,} queued", changed)


@command.command("limit")
@click.argument("queue")
@click.argument("limit", type=_LIMIT, required=False)
@click.option("--reset", is_flag=True, help="Let the limit of the code apply again.")
@pass_state
def limit(state: State, queue: str, limit: int | None, reset: bool) -> None:
    """Let LIMIT runs of a QUEUE execute at once, for each concurrency key.

    It stands before the limit of the code, for versions to come as well, until --reset.
    """
    if reset == (limit is not None):
        raise CommandError(
            "Give a limit, or --reset",
            fixes=(
                ("Set one", f"hairtrigger queues limit {queue} 10"),
                ("Or", f"hairtrigger queues limit {queue} --reset"),
            ),
            exit_code=USAGE,
            code="usage",
        )
    call = (
        calls.reset_limit_call(queue) if limit is None else calls.override_limit_call(queue, limit)
    )
    changed = _ask(state, call, queue)
    _say(state, f"{_name(changed)}: {_limit(changed)} at once", changed)


@command.command("environment")
@click.option("--limit", metavar="N|none", help="Runs of each queue at once; none: no limit.")
@click.option(
    "--burst", type=click.IntRange(100, MAX_BURST), metavar="PERCENT",
    help="What all queues together may run, in percent of the limit: 100 to 1000.",
)  # fmt: skip
@pass_state
def environment(state: State, limit: str | None, burst: int | None) -> None:
    """How many runs of the environment may execute at once; set with --limit, --burst."""
    found: dict[str, Any] = state.get(_ENVIRONMENT)
    if limit is not None or burst is not None:
        body = {
            "concurrencyLimit": found["concurrencyLimit"]
            if limit is None
            else _number_or_none(limit),
            "burst": found["burst"] if burst is None else burst,
        }
        found = state.ask(
            ApiCall(
                "queues environment",
                f"PUT {_ENVIRONMENT}",
                returns=reads(_ANY),
                body=msgspec.json.encode(body),
            )
        )
    if state.out.is_json:
        state.out.json(found)
        return
    most = "no limit"
    if found["concurrencyLimit"] is not None:
        most = f"{found['concurrencyLimit']:,} at once, burst {found['burst']}%"
    state.out.data(f"environment: {most}, {found['running']:,} running")


def _number_or_none(text: str) -> int | None:
    """What --limit says.

    Raises:
        BadParameter: neither a number in range nor none.
    """
    if text == "none":
        return None
    return int(_LIMIT(text))


def _ask(state: State, call: ApiCall[Any], name: str) -> dict[str, Any]:
    """The queue as the API shows it: its own members, unlike the SDK's object.

    Raises:
        CommandError: there is none of that name; it names the closest.
    """
    try:
        found: dict[str, Any] = state.ask(
            ApiCall(call.name, f"{call.method} {call.path}", returns=reads(_ANY), body=call.body)
        )
    except NotFound as error:
        known = [_name(queue) for queue in _queues(state)]
        own = f"task/{name}"
        guess = [own] if own in known else closest(name, known)
        raise CommandError(
            f"No queue {name}",
            str(error),
            *((f"Closest: {' or '.join(guess)}.",) if guess else ()),
            fixes=(("See them", "hairtrigger queues list"),),
            exit_code=NOT_FOUND,
            code=error.code,
        ) from None
    return found


def _queues(state: State) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page, pages = 1, 1
    while page <= pages:
        answer = state.get(f"/api/v1/queues?perPage=100&page={page}")
        found += answer["data"]
        page, pages = page + 1, answer["pagination"]["totalPages"]
    memory.remember(state.root, "queues", [_name(queue) for queue in found], replace=True)
    return found


def _row(queue: dict[str, Any]) -> list[str]:
    return [
        _name(queue), _state(queue), f"{queue['running']:,}", f"{queue['queued']:,}", _limit(queue),
        _number(queue.get("totalLimit")), queue.get("rateLimit") or "", queue["id"],
    ]  # fmt: skip


def _name(queue: dict[str, Any]) -> str:
    """As it is given to commands."""
    return f"task/{queue['name']}" if queue["type"] == "task" else str(queue["name"])


def _state(queue: dict[str, Any]) -> str:
    return "paused" if queue["paused"] else "open"


def _is_limited(queue: dict[str, Any]) -> bool:
    return queue["concurrencyLimit"] is not None


def _limit(queue: dict[str, Any]) -> str:
    """The limit in force, and that of the code where it is another one."""
    shown = _number(queue["concurrencyLimit"]) or "no limit"
    told = queue["concurrency"]
    if told["override"] is None:
        return shown
    return f"{shown} ({_number(told['base']) or 'no limit'} in code)"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _say(state: State, text: str, answer: dict[str, Any]) -> None:
    if state.out.is_json:
        state.out.ndjson(answer)
    else:
        state.out.done(text)
