"""Schedules over HTTP."""

from typing import Any
from urllib.parse import quote

import pytest

from .driving import Api
from .test_runs import no_nulls

BODY = {"task": "tick", "cron": "30 9 * * *", "deduplicationKey": "user-1"}


@pytest.fixture
async def ticking(api: Api) -> Api:
    """An environment with a task that takes schedules, and one that does not."""
    await api.work("tick", scheduled=True)
    return api


async def made(api: Api, **more: Any) -> dict[str, Any]:
    reply = await api.post("/api/v1/schedules", {**BODY, **more})
    assert reply.status == 200, reply.body
    return dict(reply.json())


async def test_a_schedule_is_shown_as_it_was_made(ticking: Api) -> None:
    schedule = await made(ticking, timezone="Europe/London", externalId="1")

    env = (await ticking.get("/api/v1/whoami")).json()["environment"]
    no_nulls(schedule)
    assert schedule["id"].startswith("sched_")
    assert schedule["nextRun"] == schedule["nextRunEffectiveAt"]
    assert {key: schedule[key] for key in ("type", "task", "active", "deduplicationKey", "timezone")} == {
        "type": "IMPERATIVE", "task": "tick", "active": True, "deduplicationKey": "user-1",
        "timezone": "Europe/London",
    }  # fmt: skip
    assert schedule["externalId"] == "1"
    assert (schedule["generator"]["type"], schedule["generator"]["expression"]) == (
        "CRON",
        "30 9 * * *",
    )
    assert schedule["generator"]["description"]
    assert schedule["environments"] == [{"id": env["id"], "type": "DEVELOPMENT"}]


async def test_the_same_deduplication_key_changes_the_schedule(ticking: Api) -> None:
    first = await made(ticking)
    second = await made(ticking, cron="0 0 * * *")
    blank = [await made(ticking, deduplicationKey="") for _ in range(2)]

    assert first["id"] == second["id"]
    assert second["generator"]["expression"] == "0 0 * * *"
    assert blank[0]["id"] != blank[1]["id"]
    assert "deduplicationKey" not in blank[0]


async def test_a_repeated_request_makes_one_schedule(ticking: Api) -> None:
    key = {"x_trigger_request_idempotency_key": "s"}
    body = {**BODY, "deduplicationKey": ""}

    first, second = [await ticking.post("/api/v1/schedules", body, **key) for _ in range(2)]

    assert first.json()["id"] == second.json()["id"]


async def test_a_schedule_is_found_by_id_and_by_key(ticking: Api) -> None:
    schedule = await made(ticking, deduplicationKey="a/b c")

    by_key = await ticking.get("/api/v1/schedules/" + quote("a/b c", safe=""))

    assert (await ticking.get(f"/api/v1/schedules/{schedule['id']}")).json() == schedule
    assert by_key.json() == schedule


async def test_a_schedule_is_replaced_switched_and_deleted(ticking: Api) -> None:
    path = f"/api/v1/schedules/{(await made(ticking, timezone='Asia/Tokyo'))['id']}"

    replaced = (await ticking.put(path, {"task": "tick", "cron": "0 1 * * *"})).json()
    off = (await ticking.post(path + "/deactivate")).json()
    on = (await ticking.post(path + "/activate")).json()
    deleted = await ticking.delete(path)

    assert (replaced["timezone"], replaced["generator"]["expression"]) == ("UTC", "0 1 * * *")
    assert (off["active"], "nextRun" in off) == (False, False)
    assert (on["active"], "nextRun" in on) == (True, True)
    assert deleted.json() == {"id": replaced["id"]}
    assert (await ticking.get(path)).status == 404


async def test_schedules_are_listed_in_numbered_pages(ticking: Api) -> None:
    for number in range(3):
        await made(ticking, deduplicationKey=str(number))

    first = (await ticking.get("/api/v1/schedules?perPage=2")).json()
    beyond = (await ticking.get("/api/v1/schedules?page=9&perPage=1000")).json()

    assert len(first["data"]) == 2
    assert first["pagination"] == {"currentPage": 1, "totalPages": 2, "count": 3}
    assert (beyond["data"], beyond["pagination"]["currentPage"]) == ([], 9)


async def test_a_declared_schedule_is_listed_but_not_edited(api: Api) -> None:
    await api.work("tick", scheduled=True, cron={"pattern": "0 9 * * *"})

    (schedule,) = (await api.get("/api/v1/schedules")).json()["data"]
    path = f"/api/v1/schedules/{schedule['id']}"

    assert (schedule["type"], "deduplicationKey" in schedule) == ("DECLARATIVE", False)
    assert (await api.delete(path)).status == 422
    assert (await api.put(path, {"task": "tick", "cron": "0 1 * * *"})).status == 422


@pytest.mark.acceptance("S61")
@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"cron": "61 * * * *"}, 422, "minute"),
        ({"cron": "* * * * * *"}, 422, "five fields"),
        ({"cron": "@daily"}, 422, ""),
        ({"cron": ""}, 422, ""),
        ({"cron": "0 0 30 2 *"}, 422, ""),
        ({"timezone": "Mars/Olympus"}, 422, "Mars/Olympus"),
        ({"task": "unknown"}, 422, "unknown"),
        ({"deduplicationKey": None}, 400, "deduplicationKey"),
        ({"deduplicationKey": 5}, 400, "deduplicationKey"),
        ({"cron": 5}, 400, "$.cron"),
    ],
)
async def test_a_schedule_that_cannot_be_is_refused_and_not_made(
    ticking: Api, change: dict[str, Any], status: int, words: str
) -> None:
    reply = await ticking.post("/api/v1/schedules", {**BODY, **change})

    assert reply.status == status
    assert words in reply.error
    assert (await ticking.get("/api/v1/schedules")).json()["data"] == []


async def test_a_task_that_takes_no_schedule_is_refused(ticking: Api) -> None:
    await ticking.work("plain", "tick")

    assert (await ticking.post("/api/v1/schedules", {**BODY, "task": "plain"})).status == 422


async def test_schedules_of_another_environment_are_not_there(ticking: Api, prod: Api) -> None:
    path = f"/api/v1/schedules/{(await made(ticking))['id']}"

    for method in ("GET", "DELETE"):
        assert (await prod.call(method, path)).status == 404
    assert (await prod.post(path + "/deactivate")).status == 404
    assert (await ticking.get(path)).json()["active"] is True


@pytest.mark.parametrize("query", ["page=0", "page=x", "perPage=0", "page=-1"])
async def test_a_page_that_cannot_be_is_refused(ticking: Api, query: str) -> None:
    assert (await ticking.get("/api/v1/schedules?" + query)).status == 400


async def test_time_zones_are_listed_for_anybody(api: Api) -> None:
    everybody = Api(api.app, None)

    zones = (await everybody.get("/api/v1/timezones")).json()["timezones"]
    without = (await everybody.get("/api/v1/timezones?excludeUtc=true")).json()["timezones"]

    assert zones[0] == "UTC"
    assert zones[1:] == without
    assert "Europe/London" in zones
