"""Failures in groups over HTTP: listed, looked up, resolved, ignored, reopened; and the runs of one."""

from typing import Any

import pytest

from hairtrigger.engine import stats

from .driving import Api, Worker
from .test_lists import ids
from .test_runs import no_nulls

ERRORS = "/api/v1/errors"


async def fail(api: Api, worker: Worker, message: str, task: str = "greet") -> str:
    """Let a run fail, and group it; answers its id."""
    run = await api.trigger(task, maxAttempts=1)
    (taken,) = await worker.fetch(1)
    failed = {"name": "ValueError", "message": message, "trace": "", "causes": []}
    await worker.report({"id": taken["id"], "lease": taken["lease"], "failed": failed})
    await stats.roll_up(api.app.server.store)
    return run


async def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    reply = await api.get(f"{ERRORS}{query}")
    assert reply.status == 200, reply.body
    found: list[dict[str, Any]] = reply.json()["data"]
    no_nulls(found)
    return found


@pytest.mark.acceptance("S84")
async def test_what_failed_alike_is_one_group_with_its_runs(api: Api, prod: Api) -> None:
    worker = await api.work("greet", "other")
    first = await fail(api, worker, "no such user 1")
    last = await fail(api, worker, "no such user 2")
    other = await fail(api, worker, "quota", "other")

    groups = {one["taskIdentifier"]: one for one in await listed(api)}

    greet = groups["greet"]
    assert (greet["count"], greet["status"], greet["type"]) == (2, "unresolved", "ValueError")
    assert (greet["firstRun"], greet["lastRun"]) == (first, last)
    assert greet["firstSeen"] <= greet["lastSeen"]
    assert (await api.get(f"{ERRORS}/{greet['fingerprint']}")).json() == greet
    assert await ids(api, filter__error=greet["fingerprint"]) == [last, first]
    assert await ids(api, filter__error=groups["other"]["id"]) == [other]
    assert await ids(api, filter__error="nothing") == []
    assert (await prod.get(f"{ERRORS}/{greet['id']}")).status == 404
    assert await listed(prod) == []


async def test_a_group_is_resolved_ignored_and_reopened(api: Api) -> None:
    worker = await api.work("greet")
    await fail(api, worker, "no")
    (group,) = await listed(api)
    path = f"{ERRORS}/{group['id']}"

    resolved = (await api.post(f"{path}/resolve")).json()
    assert (resolved["status"], resolved["changedBy"]) == ("resolved", "an API key")
    assert resolved["resolvedAt"] >= group["lastSeen"]
    reopened = (await api.post(f"{path}/unresolve")).json()
    assert (reopened["status"], "resolvedAt" in reopened) == ("unresolved", False)
    for_a_day = (await api.post(f"{path}/ignore", {"for": "1d"})).json()
    assert (for_a_day["status"], "ignoredUntilCount" in for_a_day) == ("ignored", False)
    assert for_a_day["ignoredUntil"] > group["lastSeen"]
    until_more = (await api.post(f"{path}/ignore", {"more": 1})).json()
    assert "ignoredUntil" not in until_more
    await fail(api, worker, "no")
    assert (await api.get(path)).json()["status"] == "ignored"
    await fail(api, worker, "no")
    assert (await api.get(path)).json()["status"] == "unresolved"
    for_ever = (await api.post(f"{path}/ignore")).json()
    assert for_ever["status"] == "ignored"


@pytest.mark.parametrize(
    ("body", "status"),
    [({"for": "soon"}, 422), ({"more": 0}, 400), ({"for": "1d", "more": 1}, 400), ({"until": "x"}, 400)],
)  # fmt: skip
async def test_what_cannot_be_understood_ignores_nothing(api: Api, body: Any, status: int) -> None:
    await fail(api, await api.work("greet"), "no")
    (group,) = await listed(api)

    assert (await api.post(f"{ERRORS}/{group['id']}/ignore", body)).status == status
    assert (await api.get(f"{ERRORS}/{group['id']}")).json()["status"] == "unresolved"


async def test_a_group_that_is_not_there_is_not_found(api: Api) -> None:
    for verb in ("resolve", "ignore", "unresolve"):
        assert (await api.post(f"{ERRORS}/nothing/{verb}")).status == 404


async def test_filters_narrow_the_list_and_wrong_ones_are_refused(api: Api) -> None:
    worker = await api.work("greet", "other")
    await fail(api, worker, "quota of alpha")
    await fail(api, worker, "timeout", "other")
    (other,) = await listed(api, "?filter%5BtaskIdentifier%5D=other")
    await api.post(f"{ERRORS}/{other['id']}/resolve")

    assert [one["id"] for one in await listed(api, "?filter%5Bstatus%5D=RESOLVED")] == [other["id"]]
    assert len(await listed(api, "?filter%5Bstatus%5D=unresolved&filter%5Bperiod%5D=1h")) == 1
    assert len(await listed(api, "?filter%5Bsearch%5D=ALPHA")) == 1
    assert await listed(api, "?filter%5Bto%5D=2020-01-01") == []
    for wrong in ("status%5D=gone", "period%5D=soon", "from%5D=soon"):
        assert (await api.get(f"{ERRORS}?filter%5B{wrong}")).status == 400


async def test_pages_hold_all_groups_once_and_go_back(api: Api) -> None:
    worker = await api.work("greet")
    for word in ("alpha", "bravo", "charlie"):
        await fail(api, worker, f"{word} is wrong")
    every = [one["id"] for one in await listed(api)]

    first = (await api.get(f"{ERRORS}?page%5Bsize%5D=2")).json()
    cursor = first["pagination"]["next"]
    second = (await api.get(f"{ERRORS}?page%5Bsize%5D=2&page%5Bafter%5D={cursor}")).json()
    before = second["pagination"]["previous"]
    back = (
        await api.get(
            f"{ERRORS}?page%5Bsize%5D=2&page%5Bafter%5D={cursor}&page%5Bbefore%5D={before}"
        )
    ).json()

    assert [one["id"] for one in first["data"] + second["data"]] == every
    assert "next" not in second["pagination"]
    assert back["data"] == first["data"]
    for wrong in ("x", "1.2", "1.2.x", "9" * 30 + ".1.1"):
        assert (await api.get(f"{ERRORS}?page%5Bafter%5D={wrong}")).status == 400
