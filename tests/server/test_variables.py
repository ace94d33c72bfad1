"""Environment variables over HTTP, and what a worker is told of them."""

import pytest

from hairtrigger.server.app import App
from tests.server.driving import DEV_KEY, PROD_KEY, Api


@pytest.fixture
def prod(app: App) -> Api:
    return Api(app, PROD_KEY)


@pytest.fixture
async def place(prod: Api) -> str:
    project = (await prod.get("/api/v1/whoami")).json()["project"]
    return f"/api/v1/projects/{project}/envvars/prod"


async def test_variables_are_set_read_changed_and_forgotten(prod: Api, place: str) -> None:
    made = await prod.post(place, {"name": "URL", "value": "http://a"})
    changed = await prod.put(f"{place}/URL", {"value": "http://b"})

    assert (made.json(), changed.json()) == ({"success": True}, {"success": True})
    shown = {"name": "URL", "value": "http://b", "isSecret": False}
    assert (await prod.get(place)).json() == [shown]
    assert (await prod.get(f"{place}/URL")).json() == shown
    assert (await prod.delete(f"{place}/URL")).json() == {"success": True}
    for reply in (await prod.get(f"{place}/URL"), await prod.delete(f"{place}/URL")):
        assert reply.status == 404
    assert (await prod.put(f"{place}/URL", {"value": "x"})).status == 404


async def test_an_import_is_whole_or_nothing(prod: Api, place: str) -> None:
    await prod.post(place, {"name": "A", "value": "1"})
    given = {"A": "2", "B": "3", "TRIGGER_SECRET_KEY": "x"}

    refused = await prod.post(f"{place}/import", {"variables": given})
    wrong = await prod.post(
        f"{place}/import", {"variables": {"C": "1", "no name": "2"}, "override": True}
    )
    before = (await prod.get(place)).json()
    done = await prod.post(f"{place}/import", {"variables": given, "override": True})

    assert (refused.status, wrong.status, done.status) == (400, 400, 200)
    assert "A is set already" in refused.error
    assert [one["name"] for one in before] == ["A"]
    assert {one["name"]: one["value"] for one in (await prod.get(place)).json()} == {
        "A": "2",
        "B": "3",
    }


async def test_a_secret_is_never_shown_again_but_given_to_workers(prod: Api, place: str) -> None:
    await prod.post(place, {"name": "TOKEN", "value": "s3cr3t-value", "isSecret": True})
    await prod.put(f"{place}/TOKEN", {"value": "an0ther-value"})  # it stays one

    shown = (await prod.get(place)).body + (await prod.get(f"{place}/TOKEN")).body
    told = (await prod.post("/api/hairtrigger/v1/worker/variables", {})).json()

    assert b"value" not in shown.replace(b'"value":"<redacted>"', b"")
    assert shown.count(b'"value":"<redacted>"') == 2
    assert told == {"variables": {"TOKEN": "an0ther-value"}, "secrets": ["TOKEN"]}


async def test_a_key_reads_its_own_environment_only(app: App, prod: Api, place: str) -> None:
    await prod.post(place, {"name": "A", "value": "of prod"})
    dev = Api(app, DEV_KEY)

    assert (await dev.get(place)).status == 400
    assert (await prod.get(place.replace("proj_", "proj_x"))).status == 403
    assert (await dev.post("/api/hairtrigger/v1/worker/variables", {})).json()["variables"] == {}
    assert (await Api(app, None).get(place)).status == 401
