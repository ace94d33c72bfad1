"""Routing, preflights, errors without a plan, and what every answer carries."""

from typing import Any

import pytest

from hairtrigger.server.app import App
from hairtrigger.server.requests import Call

from .driving import DEV_KEY, Api


async def test_an_unknown_path_is_404_as_json(api: Api) -> None:
    reply = await api.get("/api/v1/nothing-here")

    assert reply.status == 404
    assert reply.json()["code"] == "not_found"
    assert "/api/v1/nothing-here" in reply.error


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/runs", "GET"),
        ("GET", "/api/v3/batches", "POST"),
        ("PATCH", "/api/v1/schedules/x", "DELETE, GET, PUT"),
        ("GET", "/api/v1/tasks/x/trigger", "POST"),
    ],
)
async def test_a_wrong_method_is_405_and_names_the_right_ones(
    api: Api, method: str, path: str, allowed: str
) -> None:
    reply = await api.call(method, path)

    assert reply.status == 405
    assert reply.headers["allow"] == allowed
    assert reply.json()["code"] == "method_not_allowed"


async def test_every_answer_has_its_own_request_id(api: Api) -> None:
    replies = [
        await api.get("/api/v1/whoami"),
        await api.get("/nothing"),
        await api.get("/healthcheck"),
    ]

    assert len({reply.headers["x-request-id"] for reply in replies}) == 3


async def test_a_defect_is_a_500_with_an_id_that_is_told_and_nothing_else(
    app: App, api: Api, told: list[tuple[str, dict[str, Any]]]
) -> None:
    async def broken(call: Call) -> Any:
        raise ZeroDivisionError("secret detail")

    route = next(r for r in app.routes if r.path == "/api/v1/whoami")
    object.__setattr__(route, "handler", broken)
    try:
        reply = await api.get("/api/v1/whoami")
    finally:
        from hairtrigger.server.api import system

        object.__setattr__(route, "handler", system.whoami)

    facts = next(facts for name, facts in told if name == "request.failed")
    assert reply.status == 500
    assert reply.headers["x-request-id"] in reply.error
    assert "secret" not in reply.body.decode()
    assert facts["id"] == reply.headers["x-request-id"]
    assert "ZeroDivisionError" in str(facts["trace"])


async def test_a_page_of_any_origin_may_ask_before_it_calls(app: App) -> None:
    reply = await Api(app, None).call(
        "OPTIONS",
        "/api/v1/tasks/a%2Fb/trigger",
        headers={
            "origin": "https://x.example",
            "access-control-request-headers": "authorization,x-y",
        },
    )

    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert reply.headers["access-control-allow-headers"] == "authorization,x-y"
    assert reply.headers["access-control-max-age"] == "300"


async def test_every_route_for_browsers_answers_its_preflight_and_marks_even_errors(
    app: App,
) -> None:
    for route in (route for route in app.routes if route.browsers):
        path = route.path.replace("{", "").replace("}", "")
        preflight = await Api(app, None).call("OPTIONS", path)
        refused = await Api(app, "tr_dev_wrong").call(route.method, path)

        assert route.method in preflight.headers["access-control-allow-methods"], route.path
        assert refused.headers["access-control-allow-origin"] == "*", route.path
        assert "x-trigger-jwt" in refused.headers["access-control-expose-headers"]


async def test_a_route_that_is_not_for_browsers_gives_no_permission(app: App) -> None:
    preflight = await Api(app, None).call("OPTIONS", "/api/v1/schedules")
    reply = await Api(app, DEV_KEY).get("/api/v1/schedules")

    assert "access-control-allow-origin" not in preflight.headers | reply.headers


async def test_a_path_that_is_not_utf8_is_400(api: Api) -> None:
    assert (await api.post("/api/v1/tasks/%ff/trigger", {})).status == 400


async def test_a_path_and_headers_beyond_reason_are_refused(api: Api) -> None:
    assert (await api.get("/api/v1/runs?" + "x" * 9_000)).status == 414
    assert (await api.get("/api/v1/runs", x_big="x" * 40_000)).status == 431


async def test_a_rated_key_reads_its_limit_on_every_answer_and_is_refused_in_the_end(
    app: App,
) -> None:
    from hairtrigger.server.rates import Buckets

    app.server.buckets = Buckets(1, 250)
    api = Api(app, DEV_KEY)

    first, second = await api.get("/api/v1/whoami"), await api.get("/api/v1/whoami")
    free = await api.get("/api/v1/timezones")

    assert (first.status, first.headers["x-ratelimit-remaining"]) == (200, "0")
    assert (second.status, second.headers["x-ratelimit-limit"]) == (429, "1")
    assert int(second.headers["x-ratelimit-reset"]) > 1_700_000_000_000
    assert "retry-after" in second.headers
    assert free.status == 200


async def test_without_a_configured_limit_no_answer_speaks_of_one(api: Api) -> None:
    assert "x-ratelimit-limit" not in (await api.get("/api/v1/whoami")).headers
