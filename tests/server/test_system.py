"""The server about itself, idempotency keys, and the description of the API."""

from typing import Any

import pytest

from hairtrigger.server.app import App

from .driving import Api
from .test_runs import no_nulls


async def test_a_key_learns_what_it_opens(api: Api) -> None:
    who = (await api.get("/api/v1/whoami")).json()

    no_nulls(who)
    assert who["project"].startswith("proj_")
    assert (who["environment"]["slug"], who["environment"]["type"]) == ("dev", "DEVELOPMENT")
    assert who["environment"]["id"].startswith("env_")


async def test_claims_are_exactly_what_a_client_merges(api: Api) -> None:
    claims = (await api.post("/api/v1/auth/jwt/claims")).json()

    assert claims == {
        "sub": (await api.get("/api/v1/whoami")).json()["environment"]["id"],
        "pub": True,
    }


async def test_a_server_is_healthy_while_it_lives_and_ready_until_it_drains(app: App) -> None:
    anybody = Api(app, None)

    before = await anybody.get("/readyz")
    app.server.drain()
    after = await anybody.get("/readyz")

    assert (before.status, after.status) == (200, 503)
    assert "retry-after" in after.headers
    assert (await anybody.get("/healthcheck")).status == 200


async def test_tasks_of_the_current_version_are_listed(api: Api) -> None:
    empty = (await api.get("/api/hairtrigger/v1/tasks")).json()
    await api.work("b", "a")

    tasks = (await api.get("/api/hairtrigger/v1/tasks")).json()["data"]

    assert empty == {"data": []}
    assert [(task["id"], task["queue"]) for task in tasks] == [("a", "task/a"), ("b", "task/b")]
    assert {task["version"][-2:] for task in tasks} == {".1"}
    no_nulls(tasks)


async def test_workers_are_listed_with_what_they_hold(api: Api, prod: Api) -> None:
    worker = await api.work("greet", slots=3)
    await api.trigger("greet")
    await worker.fetch()

    (shown,) = (await api.get("/api/hairtrigger/v1/workers")).json()["data"]

    assert (shown["id"], shown["name"], shown["slots"], shown["held"]) == (worker.id, "w", 3, 1)
    assert shown["leaseUntil"].endswith("Z")
    assert (await prod.get("/api/hairtrigger/v1/workers")).json() == {"data": []}


async def test_a_reset_key_makes_a_new_run_and_is_no_longer_shown(api: Api) -> None:
    first = await api.trigger("greet", idempotencyKey="k")

    reply = await api.post("/api/v1/idempotencyKeys/k/reset", {"taskIdentifier": "greet"})

    assert (reply.status, reply.json()) == (200, {"id": "k"})
    assert await api.trigger("greet", idempotencyKey="k") != first
    assert "idempotencyKey" not in await api.run(first)


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"taskIdentifier": 1}, 400), ({"taskIdentifier": "other"}, 404)],
)
async def test_a_key_that_no_run_of_the_task_holds_is_not_reset(
    api: Api, body: Any, status: int
) -> None:
    await api.trigger("greet", idempotencyKey="k")

    reply = await api.post("/api/v1/idempotencyKeys/k/reset", body)

    assert reply.status == status


async def test_the_description_of_the_api_has_every_route(app: App) -> None:
    document = (await Api(app, None).get("/openapi.json")).json()

    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    served = {(route.method, route.path.replace(":path", "")) for route in app.routes}
    assert served - described == {("GET", "/openapi.json")}
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    assert all(one["summary"].endswith(".") for one in operations)
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)


async def test_the_description_of_a_trigger_names_its_body_and_its_parts(app: App) -> None:
    document = (await Api(app, None).get("/openapi.json")).json()

    trigger = document["paths"]["/api/v1/tasks/{task}/trigger"]["post"]

    schema = trigger["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert "options" in document["components"]["schemas"][schema.rpartition("/")[2]]["properties"]
    assert trigger["parameters"][0]["name"] == "task"
    assert trigger["security"] == [{"secretKey": []}, {"publicToken": []}]
