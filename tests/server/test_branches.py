"""Branches over the API: opened, named by requests, archived."""

from typing import Any, get_args

import pytest

from hairtrigger.engine import accounts, personal, projects
from hairtrigger.rules.accounts import Role
from hairtrigger.server.app import App
from tests.server.driving import DEV_KEY, PROD_KEY, Api, Headers, Reply, Worker

PATH = "/api/hairtrigger/v1/branches"


class Branch(Api):
    """The API as a client of one branch sees it."""

    def __init__(self, app: App, key: str, name: str) -> None:
        super().__init__(app, key)
        self.name = name

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: Headers | None = None
    ) -> Reply:
        given = {"x_trigger_branch": self.name, **(headers or {})}
        return await super().call(method, path, body, headers=given)


@pytest.fixture
async def preview(app: App) -> Api:
    """The preview environment with its root key, naming no branch."""
    server = app.server
    project = next(iter(server.store.catalog.envs.values())).project
    made = await projects.create_environment(server.store, server.vault, project, "preview")
    return Api(app, made.key)


async def opened(preview: Api, name: str) -> Branch:
    reply = await preview.post(PATH, {"branch": name})
    assert reply.status == 200, reply.body
    assert preview.key is not None
    return Branch(preview.app, preview.key, name)


async def test_a_preview_key_opens_the_branch_that_a_request_names(preview: Api) -> None:
    mail, chat = await opened(preview, "feature/mail"), await opened(preview, "chat")
    run = await mail.trigger()
    worker: Worker = await mail.work("greet")

    assert [one["id"] for one in await worker.fetch()] == [run]
    assert (await chat.get(f"/api/v3/runs/{run}")).status == 404
    assert (await mail.get("/api/v1/whoami")).json()["environment"] == {
        "id": (await preview.get(PATH)).json()["data"][1]["id"], "slug": "preview-feature-mail",
        "type": "PREVIEW", "branch": "feature/mail",
    }  # fmt: skip


async def test_a_preview_key_without_a_branch_is_refused_but_where_branches_are_made(
    preview: Api,
) -> None:
    refused = await preview.post("/api/v1/tasks/greet/trigger", {})
    unknown = await Branch(preview.app, str(preview.key), "nowhere").get("/api/v1/runs")

    assert (refused.status, "x-trigger-branch" in refused.error) == (401, True)
    assert (unknown.status, "branches open" in unknown.error) == (401, True)
    assert (await preview.get("/api/v1/whoami")).json()["environment"]["slug"] == "preview"
    assert (await preview.get("/api/hairtrigger/v1/keys")).status == 200


async def test_development_has_branches_when_one_is_named_and_production_none(
    app: App, api: Api
) -> None:
    ada = await opened(api, "ada")
    run = await ada.trigger()
    production = Branch(app, PROD_KEY, "ada")

    assert (await api.get(f"/api/v3/runs/{run}")).status == 404
    assert (await Branch(app, DEV_KEY, "default").get(f"/api/v3/runs/{run}")).status == 404
    assert (await Branch(app, DEV_KEY, "bob").get("/api/v1/runs")).status == 401
    assert (await production.get("/api/v1/whoami")).json()["environment"]["slug"] == "prod"
    assert (await production.post(PATH, {"branch": "x"})).status == 422


async def test_public_tokens_of_a_branch_open_that_branch(preview: Api) -> None:
    mail, chat = await opened(preview, "mail"), await opened(preview, "chat")
    run, other = await mail.trigger(), await chat.trigger()
    made = await mail.post("/api/v1/auth/public-tokens", {"scopes": ["read:runs"]})
    claims = (await mail.post("/api/v1/auth/jwt/claims")).json()
    handle = await mail.post("/api/v1/tasks/greet/trigger", {})
    token = Api(preview.app, made.json()["token"])

    assert (await token.get(f"/api/v3/runs/{run}")).status == 200
    assert (await token.get(f"/api/v3/runs/{other}")).status == 404
    assert claims["sub"] == (await mail.get("/api/v1/whoami")).json()["environment"]["id"]
    mine = Api(preview.app, handle.headers["x-trigger-jwt"])
    assert (await mine.get(f"/api/v3/runs/{handle.json()['id']}")).status == 200
    await preview.delete(f"{PATH}/mail")
    assert (await token.get(f"/api/v3/runs/{run}")).status == 401


async def test_an_archived_branch_takes_nothing_and_comes_back(preview: Api) -> None:
    mail = await opened(preview, "feature/mail")
    worker = await mail.work("greet")

    gone = await preview.delete(f"{PATH}/feature%2Fmail")
    again = await preview.delete(f"{PATH}/feature%2Fmail")

    assert "archivedAt" in gone.json()
    assert again.status == 404
    assert (await mail.post("/api/v1/tasks/greet/trigger", {})).status == 401
    assert (await worker.call("hold", {"leases": []})).status == 401
    assert "archivedAt" in (await preview.get(PATH)).json()["data"][0]
    await opened(preview, "feature/mail")
    assert (await mail.post("/api/v1/tasks/greet/trigger", {})).status == 200


async def test_keys_and_variables_are_those_of_the_parent(preview: Api) -> None:
    mail = await opened(preview, "mail")
    ref = (await mail.get("/api/v1/whoami")).json()["project"]
    path = f"/api/v1/projects/{ref}/envvars/preview"
    await preview.post(path, {"name": "A", "value": "all"})
    await mail.post(path, {"name": "B", "value": "mine"})
    key = (await mail.post("/api/hairtrigger/v1/keys", {"name": "CI"})).json()["secret"]

    assert [one["name"] for one in (await mail.get(path)).json()] == ["A", "B"]
    assert [one["name"] for one in (await preview.get(path)).json()] == ["A"]
    assert (await mail.get(f"{path.removesuffix('preview')}preview-mail")).status == 200
    assert key.startswith("tr_preview_sk_")
    assert (await Branch(preview.app, key, "mail").get("/api/v1/runs")).status == 200
    listed = [
        one.get("name") for one in (await mail.get("/api/hairtrigger/v1/keys")).json()["data"]
    ]
    assert listed == ["CI", None]


async def test_a_persons_tool_opens_branches_as_trigger_devs_does(app: App, preview: Api) -> None:
    ref = (await preview.get("/api/v1/whoami")).json()["project"]
    people = {}
    for role in get_args(Role):
        user = await accounts.add_user(
            app.server.store, email=f"{role}@example.com", name="", role=role, password=None
        )
        people[role] = Api(app, (await personal.create(app.server.store, user.id, name="x"))[1])
    path = f"/api/v1/projects/{ref}/branches"
    body = {"branch": "mail", "env": "preview", "git": {"commitSha": "abc"}}

    made = await people["admin"].post(path, body)
    refused = await people["viewer"].post(path, body)

    assert made.json() == {"id": (await preview.get(PATH)).json()["data"][0]["id"]}
    assert refused.status == 403
    assert (await people["admin"].post(path, {**body, "env": "moon"})).status == 400
    assert (await people["admin"].post(path, {**body, "branch": "a b"})).status == 422
    variables = f"/api/v1/projects/{ref}/envvars/preview"
    await people["admin"].post(variables, {"name": "B", "value": "1"}, x_trigger_branch="mail")
    assert (await people["admin"].get(variables)).json() == []
    unknown = await people["admin"].get(variables, x_trigger_branch="nowhere")
    assert unknown.status == 401
