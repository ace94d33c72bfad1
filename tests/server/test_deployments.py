"""Deployments over HTTP: every version of the code, and the one that new runs use."""

import pytest

from .driving import Api

DEPLOYMENTS = "/api/v1/deployments"
MEMBERS = {
    "id", "createdAt", "deployedAt", "shortCode", "version", "status", "runtime", "runtimeVersion",
}  # fmt: skip


async def versions(api: Api, query: str = "") -> list[str]:
    reply = await api.get(f"{DEPLOYMENTS}{query}")
    assert reply.status == 200, reply.body
    return [one["version"][-2:] for one in reply.json()["data"]]


@pytest.mark.acceptance("S51")
async def test_versions_are_listed_newest_first_and_the_current_one_is_known(
    api: Api, prod: Api
) -> None:
    await api.work("greet")
    await api.work("greet", "more")

    reply = (await api.get(DEPLOYMENTS)).json()

    newest = reply["data"][0]
    assert newest.keys() == MEMBERS
    assert (newest["status"], newest["runtime"], newest["runtimeVersion"]) == ("DEPLOYED", "python", None)  # fmt: skip
    assert newest["id"].startswith("deployment_")
    assert await versions(api) == [".2", ".1"]
    assert (await api.get(f"{DEPLOYMENTS}/current")).json() == newest
    assert await versions(prod) == []
    assert (await prod.get(f"{DEPLOYMENTS}/current")).status == 404


async def test_filters_and_pages_of_deployments(api: Api) -> None:
    for n in range(5):
        await api.work("greet", f"task{n}")

    first = (await api.get(f"{DEPLOYMENTS}?page%5Bsize%5D=2")).json()
    cursor = first["pagination"]["next"]
    second = (await api.get(f"{DEPLOYMENTS}?page%5Bsize%5D=2&page%5Bafter%5D={cursor}")).json()
    before = second["pagination"]["previous"]

    assert "previous" not in first["pagination"]
    assert [one["version"][-2:] for one in second["data"]] == [".3", ".2"]
    assert await versions(api, f"?page%5Bsize%5D=2&page%5Bbefore%5D={before}") == [".5", ".4"]
    by_id = f"?page%5Bafter%5D={first['data'][0]['id']}"  # as Trigger.dev's own cursor
    assert await versions(api, by_id) == [".4", ".3", ".2", ".1"]
    assert await versions(api, "?status=FAILED") == []
    assert await versions(api, "?status=DEPLOYED&period=1h") == [".5", ".4", ".3", ".2", ".1"]
    assert await versions(api, "?to=2020-01-01T00:00:00.000Z") == []
    for wrong in ("status=GONE", "period=soon", "from=soon", "page%5Bafter%5D=run_1"):
        assert (await api.get(f"{DEPLOYMENTS}?{wrong}")).status == 400
