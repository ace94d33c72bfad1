"""Batches of the npm client: two requests, items of several kinds, keys, and what cannot become a run."""

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")


def test_a_batch_is_announced_and_filled(node: Script) -> None:
    said = node("batches")

    assert said["route"] == ["POST /api/v3/batches", "POST /api/v3/batches/~/items"]
    assert said["handle"] == {"keys": ["batchId", "publicAccessToken", "runCount"], "runCount": 3}


def test_a_batch_has_its_runs_in_order_and_one_for_one_key(node: Script) -> None:
    said = node("batches")
    one, second = said["one"], said["second"]

    assert (one["status"], one["runCount"], one["outputs"]) == ("COMPLETED", 3, [11, 12, 12])
    assert one["runs"][1] == one["runs"][2]
    assert one["processing"]["errors"] == []
    assert "idempotencyKey" not in one
    assert (second["tags"], second["metadata"]) == (["second"], {"n": 2})
    assert (second["idempotencyKey"], second["batchId"]) == ("item", one["id"])


def test_a_batch_of_several_tasks_takes_all_kinds_of_payload(node: Script) -> None:
    mixed = node("batches")["mixed"]

    added, described, nothing, text, failed = mixed["outputs"]
    assert mixed["status"] == "COMPLETED"  # every run has ended, well or not
    assert (added, nothing, text, failed) == (10, "None", "'text'", None)
    assert described.startswith("{'when': datetime.datetime(1970, 1, 1")
    assert described.endswith("'big': 5}")
    assert mixed["member"] == [True, "batchTrigger"]


def test_items_that_cannot_become_runs_fail_alone(node: Script) -> None:
    partial = node("batches")["partial"]

    assert (partial["status"], partial["runs"]) == ("PARTIAL_FAILED", 1)
    assert [error["index"] for error in partial["errors"]] == [1, 2]
    assert all(error["taskIdentifier"] == "add" for error in partial["errors"])
    assert "19700101.1" in partial["errors"][0]["error"]


def test_three_hundred_items_keep_their_order(node: Script) -> None:
    assert node("batches")["many"] == {"status": "COMPLETED", "inOrder": True, "count": 300}


def test_a_large_item_is_stored_apart(node: Script) -> None:
    assert node("batches")["stored"] == [True, False]


def test_one_idempotency_key_is_one_batch(node: Script) -> None:
    assert node("batches")["keyed"] == {"same": True, "key": "a batch", "requests": 1}


def test_items_may_come_from_an_async_generator(node: Script) -> None:
    assert node("batches")["streamed"] == [1, 2]


def test_a_batch_that_cannot_be_fails_at_once(node: Script) -> None:
    said = node("batches")

    assert said["wrapped"] == {"isBatchError": True, "phase": "create", "status": 400}
    assert said["empty"]["requests"] == 1
    assert "NotFoundError" in said["unknown"]["classes"]
    assert said["unknown"]["requests"] == 1
