"""Personal access tokens over the API: who comes with one, what that opens, and signing a tool in."""

from dataclasses import replace
from pathlib import Path

import pytest

from hairtrigger.engine import accounts, personal, projects
from hairtrigger.rules.accounts import Role
from hairtrigger.server.app import App
from hairtrigger.server.settings import Settings
from tests.server.driving import DEV_KEY, PROD_KEY, Api


async def with_token(app: App, role: Role = "admin", email: str = "") -> Api:
    """The API as somebody's tool sees it."""
    store = app.server.store
    user = await accounts.add_user(
        store, email=email or f"{role}@example.com", name="Ada", role=role, password=None
    )
    _, text = await personal.create(store, user.id, name="laptop")
    return Api(app, text)


def ref(app: App) -> str:
    return next(iter(app.server.store.catalog.envs.values())).project_ref


async def test_a_token_says_whose_it_is(app: App) -> None:
    ada = await with_token(app)

    who = (await ada.get("/api/v2/whoami", host="jobs.example.com")).json()
    there = (await ada.get(f"/api/v2/whoami?projectRef={ref(app)}")).json()

    assert who["userId"].startswith("user_")
    assert (who["email"], who["name"], who["role"]) == ("admin@example.com", "Ada", "admin")
    assert who["dashboardUrl"] == "http://jobs.example.com"
    assert "project" not in who
    assert there["project"]["url"].endswith(f"/p/{ref(app)}/dev/overview")
    assert (await ada.get("/api/v2/whoami?projectRef=proj_none")).status == 404


async def test_whom_a_proxy_knows_by_a_name_has_an_address_all_the_same(app: App) -> None:
    bob = await with_token(app, email="corp\\bob")

    email = (await bob.get("/api/v2/whoami")).json()["email"]

    assert email.startswith("user_")
    assert email.endswith("@users.invalid")


async def test_projects_and_the_keys_of_their_environments(app: App) -> None:
    ada, bob = await with_token(app), await with_token(app, "viewer")
    await projects.create_project(app.server.store, app.server.vault, name="The Other One")

    listed = (await ada.get("/api/v1/projects")).json()
    one = (await ada.get(f"/api/v1/projects/{ref(app)}")).json()
    dev = (await ada.get(f"/api/v1/projects/{ref(app)}/dev")).json()
    other = (await ada.get(f"/api/v1/projects/{listed[1]['externalRef']}/prod")).json()
    refused = await bob.get(f"/api/v1/projects/{ref(app)}/dev")

    assert [(p["slug"], p["environments"]) for p in listed[1:]] == [
        ("the-other-one", ["dev", "prod"])
    ]
    assert one == listed[0]
    assert one["organization"]["slug"]
    assert (dev["apiKey"], dev["projectId"]) == (DEV_KEY, ref(app))
    assert (await Api(app, other["apiKey"]).get("/api/v1/whoami")).json()["project"] == (
        listed[1]["externalRef"]
    )
    assert (refused.status, DEV_KEY in refused.body.decode()) == (403, False)
    assert (await bob.get("/api/v1/projects")).json() == listed
    for path, said in (("proj_none", "Project not found"), ("proj_none/dev", "Project not found"),
                       (f"{ref(app)}/moon", "no environment moon")):  # fmt: skip
        reply = await ada.get(f"/api/v1/projects/{path}")
        assert (reply.status, said in reply.error) == (404, True)


async def test_the_runs_of_a_project_stand_in_one_list(app: App, api: Api, prod: Api) -> None:
    made = []
    for number in range(4):
        made.append(
            (await (api, prod)[number % 2].trigger(payload=number), ("dev", "prod")[number % 2])
        )
    bob = await with_token(app, "viewer")
    path = f"/api/v1/projects/{ref(app)}/runs"

    walked, after = [], ""
    while True:
        page = (await bob.get(f"{path}?page%5Bsize%5D=3{after}")).json()
        walked += [(one["id"], one["env"]["name"]) for one in page["data"]]
        if "next" not in page["pagination"]:
            break
        after = f"&page%5Bafter%5D={page['pagination']['next']}"
    back = await bob.get(f"{path}?page%5Bbefore%5D={page['pagination']['previous']}")
    only = (await bob.get(f"{path}?filter%5Benv%5D=prod")).json()["data"]

    assert walked == made[::-1]
    assert [one["id"] for one in back.json()["data"]] == [id_ for id_, _ in walked[:3]]
    assert [one["id"] for one in only] == [id_ for id_, slug in walked if slug == "prod"]
    assert (await bob.get(f"{path}?filter%5Benv%5D=moon")).status == 400
    assert (await bob.get("/api/v1/projects/proj_none/runs")).status == 404


async def test_a_person_reads_and_changes_variables_as_their_role_allows(app: App) -> None:
    ada, bob = await with_token(app), await with_token(app, "viewer")
    path = f"/api/v1/projects/{ref(app)}/envvars/prod"

    made = await ada.post(path, {"name": "COLOUR", "value": "red"})
    refused = await bob.put(f"{path}/COLOUR", {"value": "blue"})

    assert made.status == 200
    assert (refused.status, "Ask an admin" in refused.error) == (403, True)
    assert (await bob.get(f"{path}/COLOUR")).json()["value"] == "red"
    assert (await Api(app, PROD_KEY).get(f"{path}/COLOUR")).json()["value"] == "red"
    assert (await Api(app, DEV_KEY).get(f"{path}/COLOUR")).status == 400


async def test_a_person_mints_tokens_of_an_environment(app: App, prod: Api) -> None:
    ada, bob = await with_token(app), await with_token(app, "viewer")
    run = await prod.trigger()
    path, claims = (
        f"/api/v1/projects/{ref(app)}/prod/jwt",
        {"claims": {"scopes": [f"read:runs:{run}"]}},
    )

    token = (await ada.post(path, claims)).json()["token"]

    assert (await Api(app, token).get(f"/api/v3/runs/{run}")).status == 200
    assert (await bob.post(path, claims)).status == 403


async def test_a_token_opens_nothing_but_what_is_for_people(app: App) -> None:
    ada, nobody = await with_token(app), Api(app, "tr_pat_" + "x" * 40)
    for_people = [one for one in app.routes if one.access == "person"]
    assert len(for_people) >= 6

    for route in app.routes:
        path = route.path.replace("{project}", ref(app)).replace("{env}", "dev")
        path = path.replace("{name:path}", "x").replace("{", "").replace("}", "")
        if route.access in ("secret", "token"):
            reply = await ada.call(route.method, path, {})
            assert (reply.status, "not accepted here" in reply.error) == (401, True), path
        if route.access in ("person", "member", "admin"):
            assert (await nobody.call(route.method, path, {})).status == 401, path
        if route.access == "person":
            assert (await Api(app, DEV_KEY).call(route.method, path, {})).status == 401, path


async def test_a_token_that_was_revoked_or_signed_out_is_refused_at_once(app: App) -> None:
    ada = await with_token(app)

    gone = await ada.delete("/api/hairtrigger/v1/tokens/current")
    after = await ada.get("/api/v2/whoami")

    assert gone.json() == {"revoked": True}
    assert (after.status, "hairtrigger login" in after.error) == (401, True)


async def test_when_a_token_was_used_is_written_after_a_while(app: App) -> None:
    ada = await with_token(app)
    await ada.get("/api/v2/whoami")
    user = await accounts.find(app.server.store, "admin@example.com")

    await app.server.keyring.note_uses()

    (token,) = await personal.list_all(app.server.store, user.id)
    assert token.used_at is not None


async def test_a_tool_is_signed_in_as_trigger_devs_command_line_is(app: App) -> None:
    nobody = Api(app, None)
    user = await accounts.add_user(
        app.server.store, email="ada@example.com", name="", role="admin", password=None
    )
    challenge = {"codeChallenge": "c", "codeChallengeMethod": "S256", "callbackPort": 4000}

    asked = (await nobody.post("/api/v1/authorization-code", challenge)).json()
    code = asked["authorizationCode"]
    before = (await nobody.post("/api/v1/token", {"authorizationCode": code})).json()
    await personal.approve(app.server.store, code, user.id)
    given = (await nobody.post("/api/v1/token", {"authorizationCode": code})).json()["token"]
    again = await nobody.post("/api/v1/token", {"authorizationCode": code})

    assert asked["url"].endswith(f"/authorize/{code}")
    assert before == {"token": None}
    assert given["obfuscatedToken"] == f"tr_pat_…{given['token'][-4:]}"
    assert (await Api(app, given["token"]).get("/api/v2/whoami")).json()["role"] == "admin"
    assert again.status == 404
    assert (await nobody.post("/api/v1/token", {})).status == 400


async def test_where_nobody_signs_in_no_tool_does(settings: Settings, tmp_path: Path) -> None:
    app = App(replace(settings, login="none"))
    await app.server.open()
    try:
        reply = await Api(app, None).post("/api/v1/authorization-code", {})
    finally:
        await app.server.close()

    assert (reply.status, "HAIRTRIGGER_LOGIN is none" in reply.error) == (403, True)


@pytest.mark.parametrize("text", ["tr_pat_", "tr_pat_" + "é" * 5, "tr_pat_" + "x" * 5_000])
async def test_what_is_no_token_is_refused(app: App, text: str) -> None:
    reply = await Api(app, None).get(
        "/api/v2/whoami", authorization="Bearer " + text.encode().decode("latin-1")
    )

    assert reply.status == 401
