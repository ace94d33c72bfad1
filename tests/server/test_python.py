"""The worker protocol over HTTP: five calls, held ones answered at once when the server stops."""

import asyncio
from typing import Any

import pytest

from hairtrigger.server.app import App

from .driving import DEV_KEY, Api, drive

WORKER = "/api/hairtrigger/v1/worker/"


async def until_held(app: App, count: int = 1) -> None:
    """Let other tasks run until so many calls are waiting."""
    async with asyncio.timeout(5):
        while len(app.server.live._stops) < count:
            await asyncio.sleep(0)


async def test_a_worker_registers_fetches_reports_and_leaves(api: Api) -> None:
    id = await api.trigger("greet", {"n": 1}, tags=["t"])
    worker = await api.work("greet")

    (run,) = await worker.fetch()
    second = await api.trigger("greet")
    reported = await worker.report({"id": id, "lease": run["lease"], "done": True}, want=5)
    left = await worker.call("leave", {})

    assert (run["id"], run["payload"], run["tags"]) == (id, ["application/json", '{"n":1}'], ["t"])
    assert reported["verdicts"] == ["ok"]
    assert [one["id"] for one in reported["runs"]] == [second]
    assert left.json() == {"ok": True}
    assert (await api.run(second))["status"] == "QUEUED"


async def test_a_register_answers_how_long_leases_and_held_calls_last(api: Api) -> None:
    reply = await api.post(
        WORKER + "register", {"name": "w", "version": "", "tasks": [], "slots": 1, "protocol": [1]}
    )

    answer = reply.json()
    assert (answer["leaseMs"], answer["holdMs"], answer["protocol"]) == (15_000, 20_000, 1)
    assert (answer["environment"], reply.status) == ("dev", 200)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"protocol": [99]}, 422),
        ({"slots": 0}, 400),
        ({"slots": "many"}, 400),
        ({"tasks": [{"id": "a"}]}, 400),
        (
            {"tasks": [{"id": "a", "file": "f", "export": "a", "cron": {"pattern": "x"}}]}, 422,
        ),
    ],
)  # fmt: skip
async def test_a_registration_that_cannot_be_opens_no_session(
    api: Api, body: dict[str, Any], status: int
) -> None:
    usual = {"name": "w", "version": "", "tasks": [], "slots": 1, "protocol": [1]}

    reply = await api.post(WORKER + "register", usual | body)

    assert reply.status == status
    assert (await api.get("/api/hairtrigger/v1/workers")).json() == {"data": []}


@pytest.mark.acceptance("S50")
async def test_the_first_worker_names_the_project_and_one_of_another_project_is_refused(
    api: Api,
) -> None:
    usual = {"name": "w", "version": "", "tasks": [], "slots": 1, "protocol": [1]}

    first = await api.post(WORKER + "register", usual | {"project": "proj_mine"})
    other = await api.post(WORKER + "register", usual | {"project": "proj_other"})

    assert (first.status, other.status) == (200, 403)
    assert "proj_mine" in other.error
    assert (await api.get("/api/v1/whoami")).json()["project"] == "proj_mine"


async def test_a_fetch_waits_for_a_run(app: App, api: Api) -> None:
    worker = await api.work("greet")

    waiting = asyncio.create_task(worker.fetch())
    await until_held(app)
    id = await api.trigger("greet")
    runs = await asyncio.wait_for(waiting, 5)

    assert [run["id"] for run in runs] == [id]
    assert not app.server.live._stops


@pytest.mark.parametrize(("call", "body"), [("fetch", {"want": 1}), ("hold", {"leases": []})])
async def test_a_waiting_call_is_answered_empty_when_the_server_stops(
    app: App, api: Api, call: str, body: dict[str, Any]
) -> None:
    worker = await api.work("greet")

    waiting = asyncio.create_task(worker.call(call, body))
    await until_held(app)
    app.server.drain()
    reply = await asyncio.wait_for(waiting, 5)

    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert reply.json() in ({"runs": []}, {})


async def test_a_stopping_server_takes_results_and_hands_nothing_out(app: App, api: Api) -> None:
    worker = await api.work("greet")
    first, second = await api.trigger("greet"), await api.trigger("greet")
    (run,) = await worker.fetch(1)

    app.server.drain()
    reported = await worker.report({"id": first, "lease": run["lease"], "done": True}, want=5)

    assert reported == {"verdicts": ["ok"]}
    assert (await api.run(second))["status"] == "QUEUED"


async def test_a_worker_that_hangs_up_gets_no_run(app: App, api: Api) -> None:
    worker = await api.work("greet")
    headers = {"authorization": f"Bearer {DEV_KEY}"}
    body = b'{"worker":"' + worker.id.encode() + b'","want":1}'
    gone = asyncio.Event()

    async def receive_then_leave() -> Any:
        if not sent:
            sent.append(1)
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def ignore(message: Any) -> None:
        return

    sent: list[int] = []
    path = WORKER + "fetch"
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"authorization", headers["authorization"].encode())], "scheme": "http",
    }  # fmt: skip
    fetching = asyncio.create_task(app(scope, receive_then_leave, ignore))
    await until_held(app)
    gone.set()
    await asyncio.wait_for(fetching, 5)
    id = await api.trigger("greet")

    assert (await api.run(id))["status"] == "QUEUED"


async def test_a_cancel_reaches_the_holding_worker_at_once(app: App, api: Api) -> None:
    worker = await api.work("greet")
    id = await api.trigger("greet")
    (run,) = await worker.fetch()

    waiting = asyncio.create_task(worker.call("hold", {"leases": [[id, run["lease"], 0]]}))
    await until_held(app)
    await api.post(f"/api/v2/runs/{id}/cancel")
    reply = await asyncio.wait_for(waiting, 5)

    assert reply.json() == {"notices": [{"run": id, "n": 1, "cancel": True}]}


async def test_a_lease_that_is_not_held_is_lost(api: Api) -> None:
    worker = await api.work("greet")

    reply = await worker.call("hold", {"leases": [["run_" + "0" * 24, 1, 0]]})

    assert reply.json() == {"lost": ["run_" + "0" * 24]}


@pytest.mark.parametrize("call", ["fetch", "report", "hold", "leave"])
async def test_an_unknown_session_is_told_to_register_again(api: Api, prod: Api, call: str) -> None:
    foreign = await prod.work("greet")
    body = {"want": 1, "leases": [], "results": []}

    for id in ("worker_x", foreign.id):
        reply = await api.post(WORKER + call, {"worker": id, **body})

        assert (reply.status, reply.json()["code"]) == (409, "unknown_worker")


async def test_more_waiting_readers_than_allowed_are_refused_but_never_a_worker(
    app: App, api: Api
) -> None:
    app.server.live._max_held = 1
    worker, run = await api.work("greet"), await api.trigger("other")

    waiting = asyncio.create_task(api.get(f"/api/v3/runs/{run}?wait=20"))
    await until_held(app)
    refused = await api.get(f"/api/v3/runs/{run}?wait=20")
    fetching = asyncio.create_task(worker.fetch())
    await until_held(app, 2)
    app.server.drain()

    assert refused.status == 429
    assert (await asyncio.wait_for(waiting, 5)).status == 200
    assert await asyncio.wait_for(fetching, 5) == []


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("fetch", b"{"),
        ("fetch", b'{"worker":1,"want":1}'),
        ("report", b'{"worker":"w","results":[{"id":"run_x"}]}'),
        ("report", b'{"worker":"w","events":[["run_x"]]}'),
        ("hold", b'{"worker":"w","leases":[["run_x"]]}'),
    ],
)
async def test_a_call_of_the_wrong_form_is_refused_with_the_reason(
    api: Api, call: str, body: bytes
) -> None:
    reply = await api.post(WORKER + call, body)

    assert (reply.status, bool(reply.error)) == (400, True)


async def test_a_session_is_asked_for_with_a_secret_key_only(api: Api) -> None:
    reply = await drive(
        api.app,
        "POST",
        WORKER + "fetch",
        [b"{}"],
        {"authorization": f"Bearer {api.token('admin')}"},
    )

    assert reply.status == 401
