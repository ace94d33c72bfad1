"""Batches in one request, as older clients make them, and the results of all runs of a batch."""

from typing import Any

import pytest

from .driving import Api
from .test_runs import no_nulls

BATCH = "/api/v2/tasks/batch"


def items(*payloads: Any, **options: Any) -> dict[str, Any]:
    return {"items": [{"task": "greet", "payload": one, "options": options} for one in payloads]}


@pytest.mark.acceptance("S11")
async def test_a_batch_is_made_at_once_and_its_results_are_read(api: Api) -> None:
    worker = await api.work("greet")

    reply = await api.post(BATCH, items(1, 2, maxAttempts=1), batch_processing_strategy="parallel")

    created = reply.json()
    assert (reply.status, created["runCount"]) == (202, 2)
    assert "x-trigger-jwt" in reply.headers
    path = f"/api/v1/batches/{created['id']}/results"
    assert (await api.get(path)).status == 404
    done = await worker.complete('{"a": 1}')
    (taken,) = await worker.fetch(1)
    failed = {"name": "ValueError", "message": "no", "trace": "", "causes": []}
    await worker.report({"id": taken["id"], "lease": taken["lease"], "failed": failed})
    found = (await api.get(path)).json()
    no_nulls(found)
    assert found["id"] == created["id"]
    good, bad = found["items"]
    assert good == {
        "ok": True, "id": done, "taskIdentifier": "greet", "output": '{"a": 1}', "outputType": "application/json",
    }  # fmt: skip
    assert (bad["ok"], bad["error"]["type"]) == (False, "BUILT_IN_ERROR")
    token = reply.headers["x-trigger-jwt"]
    assert (await Api(api.app, token).get(path)).status == 200


async def test_an_output_of_nothing_still_has_its_type(api: Api) -> None:
    worker = await api.work("greet")
    created = (await api.post(BATCH, items(1))).json()
    run = await worker.complete()

    expected = {"ok": True, "id": run, "taskIdentifier": "greet", "outputType": "application/json"}
    found = (await api.get(f"/api/v1/batches/{created['id']}/results")).json()
    assert found["items"] == [expected]
    assert (await api.get(f"/api/v1/runs/{run}/result")).json() == expected


async def test_a_repeated_request_makes_nothing_twice(api: Api) -> None:
    key = {"x_trigger_request_idempotency_key": "again"}

    first, second = [await api.post(BATCH, items(1, 2, 3), **key) for _ in range(2)]

    assert first.json() == second.json()
    assert await api.count_runs() == 3


async def test_an_item_that_cannot_become_a_run_fails_alone(api: Api) -> None:
    body = items(1, 2)
    body["items"][1]["options"] = {"lockToVersion": "19700101.1"}

    created = (await api.post(BATCH, body)).json()

    batch = (await api.get(f"/api/v2/batches/{created['id']}")).json()
    assert [error["index"] for error in batch["processing"]["errors"]] == [1]
    assert len(batch["runs"]) == 1


@pytest.mark.parametrize(
    "body", [{}, {"items": []}, items(*range(501)), {"items": [{"payload": 1}]}, {"items": 1}]
)
async def test_a_batch_that_is_none_makes_nothing(api: Api, body: Any) -> None:
    assert (await api.post(BATCH, body)).status == 400
    assert await api.count_runs() == 0


async def test_a_token_makes_batches_of_its_task_only(api: Api) -> None:
    bearer = api.bearing("batchTrigger:tasks:greet")
    foreign = {"items": [{"task": "greet"}, {"task": "other"}]}

    assert (await bearer.post(BATCH, items(1))).status == 202
    assert (await bearer.post(BATCH, foreign)).status == 403
    assert await api.count_runs() == 1
