"""The page of usage and limits, without a browser."""

import dataclasses

import pytest

from hairtrigger.server.app import App
from hairtrigger.server.settings import Settings
from tests.server.dashboard.looking import somebody
from tests.server.driving import PROD_KEY, Api


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, plan="free", free_runs=5)


@pytest.mark.acceptance("S107")
@pytest.mark.acceptance("S108")
async def test_the_month_is_shown_against_the_plan(app: App) -> None:
    viewer = await somebody(app, "viewer")
    for _ in range(4):
        await Api(app, PROD_KEY).trigger()

    page = (await viewer.get("usage")).body.decode()

    assert "of 5 runs, 80 %" in page
    assert "80% of this month&#39;s runs are used: 1 are left." in page
    assert ": 4</title>" in page  # the day of today
    assert "priority support" in page
    assert "$29/month" in page
    assert 'data-dialog="change-plan"' not in page  # a viewer changes nothing
    assert 'data-go="u"' in page


@pytest.mark.acceptance("S105")
async def test_an_admin_changes_the_plan(app: App) -> None:
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")

    asked = (await admin.get("usage")).body.decode()
    refused = await viewer.post("usage/plan/pro")
    done = await admin.post("usage/plan/pro")

    assert 'data-dialog="change-plan"' in asked
    assert refused.status == 403
    assert done.headers["location"] == f"{admin.base}/usage"
    assert app.server.store.catalog.plan.name == "pro"
    assert "of 1,000,000 runs, 0 %" in (await admin.get("usage")).body.decode()
    assert (await admin.post("usage/plan/gold")).status == 400


async def test_without_a_limit_nothing_is_warned_of(app: App) -> None:
    admin = await somebody(app, "admin")
    await admin.post("usage/plan/unlimited")

    page = (await admin.get("usage", x_parts="used")).body.decode()

    assert "runs, without a limit" in page
    assert "usage-warning" not in page
    assert "<html" not in page
