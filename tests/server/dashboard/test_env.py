"""The page of environment variables, without a browser."""

from hairtrigger.server.app import App
from tests.server.dashboard.looking import Looker, somebody
from tests.server.driving import PROD_KEY, Api


async def kept(app: App) -> dict[str, str]:
    """What the API says is set in production."""
    api = Api(app, PROD_KEY)
    project = (await api.get("/api/v1/whoami")).json()["project"]
    found = (await api.get(f"/api/v1/projects/{project}/envvars/prod")).json()
    return {one["name"]: one["value"] for one in found}


async def page(looker: Looker) -> str:
    return (await looker.get("env")).body.decode()


async def test_one_is_set_replaced_and_forgotten(app: App) -> None:
    admin = await somebody(app, "admin")
    await admin.get("env")

    first = await admin.post("env", {"name": "GREETING", "value": "<b>hello"})
    await admin.post("env", {"name": "GREETING", "value": "<b>good day"})

    assert first.headers["location"] == f"{admin.base}/env"
    assert await kept(app) == {"GREETING": "<b>good day"}
    shown = await page(admin)
    assert "&lt;b&gt;good day" in shown
    assert "<b>good" not in shown
    assert (await admin.post("env/GREETING/delete")).status == 303
    assert await kept(app) == {}
    assert "None yet" in await page(admin)


async def test_a_secret_is_not_shown_and_stays_one(app: App) -> None:
    admin = await somebody(app, "admin")
    await admin.get("env")

    await admin.post("env", {"name": "TOKEN", "value": "abc123", "secret": "1"})
    await admin.post("env", {"name": "TOKEN", "value": "def456"})

    shown = await page(admin)
    assert "a secret" in shown
    assert "abc123" not in shown
    assert "def456" not in shown


async def test_a_pasted_file_sets_all_or_nothing(app: App) -> None:
    admin = await somebody(app, "admin")
    await admin.get("env")
    await admin.post("env", {"name": "A", "value": "1"})

    refused = await admin.post("env/paste", {"text": "A=2\nB=3\n"})
    before = await kept(app)
    done = await admin.post("env/paste", {"text": "A=2\nB='x y'\n", "override": "1"})

    assert refused.status == 400
    assert "A is set already: nothing was changed" in refused.body.decode()
    assert before == {"A": "1"}
    assert done.status == 303
    assert await kept(app) == {"A": "2", "B": "x y"}


async def test_what_is_no_variable_is_said_at_its_form(app: App) -> None:
    admin = await somebody(app, "admin")
    await admin.get("env")

    for form, said in (
        ({"name": "1X", "value": "1"}, "is no name of a variable"),
        ({"name": "TRIGGER_X", "value": "1"}, "own: names with"),
        ({"name": "X", "value": ""}, "nothing to set"),
    ):
        refused = await admin.post("env", form)
        assert refused.status == 400
        assert said in refused.body.decode()
        assert f'value="{form["name"]}" aria-invalid="true"' in refused.body.decode()
    empty = await admin.post("env/paste", {"text": "no lines"})
    assert 'id="many-problem"' in empty.body.decode()


async def test_a_viewer_sees_names_only_and_sets_nothing(app: App) -> None:
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")
    await admin.get("env")
    await admin.post("env", {"name": "GREETING", "value": "good day"})

    shown = await page(viewer)

    assert "GREETING" in shown
    assert "good day" not in shown
    for path in ("env", "env/paste", "env/GREETING/delete"):
        assert (await viewer.post(path, {"name": "X", "value": "1"})).status == 403
