"""Why a run is where it is, over HTTP; the causes themselves are in tests/engine."""

from .driving import Api
from .test_runs import no_nulls


async def test_a_run_is_explained_with_what_to_do(api: Api, prod: Api) -> None:
    await (await api.work("greet")).call("leave", {})
    run = await api.trigger(idempotencyKey="order-7")

    reply = await api.get(f"/api/v1/runs/{run}/explanation")

    found = reply.json()
    no_nulls(found)
    assert (found["id"], found["status"], found["queue"]) == (run, "QUEUED", "task/greet")
    assert found["reason"] == {
        "code": "no_worker", "message": "No worker of dev is online.", "fix": "Start one with `hairtrigger dev`.",
    }  # fmt: skip
    assert found["repeats"] == []
    assert [one["code"] for one in found["notes"]] == ["idempotency_key"]
    assert (await prod.get(f"/api/v1/runs/{run}/explanation")).status == 404


async def test_who_may_read_a_run_may_know_why(api: Api) -> None:
    run = await api.trigger(delay="1h")
    path = f"/api/v1/runs/{run}/explanation"

    allowed = await api.bearing(f"read:runs:{run}").get(path)
    refused = await api.bearing("read:runs:run_1").get(path)

    assert (allowed.status, refused.status) == (200, 403)
    assert allowed.json()["reason"]["at"] == (await api.run(run))["delayedUntil"]
