"""The page of keys, without a browser."""

import re
from dataclasses import replace

from hairtrigger.server.app import App
from hairtrigger.server.settings import Settings
from tests.server.dashboard.looking import somebody
from tests.server.driving import DEV_KEY, PROD_KEY, Api

KEYS = "/api/hairtrigger/v1/keys"


async def test_an_admin_copies_root_keys_and_a_viewer_sees_their_ends(app: App) -> None:
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")

    for_admin = (await admin.get("keys")).body.decode()
    for_viewer = (await viewer.get("keys")).body.decode()

    assert f'data-copy="{PROD_KEY}"' in for_admin
    assert f'data-copy="{DEV_KEY}"' in for_admin
    for page in (for_admin, for_viewer):
        assert f"tr_prod_…{PROD_KEY[-4:]}" in page
    assert PROD_KEY not in for_viewer
    assert DEV_KEY not in for_viewer
    assert "<form" not in for_viewer.partition("<main")[2]


async def test_a_key_is_made_shown_once_and_revoked(app: App) -> None:
    admin = await somebody(app, "admin")
    await admin.get("keys")

    made = (await admin.post("keys", {"name": "<b>Shop", "life": "30d"})).body.decode()

    text = re.search(r"tr_prod_sk_[0-9a-zA-Z]{24}", made)
    assert text is not None
    shop = Api(app, text[0])
    assert (await shop.get("/api/v1/whoami")).json()["environment"]["slug"] == "prod"
    again = (await admin.get("keys")).body.decode()
    assert text[0] not in again
    assert "&lt;b&gt;Shop" in again
    assert "<b>Shop" not in made + again
    (key,) = (one for one in (await shop.get(KEYS)).json()["data"] if not one["root"])
    gone = await admin.post(f"keys/{key['id']}/revoke")
    assert gone.headers["location"] == f"{admin.base}/keys"
    assert (await shop.get(KEYS)).status == 401


async def test_a_name_that_is_taken_is_said_at_the_form_and_nothing_is_made(app: App) -> None:
    admin = await somebody(app, "admin")
    await admin.get("keys")
    await admin.post("keys", {"name": "Shop"})

    refused = await admin.post("keys", {"name": "Shop", "life": "7d"})

    page = refused.body.decode()
    assert refused.status == 422
    assert "has a key &#39;Shop&#39; already" in page
    assert 'value="Shop" aria-invalid="true"' in page
    assert '<option value="7d" selected>' in page


async def test_a_new_root_key_leaves_the_one_before_a_day(app: App) -> None:
    admin = await somebody(app, "admin")
    await admin.get("keys")

    done = await admin.post("keys/rotate")

    assert done.status == 303
    page = (await admin.get("keys")).body.decode()
    assert f'data-copy="{PROD_KEY}"' not in page
    assert len(re.findall(r'data-copy="tr_prod_', page)) == 1
    assert (await Api(app, PROD_KEY).get("/api/v1/whoami")).status == 200


async def test_a_viewer_makes_rotates_and_revokes_nothing(app: App) -> None:
    viewer = await somebody(app, "viewer")
    await viewer.get("keys")

    for path in ("keys", "keys/rotate", "keys/key_x/revoke"):
        assert (await viewer.post(path, {"name": "x"})).status == 403

    assert len((await Api(app, PROD_KEY).get(KEYS)).json()["data"]) == 1


async def test_with_another_master_key_it_is_said_and_runs_are_made_all_the_same(
    settings: Settings, told: list[tuple[str, dict[str, object]]]
) -> None:
    first = App(settings)
    await first.server.open()
    await first.server.close()
    assert "keys.unreadable" not in [name for name, _ in told]

    other = App(replace(settings, master_key="another one"))
    await other.server.open()
    try:
        prod = Api(other, PROD_KEY)
        reply = await prod.post("/api/v1/tasks/greet/trigger", {})
        minted = await prod.post("/api/v1/auth/public-tokens", {"scopes": ["read:runs"]})
        page = (await (await somebody(other, "admin")).get("keys")).body.decode()
    finally:
        await other.server.close()

    assert "keys.unreadable" in [name for name, _ in told]
    assert (reply.status, "x-trigger-jwt" in reply.headers) == (200, False)
    assert (minted.status, "HAIRTRIGGER_MASTER_KEY" in minted.error) == (503, True)
    assert "sealed with another master key" in page
    assert PROD_KEY not in page
