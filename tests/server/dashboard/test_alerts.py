"""The page of alerts, without a browser."""

from dataclasses import replace
from html import unescape

import pytest

from hairtrigger.server.app import App
from hairtrigger.server.settings import Settings
from tests.server import outside
from tests.server.dashboard.looking import somebody

FORM = {"name": "ops", "kind": "run.failed", "channel": "webhook", "tasks": "a, b"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, alerts_allow_private=True)


@pytest.mark.acceptance("S94")
async def test_an_alert_is_made_tested_switched_off_and_deleted(app: App) -> None:
    admin = await somebody(app, "admin")
    async with outside.hook() as hook:
        made = (await admin.post("alerts", {**FORM, "to": hook.url})).body.decode()
        page = (await admin.get("alerts")).body.decode()
        place = page.split('/test"')[0].rpartition("/")[2]
        tested = (await admin.post(f"alerts/{place}/test")).body.decode()
        hook.status = 500
        refused = (await admin.post(f"alerts/{place}/test")).body.decode()
    off = await admin.post(f"alerts/{place}/disable")
    shown_off = (await admin.get("alerts")).body.decode()
    gone = await admin.post(f"alerts/{place}/delete")

    assert "whsec_" in made
    assert "whsec_" not in page
    assert "When a run fails of a, b" in page
    assert "The test of ops was taken by" in tested
    assert "did not arrive. It was answered with HTTP 500." in refused
    assert (off.status, gone.status) == (303, 303)
    assert ">off</span>" in shown_off
    assert "No alerts yet" in (await admin.get("alerts")).body.decode()


async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(app: App) -> None:
    admin = await somebody(app, "admin")

    reply = await admin.post("alerts", {**FORM, "to": "nowhere"})

    assert reply.status == 400
    assert "http or https URL" in unescape(reply.body.decode())
    assert 'value="nowhere"' in reply.body.decode()


async def test_an_alert_is_edited_and_its_target_stays_unseen(app: App) -> None:
    admin = await somebody(app, "admin")
    await admin.post("alerts", {**FORM, "to": "https://a.example/key"})
    page = (await admin.get("alerts")).body.decode()
    place = page.split('/test"')[0].rpartition("/")[2]

    form = (await admin.get(f"alerts/{place}")).body.decode()
    wrong = await admin.post(f"alerts/{place}", {**FORM, "name": " ", "to": ""})
    done = await admin.post(
        f"alerts/{place}", {**FORM, "name": "pager", "kind": "error.new", "tasks": "", "to": ""}
    )
    after = (await admin.get("alerts")).body.decode()
    hooked = await admin.post(f"alerts/{place}", {**FORM, "channel": "email", "to": "a@b.c"})

    assert "Edit ops" in form
    assert 'value="a, b"' in form
    assert "https://a.example/…" in form
    assert "a.example/key" not in form
    assert (wrong.status, "Edit ops" in wrong.body.decode()) == (400, True)
    assert (done.status, hooked.status) == (303, 303)
    assert "When a run fails with a new error, tell" in after
    assert "https://a.example/…" in after
    assert (await admin.get("alerts/alert_1")).status == 404


async def test_a_viewer_sees_them_and_changes_nothing(app: App) -> None:
    viewer = await somebody(app, "viewer")

    assert "Make it" not in (await viewer.get("alerts")).body.decode()
    assert (await viewer.post("alerts", {**FORM, "to": "http://a.b"})).status == 403
