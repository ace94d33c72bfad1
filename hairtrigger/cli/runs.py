"""``runs``: list, read, watch, cancel and replay them."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlencode

import click

from hairtrigger.cli import following, memory, words
from hairtrigger.cli.commands import Group
from hairtrigger.cli.problems import FAILED, USAGE, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.errors import HairtriggerError
from hairtrigger.sdk.api import segment
from hairtrigger.wire import durations, statuses

F = TypeVar("F", bound=Callable[..., Any])
PAGE = 100
_UNFINISHED = ",".join(name for name in statuses.PUBLIC if name not in statuses.FINAL)
_LOOK_S = 2.0  # how often a watched run's status is read while it says nothing

command = Group("runs", help="List, read, watch, cancel and replay runs.", aliases={"show": "get"})
_COLUMNS = (
    Column("STATUS", 60), Column("TASK", 70), Column("RUN", 100), Column("ATTEMPTS", 10, right=True),
    Column("CREATED", 40), Column("DURATION", 30, right=True), Column("VERSION", 5), Column("TAGS", 20),
)  # fmt: skip
_FILTERS = (
    ("--status", "status", "With this status, such as FAILED."),
    ("--task", "taskIdentifier", "Of this task."),
    ("--tag", "tag", "With this tag."),
    ("--version", "version", "On this version of the code."),
    ("--queue", "queue", "Of this queue."),
)


def _filters(function: F) -> F:
    """The options that say which runs are meant."""
    for name, _, text in reversed(_FILTERS):
        kind = name.removeprefix("--")
        function = click.option(name, kind, multiple=True, metavar=kind.upper(), help=text)(
            function
        )
    function = click.option("--batch", metavar="ID", help="Of this batch.")(function)
    function = click.option("--schedule", metavar="ID", help="Of this schedule.")(function)
    function = click.option("--since", metavar="TIME", help="Not older than 1h, or a date.")(
        function
    )
    return click.option("--until", metavar="TIME", help="Not newer than 1h, or a date.")(function)


@command.command("list")
@_filters
@click.option(
    "--limit", default=25, type=click.IntRange(1, 10_000), help="At most so many; 25 by default."
)
@click.option("--cursor", metavar="CURSOR", help="Go on where another list ended.")
@pass_state
def list_runs(state: State, /, limit: int, cursor: str | None, **given: Any) -> None:
    """List runs, newest first."""
    runs, following_page = _found(state, given, limit, cursor)
    memory.remember(state.root, "runs", [run["id"] for run in runs])
    if state.out.is_json:
        state.out.json({"data": runs, "pagination": {"next": following_page}})
        return
    if not runs:
        state.out.hint("No runs. Trigger one: hairtrigger trigger TASK")
        return
    state.out.table(_COLUMNS, [_row(state, run) for run in runs])
    if following_page:
        state.out.hint(f"{len(runs)} shown. Next: --cursor {following_page}")


def _row(state: State, run: dict[str, Any]) -> list[str]:
    glyph, _, word = words.status(run["status"])
    created = words.instant(run["createdAt"])
    return [
        f"{state.out.glyph(glyph)} {word}",
        run["taskIdentifier"],
        run["id"],
        str(run.get("attemptCount", "")),
        "" if created is None else words.ago(created, words.now()),
        words.duration(run["durationMs"]) if run.get("startedAt") else "",
        run.get("version", ""),
        " ".join(run["tags"]),
    ]


@command.command("get")
@click.argument("run")
@pass_state
def get_run(state: State, run: str) -> None:
    """Read one RUN: what it was given, what came of it, and why."""
    found = following.retrieve(state, run)
    memory.remember(state.root, "runs", [found["id"]])
    if state.out.is_json:
        state.out.json(found)
        return
    glyph, _, word = words.status(found["status"])
    data = state.out.data
    data(f"{state.out.glyph(glyph)} {found['id']}  {word}")
    for label, value in _facts(found):
        data(f"  {label:<11}{value}")
    error = found.get("error")
    if error:
        data("")
        data(
            error.get("stackTrace", "").rstrip()
            or f"{error.get('name', 'Error')}: {error['message']}"
        )


def _facts(run: dict[str, Any]) -> Iterator[tuple[str, str]]:
    created = words.instant(run["createdAt"])
    assert created is not None
    yield "task", run["taskIdentifier"] + (f" on {run['version']}" if run.get("version") else "")
    yield "created", f"{run['createdAt']}  {words.ago(created, words.now())}"
    for label, name in (("started", "startedAt"), ("finished", "finishedAt"), ("due", "delayedUntil"),
                        ("next try", "nextAttemptAt")):  # fmt: skip
        if run.get(name):
            yield label, run[name]
    if run.get("startedAt"):
        yield "duration", words.duration(run["durationMs"])
    yield "attempts", f"{run['attemptCount']} of {run['maxAttempts']}"
    yield "queue", run["queue"]
    if run["tags"]:
        yield "tags", " ".join(run["tags"])
    if run.get("idempotencyKey"):
        yield "key", run["idempotencyKey"]
    for name in ("payload", "output", "metadata"):
        if name in run:
            yield name, json.dumps(run[name], ensure_ascii=False)


@command.command("logs")
@click.argument("run")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends.")
@pass_state
def logs(state: State, run: str, follow: bool) -> None:
    """Print the log lines of a RUN."""
    for event in following.events(state, run, follow=follow, timeout_s=state.timeout_s()):
        if state.out.is_json:
            state.out.ndjson(event)
        else:
            state.out.data(following.line_of(state.out, event, state.out.style_data))


@command.command("watch")
@click.argument("run")
@pass_state
def watch(state: State, run: str) -> int:
    """Watch a RUN until it ends: its status and its log lines. The exit code says how it ended."""
    clock, after, status = following.Clock(run, state.timeout_s()), "0", ""
    while True:
        found = following.retrieve(state, run)
        if found["status"] != status and not found["isCompleted"]:
            status = found["status"]
            _say_status(state, found)
        held_s = clock.left_s(_LOOK_S)
        path = f"/api/v1/runs/{segment(run)}/events?after={after}&limit=500&wait={held_s:g}"
        page = state.get(path, held_s=held_s)
        for event in page["events"]:
            if state.out.is_json:
                state.out.ndjson({"event": "run.log", "run": run, **event})
            else:
                state.out.data(following.line_of(state.out, event, state.out.style_data))
        after = page["next"]
        if page["final"]:
            break
    found = following.until_final(state, run, state.timeout_s())
    if state.out.is_json:
        state.out.ndjson({"event": "run.ended", **found})
    else:
        following.say_end(state.out, found)
    return following.exit_code(found)


def _say_status(state: State, run: dict[str, Any]) -> None:
    if state.out.is_json:
        state.out.ndjson({"event": "run.status", "run": run["id"], "status": run["status"]})
        return
    glyph, colour, word = words.status(run["status"])
    sign = state.out.style(state.out.glyph(glyph), fg=colour)
    state.out.say(f"{sign} {run['id']}  {run['taskIdentifier']}  {word.lower()}")


@command.command("cancel")
@click.argument("runs", nargs=-1)
@_filters
@pass_state
def cancel(state: State, /, runs: tuple[str, ...], **given: Any) -> int:
    """Cancel RUNS, or all unfinished ones that the filters name, and everything they triggered."""
    if not given["status"]:
        given["status"] = (_UNFINISHED,)
    return _each(
        state, "Cancel", runs, given,
        lambda run: state.request("POST", f"/api/v2/runs/{segment(run)}/cancel", {}),
    )  # fmt: skip


@command.command("replay")
@click.argument("runs", nargs=-1)
@_filters
@pass_state
def replay(state: State, /, runs: tuple[str, ...], **given: Any) -> int:
    """Run RUNS again, or all that the filters name, each as a new run with the same payload."""
    return _each(
        state, "Replay", runs, given,
        lambda run: state.request("POST", f"/api/v1/runs/{segment(run)}/replay", {}),
    )  # fmt: skip


def _each(
    state: State, verb: str, runs: tuple[str, ...], given: dict[str, Any], act: Callable[[str], Any]
) -> int:
    """Do something with every run that is meant; one that refuses does not stop the others."""
    ids = list(runs)
    if not ids:
        ids = _chosen(state, verb, given)
    elif len(ids) == 1:
        answer = act(ids[0])
        return _say_one(state, verb, ids[0], answer["id"])
    begun, made = time.perf_counter(), []
    failures: list[tuple[str, HairtriggerError]] = []
    with state.out.progress(f"{verb}ing".replace("ncelin", "ncellin"), len(ids)) as progress:
        for run in ids:
            try:
                made.append(act(run)["id"])
            except HairtriggerError as error:
                failures.append((run, error))
            progress.advance()
    memory.remember(state.root, "runs", made)
    if state.out.is_json:
        told = [{"id": run, "error": str(refusal)} for run, refusal in failures]
        state.out.json({"data": [{"id": run} for run in made], "errors": told})
        return FAILED if failures else 0
    for run, refusal in failures[:5]:
        state.out.warn(f"{run}: {refusal}")
    for run in made if verb == "Replay" else []:
        state.out.data(run)
    took = words.duration((time.perf_counter() - begun) * 1000)
    state.out.done(f"{_past(verb)} {words.count(len(made), 'run')} in {took}")
    return FAILED if failures else 0


def _chosen(state: State, verb: str, given: dict[str, Any]) -> list[str]:
    if not any(value for name, value in given.items() if name != "status" or verb != "Cancel"):
        raise CommandError(
            f"{verb} which runs?", "Give their ids, or filters such as --task and --since.",
            exit_code=USAGE,
        )  # fmt: skip
    found, _ = _found(state, given, 100_000, None)
    if found:
        state.out.confirm(f"{verb} {words.count(len(found), 'run')}?", yes=state.yes)
    return [run["id"] for run in found]


def _say_one(state: State, verb: str, run: str, made: str) -> int:
    memory.remember(state.root, "runs", [made])
    if state.out.is_json:
        state.out.json({"id": made})
    elif verb == "Replay":
        state.out.done(f"Replayed {run}")
        state.out.data(made)
    else:
        state.out.done(f"Canceled {run}")
    return 0


def _past(verb: str) -> str:
    return "Canceled" if verb == "Cancel" else "Replayed"


def _found(
    state: State, given: dict[str, Any], limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """The runs that the filters name, newest first, and where the list goes on."""
    query = {f"filter[{name}]": value for name, value in _query(given).items() if value}
    runs: list[dict[str, Any]] = []
    while len(runs) < limit:
        page = {**query, "page[size]": str(min(PAGE, limit - len(runs)))}
        if cursor:
            page["page[after]"] = cursor
        answer = state.get(f"/api/v1/runs?{urlencode(page)}")
        runs += answer["data"]
        cursor = answer["pagination"].get("next")
        if not cursor:
            break
    return runs, cursor


def _query(given: dict[str, Any]) -> dict[str, str]:
    query = {
        name: ",".join(given.get(option.removeprefix("--")) or ()) for option, name, _ in _FILTERS
    }
    query["status"] = query["status"].upper()
    query["batch"], query["schedule"] = given.get("batch") or "", given.get("schedule") or ""
    query["createdAt][from"] = _instant(given.get("since"), "--since")
    query["createdAt][to"] = _instant(given.get("until"), "--until")
    return query


def _instant(text: str | None, what: str) -> str:
    """A date, or a duration counted back from now, in ms since 1970."""
    if text is None:
        return ""
    moment = durations.parse_instant(text) if "-" in text else None
    if moment is None:
        moment = int(time.time() * 1000) - durations.parse(text, what)
    return str(moment)
