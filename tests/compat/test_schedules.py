"""Schedules that the npm client makes, changes, switches, lists and deletes.

They are run with a base URL that ends with a slash, which one function of the client does not strip.
"""

from typing import Any

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")


def test_a_schedule_is_made_with_all_its_options(node: Script) -> None:
    created = node("schedules")["created"]

    environment = created.pop("environments")
    assert created.pop("id").startswith("sched_")
    assert created.pop("nextRun") == created.pop("nextRunEffectiveAt")
    assert created.pop("generator")["description"]
    assert [each["type"] for each in environment] == ["DEVELOPMENT"]
    assert created == {
        "type": "IMPERATIVE",
        "task": "on-schedule",
        "active": True,
        "deduplicationKey": "user-1",
        "externalId": "customer 1",
        "timezone": "Europe/London",
    }


def test_a_deduplication_key_names_one_schedule(node: Script) -> None:
    said = node("schedules")

    assert said["again"]["id"] == said["byKey"] == said["created"]["id"]
    assert said["again"]["generator"]["expression"] == "0 12 * * 1"
    assert said["retrieved"] == said["again"]


def test_an_update_replaces_what_it_leaves_out(node: Script) -> None:
    updated = node("schedules")["updated"]

    assert updated["timezone"] == "UTC"
    assert not updated.get("externalId")
    assert updated["deduplicationKey"] == "user-1"


def test_a_schedule_is_switched_off_and_on(node: Script) -> None:
    said = node("schedules")

    assert (said["off"]["active"], said["on"]["active"]) == (False, True)
    assert not said["off"].get("nextRun")
    assert said["on"]["nextRun"] == said["updated"]["nextRun"]


def test_schedules_are_listed_in_numbered_pages(node: Script) -> None:
    said = node("schedules")

    assert said["pages"] == [
        {"count": 5, "currentPage": 1, "totalPages": 2},
        {"count": 5, "currentPage": 2, "totalPages": 2},
    ]
    assert said["past"]["data"] == []
    assert sorted(said["walked"]) == ["page-0", "page-1", "page-2", "page-3", "user-1"]


def test_a_deleted_schedule_is_gone(node: Script) -> None:
    said = node("schedules")

    assert said["deleted"] == {"id": said["created"]["id"]}
    assert "NotFoundError" in said["gone"]["classes"]


def test_time_zones_are_listed_with_and_without_utc(node: Script) -> None:
    assert node("schedules")["zones"] == ["UTC", True, False]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cron", "UnprocessableEntityError"),
        ("seconds", "UnprocessableEntityError"),
        ("zone", "UnprocessableEntityError"),
        ("unknownTask", "UnprocessableEntityError"),
        ("plainTask", "UnprocessableEntityError"),
        ("unknown", "NotFoundError"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_at_once(node: Script, name: str, kind: str) -> None:
    refused: dict[str, Any] = node("schedules")["refused"][name]

    assert kind in refused["classes"]
    assert refused["requests"] == 1
