"""Queues: declared with their limits, looked up and changed at run time."""

import pytest

from hairtrigger import ProjectError, Queue, TriggerClient, queue, queues, sync, task
from hairtrigger.sdk.config import Config
from hairtrigger.wire.rates import Rate
from hairtrigger.wire.worker import QueueManifest
from tests.sdk.answering import Answering

PUBLIC_ID = "queue_9e3779b90000000000000001"
QUEUE = {
    "id": PUBLIC_ID, "name": "emails", "type": "custom", "running": 2, "queued": 7, "paused": False,
    "concurrencyLimit": 8, "totalLimit": 20, "rateLimit": "100/m",
    "concurrency": {"current": 8, "base": 5, "override": 8,
                    "overriddenAt": "2026-03-01T09:30:00.000Z", "overriddenBy": None},
}  # fmt: skip


def test_a_queue_declares_its_limits() -> None:
    emails = queue("emails", concurrency_limit=5, total_limit=20, rate_limit="100/m")

    @task(queue=emails)
    async def send(payload: str) -> None: ...

    declared = send.definition.manifest(Config()).queue
    assert declared == QueueManifest("emails", 5, 20, Rate(100, 60_000))
    assert repr(emails) == (
        "Queue('emails', concurrency_limit=5, total_limit=20, rate_limit='100/m')"
    )
    assert repr(queue("plain")) == "Queue('plain')"


def test_a_tasks_own_limit_stands_before_that_of_its_queue_and_keeps_the_others() -> None:
    @task(queue=Queue("emails", concurrency_limit=5, total_limit=20), concurrency_limit=1)
    async def send(payload: str) -> None: ...

    assert send.definition.manifest(Config()).queue == QueueManifest("emails", 1, 20)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"concurrency_limit": -1}, "concurrency_limit must be between 0 and 100000, not -1"),
        ({"total_limit": 100_001}, "total_limit must be between"),
        ({"rate_limit": "often"}, "Invalid rate_limit 'often'. Write it like 5/s"),
        ({"rate_limit": "0/m"}, "count of a rate_limit is between 1"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_where_it_is_written(
    limits: dict[str, object], says: str
) -> None:
    with pytest.raises(ProjectError, match=says) as caught:
        queue("emails", **limits)  # type: ignore[arg-type]  # planted
    assert "'emails'" in str(caught.value)


async def test_a_queue_is_read_with_what_runs_and_waits_in_it(api: Answering) -> None:
    api.replies["GET /api/v1/queues/emails"] = (200, QUEUE)

    found = await queues.retrieve("emails")

    assert api.asked[0].path == "/api/v1/queues/emails?type=custom"
    assert (found.name, found.type, found.running, found.queued) == ("emails", "custom", 2, 7)
    assert (found.concurrency_limit, found.total_limit, found.rate_limit) == (8, 20, "100/m")
    assert (found.concurrency.base, found.concurrency.override) == (5, 8)
    assert found.concurrency.overridden_at is not None
    assert found.concurrency.overridden_at.isoformat() == "2026-03-01T09:30:00+00:00"


async def test_a_queue_of_an_older_server_needs_no_more_than_it_must(api: Answering) -> None:
    least = {key: QUEUE[key] for key in ("id", "name", "type", "running", "queued", "paused")}
    api.replies["GET /api/v1/queues/emails"] = (200, {**least, "concurrencyLimit": None})

    found = await queues.retrieve("emails")

    assert found.concurrency.current is found.total_limit is None


async def test_a_queue_is_given_as_itself_as_a_task_or_by_name(api: Answering) -> None:
    @task
    async def alone(payload: str) -> None: ...

    @task(queue=queue("mails/out"))
    async def shared(payload: str) -> None: ...

    for name in ("mails%252Fout", "alone", PUBLIC_ID, "a%20b"):
        api.replies[f"GET /api/v1/queues/{name}"] = (200, QUEUE)

    for one in (Queue("mails/out"), shared, "mails/out", alone, "task/alone", PUBLIC_ID, "a b"):
        await queues.retrieve(one)

    assert [asked.path.removeprefix("/api/v1/queues/") for asked in api.asked] == [
        *["mails%252Fout?type=custom"] * 3, *["alone?type=task"] * 2, f"{PUBLIC_ID}?type=id",
        "a%20b?type=custom",
    ]  # fmt: skip


async def test_queues_are_paused_resumed_limited_and_reset(api: Answering) -> None:
    for end in ("pause", "concurrency/override", "concurrency/reset"):
        api.replies[f"POST /api/v1/queues/emails/{end}"] = (200, QUEUE)
    emails = queue("emails")

    await queues.pause(emails)
    await queues.resume(emails)
    await queues.override_concurrency_limit(emails, 8)
    await queues.reset_concurrency_limit(emails)

    assert [asked.json for asked in api.asked] == [
        {"type": "custom", "action": "pause"}, {"type": "custom", "action": "resume"},
        {"type": "custom", "concurrencyLimit": 8}, {"type": "custom"},
    ]  # fmt: skip


async def test_queues_are_listed_page_by_page(api: Answering) -> None:
    def reply(asked: object) -> tuple[int, object]:
        number = 2 if "page=2" in str(asked) else 1
        return 200, {
            "data": [{**QUEUE, "name": f"q{number}"}],
            "pagination": {"currentPage": number, "totalPages": 2, "count": 2},
        }

    api.replies["GET /api/v1/queues"] = lambda asked: reply(asked.path)

    assert [one.name async for one in queues.list(limit=1)] == ["q1", "q2"]
    assert api.asked[0].path == "/api/v1/queues?page=1&perPage=1"


def test_queues_work_without_a_loop(api: Answering) -> None:
    pagination = {"currentPage": 1, "totalPages": 1, "count": 1}
    api.replies["GET /api/v1/queues"] = (200, {"data": [QUEUE], "pagination": pagination})
    api.replies["POST /api/v1/queues/alone/pause"] = (200, {**QUEUE, "paused": True})

    @task
    def alone(payload: str) -> None: ...

    assert [one.name for one in sync.queues.list()] == ["emails"]
    assert sync.queues.pause(alone.sync).paused
    assert sync.queues.pause("task/alone").paused


async def test_a_client_of_its_own_has_queues_too(api: Answering) -> None:
    api.replies["GET /api/v1/queues/emails"] = (200, QUEUE)

    async with TriggerClient(secret_key="tr_dev_" + "x" * 24, base_url=api.url) as client:
        found = await client.queues.retrieve("emails")

    assert found.id == PUBLIC_ID
