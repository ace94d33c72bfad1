"""Schedules made at run time."""

import pytest

from hairtrigger import ScheduledPayload, schedules, sync
from tests.sdk.answering import Answering

SCHEDULE = {
    "id": "sched_1", "type": "IMPERATIVE", "task": "digest", "active": True,
    "deduplicationKey": "user-1", "externalId": None,
    "generator": {"type": "CRON", "expression": "0 9 * * *", "description": "At 09:00"},
    "timezone": "Europe/London", "nextRun": "2026-03-01T09:00:00.000Z",
    "environments": [{"id": "env_1", "type": "DEVELOPMENT"}],
}  # fmt: skip


@pytest.mark.acceptance("S27")
async def test_a_schedule_is_made_for_a_task(api: Answering) -> None:
    @schedules.task(id="digest")
    async def digest(payload: ScheduledPayload) -> None: ...

    api.replies["POST /api/v1/schedules"] = (200, SCHEDULE)

    made = await schedules.create(
        task=digest, cron="0 9 * * *", deduplication_key="user-1", timezone="Europe/London"
    )

    assert api.asked[0].json == {
        "task": "digest",
        "cron": "0 9 * * *",
        "deduplicationKey": "user-1",
        "timezone": "Europe/London",
    }
    assert (made.id, made.cron, made.type, made.active) == (
        "sched_1", "0 9 * * *", "IMPERATIVE", True,
    )  # fmt: skip
    assert made.next_run is not None
    assert made.next_run.isoformat() == "2026-03-01T09:00:00+00:00"


async def test_what_an_update_leaves_out_stays(api: Answering) -> None:
    api.replies["GET /api/v1/schedules/sched_1"] = (200, SCHEDULE)
    api.replies["PUT /api/v1/schedules/sched_1"] = (200, SCHEDULE)

    await schedules.update("sched_1", cron="0 10 * * *")

    assert api.asked[1].json == {
        "task": "digest",
        "cron": "0 10 * * *",
        "timezone": "Europe/London",
    }


async def test_schedules_are_listed_looked_up_switched_and_deleted(api: Answering) -> None:
    pages = [
        {"data": [SCHEDULE], "pagination": {"currentPage": n, "totalPages": 2, "count": 2}}
        for n in (1, 2)
    ]
    api.replies["GET /api/v1/schedules"] = lambda asked: (200, pages["page=2" in asked.path])
    for end in ("", "/activate", "/deactivate"):
        method = "POST" if end else "GET"
        api.replies[f"{method} /api/v1/schedules/sched_1{end}"] = (200, SCHEDULE)
    api.replies["DELETE /api/v1/schedules/sched_1"] = (200, {"id": "sched_1"})
    api.replies["GET /api/v1/timezones"] = (200, {"timezones": ["UTC", "Europe/London"]})

    listed = [schedule.id async for schedule in schedules.list(limit=1)]
    await schedules.retrieve("sched_1")
    await schedules.deactivate("sched_1")
    await schedules.activate("sched_1")
    await schedules.delete("sched_1")

    assert listed == ["sched_1", "sched_1"]
    assert await schedules.timezones() == ("UTC", "Europe/London")


def test_schedules_work_without_a_loop(api: Answering) -> None:
    pagination = {"currentPage": 1, "totalPages": 1, "count": 1}
    api.replies["GET /api/v1/schedules"] = (200, {"data": [SCHEDULE], "pagination": pagination})

    assert [schedule.id for schedule in sync.schedules.list()] == ["sched_1"]
