"""Keys over the API: made, listed, rotated and revoked, and the tokens that a server signs for who cannot."""

from typing import Any

import pytest

from hairtrigger.server.app import App

from .driving import DEV_KEY, Api

KEYS = "/api/hairtrigger/v1/keys"
TOKENS = "/api/v1/auth/public-tokens"


async def test_a_key_is_told_once_listed_by_its_ends_and_good_for_its_environment(
    app: App, api: Api, prod: Api
) -> None:
    made = (await api.post(KEYS, {"name": "Shop", "expiresIn": "90d"})).json()

    shop = Api(app, made["secret"])
    assert (await shop.get("/api/v1/whoami")).json()["environment"]["slug"] == "dev"
    listed = await api.get(KEYS)
    assert [(one["root"], one.get("name")) for one in listed.json()["data"]] == [
        (False, "Shop"), (True, None),
    ]  # fmt: skip
    assert listed.json()["data"][0]["expiresAt"] == made["expiresAt"]
    assert made["secret"] not in listed.body.decode()
    assert DEV_KEY not in listed.body.decode()
    assert [one["root"] for one in (await prod.get(KEYS)).json()["data"]] == [True]


async def test_a_revoked_key_is_refused_at_once_and_only_its_own_environment_revokes_it(
    app: App, api: Api, prod: Api
) -> None:
    made = (await api.post(KEYS, {"name": "Shop"})).json()
    shop = Api(app, made["secret"])
    assert (await shop.get(KEYS)).status == 200

    foreign = await prod.delete(f"{KEYS}/{made['id']}")
    done = await api.delete(f"{KEYS}/{made['id']}")

    assert foreign.status == 404
    assert done.json() == {"id": made["id"], "name": "Shop"}
    assert (await shop.get(KEYS)).status == 401
    assert (await api.delete(f"{KEYS}/{made['id']}")).status == 404


async def test_after_a_rotation_both_root_keys_and_the_tokens_of_both_are_good(
    app: App, api: Api
) -> None:
    run = await api.trigger()
    old = api.bearing(f"read:runs:{run}")

    made = (await api.post(f"{KEYS}/rotate")).json()

    new = Api(app, made["secret"])
    assert [(await one.get(f"/api/v3/runs/{run}")).status for one in (api, new, old)] == [200] * 3
    again = new.bearing(f"read:runs:{run}")
    assert (await again.get(f"/api/v3/runs/{run}")).status == 200
    roots = [one for one in (await new.get(KEYS)).json()["data"] if one["root"]]
    assert [one.get("expiresAt") for one in roots] == [None, made["previousExpiresAt"]]


async def test_the_last_use_of_a_key_is_written_now_and_then(app: App, api: Api) -> None:
    made = (await api.post(KEYS, {"name": "Shop"})).json()
    await Api(app, made["secret"]).get("/api/v1/whoami")
    before = (await api.get(KEYS)).json()["data"]

    await app.server.keyring.note_uses()

    after = (await api.get(KEYS)).json()["data"]
    assert all("lastUsedAt" not in one for one in before)
    assert all("lastUsedAt" in one for one in after)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400), ({"name": ""}, 422), ({"name": "x", "expiresIn": "soon"}, 400), ({"name": "x", "life": 3}, 400),
        ({"name": "x", "expiresIn": "0s"}, 422), ({"name": "x", "expiresIn": "11y"}, 400),
    ],
)  # fmt: skip
async def test_what_makes_no_key_is_refused(api: Api, body: Any, status: int) -> None:
    refused = await api.post(KEYS, body)

    assert refused.status in (status, 422)
    assert refused.error
    assert len((await api.get(KEYS)).json()["data"]) == 1


async def test_the_server_signs_tokens_for_keys_that_cannot(app: App, api: Api) -> None:
    shop = Api(app, (await api.post(KEYS, {"name": "Shop"})).json()["secret"])
    run, other = await api.trigger(), await api.trigger()

    reply = await shop.post(TOKENS, {"scopes": [f"read:runs:{run}"], "expirationTime": "2 hours"})

    bearer = Api(app, reply.json()["token"])
    assert (await bearer.get(f"/api/v3/runs/{run}")).status == 200
    assert (await bearer.get(f"/api/v3/runs/{other}")).status == 403
    by_claims = await shop.post("/api/v1/auth/jwt", {"claims": {"scopes": ["read:runs"]}})
    assert (await Api(app, by_claims.json()["token"]).get(f"/api/v3/runs/{other}")).status == 200


async def test_a_one_time_token_that_the_server_signed_triggers_once(app: App, api: Api) -> None:
    body = {"scopes": ["trigger:tasks:greet"], "oneTimeUse": True}
    token = (await api.post(TOKENS, body)).json()["token"]
    bearer = Api(app, token)

    first = await bearer.post("/api/v1/tasks/greet/trigger", {})
    second = await bearer.post("/api/v1/tasks/greet/trigger", {})

    assert (first.status, second.status) == (200, 422)


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": []},
        {"scopes": ["read"]},
        {"scopes": ["delete:runs"]},
        {"scopes": ["read:houses"]},
        {"scopes": ["read:runs"], "expirationTime": "soon"},
        {"scopes": ["read:runs"], "expirationTime": "31d"},
        {"scopes": ["read:runs"], "expirationTime": 1_000_000_000},
        {"scopes": ["read:runs"] * 501},
        {},
    ],
    ids=str,
)
async def test_a_token_that_makes_no_sense_is_not_signed(api: Api, body: Any) -> None:
    refused = await api.post(TOKENS, body)

    assert refused.status == 400
    assert refused.error
