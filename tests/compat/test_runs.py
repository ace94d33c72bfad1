"""Runs: retrieved, polled, cancelled, replayed and rescheduled by the npm client."""

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")
FLAGS = {
    "isQueued", "isExecuting", "isWaiting", "isCompleted", "isSuccess", "isFailed", "isCancelled",
    "isTest",
}  # fmt: skip
COMMON = FLAGS | {
    "id", "status", "taskIdentifier", "version", "createdAt", "updatedAt", "startedAt", "finishedAt", "ttl",
    "tags", "costInCents", "baseCostInCents", "durationMs", "depth", "triggerFunction", "payload",
    "relatedRuns", "attemptCount",
}  # fmt: skip


def test_a_trigger_is_one_request_and_gives_a_token_for_the_run(node: Script) -> None:
    said = node("runs")

    assert said["handle"] == ["id", "isCached", "publicAccessToken"]
    assert said["token"] == 3  # parts of a JWT
    assert said["requests"] == ["POST /api/v1/tasks/add/trigger"]


def test_a_python_task_is_triggered_and_its_run_is_read(node: Script) -> None:
    run = node("runs")["completed"]

    assert run.keys() == COMMON | {"output"}  # what is not there is absent, not null
    assert (run["status"], run["taskIdentifier"], run["output"]) == ("COMPLETED", "add", 7)
    assert run["payload"] == {"a": 3, "b": 4}
    assert run["tags"] == ["t"]
    assert {flag for flag in FLAGS if run[flag]} == {"isCompleted", "isSuccess"}
    assert (run["depth"], run["triggerFunction"], run["attemptCount"]) == (0, "trigger", 1)
    assert run["createdAt"] <= run["startedAt"] <= run["finishedAt"]


def test_an_exception_of_python_is_the_error_of_the_run(node: Script) -> None:
    run = node("runs")["failed"]

    assert run.keys() == COMMON | {"error"}
    assert (run["status"], run["isFailed"], run["isCompleted"]) == ("FAILED", True, True)
    error = run["error"]
    assert (error["name"], error["message"]) == ("ValueError", "refused this")
    assert "asked.py" in error["stackTrace"]
    assert [cause["name"] for cause in error["causes"]] == ["KeyError"]


def test_a_run_that_executes_says_so(node: Script) -> None:
    run = node("runs")["executing"]

    assert run.keys() == COMMON - {"finishedAt", "payload"}
    assert (run["isExecuting"], run["isCompleted"]) == (True, False)


def test_a_cancelled_run_ends_wherever_it_was(node: Script) -> None:
    said = node("runs")
    answer, status, is_cancelled = said["canceled"]

    assert answer == {"id": said["executing"]["id"]}
    assert (status, is_cancelled) == ("CANCELED", True)
    assert said["neverStarted"] == ["CANCELED", False]
    assert said["stillCompleted"] == "COMPLETED"


def test_a_replay_is_a_new_run_with_the_payload_of_the_first(node: Script) -> None:
    replayed = node("runs")["replayed"]

    assert replayed["plain"].pop("id") != node("runs")["done"]
    assert replayed["plain"] == {"output": 7, "tags": ["t"], "payload": {"a": 3, "b": 4}}
    assert "datetime.datetime(1970, 1, 1, 0, 0, 0, 6000" in replayed["kept"]


def test_a_replay_takes_another_payload_and_other_options(node: Script) -> None:
    replayed = node("runs")["replayed"]

    assert replayed["changed"] == {"output": 8_010, "tags": ["x"], "metadata": {"again": True}}
    assert "datetime.datetime(1970, 1, 1, 0, 0, 0, 7000" in replayed["dated"]


def test_a_delayed_run_is_moved_and_one_that_has_run_is_not(node: Script) -> None:
    said = node("runs")
    status, delay_ms, to_date, output = said["moved"]

    assert status == "DELAYED"
    assert 7_200_000 <= delay_ms < 7_260_000
    assert (to_date, output) == (0, "moved")
    assert "BadRequestError" in said["late"]["classes"]
