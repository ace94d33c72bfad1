"""The options of a trigger: what the run shows of them, what the Python task sees, what they bring about."""

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")


def test_a_python_task_sees_the_options_of_its_trigger(node: Script) -> None:
    run = node("options")["told"]

    metadata = {"from": "node", "nested": {"list": [1]}, "seen": True}
    assert run["status"] == "COMPLETED", run.get("error")
    assert run["output"] == {
        "attempt": 1,
        "tags": ["a", "b"],
        "queue": "letters/slow",
        "concurrencyKey": "customer-1",
        "maxAttempts": 4,
        "maxDuration": 30,
        "priority": 10,
        "isTest": False,
        "metadata": metadata,
    }
    assert (run["tags"], run["ttl"], run["metadata"]) == (["a", "b"], "1m", metadata)


def test_max_attempts_are_the_attempts_that_are_made(node: Script) -> None:
    assert node("options")["again"] == {"status": "FAILED", "attempts": 2, "error": "again"}


def test_a_delay_is_a_duration_or_a_date(node: Script) -> None:
    said = node("options")
    later = said["later"]

    assert (later["status"], later["isQueued"], later["ttl"]) == ("DELAYED", True, "2h")
    assert "startedAt" not in later
    assert said["dated"] == 0
    assert said["past"] == "now"
    assert said["soon"]["output"] == "soon"
    assert said["soon"]["waitedMs"] >= 1_000


def test_one_idempotency_key_is_one_run(node: Script) -> None:
    keys = node("options")["keys"]

    assert len(set(keys["ids"])) == 1
    assert keys["cached"] == [False, True, True, True, True]
    assert keys["otherTask"] not in keys["ids"]
    assert keys["shown"] == "order-7"  # as the user wrote it, not its hash


def test_an_idempotency_key_is_free_after_a_reset_and_after_a_failure(node: Script) -> None:
    keys = node("options")["keys"]
    first, cached, fresh = keys["reset"]
    failed, after_failure = keys["failed"]

    assert first == cached != fresh
    assert keys["resetId"]
    assert "NotFoundError" in keys["unknown"]["classes"]
    assert failed != after_failure


def test_debounced_triggers_are_one_run_of_the_first_or_last_payload(node: Script) -> None:
    debounced = node("options")["debounced"]
    one, two, three, four = debounced["ids"]

    assert one == two != three == four
    assert debounced["outputs"] == [0, 3]


def test_a_run_that_nobody_takes_in_time_expires(node: Script) -> None:
    expired = node("options")["expired"]

    assert expired == {"status": "EXPIRED", "isDated": True, "isCompleted": True}
