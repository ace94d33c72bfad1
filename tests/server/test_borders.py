"""The borders between environments: every route is tried with the key of another environment and of another project.

What is planted in one is asked for from the others, on every path that names a thing. The answers are those to a thing
that never was, and nothing has changed. A new route is tried by itself; one whose path names a new kind of thing fails
here until it is planted, too.
"""

import re
from typing import Any

import pytest

from hairtrigger.engine import projects, stats
from hairtrigger.rules.project import Environment
from hairtrigger.server.app import App
from hairtrigger.server.routes import Route

from .driving import Api

_PART = re.compile(r"\{(\w+)(?::path)?\}")
SECRET = "planted-here-only"  # in everything that is planted, and in no answer to anybody else
# Paths that name nothing of an environment, or name the caller's own.
FREE = {"/api/hairtrigger/v1/packets/{signature}"}
# Counts of the organisation, which all of its projects share.
SHARED = {"/api/v1/usage"}
# Named by whoever asks, made when it is not there: a thing of the caller's own.
MAKES = {
    ("POST", "/api/v1/tasks/{task}/trigger"), ("PUT", "/api/v2/packets/{name:path}"),
    ("POST", "/api/v1/idempotencyKeys/{key}/reset"), ("PUT", "/api/hairtrigger/v1/archives/{hash}"),
}  # fmt: skip
# What is sent to the routes that refuse an empty body before they look for what they name.
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/runs/{run}/reschedule": {"delay": "1h"},
    "/api/v1/runs/{run}/tags": {"tags": ["mine"]},
    "/api/v1/runs/{run}/metadata": {"metadata": {"mine": 1}},
    "/api/v1/schedules/{schedule}": {"task": "planted", "cron": "0 6 * * *"},
    "/api/v1/queues/{queue}/pause": {"action": "pause"},
    "/api/v1/queues/{queue}/concurrency/override": {"concurrencyLimit": 3},
    "/api/v1/projects/{project}/envvars/{env}": {"name": "MINE", "value": "v"},
    "/api/v1/projects/{project}/envvars/{env}/import": {"variables": {"MINE": "v"}},
    "/api/v1/projects/{project}/envvars/{env}/{name}": {"value": "v"},
    "/api/v1/idempotencyKeys/{key}/reset": {"taskIdentifier": "planted"},
    "/api/hairtrigger/v1/alerts/{alert}": {"enabled": False},
}


async def plant(api: Api, env: Environment) -> dict[str, str]:
    """Something of every kind in an environment; what stands for it in paths, by the name of the part."""
    worker = {
        "name": SECRET, "version": "", "slots": 5, "protocol": [1],
        "tasks": [{
            "id": "planted", "file": "m.py", "export": "f", "description": SECRET, "queue": {"name": "line"},
            "scheduled": True,
        }],
    }  # fmt: skip
    session = (await api.post("/api/hairtrigger/v1/worker/register", worker)).json()
    run = await api.trigger(
        "planted", {"word": SECRET}, tags=[SECRET], metadata={"m": SECRET}, maxAttempts=1
    )
    got = await api.post(
        "/api/hairtrigger/v1/worker/fetch", {"worker": session["worker"], "want": 1}
    )
    (handed,) = got.json()["runs"]
    failed = {"name": SECRET, "message": SECRET}
    await api.post("/api/hairtrigger/v1/worker/report", {
        "worker": session["worker"],
        "results": [{"id": run, "lease": handed["lease"], "failed": failed}],
    })  # fmt: skip
    batch = await api.post(
        "/api/v2/tasks/batch", {"items": [{"task": "planted", "payload": SECRET}]}
    )
    schedule = await api.post("/api/v1/schedules", {
        "task": "planted", "cron": "0 5 * * *", "externalId": SECRET, "deduplicationKey": SECRET,
    })  # fmt: skip
    action = await api.post("/api/v1/bulk-actions", {
        "action": "cancel", "filter": {"taskIdentifier": "planted"}, "name": SECRET,
    })  # fmt: skip
    await api.post(variables(env), {"name": "PLANTED", "value": SECRET})
    alert = await api.post("/api/hairtrigger/v1/alerts", {
        "name": SECRET, "type": "run.failed", "channel": "email", "to": f"{SECRET}@example.org",
    })  # fmt: skip
    packet = await api.put("/api/v2/packets/x")
    key = await api.post("/api/hairtrigger/v1/keys", {"name": SECRET})
    branch = await api.post("/api/hairtrigger/v1/branches", {"branch": "planted-branch"})
    while await stats.roll_up(api.app.server.store) == 0:
        continue
    error = await api.get("/api/v1/errors")
    queue = await api.get("/api/v1/queues")
    trace = await api.get(f"/api/v1/runs/{run}/trace")
    return {
        "run": run,
        "batch": batch.json()["id"],
        "schedule": schedule.json()["id"],
        "action": action.json()["id"],
        "alert": alert.json()["id"],
        "project": env.project_ref,
        "env": env.slug,
        "name": "PLANTED",
        "packets/name": packet.json()["storagePath"],
        "key": key.json()["id"],
        "fingerprint": error.json()["data"][0]["fingerprint"],
        "queue": queue.json()["data"][0]["id"],
        "version": session["version"],
        "task": "planted",
        "field": "payload",
        "hash": "0" * 64,
        "branch": branch.json()["branch"],
        "span": trace.json()["trace"]["rootSpan"]["id"],
        "worker": session["worker"],
    }


def variables(env: Environment) -> str:
    return f"/api/v1/projects/{env.project_ref}/envvars/{env.slug}"


def path_of(route: Route, planted: dict[str, str]) -> str:
    """A route's path with what is planted in its places."""
    kind = "packets/" if "/packets/{name" in route.path else ""
    return _PART.sub(
        lambda part: planted.get(kind + part[1], planted.get(part[1], "x")), route.path
    )


def body_of(route: Route, planted: dict[str, str]) -> dict[str, Any]:
    """What a route is asked with: of the worker's calls those of the worker that is planted."""
    if "/v1/worker/" not in route.path or route.path.endswith("/register"):
        return BODIES.get(route.path, {}) if route.method in ("POST", "PUT") else {}
    return {"worker": planted["worker"], "want": 1} if route.path.endswith("/fetch") else {
        "worker": planted["worker"]
    }  # fmt: skip


@pytest.fixture
async def others(app: App, api: Api, prod: Api) -> dict[str, Api]:
    """Those who look from outside: another environment, and another project."""
    made = await projects.create_project(app.server.store, app.server.vault, name="Other")
    foreign = next(one for one in made if one.env.slug == "dev")
    return {"production": prod, "another project": Api(app, foreign.key)}


def named(route: Route) -> list[str]:
    return _PART.findall(route.path)


async def test_no_route_shows_or_changes_anything_of_another_environment(
    app: App, api: Api, others: dict[str, Api]
) -> None:
    env = next(one for one in app.server.store.catalog.envs.values() if one.slug == "dev")
    planted = await plant(api, env)
    before = await seen(api, planted)
    assert any(SECRET in str(one) for one in before.values())
    wrong: list[tuple[str, str, str, Any]] = []

    for who, other in others.items():
        for route in app.routes:
            if route.access == "anybody" or route.path in FREE:
                continue
            unknown = [part for part in named(route) if part not in planted]
            assert not unknown, f"{route.path}: plant something for {unknown}, above."
            reply = await other.call(route.method, path_of(route, planted), body_of(route, planted))

            text = reply.body.decode(errors="replace")
            if SECRET in text:
                wrong.append((who, route.method, route.path, text[:200]))
            if named(route) and (route.method, route.path) not in MAKES and reply.status < 400:
                wrong.append((who, route.method, route.path, reply.status))

    assert not wrong
    assert await seen(api, planted) == before


async def seen(api: Api, planted: dict[str, str]) -> dict[str, Any]:
    """Everything that its own key sees of what is planted."""
    found: dict[str, Any] = {}
    for route in api.app.routes:
        if route.method == "GET" and route.access != "anybody" and route.path not in SHARED:
            reply = await api.get(path_of(route, planted))
            if reply.status == 200:
                found[route.path] = _steady(reply.json() if reply.body[:1] in b"{[" else reply.body)
    return found


def never(planted: dict[str, str]) -> dict[str, str]:
    """Names as those of what is planted, of things that never were."""
    return planted | {
        part: name[:-1] + ("1" if name[-1] == "0" else "0") for part, name in planted.items()
        if part not in ("env", "field", "task")
    }  # fmt: skip


async def test_what_is_another_environments_is_answered_as_what_never_was(
    app: App, api: Api, others: dict[str, Api]
) -> None:
    env = next(one for one in app.server.store.catalog.envs.values() if one.slug == "dev")
    planted = await plant(api, env)
    unknown = never(planted)
    wrong: list[tuple[str, str, str, Any]] = []

    for who, other in others.items():
        for route in app.routes:
            is_mine = (route.method, route.path) in MAKES or route.path in FREE
            # an environment of one's own project is told as such: it is no secret there
            is_own = "project" in named(route) and who == "production"
            if not named(route) or route.access == "anybody" or is_mine or is_own:
                continue
            reply = await other.call(route.method, path_of(route, planted), body_of(route, planted))
            missing = await other.call(
                route.method, path_of(route, unknown), body_of(route, unknown)
            )
            if reply.status != missing.status:
                wrong.append((who, route.method, route.path, (reply.status, missing.status)))

    assert not wrong


async def test_every_body_here_is_one_that_its_route_takes(app: App, api: Api) -> None:
    env = next(one for one in app.server.store.catalog.envs.values() if one.slug == "dev")
    planted = await plant(api, env)
    refused = {}

    for route in app.routes:
        if named(route) and route.method in ("POST", "PUT") and route.access != "anybody":
            unknown = await api.call(
                route.method, path_of(route, never(planted)), body_of(route, planted)
            )
            if unknown.status == 400:
                refused[route.path] = unknown.json()

    assert not refused


def _steady(value: Any) -> Any:
    """A value without what changes by itself: instants, signatures, and how long things take."""
    if isinstance(value, dict):
        return {
            name: _steady(one) for name, one in value.items()
            if not re.search(r"(At|Until|Url|url|In|Ms|age|at)$", name)
        }  # fmt: skip
    return [_steady(one) for one in value] if isinstance(value, list) else value
