"""Runs over HTTP: the object, waiting for it, and everything that changes it."""

import asyncio
from typing import Any

import pytest

from hairtrigger.server.api import present, runs

from .driving import Api

MANDATORY = {
    "id", "status", "taskIdentifier", "isQueued", "isExecuting", "isWaiting", "isCompleted", "isSuccess",
    "isFailed", "isCancelled", "isTest", "createdAt", "updatedAt", "tags", "costInCents",
    "baseCostInCents", "durationMs", "depth", "triggerFunction", "relatedRuns", "attemptCount",
}  # fmt: skip


def no_nulls(value: Any, path: str = "$") -> None:
    """An optional member is absent, never null; only payloads and outputs may be anything."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in ("payload", "output", "metadata", "payloadSchema"):
                assert item is not None, f"{path}.{key} is null"
                no_nulls(item, f"{path}.{key}")
    elif isinstance(value, list):
        for position, item in enumerate(value):
            no_nulls(item, f"{path}[{position}]")


async def test_a_run_without_any_option_has_the_mandatory_members_and_no_null(api: Api) -> None:
    run = await api.run(await api.trigger())

    no_nulls(run)
    assert run.keys() >= MANDATORY
    assert not run.keys() & {
        "startedAt",
        "finishedAt",
        "idempotencyKey",
        "metadata",
        "error",
        "output",
    }
    assert run["relatedRuns"] == {}


async def test_a_run_with_every_option_shows_them(api: Api) -> None:
    run = await api.run(
        await api.trigger(
            payload={"a": 1}, delay="1h", ttl=60, tags=["b", "a", "b"], metadata={"n": None},
            maxAttempts=7, idempotencyKey="h" * 64, idempotencyKeyOptions={"key": "mine", "scope": "run"},
            concurrencyKey="k", queue={"name": "custom"}, test=True, machine="small-1x", priority=5,
        )
    )  # fmt: skip

    no_nulls(run)
    assert run["ttl"] == "1m"
    assert run["tags"] == ["a", "b"]
    assert run["metadata"] == {"n": None}
    assert run["idempotencyKey"] == "mine"
    assert run["delayedUntil"].endswith("Z")
    assert (run["status"], run["isTest"], run["isQueued"]) == ("DELAYED", True, True)
    assert (run["queue"], run["concurrencyKey"], run["maxAttempts"]) == ("custom", "k", 7)


async def test_a_completed_run_shows_its_output_and_times(api: Api) -> None:
    id = await api.trigger("greet")
    worker = await api.work("greet")

    await worker.complete('{"sum":7}')

    run = await api.run(id)
    no_nulls(run)
    assert (run["status"], run["isCompleted"], run["isSuccess"]) == ("COMPLETED", True, True)
    assert (run["output"], run["attemptCount"]) == ({"sum": 7}, 1)
    assert run["createdAt"] <= run["startedAt"] <= run["finishedAt"]
    assert run["version"].endswith(".1")


async def test_a_failed_run_shows_its_error_with_its_causes(api: Api) -> None:
    id = await api.trigger("greet", maxAttempts=1)
    worker = await api.work("greet")
    (run,) = await worker.fetch()
    cause = {"name": "KeyError", "message": "'x'", "trace": ""}
    failed = {"name": "ValueError", "message": "boom", "trace": "Traceback", "causes": [cause]}

    await worker.report({"id": id, "lease": run["lease"], "failed": failed})

    shown = await api.run(id)
    no_nulls(shown)
    assert (shown["status"], shown["isFailed"]) == ("FAILED", True)
    assert shown["error"]["name"] == "ValueError"
    assert shown["error"]["stackTrace"] == "Traceback"
    assert shown["error"]["causes"][0]["message"] == "'x'"
    assert "output" not in shown


async def test_while_a_run_waits_for_its_retry_it_has_no_error(api: Api) -> None:
    id = await api.trigger("greet")
    worker = await api.work("greet")
    (run,) = await worker.fetch()

    failed = {"name": "ValueError", "message": "boom"}
    await worker.report({"id": id, "lease": run["lease"], "failed": failed, "retryInMs": 60_000})

    shown = await api.run(id)
    assert (shown["status"], "error" in shown) == ("EXECUTING", False)
    assert shown["nextAttemptAt"] > shown["startedAt"]


async def test_relatives_are_shown_with_each_other(api: Api) -> None:
    parent = await api.trigger("greet")
    child = await api.trigger("greet", parentRunId=parent)
    grandchild = await api.trigger("greet", parentRunId=child)

    shown = [await api.run(id) for id in (parent, child, grandchild)]

    assert [one["depth"] for one in shown] == [0, 1, 2]
    assert [one["id"] for one in shown[0]["relatedRuns"]["children"]] == [child]
    assert "root" not in shown[0]["relatedRuns"]
    assert shown[2]["relatedRuns"]["root"]["id"] == parent
    assert shown[2]["relatedRuns"]["parent"]["id"] == child
    for one in shown:
        no_nulls(one)


@pytest.mark.parametrize("id", ["run_x", "run_" + "0" * 24, "batch_1", "x", "run_%F0%9F%98%80"])
async def test_an_id_that_is_none_is_404(api: Api, id: str) -> None:
    reply = await api.get(f"/api/v3/runs/{id}")

    assert (reply.status, reply.json()["code"]) == (404, "not_found")


async def test_a_waiting_retrieve_answers_when_the_run_is_final(api: Api) -> None:
    id = await api.trigger("greet")
    worker = await api.work("greet")

    waiting = asyncio.create_task(api.get(f"/api/v3/runs/{id}?wait=20"))
    await asyncio.sleep(0)
    await worker.complete("1")
    reply = await asyncio.wait_for(waiting, 5)

    assert reply.json()["status"] == "COMPLETED"


async def test_a_waiting_retrieve_answers_the_run_as_it_is_when_time_is_over(api: Api) -> None:
    id = await api.trigger("greet")

    reply = await api.get(f"/api/v3/runs/{id}?wait=0.01")

    assert reply.json()["status"] == "PENDING_VERSION"


@pytest.mark.parametrize("wait", ["x", "-1", "nan", "inf"])
async def test_a_wait_that_is_no_time_is_refused(api: Api, wait: str) -> None:
    id = await api.trigger("greet")

    assert (await api.get(f"/api/v3/runs/{id}?wait={wait}")).status == 400


async def test_a_cancelled_run_never_starts_and_cancelling_again_changes_nothing(api: Api) -> None:
    id = await api.trigger("greet")
    worker = await api.work("greet")

    replies = [await api.post(f"/api/v2/runs/{id}/cancel") for _ in range(2)]

    run = await api.run(id)
    assert [(reply.status, reply.json()) for reply in replies] == [(200, {"id": id})] * 2
    assert (run["status"], run["isCancelled"], run["isFailed"]) == ("CANCELED", True, True)
    assert await worker.fetch(0) == []
    assert (await api.post("/api/v1/runs/run_x/cancel")).status == 404


async def test_a_replay_takes_what_the_original_had_and_what_is_said_otherwise(api: Api) -> None:
    id = await api.trigger(
        "greet", {"n": 1}, tags=["t"], metadata={"m": 1}, idempotencyKey="k", ttl="1h"
    )

    plain = await api.run((await api.post(f"/api/v1/runs/{id}/replay")).json()["id"])
    other = {"payload": '{"json":{"n":2}}', "payloadType": "application/super+json", "tags": ["u"]}
    changed = await api.run((await api.post(f"/api/v1/runs/{id}/replay", other)).json()["id"])

    assert (plain["payload"], plain["tags"], plain["metadata"]) == ({"n": 1}, ["t"], {"m": 1})
    assert "idempotencyKey" not in plain
    assert (changed["payload"], changed["tags"]) == ({"n": 2}, ["u"])


async def test_a_replay_refuses_members_it_does_not_know(api: Api) -> None:
    id = await api.trigger()

    reply = await api.post(f"/api/v1/runs/{id}/replay", {"unknown": 1})

    assert (reply.status, await api.count_runs()) == (400, 1)


async def test_a_repeated_replay_is_one_run(api: Api) -> None:
    id = await api.trigger()
    key = {"x_trigger_request_idempotency_key": "r"}

    first, second = [await api.post(f"/api/v1/runs/{id}/replay", None, **key) for _ in range(2)]

    assert first.json() == second.json()
    assert await api.count_runs() == 2


async def test_a_delayed_run_is_rescheduled_and_no_other(api: Api) -> None:
    await api.work("greet")
    delayed, ready = await api.trigger("greet", delay="1h"), await api.trigger("greet")

    moved = await api.post(f"/api/v1/runs/{delayed}/reschedule", {"delay": "2h"})
    refused = await api.post(f"/api/v1/runs/{ready}/reschedule", {"delay": "2h"})

    assert (moved.status, moved.json()["status"]) == (200, "DELAYED")
    assert moved.json()["delayedUntil"] > (await api.run(ready))["createdAt"]
    assert refused.status == 400


@pytest.mark.parametrize(
    "body", [{}, {"delay": 1}, {"delay": "soon"}, {"delay": "2020-01-01T00:00:00Z"}]
)
async def test_a_delay_that_is_none_moves_nothing(api: Api, body: Any) -> None:
    await api.work("greet")
    id = await api.trigger("greet", delay="1h")
    before = (await api.run(id))["delayedUntil"]

    reply = await api.post(f"/api/v1/runs/{id}/reschedule", body)

    assert (reply.status, (await api.run(id))["delayedUntil"]) == (400, before)


async def test_tags_are_added_all_or_none(api: Api) -> None:
    id = await api.trigger(tags=["a"])

    added = await api.post(f"/api/v1/runs/{id}/tags", {"tags": ["a", "b", "c"]})
    one = await api.post(f"/api/v1/runs/{id}/tags", {"tags": "d"})
    refused = await api.post(f"/api/v1/runs/{id}/tags", {"tags": [str(n) for n in range(7)]})

    assert (added.json(), one.status) == ({"message": "Successfully set 2 new tags."}, 200)
    assert refused.status == 422
    assert (await api.run(id))["tags"] == ["a", "b", "c", "d"]


async def test_metadata_is_replaced_and_changed_by_operations(api: Api) -> None:
    id = await api.trigger(metadata={"a": 1})
    path = f"/api/v1/runs/{id}/metadata"

    replaced = await api.put(path, {"metadata": {"b": [1]}})
    operations = [
        {"type": "append", "key": "b", "value": 2},
        {"type": "set", "key": "c", "value": 3},
    ]
    changed = await api.put(path, {"operations": operations})

    assert replaced.json() == {"metadata": {"b": [1]}}
    assert changed.json() == {"metadata": {"b": [1, 2], "c": 3}}
    assert (await api.get(path)).json() == changed.json()
    assert (await api.run(id))["metadata"] == {"b": [1, 2], "c": 3}


async def test_metadata_of_a_parent_is_changed_by_its_child(api: Api) -> None:
    parent = await api.trigger()
    child = await api.trigger(parentRunId=parent)

    body = {"parentOperations": [{"type": "increment", "key": "done", "value": 1}]}
    await api.put(f"/api/v1/runs/{child}/metadata", body)

    assert (await api.run(parent))["metadata"] == {"done": 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"metadata": [1]}, 400),
        ({"metadata": {"a": "x" * 262_144}}, 413),
        ({"operations": [{"type": "no", "key": "a"}]}, 400),
        ({"operations": [{"type": "set", "key": "__proto__", "value": 1}]}, 400),
        ({"operations": {}}, 400),
    ],
)
async def test_metadata_that_cannot_be_changes_nothing(api: Api, body: Any, status: int) -> None:
    id = await api.trigger(metadata={"a": 1})

    reply = await api.put(f"/api/v1/runs/{id}/metadata", body)

    assert (reply.status, (await api.run(id))["metadata"]) == (status, {"a": 1})


async def test_a_result_is_there_when_the_run_is_finished(api: Api) -> None:
    id = await api.trigger("greet")
    worker = await api.work("greet")

    before = await api.get(f"/api/v1/runs/{id}/result")
    await worker.complete("5")
    after = await api.get(f"/api/v1/runs/{id}/result")

    assert before.status == 404
    assert after.json() == {
        "ok": True, "id": id, "taskIdentifier": "greet", "output": "5", "outputType": "application/json"
    }  # fmt: skip


async def test_the_result_of_a_cancelled_run_is_its_error(api: Api) -> None:
    id = await api.trigger("greet")
    await api.post(f"/api/v2/runs/{id}/cancel")

    result = (await api.get(f"/api/v1/runs/{id}/result")).json()

    assert (result["ok"], result["error"]["type"]) == (False, "STRING_ERROR")


async def test_log_lines_are_read_in_pages_and_waited_for(api: Api) -> None:
    id = await api.trigger("greet")
    worker = await api.work("greet")
    (run,) = await worker.fetch()
    line = [id, run["lease"], 1_000, 0, "info", "one", {"a": 1}]

    waiting = asyncio.create_task(api.get(f"/api/v1/runs/{id}/events?wait=20"))
    await asyncio.sleep(0)
    await worker.report(events=[line, [id, run["lease"], 1_001, 1, "log", "two"]])
    first = (await asyncio.wait_for(waiting, 5)).json()
    await worker.report({"id": id, "lease": run["lease"], "done": True})
    rest = (await api.get(f"/api/v1/runs/{id}/events?wait=20&after={first['next']}")).json()

    assert first["events"][0] == {
        "at": 1_000, "seq": 0, "level": "info", "message": "one", "attributes": {"a": 1}, "error": False
    }  # fmt: skip
    assert [event["message"] for event in first["events"]] == ["one", "two"]
    assert (first["final"], rest["final"], rest["events"]) == (False, True, [])
    assert rest["next"] == first["next"]


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=0", "limit=1001", "wait=x"])
async def test_a_page_of_lines_that_cannot_be_is_refused(api: Api, query: str) -> None:
    id = await api.trigger()

    assert (await api.get(f"/api/v1/runs/{id}/events?{query}")).status == 400


def test_every_status_shows_all_seven_flags() -> None:
    assert all(len(flags) == 7 for flags in present._FLAGS.values())
    assert runs.MAX_WAIT_S == 20
