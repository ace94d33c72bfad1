"""Who may do what: keys, branches, and every scope against every route that takes public tokens."""

import time
from typing import Any

import pytest

from hairtrigger.server.app import App
from hairtrigger.server.auth import _grants

from .driving import DEV_KEY, PROD_KEY, Api, signed

BAD_KEYS = [
    None,
    "",
    "tr_dev_" + "x" * 40,
    DEV_KEY[:-1],
    DEV_KEY + "x",
    "nonsense",
    "tr_pat_" + "a" * 40,
]


def called(path: str) -> str:
    """A route's path with something in its places."""
    return path.replace("{task}", "greet").replace("{", "").replace("}", "").replace(":path", "")


async def test_no_route_but_the_open_ones_answers_without_a_key_that_we_know(app: App) -> None:
    for route in app.routes:
        for key in BAD_KEYS:
            reply = await Api(app, key).call(route.method, called(route.path))

            if route.access == "anybody":
                # a signature, or a code, stands in the place of a key
                assert reply.status in (200, 400, 403), route.path
            else:
                assert reply.status == 401, (route.path, key)
                assert reply.json()["error"]


async def test_a_route_that_takes_no_public_token_refuses_even_one_that_may_everything(
    app: App,
) -> None:
    bearer = Api(app, DEV_KEY).bearing("admin")

    for route in (route for route in app.routes if route.access == "secret"):
        reply = await bearer.call(route.method, called(route.path))

        assert reply.status == 401, route.path


async def test_every_route_that_takes_public_tokens_declares_what_they_need(app: App) -> None:
    for route in app.routes:
        assert (route.access == "token") == bool(route.rules), route.path


@pytest.mark.acceptance("S10", "S98")
async def test_a_key_sees_its_own_environment_only(api: Api, prod: Api) -> None:
    run = await api.trigger()

    assert (await prod.get(f"/api/v3/runs/{run}")).status == 404
    assert await prod.count_runs() == 0
    assert (await prod.post(f"/api/v2/runs/{run}/cancel")).status == 404
    assert (await prod.post(f"/api/v1/runs/{run}/replay")).status == 404
    assert (await prod.post(f"/api/v1/runs/{run}/tags", {"tags": ["x"]})).status == 404
    assert (await prod.put(f"/api/v1/runs/{run}/metadata", {"metadata": {}})).status == 404
    assert (await api.run(run))["tags"] == []


async def test_the_same_idempotency_key_in_two_environments_makes_two_runs(
    api: Api, prod: Api
) -> None:
    assert await api.trigger(idempotencyKey="k") != await prod.trigger(idempotencyKey="k")


async def test_an_unknown_key_is_answered_with_what_to_check(app: App) -> None:
    reply = await Api(app, "tr_dev_" + "x" * 40).get("/api/v1/whoami")

    assert (reply.status, reply.json()["code"]) == (401, "unauthorized")
    assert "TRIGGER_SECRET_KEY" in reply.error


@pytest.mark.parametrize(
    ("key", "branch", "status"),
    [
        (DEV_KEY, "default", 200),
        (DEV_KEY, "", 200),
        (DEV_KEY, "feature", 401),
        (PROD_KEY, "feature", 200),
        (PROD_KEY, "main", 200),
    ],
)
async def test_a_branch_matters_to_development_and_is_ignored_in_production(
    app: App, key: str, branch: str, status: int
) -> None:
    assert (await Api(app, key).get("/api/v1/whoami", x_trigger_branch=branch)).status == status


# (scopes, which request, whether it is granted). R is a run of task greet with the tag red.
READ, LIST, CANCEL = "read", "list", "cancel"
MATRIX: list[tuple[str, str, bool]] = [
    ("read:runs:R", READ, True),
    ("read:runs", READ, True),
    ("read:tasks:greet", READ, True),
    ("read:tasks", READ, True),
    ("read:tags:red", READ, True),
    ("read:tags", READ, True),
    ("read:batch", READ, True),
    ("read:all", READ, True),
    ("*:runs", READ, True),
    ("admin", READ, True),
    ("read:runs:R0", READ, False),
    ("read:runs:r", READ, False),
    ("read:runs:", READ, False),
    ("read:tasks:gree", READ, False),
    ("read:tasks:greet2", READ, False),
    ("read:tags:blue", READ, False),
    ("read:batch:batch_1", READ, False),
    ("write:runs:R", READ, False),
    ("read", READ, False),
    ("administrator", READ, False),
    ("read:waitpoints", READ, False),
    ("", READ, False),
    ("read:runs", LIST, True),
    ("read:tasks", LIST, True),
    ("read:runs:R", LIST, False),
    ("read:tasks:greet", LIST, False),
    ("read:tags", LIST, False),
    ("read:tasks:greet", "list?greet", True),
    ("read:tasks:greet", "list?greet,other", False),
    ("write:runs:R", CANCEL, True),
    ("write:runs", CANCEL, True),
    ("write:tasks:greet", CANCEL, True),
    ("read:runs:R", CANCEL, False),
    ("write:tasks:other", CANCEL, False),
    ("write:tags:red", CANCEL, False),
    ("trigger:tasks:greet", "trigger", True),
    ("trigger:tasks", "trigger", True),
    ("write:tasks:greet", "trigger", True),
    ("*:all", "trigger", True),
    ("trigger:tasks:other", "trigger", False),
    ("read:tasks:greet", "trigger", False),
    ("batchTrigger:tasks:greet", "trigger", False),
    ("batchTrigger:tasks:greet", "batch", True),
    ("batchTrigger:tasks", "batch", True),
    ("batchTrigger:batch", "batch", True),
    ("write:tasks:greet", "batch", True),
    ("trigger:tasks:greet", "batch", False),
    ("batchTrigger:tasks:greet", "batch of two", False),
    ("batchTrigger:tasks:greet", "batch of any", False),
    ("batchTrigger:tasks", "batch of any", True),
    ("batchTrigger:batch", "batch of any", True),
    ("write:runs", "reset", True),
    ("read:runs", "reset", False),
    ("write:runs:R", "reset", False),
]


async def asked(api: Api, what: str, run: str) -> int:
    """The status that a request of the matrix is answered with."""
    requests: dict[str, tuple[str, str, Any]] = {
        READ: ("GET", f"/api/v3/runs/{run}", None),
        LIST: ("GET", "/api/v1/runs", None),
        "list?greet": ("GET", "/api/v1/runs?filter%5BtaskIdentifier%5D=greet", None),
        "list?greet,other": ("GET", "/api/v1/runs?filter%5BtaskIdentifier%5D=greet%2Cother", None),
        CANCEL: ("POST", f"/api/v2/runs/{run}/cancel", None),
        "trigger": ("POST", "/api/v1/tasks/greet/trigger", {}),
        "batch": ("POST", "/api/v3/batches", {"runCount": 1, "taskIdentifiers": ["greet"]}),
        "batch of two": (
            "POST", "/api/v3/batches", {"runCount": 2, "taskIdentifiers": ["greet", "other"]}
        ),
        "batch of any": ("POST", "/api/v3/batches", {"runCount": 1}),
        "reset": ("POST", "/api/v1/idempotencyKeys/none/reset", {"taskIdentifier": "greet"}),
    }  # fmt: skip
    method, path, body = requests[what]
    return (await api.call(method, path, body)).status


async def test_a_token_may_what_its_scopes_say_and_nothing_else(api: Api) -> None:
    for scope, what, granted in MATRIX:
        run = await api.trigger("greet", tags=["red"])
        bearer = api.bearing(scope.replace("R", run) if scope.endswith(":R") else scope)

        status = await asked(bearer, what, run)

        expected = (
            (404 if what == "reset" else 202 if what.startswith("batch") else 200)
            if granted
            else 403
        )
        assert status == expected, (scope, what, status)


async def test_a_refusal_names_the_scope_that_is_missing(api: Api) -> None:
    run = await api.trigger()

    reply = await api.bearing("read:runs:other").get(f"/api/v3/runs/{run}")

    body = reply.json()
    assert (reply.status, body["param"], body["type"]) == (403, "access_token", "authorization")
    assert f"read:runs:{run}" in body["error"]


async def test_a_token_for_another_run_learns_nothing_of_whether_a_run_exists(api: Api) -> None:
    bearer = api.bearing("write:runs:other")

    assert (await bearer.post("/api/v2/runs/run_" + "0" * 24 + "/cancel")).status == 403


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": 1}, "expired"),
        ({"sub": "env_unknown"}, "no environment"),
        ({"iss": "x"}, "issuer"),
        ({"pub": False}, "not a public access token"),
        ({"key": PROD_KEY}, "signature"),
    ],
)
async def test_a_token_that_does_not_hold_is_401_and_says_why(
    api: Api, claims: dict[str, Any], words: str
) -> None:
    env = (await api.get("/api/v1/whoami")).json()["environment"]["id"]
    key = claims.pop("key", DEV_KEY)
    token = signed(key, **{"sub": env, "scopes": ["admin"], **claims})

    reply = await Api(api.app, token).get("/api/v3/runs/run_1")

    assert reply.status == 401
    assert words in reply.error


async def test_a_token_reaches_the_environment_of_its_subject_only(api: Api, prod: Api) -> None:
    run = await prod.trigger()

    assert (await api.bearing("admin").get(f"/api/v3/runs/{run}")).status == 404


async def test_a_one_time_token_triggers_once(api: Api) -> None:
    bearer = api.bearing("trigger:tasks:greet", otu=True)
    path = "/api/v1/tasks/greet/trigger"

    refused = await bearer.post(path, {"options": {"tags": ["x" * 200]}})
    first = await bearer.post(path, {}, x_trigger_request_idempotency_key="one")
    repeated = await bearer.post(path, {}, x_trigger_request_idempotency_key="one")
    second = await bearer.post(path, {}, x_trigger_request_idempotency_key="two")

    assert refused.status == 400
    assert (first.status, repeated.json()) == (200, first.json())
    assert (second.status, await api.count_runs()) == (422, 1)
    assert "already been used" in second.error


async def test_of_fifty_uses_of_a_one_time_token_at_once_one_makes_a_run(api: Api) -> None:
    import asyncio

    bearer = api.bearing("trigger:tasks", otu=True)

    replies = await asyncio.gather(
        *(bearer.post("/api/v1/tasks/greet/trigger", {}) for _ in range(50))
    )

    assert sorted(reply.status for reply in replies) == [200] + [422] * 49
    assert await api.count_runs() == 1


async def test_a_one_time_token_announces_one_batch(api: Api) -> None:
    bearer = api.bearing("batchTrigger:tasks", otu=True, exp=int(time.time()) + 60)

    statuses = [(await bearer.post("/api/v3/batches", {"runCount": 1})).status for _ in range(2)]

    assert statuses == [202, 422]


def test_ids_in_scopes_may_contain_colons_and_are_compared_whole() -> None:
    assert _grants("read:tasks:a:b", "read", "tasks", ["a:b"])
    assert not _grants("read:tasks:a:b", "read", "tasks", ["a"])
    assert not _grants("read:tasks:a", "read", "tasks", ["a:b"])
