"""What stands in the audit log: every change by a person or a key, and nothing that may be a secret."""

from typing import Any

import pytest

from hairtrigger.engine import accounts, audit, personal
from hairtrigger.engine.audit import Entry
from hairtrigger.server.app import App
from tests.server.dashboard.looking import PASSWORD, somebody
from tests.server.driving import PROD_KEY, Api

# Changes that are the work of applications and workers, not of people: their runs stand for them.
OF_WORK = {
    "/api/v1/tasks/{task}/trigger", "/api/hairtrigger/v1/triggers", "/api/v2/tasks/batch",
    "/api/v3/batches", "/api/v3/batches/{batch}/items", "/api/v1/batches/{batch}/abort",
    "/api/v1/runs/{run}/replay", "/api/v1/runs/{run}/cancel", "/api/v2/runs/{run}/cancel",
    "/api/v1/runs/{run}/reschedule", "/api/v1/runs/{run}/tags", "/api/v1/runs/{run}/metadata",
    "/api/v1/idempotencyKeys/{key}/reset", "/api/v2/packets/{name:path}",
    "/api/hairtrigger/v1/archives/{hash}", "/api/v1/auth/jwt/claims", "/api/v1/auth/public-tokens",
    "/api/v1/auth/jwt", "/otel/v1/traces", "/otel/v1/logs", "/otel/v1/metrics",
}  # fmt: skip


async def entries(app: App) -> list[Entry]:
    found, _ = await audit.page(app.server.store)
    return found


def test_every_route_that_changes_something_is_audited_or_the_work_of_applications(
    app: App,
) -> None:
    silent = {
        route.path for route in app.routes
        if route.method != "GET" and route.access != "anybody" and not route.audited
        and "/v1/worker/" not in route.path
    }  # fmt: skip

    assert silent <= OF_WORK
    words = [one.summary for one in app.routes if one.audited]
    words += [one.summary for one in app.pages if one.audited]
    assert all(text.endswith(".") for text in words)


async def test_a_key_that_changes_something_is_named_by_its_ends(app: App, prod: Api) -> None:
    made = (await prod.post("/api/hairtrigger/v1/keys", {"name": "Shop"})).json()
    await prod.delete(f"/api/hairtrigger/v1/keys/{made['id']}")
    await prod.post("/api/hairtrigger/v1/keys", {"name": ""})
    await prod.trigger()

    gone, created = await entries(app)

    env = next(one for one in app.server.store.catalog.envs.values() if one.slug == "prod")
    assert (created.who, created.env) == (f"tr_prod_…{PROD_KEY[-4:]}", env.id)
    assert (created.action, created.subject) == ("keys.create", made["id"])
    assert created.what.startswith("Another key of the environment")
    assert (gone.action, gone.subject) == ("keys.revoke", made["id"])
    assert made["secret"] not in repr([created, gone])


async def test_what_only_asks_whether_a_version_would_fit_is_not_noted(app: App, prod: Api) -> None:
    task = {"id": "mail", "file": "m.py", "export": "mail"}
    code = {"version": "", "tasks": [task], "contentHash": "0" * 64}

    for path, body in (
        ("/api/v1/deployments", code), ("/api/v1/deployments/{}/promote", {}),
    ):  # fmt: skip
        version = (await prod.get("/api/hairtrigger/v1/versions")).json()["data"]
        path = path.format(*(one["version"] for one in version))
        for dry in (True, False):
            assert (await prod.post(path, {**body, "dryRun": dry})).status == 200

    assert [one.action for one in await entries(app)] == ["promotions.promote", "promotions.deploy"]


async def test_a_persons_tool_is_named_by_the_person(app: App) -> None:
    user = await accounts.add_user(
        app.server.store, email="ada@example.com", name="", role="admin", password=None
    )
    ada = Api(app, (await personal.create(app.server.store, user.id, name="x"))[1])
    ref = next(iter(app.server.store.catalog.envs.values())).project_ref
    await ada.post(f"/api/v1/projects/{ref}/envvars/prod", {"name": "A", "value": "a secret"})
    await ada.get(f"/api/v1/projects/{ref}/prod")

    read, put = await entries(app)

    assert {read.who, put.who} == {"ada@example.com"}
    assert (read.action, put.action) == ("people.environment_key", "variables.create")
    assert "a secret" not in repr(put)


async def test_what_people_do_in_the_dashboard_is_noted_and_what_is_refused_is_not(
    app: App,
) -> None:
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")
    await admin.post("env", {"name": "TOKEN", "value": "abc123", "secret": "1"})
    await admin.post("env", {"name": "1", "value": "abc123"})
    await viewer.post("env", {"name": "TOKEN", "value": "x"})
    await viewer.post("account/password", {"old": PASSWORD, "new": "another long sentence"})
    await viewer.post("/sign-out")

    out, password, put, *signed_in = await entries(app)

    assert (put.who, put.action, put.subject) == ("admin@example.org", "env.put", "TOKEN")
    assert (password.who, password.action) == ("viewer@example.org", "account.password")
    assert out.action == "entry.sign_out"
    assert [(one.who, one.action) for one in signed_in] == [
        ("viewer@example.org", "entry.sign_in"), ("admin@example.org", "entry.sign_in"),
    ]  # fmt: skip
    assert "abc123" not in repr(await entries(app))
    assert "another long" not in repr(await entries(app))


async def test_admins_read_it_and_nobody_else(app: App, prod: Api) -> None:
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")
    for number in range(60):
        await audit.note(
            app.server.store, who="<b>ada", action="keys.create", what="", subject=f"s{number}."
        )

    page = (await admin.get("settings?tab=audit")).body.decode()
    older = page.split('class="btn" href="')[1].split('"')[0].replace("&amp;", "&")
    more = (await admin.get(older)).body.decode()
    refused = (await viewer.get("settings?tab=audit")).body.decode()

    assert "&lt;b&gt;ada" in page
    assert "s59." in page
    assert "s9." not in page
    assert "s9." in more
    assert "s59." not in refused
    assert "for admins" in refused


@pytest.mark.parametrize("role", ["admin", "viewer"])
async def test_a_persons_tool_walks_it(app: App, role: Any) -> None:
    user = await accounts.add_user(
        app.server.store, email="ada@example.com", name="", role=role, password=None
    )
    ada = Api(app, (await personal.create(app.server.store, user.id, name="x"))[1])
    path = "/api/hairtrigger/v1/audit?page%5Bsize%5D=2"
    for number in range(3):
        await audit.note(app.server.store, who="x", action="y", what="z", subject=str(number))

    first = await ada.get(path)
    if role == "viewer":
        assert first.status == 403
        return
    following = first.json()["pagination"]["next"]
    second = (await ada.get(f"{path}&page%5Bafter%5D={following}")).json()

    assert [one["subject"] for one in first.json()["data"] + second["data"]] == ["2", "1", "0"]
    assert "next" not in second["pagination"]
    assert "project" not in second["data"][0]
