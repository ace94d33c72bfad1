"""The plan over the API: what is used, and the refusal of what it does not allow."""

import dataclasses

import pytest

from hairtrigger.engine import plans
from hairtrigger.errors import ConfigError
from hairtrigger.server.app import App
from hairtrigger.server.settings import Settings, from_environment
from tests.server.driving import Api


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, plan="free", free_runs=3)


@pytest.mark.acceptance("S102")
async def test_a_run_beyond_the_plan_is_refused_with_422(api: Api, prod: Api) -> None:
    for one in (api, prod, prod):
        await one.trigger()

    refused = await prod.post("/api/v1/tasks/greet/trigger", {"payload": 1})

    assert refused.status == 422
    assert refused.json()["code"] == "plan_limit_reached"
    details = refused.json()["details"]
    assert (details["plan"], details["limit"]) == ("free", 3)
    assert details["resetsOn"] in refused.error
    listed = await prod.post("/api/hairtrigger/v1/triggers", [{"task": "greet"}])
    assert listed.json()[0]["details"] == details
    assert "The plan free allows 3 runs" in refused.error
    assert "retry-after" not in refused.headers
    assert await prod.count_runs() == 2


@pytest.mark.acceptance("S108")
async def test_usage_is_told(app: App, prod: Api) -> None:
    await prod.trigger()
    await prod.trigger()
    worker = await prod.work("greet")
    await worker.fetch(5)

    told = (await prod.get("/api/v1/usage")).json()

    assert told["plan"] == {
        "name": "free", "price": "$0", "support": "community support", "runsLimit": 3,
        "concurrencyLimit": 1,
    }  # fmt: skip
    days = told["runs"].pop("days")
    assert (sum(days), len(days) in range(28, 32)) == (2, True)
    assert told["runs"] == {"count": 2, "limit": 3, "percentage": 66.6, "remaining": 1}
    assert told["periodStart"] < told["resetsAt"]
    assert told["resetsAt"].endswith("-01T00:00:00.000Z")
    assert told["warning"] is None
    running = {one["environment"]: (one["running"], one["limit"]) for one in told["environments"]}
    assert (told["running"], running) == (1, {"dev": (0, 1), "prod": (1, 1)})
    await plans.change(app.server.store, "unlimited", by="a test")
    told = (await prod.get("/api/v1/usage")).json()
    assert (told["runs"]["limit"], told["runs"]["percentage"]) == (None, None)
    assert (await Api(app, None).get("/api/v1/usage")).status == 401


async def test_of_a_batch_the_items_beyond_the_plan_fail(prod: Api) -> None:
    made = await prod.post("/api/v3/batches", {"runCount": 4})
    batch = made.json()["id"]
    lines = b"".join(b'{"index":%d,"task":"greet"}\n' % n for n in range(4))
    await prod.call(
        "POST", f"/api/v3/batches/{batch}/items", lines,
        headers={"content-type": "application/x-ndjson"},
    )  # fmt: skip

    told = (await prod.get(f"/api/v2/batches/{batch}")).json()

    assert len(told["runs"]) == 3
    assert [one["errorCode"] for one in told["processing"]["errors"]] == ["plan_limit_reached"]


@pytest.mark.acceptance("S104")
async def test_no_route_and_no_task_asks_for_a_plan(app: App, prod: Api) -> None:
    for path in ("queues", "schedules", "deployments", "errors", "runs"):
        assert (await prod.get(f"/api/v1/{path}")).status == 200
    spec = (await prod.get("/openapi.json")).body
    await plans.change(app.server.store, "pro", by="a test")

    assert (await prod.get("/openapi.json")).body == spec


async def test_an_unknown_plan_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(ConfigError, match="HAIRTRIGGER_PLAN is 'gold'"):
        from_environment({"HAIRTRIGGER_PLAN": "gold"})
    numbers = from_environment({"HAIRTRIGGER_FREE_RUNS": "7"}).plan_numbers
    assert (numbers.free_runs, numbers.pro_runs) == (7, 1_000_000)
