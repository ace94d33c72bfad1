"""Bulk actions over HTTP: made, looked up, listed, stopped; and the runs that they touched."""

from typing import Any

import pytest

from hairtrigger.engine import bulk as engine
from hairtrigger.server.app import App
from hairtrigger.wire import ids as public

from .driving import Api
from .test_lists import ids
from .test_runs import no_nulls

BULK = "/api/v1/bulk-actions"


async def create(api: Api, action: str, **given: Any) -> str:
    reply = await api.post(BULK, {"action": action, **given})
    assert reply.status == 202, reply.body
    return str(reply.json()["id"])


async def asked_for(api: Api, kind: engine.Kind, run: str) -> str:
    """An action that does not begin within this test."""
    store = api.app.server.store
    env = next(env for env in store.catalog.envs.values() if env.slug == "dev")
    number = public.parse("run", run)
    assert number is not None
    made = await engine.create(store, env, kind, engine.Chosen([number]), undo_ms=3_600_000)
    return public.public("bulk", made)


async def ended(api: Api, action: str) -> Any:
    """The action once it is over; this test works on it as the server's loop does."""
    while (found := (await api.get(f"{BULK}/{action}")).json())["status"] == "PENDING":
        await engine.work(api.app.server.store)
    no_nulls(found)
    return found


@pytest.mark.acceptance("S11")
async def test_what_a_filter_names_is_cancelled_and_can_be_listed(api: Api) -> None:
    mine = [await api.trigger(tags=["t", f"n{n}"]) for n in range(3)]
    other = await api.trigger()

    action = await create(api, "cancel", filter={"tag": ["t"]}, name="clean up")
    found = await ended(api, action)

    assert (found["id"], found["name"], found["type"]) == (action, "clean up", "CANCEL")
    assert found["counts"] == {"total": 3, "success": 3, "failure": 0}
    assert found["completedAt"] >= found["createdAt"]
    assert await ids(api, filter__bulkAction=action) == mine[::-1]
    assert await ids(api, filter__bulkAction=action, filter__tag="n1") == [mine[1]]
    assert (await api.run(other))["status"] == "PENDING_VERSION"


async def test_ids_are_replayed_and_those_that_are_not_there_are_counted(
    api: Api, prod: Api
) -> None:
    run, foreign = await api.trigger(payload=7), await prod.trigger()

    found = await ended(api, await create(api, "replay", runIds=[run, run, foreign]))

    assert found["counts"] == {"total": 2, "success": 1, "failure": 1}
    assert "name" not in found
    assert await api.count_runs() == 2


@pytest.mark.parametrize(
    "wanted",
    [
        {"status": "DELAYED"}, {"status": ["DELAYED", "EXECUTING"]}, {"taskIdentifier": "greet", "isTest": True},
        {"queue": {"type": "task", "name": "greet"}, "period": "1h", "tag": "late"},
        {"queue": [{"type": "custom", "name": "x"}, {"type": "task", "name": "greet"}], "tag": "late"},
        {"from": "2020-01-01T00:00:00.000Z", "to": 4_000_000_000_000, "tag": ["late"]},
        {"from": 1_577_836_800_000, "isTest": True}, {"machine": "micro"},
    ],
)  # fmt: skip
async def test_a_filter_has_the_members_of_the_list(api: Api, wanted: dict[str, Any]) -> None:
    meant = await api.trigger(delay="1h", tags=["late"], test=True, machine="micro")
    other = await api.trigger("other", delay="1h" if wanted.keys() != {"status"} else None)

    await ended(api, await create(api, "cancel", filter=wanted))

    assert (await api.run(meant))["status"] == "CANCELED"
    assert (await api.run(other))["status"] != "CANCELED"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"action": "cancel"}, "exactly one"),
        ({"action": "cancel", "filter": {"tag": "t"}, "runIds": ["run_1"]}, "exactly one"),
        ({"action": "cancel", "filter": {}}, "empty"),
        ({"action": "cancel", "filter": {"tag": "  ", "status": []}}, "empty"),
        ({"action": "cancel", "filter": {"tags": ["t"]}}, "tags"),
        ({"action": "cancel", "filter": {"status": "GONE"}}, "GONE"),
        ({"action": "cancel", "filter": {"period": "soon"}}, "soon"),
        ({"action": "cancel", "filter": {"batch": "run_1"}}, "batch"),
        ({"action": "cancel", "filter": {"region": "eu", "tag": "t"}}, "region"),
        ({"action": "cancel", "runIds": []}, "exactly one"),
        ({"action": "cancel", "runIds": ["order-7"]}, "order-7"),
        ({"action": "cancel", "filter": {"tag": "t"}, "targetRegion": "eu"}, "targetRegion"),
        ({"action": "cancel", "filter": {"tag": "t"}, "name": "x" * 256}, "255"),
        ({"action": "delete", "filter": {"tag": "t"}}, "action"),
        ({"filter": {"tag": "t"}}, "action"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_and_nothing_begins(
    api: Api, body: dict[str, Any], says: str
) -> None:
    reply = await api.post(BULK, body)

    assert (reply.status, says in reply.error) == (400, True), reply.body
    assert (await api.get(BULK)).json() == {"data": [], "pagination": {}}


async def test_three_replays_go_on_at_once_and_a_fourth_is_not_to_be_asked_for_again(
    api: Api,
) -> None:
    run = await api.trigger()
    made = [await asked_for(api, "replay", run) for _ in range(3)]

    refused = await api.post(BULK, {"action": "replay", "runIds": [run]})

    assert (refused.status, refused.headers["x-should-retry"]) == (429, "false")
    await create(api, "cancel", runIds=[run])
    await api.post(f"{BULK}/{made[0]}/abort")
    await create(api, "replay", runIds=[run])


async def test_a_repeated_request_is_the_same_action(api: Api, prod: Api) -> None:
    run, key = await api.trigger(), {"x_trigger_request_idempotency_key": "again"}
    body = {"action": "replay", "runIds": [run]}

    first, second = await api.post(BULK, body, **key), await api.post(BULK, body, **key)

    assert first.json() == second.json()
    assert len((await api.get(BULK)).json()["data"]) == 1


async def test_an_action_is_stopped_once_and_others_environments_know_nothing_of_it(
    api: Api, prod: Api
) -> None:
    action = await asked_for(api, "cancel", await api.trigger())
    path = f"{BULK}/{action}"

    assert (await prod.get(path)).status == 404
    assert (await prod.post(f"{path}/abort")).status == 404
    assert (await api.post(f"{path}/abort")).json() == {"id": action}
    assert (await api.post(f"{path}/abort")).status == 400
    assert (await api.get(f"{BULK}/bulk_1")).status == 404
    found = await ended(api, action)
    assert (found["status"], found["counts"]["success"]) == ("ABORTED", 0)


async def test_pages_go_on_turn_round_and_refuse_cursors_that_are_none(api: Api) -> None:
    run = await api.trigger()
    made = [await create(api, "cancel", runIds=[run]) for _ in range(5)][::-1]

    async def page(**query: str) -> tuple[list[str], dict[str, str]]:
        text = "&".join(f"page%5B{name}%5D={value}" for name, value in query.items())
        found = (await api.get(f"{BULK}?{text}")).json()
        return [one["id"] for one in found["data"]], found["pagination"]

    first, at_first = await page(size="2")
    second, at_second = await page(size="2", after=at_first["next"])
    last, at_last = await page(size="2", after=at_second["next"])
    back, _ = await page(size="2", after=at_second["next"], before=at_last["previous"])

    assert [first, second, last, back] == [made[:2], made[2:4], made[4:], made[2:4]]
    assert "previous" not in at_first
    assert "next" not in at_last
    for wrong in ("nonsense", run, "bulk_1", f"{made[0]}.x"):
        assert (await api.get(f"{BULK}?page%5Bafter%5D={wrong}")).status == 400
    assert (await api.get(f"{BULK}?page%5Bsize%5D=101")).status == 400


async def test_the_runs_of_an_action_and_of_an_error_are_not_asked_for_together(
    app: App, api: Api
) -> None:
    action = await create(api, "cancel", runIds=[await api.trigger()])

    reply = await api.get(f"/api/v1/runs?filter%5BbulkAction%5D={action}&filter%5Berror%5D=x")

    assert reply.status == 400
    assert await ids(api, filter__bulkAction="bulk_1") == []


async def test_the_runs_of_an_action_are_narrowed_to_a_batch(api: Api) -> None:
    batch = (await api.post("/api/v2/tasks/batch", {"items": [{"task": "greet"}]})).json()["id"]
    (member,) = (await api.get(f"/api/v2/batches/{batch}")).json()["runs"]
    other = await api.trigger()

    action = await create(api, "cancel", runIds=[member, other])
    await ended(api, action)

    assert await ids(api, filter__bulkAction=action) == [other, member]
    assert await ids(api, filter__bulkAction=action, filter__batch=batch) == [member]
