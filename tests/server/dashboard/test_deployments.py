"""The pages of deployments, without a browser."""

from hairtrigger.server.app import App
from tests.server.dashboard.looking import somebody
from tests.server.driving import PROD_KEY, Api

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def register(app: App, *, promote: bool, **manifest: object) -> str:
    """A worker of the task mail; answers its version."""
    task = {"id": "mail", "file": "m.py", "export": "mail", **manifest}
    body = {
        "name": "w",
        "version": "",
        "slots": 5,
        "protocol": [1],
        "promote": promote,
        "tasks": [task],
    }
    reply = await Api(app, PROD_KEY).post("/api/hairtrigger/v1/worker/register", body)
    return str(reply.json()["version"])


async def test_a_version_is_promoted_from_its_page(app: App) -> None:
    old = await register(app, promote=True)
    new = await register(app, promote=False, description="newer")
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")

    before = (await viewer.get(f"deployments/{new}")).body.decode()
    refused = await viewer.post(f"deployments/{new}/promote")
    done = await admin.post(f"deployments/{new}/promote")

    assert f"{old} is current" in before
    assert 'data-key="p"' not in before  # a viewer has no button
    assert refused.status == 403
    assert done.headers["location"] == f"{admin.base}/deployments"
    listed = (await viewer.get("deployments")).body.decode()
    assert listed.index(new) < listed.index("<span>current</span>") < listed.index(old)
    assert "Promote it" not in (await admin.get(f"deployments/{new}")).body.decode()


async def test_payloads_that_do_not_fit_are_named_and_have_to_be_forced(app: App) -> None:
    await register(app, promote=True)
    new = await register(app, promote=False, payloadSchema=SCHEMA)
    run = await Api(app, PROD_KEY).trigger("mail", {"n": "<b>seven"})
    admin = await somebody(app, "admin")

    page = (await admin.get(f"deployments/{new}")).body.decode()
    refused = await admin.post(f"deployments/{new}/promote")
    forced = await admin.post(f"deployments/{new}/promote", {"force": "1"})

    assert "1 of 1 do not fit" in page
    assert run in page
    assert refused.status == 422
    assert 'role="alert"' in refused.body.decode()
    assert "<b>seven" not in page + refused.body.decode()
    assert forced.status == 303


async def test_a_version_that_is_not_there_is_said(app: App) -> None:
    viewer = await somebody(app, "viewer")

    assert (await viewer.get("deployments/19700101.1")).status == 404
    assert "No version yet" in (await viewer.get("deployments")).body.decode()
