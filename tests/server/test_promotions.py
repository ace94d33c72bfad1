"""Which version is current, over HTTP."""

import pytest

from hairtrigger.server.app import App
from tests.server.driving import PROD_KEY, Api

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TEXT = {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]}
VERSIONS = "/api/hairtrigger/v1/versions"


@pytest.fixture
async def prod(app: App) -> Api:
    """Production, with a current version and a newer one that waits to be promoted."""
    api = Api(app, PROD_KEY)
    for schema, promotes in ((NUMBER, True), (TEXT, False)):
        await api.call(
            "POST", "/api/hairtrigger/v1/worker/register",
            {
                "name": "w", "version": "", "slots": 5, "protocol": [1], "promote": promotes,
                "tasks": [{"id": "mail", "file": "m.py", "export": "mail", "payloadSchema": schema}],
            },
        )  # fmt: skip
    return api


async def test_versions_are_listed_promoted_and_gone_back_from(prod: Api) -> None:
    (new, old) = (await prod.get(VERSIONS)).json()["data"]
    assert (old["current"], new["current"], new["workers"], new["tasks"]) == (
        True,
        False,
        1,
        ["mail"],
    )
    assert "promotedAt" not in new

    done = (await prod.post(f"/api/v1/deployments/{new['version']}/promote")).json()
    again = (await prod.post(f"/api/v1/deployments/{new['version']}/promote")).json()
    back = (await prod.post("/api/v1/deployments/rollback")).json()

    assert (done["promoted"], done["version"], done["previous"]) == (
        True,
        new["version"],
        old["version"],
    )
    assert done["changes"] == {"added": [], "changed": ["mail"], "removed": []}
    assert again["previous"] == new["version"]
    assert (back["version"], back["previous"]) == (old["version"], new["version"])
    assert [one["current"] for one in (await prod.get(VERSIONS)).json()["data"]] == [False, True]


async def test_a_dry_run_tells_what_does_not_fit_and_changes_nothing(prod: Api) -> None:
    run = (await prod.post("/api/v1/tasks/mail/trigger", {"payload": {"n": 1}})).json()["id"]
    new = (await prod.get(VERSIONS)).json()["data"][0]["version"]
    path = f"/api/v1/deployments/{new}/promote"

    told = (await prod.post(path, {"dryRun": True})).json()
    refused = await prod.post(path)
    forced = await prod.post(path, {"force": True})

    assert (told["promoted"], told["looked"], told["misfits"], told["whole"]) == (False, 1, 1, True)
    assert [(one["run"], one["task"]) for one in told["unfit"]] == [(run, "mail")]
    assert refused.status == 422
    assert run in refused.error
    assert "by force" in refused.error
    assert forced.json()["promoted"] is True


async def test_what_is_not_there_or_not_understood_is_refused(prod: Api) -> None:
    nothing = await prod.post("/api/v1/deployments/19700101.1/promote")
    unknown = await prod.post("/api/v1/deployments/rollback", {"yes": True})
    none = await prod.post("/api/v1/deployments/rollback")

    assert (nothing.status, unknown.status, none.status) == (404, 400, 422)
    assert "no version 19700101.1" in nothing.error
    assert "nothing to go back to" in none.error
