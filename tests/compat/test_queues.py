"""Queues that the npm client lists, reads, pauses, resumes and limits."""

from typing import Any

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")


def test_a_queue_is_read_by_its_name_and_by_its_id(node: Script) -> None:
    said = node("queues")

    queue = dict(said["byName"])
    assert said["byId"] == queue
    assert queue.pop("id").startswith("queue_")
    assert queue.pop("concurrency")["base"] == 1
    known = {"name", "type", "running", "queued", "paused", "concurrencyLimit"}
    assert {key: queue[key] for key in known} == {
        "name": "letters/slow", "type": "custom", "running": 0, "queued": 0, "paused": False,
        "concurrencyLimit": 1,
    }  # fmt: skip


def test_a_tasks_own_queue_is_read_by_its_id(node: Script) -> None:
    queue = node("queues")["byTask"]

    assert (queue["name"], queue["type"]) == ("describe", "task")
    assert queue["concurrencyLimit"] is None


def test_queues_are_listed_in_numbered_pages(node: Script) -> None:
    said = node("queues")

    walked = said["walked"]
    assert {"add", "letters/slow", "no payload/at all%2F ü"} <= set(walked)
    assert walked == sorted(set(walked))
    pages = -(-len(walked) // 3)
    assert said["first"] == {
        "length": 3, "count": len(walked), "currentPage": 1, "totalPages": pages,
    }  # fmt: skip
    assert said["past"]["data"] == []


def test_a_paused_queue_keeps_its_runs_until_it_is_resumed(node: Script) -> None:
    said = node("queues")

    assert (said["paused"], said["resumed"]) == (True, False)
    assert said["waiting"] == {"queued": 1, "running": 0, "paused": True}
    assert (said["held"], said["ended"]) == ("QUEUED", "COMPLETED")


def test_a_limit_is_overridden_and_reset(node: Script) -> None:
    said = node("queues")

    assert said["overridden"]["concurrencyLimit"] == 7
    concurrency = said["overridden"]["concurrency"]
    assert (concurrency["current"], concurrency["base"], concurrency["override"]) == (7, 1, 7)
    assert concurrency["overriddenAt"].endswith("Z")
    assert said["stopped"] == 0
    assert said["reset"]["concurrencyLimit"] == 1
    assert said["reset"]["concurrency"]["override"] is None
    assert said["unlimited"] is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("unknownId", "NotFoundError"),
        ("nameAsId", "NotFoundError"),
        ("unknownName", "NotFoundError"),
        ("unknownTask", "NotFoundError"),
        ("tooMany", "BadRequestError"),
        ("negative", "BadRequestError"),
        ("notSet", "BadRequestError"),
    ],
)
def test_what_cannot_be_is_refused_at_once(node: Script, name: str, kind: str) -> None:
    refused: dict[str, Any] = node("queues")["refused"][name]

    assert kind in refused["classes"]
    assert refused["requests"] == 1
