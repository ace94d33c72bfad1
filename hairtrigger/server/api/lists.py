"""The list of runs: filters and cursors. Single runs are in ``runs``.

Source: Trigger.dev's ``runs.list``; all its filters, comma lists meaning any of.
"""

import re
from collections.abc import Mapping

from hairtrigger.engine import runs as engine
from hairtrigger.errors import BadRequest
from hairtrigger.server import answers, auth
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import pages, present
from hairtrigger.server.auth import Caller
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.wire import durations, ids, statuses

_PERIOD = re.compile(r"\d{1,6}[smhdw]")
_TURN = re.compile(r"[0-9]{1,9}")
_IGNORED = ("filter[region]", "filter[error]")  # we have neither


async def list_runs(call: Call) -> Answer:
    """The environment's runs, newest first."""
    query = call.query()
    tasks = pages.names(query, "filter[taskIdentifier]")
    _demand(call.caller, tasks)
    asked = pages.asked(query)
    wanted = _filter(query, tasks, call.server.store.now())
    if wanted is None:
        return answers.json(pages.cursor_page([], None, None))
    after, before, turn = _position(asked)
    runs, page = await engine.list_page(
        call.server.store, call.caller.env, wanted, size=asked.size, after=after, before=before
    )
    data = [present.listed(run, call.caller.env) for run in runs]
    following, previous = _named(page.next, turn), _named(page.previous, turn)
    return answers.json(pages.cursor_page(data, following, previous))


def _demand(caller: Caller, tasks: list[str]) -> None:
    """A token lists all runs, or those of tasks each of which it may read."""
    if caller.may(auth.LIST_RUNS, {}):
        return
    if not tasks:
        caller.demand(auth.LIST_RUNS)
    for task in tasks:
        caller.demand(auth.LIST_RUNS, tasks=(task,))


def _filter(query: Mapping[str, str], tasks: list[str], now: int) -> RunFilter | None:
    """What a query asks for; None when no run can be meant."""
    if any(query.get(name) for name in _IGNORED):
        return None
    schedule = _number(query, "filter[schedule]", "sched")
    batch = _number(query, "filter[batch]", "batch")
    if schedule == 0 or batch == 0 or query.get("filter[bulkAction]"):
        return None
    since, until = _created(query, now)
    return RunFilter(
        statuses=_statuses(query),
        tasks=tasks,
        versions=pages.names(query, "filter[version]"),
        machines=pages.names(query, "filter[machine]"),
        tags=pages.names(query, "filter[tag]"),
        queues=pages.names(query, "filter[queue]"),
        schedule=schedule,
        batch=batch,
        is_test=pages.flag(query, "filter[isTest]"),
        created_from=since,
        created_to=until,
    )


def _statuses(query: Mapping[str, str]) -> list[str]:
    found = []
    for name in pages.names(query, "filter[status]"):
        status = statuses.canonical(name)
        if status is None:
            known = ", ".join(statuses.PUBLIC)
            raise BadRequest(f"Unknown status {name[:50]!r} in filter[status]. Known: {known}.")
        found.append(status)
    return found


def _number(query: Mapping[str, str], name: str, prefix: str) -> int | None:
    """The number of an id in a filter; 0 for one that cannot be ours, which no run has."""
    text = query.get(name)
    return (ids.parse(prefix, text) or 0) if text else None


def _created(query: Mapping[str, str], now: int) -> tuple[int | None, int | None]:
    """The first and last instant of creation that are meant, both inclusive."""
    since = pages.instant(query, "filter[createdAt][from]")
    until = pages.instant(query, "filter[createdAt][to]")
    period = query.get("filter[createdAt][period]")
    if period:
        if not _PERIOD.fullmatch(period):
            raise BadRequest(
                f"filter[createdAt][period] is {period[:50]!r}. Write it like 30m, 1h or 7d."
            )
        since = max(since or 0, now - durations.parse(period, "period"))
    return since, until


def _position(asked: pages.Asked) -> tuple[int | None, int | None, int]:
    """The run to go on after, or before, and which turn this is of a walk through pages.

    When the npm client turns round it adds one cursor to the other that brought it here. A cursor carries
    the turn in which it was given, so the newer one is what it means.
    """
    after, before = _cursor(asked.after), _cursor(asked.before)
    turn = 1 + max(after[1], before[1])
    if after[0] is not None and before[0] is not None:
        return (after[0], None, turn) if after[1] > before[1] else (None, before[0], turn)
    return after[0], before[0], turn


def _cursor(text: str | None) -> tuple[int | None, int]:
    """Where a page goes on: after or before the run of this number; and the turn."""
    if text is None:
        return None, 0
    id_, _, turn = text.partition(".")
    number = ids.parse("cursor", id_)
    if number is None or not _TURN.fullmatch(turn):
        raise BadRequest(
            f"Invalid cursor {text[:50]!r}. Take it from the pagination of another page."
        )
    return number, int(turn)


def _named(number: int | None, turn: int) -> str | None:
    return None if number is None else f"{ids.public('cursor', number)}.{turn}"


ROUTES = (
    Route(
        "GET", "/api/v1/runs", list_runs, "token", (auth.LIST_RUNS,), browsers=True,
        returns=pages.CursorPage,
        query=(
            "page[size]", "page[after]", "page[before]", "filter[status]", "filter[taskIdentifier]",
            "filter[version]", "filter[machine]", "filter[tag]", "filter[queue]", "filter[schedule]",
            "filter[batch]", "filter[isTest]", "filter[createdAt][from]", "filter[createdAt][to]",
            "filter[createdAt][period]",
        ),
    ),
)  # fmt: skip
