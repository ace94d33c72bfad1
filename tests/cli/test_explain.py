"""``explain`` against a real server."""

import json

from tests.cli.conftest import Ask
from tests.running import Live


def test_a_run_that_waits_is_explained_with_what_to_do(served: Live, ht: Ask) -> None:
    ht("queues", "pause", "task/daily-digest")
    run = json.loads(ht("trigger", "daily-digest", "--json").stdout)["id"]
    try:
        done, data = ht("explain", run), ht("explain", run, "--json")
    finally:
        ht("runs", "cancel", run)
        ht("queues", "resume", "task/daily-digest")

    assert (done.exit_code, data.exit_code) == (0, 0)
    head, why, fix, *rest = done.stdout.splitlines()
    assert run in head
    assert "daily-digest  Queued " in head
    assert why == "  The queue daily-digest is paused; 1 wait in it."
    assert fix == "  Resume it with `hairtrigger queues resume task/daily-digest`."
    assert rest == []
    assert json.loads(data.stdout)["reason"]["code"] == "queue_paused"


def test_a_run_that_is_over_says_how_it_ended(served: Live, ht: Ask) -> None:
    run = json.loads(ht("trigger", "always-fails", "--wait", "--json").stdout)["id"]

    said = ht("explain", run).stdout

    assert "Failed for good in attempt 1 of 3: AbortTaskRunError: no use." in said
    assert "hairtrigger runs replay" in said


def test_a_run_that_is_not_there_ends_with_the_exit_code_for_it(served: Live, ht: Ask) -> None:
    assert ht("explain", "run_1").exit_code == 3
