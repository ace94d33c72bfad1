"""Queues over HTTP."""

from typing import Any
from urllib.parse import quote

import pytest

from .driving import Api

ITEM = {
    "id", "name", "type", "running", "queued", "paused", "concurrencyLimit", "concurrency", "totalLimit",
    "rateLimit",
}  # fmt: skip


@pytest.fixture
async def working(api: Api) -> Api:
    """An environment with a task that has a queue of its own, and one in a queue with every limit."""
    rate = {"count": 10, "perMs": 30_000}
    limits = {"concurrencyLimit": 2, "totalLimit": 5, "rate": rate}
    tasks = [
        {"id": "greet", "file": "t.py", "export": "greet"},
        {"id": "mail", "file": "t.py", "export": "mail", "queue": {"name": "mails/out", **limits}},
    ]
    body = {"name": "w", "version": "", "tasks": tasks, "slots": 10, "protocol": [1]}
    reply = await api.post("/api/hairtrigger/v1/worker/register", body)
    assert reply.status == 200, reply.body
    return api


def path(name: str, end: str = "") -> str:
    """Where a queue is: slashes of its name are encoded twice."""
    return f"/api/v1/queues/{quote(name.replace('/', '%2F'), safe='')}{end}"


async def read(api: Api, name: str, kind: str) -> dict[str, Any]:
    reply = await api.get(f"{path(name)}?type={kind}")
    assert reply.status == 200, reply.body
    return dict(reply.json())


async def test_a_queue_is_shown_with_its_limits_and_what_waits_in_it(working: Api) -> None:
    await working.trigger("mail")

    queue = await read(working, "mails/out", "custom")

    assert set(queue) == ITEM
    assert queue.pop("id").startswith("queue_")
    assert queue == {
        "name": "mails/out", "type": "custom", "running": 0, "queued": 1, "paused": False,
        "concurrencyLimit": 2, "totalLimit": 5, "rateLimit": "10/30s",
        "concurrency": {"current": 2, "base": 2, "override": None, "overriddenAt": None,
                        "overriddenBy": None},
    }  # fmt: skip


async def test_a_queue_without_limits_says_null(working: Api) -> None:
    queue = await read(working, "greet", "task")

    assert set(queue) == ITEM
    assert (queue["name"], queue["type"]) == ("greet", "task")
    assert queue["concurrencyLimit"] is queue["totalLimit"] is queue["rateLimit"] is None


async def test_queues_are_listed_in_numbered_pages(working: Api) -> None:
    whole = (await working.get("/api/v1/queues")).json()
    second = (await working.get("/api/v1/queues?page=2&perPage=1")).json()
    beyond = (await working.get("/api/v1/queues?page=9&perPage=500")).json()

    assert [queue["name"] for queue in whole["data"]] == ["greet", "mails/out"]
    assert whole["pagination"] == {"currentPage": 1, "totalPages": 1, "count": 2}
    assert [queue["name"] for queue in second["data"]] == ["mails/out"]
    assert second["pagination"] == {"currentPage": 2, "totalPages": 2, "count": 2}
    assert beyond["data"] == []
    assert (await working.get("/api/v1/queues?page=0")).status == 400


@pytest.mark.parametrize("encoded", ["mails%252Fout", "mails%2Fout", "mails%252fout"])
async def test_a_slash_in_a_name_may_be_encoded_once_or_twice(working: Api, encoded: str) -> None:
    reply = await working.get(f"/api/v1/queues/{encoded}?type=custom")

    assert reply.status == 200, reply.body


async def test_a_queue_is_found_by_its_id_when_no_type_is_given(working: Api) -> None:
    queue = await read(working, "mails/out", "custom")

    assert (await working.get(path(queue["id"]))).json() == queue
    assert (await working.get(path("mails/out"))).status == 404


async def test_a_paused_queue_starts_nothing_until_it_is_resumed(working: Api) -> None:
    worker = await working.work("greet")
    paused = await working.post(path("greet", "/pause"), {"type": "task", "action": "pause"})
    run_id = await working.trigger("greet")

    assert paused.json()["paused"] is True
    await worker.report()  # a tick has passed, and the run is still there
    assert (await working.run(run_id))["status"] == "QUEUED"
    resumed = await working.post(path("greet", "/pause"), {"type": "task", "action": "resume"})

    assert (resumed.json()["paused"], resumed.json()["queued"]) == (False, 1)
    assert [run["id"] for run in await worker.fetch()] == [run_id]


async def test_a_limit_is_overridden_and_reset(working: Api) -> None:
    name = {"type": "custom"}
    override = path("mails/out", "/concurrency/override")
    reset = path("mails/out", "/concurrency/reset")

    set_ = (await working.post(override, {**name, "concurrencyLimit": 0})).json()
    back = (await working.post(reset, name)).json()
    again = await working.post(reset, name)

    assert set_["concurrencyLimit"] == set_["concurrency"]["current"] == 0
    assert (set_["concurrency"]["base"], set_["concurrency"]["override"]) == (2, 0)
    assert set_["concurrency"]["overriddenAt"].endswith("Z")
    assert set_["concurrency"]["overriddenBy"] is None
    assert (back["concurrencyLimit"], back["concurrency"]["override"]) == (2, None)
    assert again.status == 400
    assert "not overridden" in again.error


@pytest.mark.parametrize(
    ("end", "body", "status", "says"),
    [
        ("/pause", {"type": "task", "action": "stop"}, 400, "stop"),
        ("/pause", {"type": "job", "action": "pause"}, 400, "job"),
        ("/pause", {"type": "custom", "action": "pause"}, 404, "greet"),
        ("/pause", {"type": "id", "action": "pause"}, 404, "greet"),
        ("/pause", {"type": "task"}, 400, "action"),
        ("/concurrency/override", {"type": "task"}, 400, "concurrencyLimit"),
        ("/concurrency/override", {"type": "task", "concurrencyLimit": -1}, 400, "between"),
        ("/concurrency/override", {"type": "task", "concurrencyLimit": 100_001}, 400, "between"),
        ("/concurrency/override", {"type": "task", "concurrencyLimit": 10**30}, 400, "concurrencyLimit"),
        ("/concurrency/override", {"type": "task", "concurrencyLimit": 1.5}, 400, "concurrencyLimit"),
        ("/concurrency/override", {"type": "task", "concurrencyLimit": True}, 400, "concurrencyLimit"),
        ("/concurrency/reset", {"type": "task"}, 400, "not overridden"),
        ("/concurrency/reset", {"type": None}, 400, "type"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused(
    working: Api, end: str, body: Any, status: int, says: str
) -> None:
    reply = await working.post(path("greet", end), body)

    assert reply.status == status, reply.body
    assert says in reply.error
    assert (await read(working, "greet", "task"))["paused"] is False


async def test_an_unknown_type_or_queue_is_refused(working: Api) -> None:
    assert (await working.get(path("greet") + "?type=job")).status == 400
    for kind in ("id", "task", "custom"):
        assert (await working.get(path("nobody") + f"?type={kind}")).status == 404


async def test_queues_of_another_environment_are_not_found(working: Api, prod: Api) -> None:
    queue = await read(working, "greet", "task")

    assert (await prod.get(path(queue["id"]))).status == 404
    assert (await prod.get(path("greet") + "?type=task")).status == 404
    body = {"type": "id", "concurrencyLimit": 1}
    assert (await prod.post(path(queue["id"], "/concurrency/override"), body)).status == 404


async def test_a_public_token_reads_the_queues_of_its_scopes(working: Api) -> None:
    queue = await read(working, "mails/out", "custom")
    where = path(queue["id"])

    for scope in ("read:queues", f"read:queues:{queue['id']}", "read:queues:mails/out", "admin"):
        assert (await working.bearing(scope).get(where)).status == 200, scope
    for scope in ("read:queues:queue_1", "read:tasks", "write:queues", "read:runs"):
        assert (await working.bearing(scope).get(where)).status == 403, scope


async def test_a_public_token_learns_nothing_of_queues_beyond_its_scope(working: Api) -> None:
    known, unknown = path("greet") + "?type=task", path("nobody") + "?type=task"
    narrow = working.bearing("read:queues:other")

    assert (await narrow.get(known)).status == (await narrow.get(unknown)).status == 403
    assert (await working.bearing("read:queues").get(unknown)).status == 404


async def test_a_public_token_changes_and_lists_no_queues(working: Api) -> None:
    token = working.bearing("admin")
    body = {"type": "task", "action": "pause"}

    assert (await token.post(path("greet", "/pause"), body)).status == 401
    assert (await token.get("/api/v1/queues")).status == 401


async def test_a_worker_that_declares_a_queue_that_cannot_be_is_told(api: Api) -> None:
    task = {"id": "a", "file": "t.py", "export": "a", "queue": {"name": "q", "totalLimit": -5}}
    body = {"name": "w", "version": "", "tasks": [task], "slots": 1, "protocol": [1]}

    reply = await api.post("/api/hairtrigger/v1/worker/register", body)

    assert (reply.status, reply.error) == (400, "totalLimit is between 0 and 100000, not -5.")


async def test_an_environment_is_limited_and_let_go_again(working: Api) -> None:
    where = "/api/hairtrigger/v1/concurrency"
    worker = await working.work("greet")
    for _ in range(3):
        await working.trigger("greet")

    limited = await working.put(where, {"concurrencyLimit": 2, "burst": 150})
    started = await worker.fetch()

    assert limited.json() == {"concurrencyLimit": 2, "burst": 150, "running": 0}
    assert len(started) == 2
    assert (await working.get(where)).json() == {**limited.json(), "running": 2}
    assert (await working.put(where, {"burst": 150})).status == 400
    assert (await working.put(where, {"concurrencyLimit": 1, "burst": 99})).status == 400
    lifted = (await working.put(where, {"concurrencyLimit": None})).json()
    assert lifted == {"concurrencyLimit": None, "burst": 100, "running": 2}
    assert len(await worker.fetch()) == 1
