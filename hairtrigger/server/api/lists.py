"""The list of runs: filters and cursors. Single runs are in ``runs``.

Source: Trigger.dev's ``runs.list``; all its filters, comma lists meaning any of.
"""

from collections.abc import Mapping

from hairtrigger.engine import runs as engine
from hairtrigger.errors import BadRequest
from hairtrigger.rules.project import Environment
from hairtrigger.server import answers, auth
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import pages, present
from hairtrigger.server.auth import Caller
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.wire import ids, statuses

_CREATED = ("filter[createdAt][from]", "filter[createdAt][to]", "filter[createdAt][period]")
_REGION = "filter[region]"  # there are none


async def list_runs(call: Call) -> Answer:
    """The environment's runs, newest first."""
    query = call.query()
    tasks = pages.names(query, "filter[taskIdentifier]")
    _demand(call.caller, tasks)
    return await _listed(call, query, tasks, [call.caller.env])


async def list_runs_of_project(call: Call) -> Answer:
    """The runs of a project's environments, newest first."""
    query = call.query()
    envs = auth.environments(call.server, call.params["project"])
    slugs = {auth.SLUGS.get(slug, slug) for slug in pages.names(query, "filter[env]")}
    if unknown := slugs - {env.slug for env in envs}:
        raise BadRequest(f"The project has no environment {min(unknown)[:40]!r} (filter[env]).")
    chosen = [env for env in envs if not slugs or env.slug in slugs]
    return await _listed(call, query, pages.names(query, "filter[taskIdentifier]"), chosen)


async def _listed(
    call: Call, query: Mapping[str, str], tasks: list[str], envs: list[Environment]
) -> Answer:
    asked = pages.asked(query)
    wanted = narrowed(query, tasks, call.server.store.now())
    if wanted is None:
        return answers.json(pages.cursor_page([], None, None))
    after, before, turn = pages.position(asked)
    runs, page = await engine.list_across(
        call.server.store, envs, wanted, size=asked.size, after=after, before=before
    )
    data = [present.listed(run, env) for run, env in runs]
    following, previous = pages.named(page.next, turn), pages.named(page.previous, turn)
    return answers.json(pages.cursor_page(data, following, previous))


def _demand(caller: Caller, tasks: list[str]) -> None:
    """A token lists all runs, or those of tasks each of which it may read."""
    if caller.may(auth.LIST_RUNS, {}):
        return
    if not tasks:
        caller.demand(auth.LIST_RUNS)
    for task in tasks:
        caller.demand(auth.LIST_RUNS, tasks=(task,))


def narrowed(query: Mapping[str, str], tasks: list[str], now: int) -> RunFilter | None:
    """What a query asks for; None when no run can be meant."""
    schedule = _number(query, "filter[schedule]", "sched")
    batch = _number(query, "filter[batch]", "batch")
    bulk = _number(query, "filter[bulkAction]", "bulk")
    if 0 in (schedule, batch, bulk) or query.get(_REGION):
        return None
    error = query.get("filter[error]") or None
    if error is not None and bulk is not None:
        raise BadRequest("filter[error] and filter[bulkAction] cannot be asked for together.")
    since, until = pages.between(query, now, *_CREATED)
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
        error=error,
        bulk=bulk,
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


_QUERY = (
    "page[size]", "page[after]", "page[before]", "filter[status]", "filter[taskIdentifier]",
    "filter[version]", "filter[machine]", "filter[tag]", "filter[queue]", "filter[schedule]",
    "filter[batch]", "filter[bulkAction]", "filter[error]", "filter[isTest]", *_CREATED,
)  # fmt: skip
ROUTES = (
    Route(
        "GET", "/api/v1/runs", list_runs, "token", (auth.LIST_RUNS,), browsers=True,
        returns=pages.CursorPage, query=_QUERY,
    ),
    Route(
        "GET", "/api/v1/projects/{project}/runs", list_runs_of_project, "person",
        returns=pages.CursorPage, query=(*_QUERY, "filter[env]"),
    ),
)  # fmt: skip
