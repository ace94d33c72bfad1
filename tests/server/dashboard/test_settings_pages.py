"""Settings and the own account, without a browser."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from hairtrigger.engine import projects
from hairtrigger.server.app import App
from hairtrigger.server.dashboard.pages.account import browser
from hairtrigger.server.settings import Settings
from tests.server.dashboard.looking import PASSWORD, Looker, somebody
from tests.server.driving import DEV_KEY, PROD_KEY, Api

ANOTHER = "another sentence, also long"


@pytest.fixture
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """A server on this machine that asks nobody who they are."""
    app = App(replace(settings, login="none"))
    await app.server.open()
    yield app
    await app.server.close()


@pytest.fixture
async def proxied_app(settings: Settings) -> AsyncIterator[App]:
    """A server behind a proxy that says who somebody is."""
    app = App(replace(settings, login="proxy"))
    await app.server.open()
    yield app
    await app.server.close()


async def body(looker: Looker, page: str, **headers: str) -> str:
    reply = await looker.get(page, **headers)
    assert reply.status == 200, reply.body
    return reply.body.decode()


async def test_settings_show_no_key_and_no_secret(app: App) -> None:
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")

    for looker in (admin, viewer):
        text = "".join(
            [await body(looker, f"settings?tab={tab}") for tab in ("", "members", "server")]
        )
        for secret in (DEV_KEY, PROD_KEY, "a master key", "HAIRTRIGGER_MASTER_KEY"):
            assert secret not in text
    assert "hairtrigger.db" in await body(admin, "settings?tab=server")
    assert "hairtrigger.db" not in await body(viewer, "settings?tab=server")


async def test_the_limit_of_an_environment_is_set_and_lifted(app: App) -> None:
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")
    api = Api(app, PROD_KEY)

    wrong = await admin.post("settings/limit", {"limit": "ten", "burst": "100"})
    burst = await admin.post("settings/limit", {"limit": "10", "burst": "99"})
    assert (await admin.post("settings/limit", {"limit": "10", "burst": "150"})).status == 303

    found = (await api.get("/api/hairtrigger/v1/concurrency")).json()
    assert (found["concurrencyLimit"], found["burst"]) == (10, 150)
    assert 'value="ten" aria-invalid="true"' in wrong.body.decode()
    assert (wrong.status, burst.status) == (400, 400)
    assert "<dt>Runs at once</dt><dd>10</dd>" in await body(viewer, "settings")
    await admin.post("settings/limit", {"limit": "", "burst": "100"})
    found = (await api.get("/api/hairtrigger/v1/concurrency")).json()
    assert found["concurrencyLimit"] is None


@pytest.mark.acceptance("S80")
async def test_of_two_projects_each_shows_its_own_runs_only(app: App, prod: Api) -> None:
    admin = await somebody(app, "admin")
    made = await admin.post("settings/projects", {"name": "Shop & Co"})
    there = made.headers["location"].removesuffix("/settings")
    envs = app.server.store.catalog.envs.values()
    shop = next(e for e in envs if e.project_name == "Shop & Co" and e.slug == "prod")
    (key,) = await projects.sealed_keys(app.server.store, app.server.vault, shop)
    here = (await prod.post("/api/v1/tasks/mail/trigger", {})).json()["id"]

    run = (await Api(app, key).post("/api/v1/tasks/parcel/trigger", {})).json()["id"]

    assert made.status == 303
    first, second = await body(admin, "runs"), await body(admin, f"{there}/runs")
    assert (here in first, run in first) == (True, False)
    assert (here in second, run in second) == (False, True)
    assert (await admin.get(f"{there}/runs/{here}")).status == 404
    for page in (first, second):  # the switcher
        assert "<h3>Shop &amp; Co</h3>" in page
        assert f'href="{there}/runs"' in page
    assert (await Api(app, key).get(f"/api/v3/runs/{here}")).status == 404


async def test_environments_and_projects_are_made_by_admins_only(app: App) -> None:
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")

    refused = await viewer.post("settings/environments", {"slug": "staging"})
    made = await admin.post("settings/environments", {"slug": "staging"})
    again = await admin.post("settings/projects", {"name": ""})

    assert refused.status == 403
    assert made.headers["location"].endswith("/staging/settings")
    assert "lozenge env-staging" in await body(admin, made.headers["location"])
    assert again.status == 422
    assert "1 to 60 characters" in again.body.decode()


async def test_members_are_let_in_given_a_role_and_removed(app: App) -> None:
    admin = await somebody(app, "admin")
    given = {"email": "bob@example.org", "name": "Bob <b>", "role": "viewer", "password": PASSWORD}

    assert (await admin.post("settings/members", given)).status == 303
    again = await admin.post("settings/members", given)
    text = await body(admin, "settings?tab=members")
    found = re.search(r'<tr id="(user_\w+)"><td class="c-who"><b>Bob &lt;b&gt;', text)
    assert found is not None
    bob = Looker(app)
    await bob.sign_in("bob@example.org")
    await bob.get("runs")

    assert again.status == 422
    assert "There is a user bob@example.org already." in again.body.decode()
    assert 'value="bob@example.org"' in again.body.decode()
    assert PASSWORD not in again.body.decode()
    assert "Only admins see the members" in await body(bob, "settings?tab=members")
    await admin.post(f"settings/members/{found[1]}/role", {"role": "admin"})
    assert "Let somebody in" in await body(bob, "settings?tab=members")
    await admin.post(f"settings/members/{found[1]}/remove")
    assert (await bob.get("runs")).status == 303


async def test_the_link_for_the_first_admin_shows_its_form(app: App) -> None:
    path = await app.server.visitors.setup_path()

    assert "Create the first admin" in await body(Looker(app), path)


async def test_the_last_admin_stays(app: App) -> None:
    admin = await somebody(app, "admin")
    found = re.search(r'<tr id="(user_\w+)"', await body(admin, "settings?tab=members"))
    assert found is not None

    for what, form in (("role", {"role": "viewer"}), ("remove", {})):
        reply = await admin.post(f"settings/members/{found[1]}/{what}", form)
        assert reply.status == 422
        assert "This is the last admin" in reply.body.decode()
    assert (await admin.post("settings/members/user_000000000000000000000001/remove")).status == 404


async def test_everybody_changes_their_own_name_and_password(app: App) -> None:
    viewer = await somebody(app, "viewer")
    elsewhere = Looker(app)
    await elsewhere.sign_in("viewer@example.org")

    await viewer.post("account/name", {"name": "Vera"})
    wrong = await viewer.post("account/password", {"old": ANOTHER, "new": ANOTHER})
    short = await viewer.post("account/password", {"old": PASSWORD, "new": "short"})
    right = await viewer.post("account/password", {"old": PASSWORD, "new": ANOTHER})

    assert 'value="Vera"' in await body(viewer, "account")
    assert (wrong.status, short.status, right.status) == (422, 422, 303)
    assert "The present password is wrong." in wrong.body.decode()
    assert "too short" in short.body.decode()
    assert ANOTHER not in wrong.body.decode() + short.body.decode()
    assert (await elsewhere.get("runs")).status == 303  # signed out
    assert (await viewer.get("runs")).status == 200


async def test_other_browsers_are_listed_and_signed_out(app: App) -> None:
    viewer = await somebody(app, "viewer")
    others = [Looker(app), Looker(app), Looker(app)]
    for other in others:
        await other.sign_in("viewer@example.org")

    text = await body(viewer, "account")
    logins = re.findall(r'name="login" value="(\w+)"', text)
    first = await viewer.post("account/end", {"login": logins[0]})
    again = await viewer.post("account/end", {"login": logins[0]})
    open_ = [(await other.get("runs")).status for other in others]
    await viewer.post("account/end")

    assert text.count("this one") == 1
    assert (len(logins), first.status, again.status) == (3, 303, 404)
    assert sorted(open_) == [200, 200, 303]
    assert [(await other.get("runs")).status for other in others] == [303, 303, 303]
    assert (await viewer.get("runs")).status == 200


async def test_where_nobody_signs_in_there_are_no_members_passwords_or_browsers(
    open_app: App,
) -> None:
    looker = Looker(open_app)

    members, account = await body(looker, "settings?tab=members"), await body(looker, "account")

    assert "Nobody signs in here" in members
    assert "<code>none</code>" in account
    for text in (members, account):
        assert 'type="password"' not in text
        assert "Sign out" not in text
    assert (await looker.post("settings/members", {"email": "a@b.org"})).status == 404
    assert (await looker.post("account/name", {"name": "Ada"})).status == 403
    assert (await looker.post("account/password", {"old": "a", "new": ANOTHER})).status == 403


async def test_behind_a_proxy_people_have_roles_and_no_passwords(proxied_app: App) -> None:
    admin, other = Looker(proxied_app), Looker(proxied_app)
    ada, bob = {"x_forwarded_user": "ada@example.org"}, {"x_forwarded_user": "bob"}
    await admin.get("runs", **ada)
    await other.get("runs", **bob)

    members = await body(admin, "settings?tab=members", **ada)
    account = await body(other, "account", **bob)

    assert "bob" in members
    assert "As the proxy names them" in members
    assert "A proxy says who you are" in account
    for text in (members, account):
        assert 'type="password"' not in text
        assert "Sign out" not in text
    carol = {"email": "carol", "name": "Carol", "role": "admin"}
    assert (
        await admin.post("settings/members", carol, x_forwarded_user="ada@example.org")
    ).status == 303
    assert "Carol" in await body(admin, "settings?tab=members", **ada)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("my script <1.0>", "my script 1.0"),
        ("", "An unnamed browser"),
    ],
)
def test_browsers_are_said_in_two_words(agent: str, words: str) -> None:
    assert browser(agent) == words


async def test_a_personal_token_is_made_shown_once_and_revoked(app: App) -> None:
    viewer, other = await somebody(app, "viewer"), await somebody(app, "admin")
    assert "None yet" in await body(viewer, "account")

    made = await viewer.post("account/tokens", {"name": "Laptop", "life": "30d"})
    text = re.findall(r"tr_pat_\w{40}", made.body.decode())[0]
    (listed,) = re.findall(r'id="(token_\w+)"', await body(viewer, "account"))
    foreign = await other.post(f"account/tokens/{listed}/revoke")

    assert made.status == 200
    assert text not in await body(viewer, "account")
    assert "it sees, and changes nothing" in await body(viewer, "account")
    assert (await Api(app, text).get("/api/v2/whoami")).json()["role"] == "viewer"
    assert foreign.status == 404
    gone = await viewer.post(f"account/tokens/{listed}/revoke")
    assert gone.status == 303
    assert (await Api(app, text).get("/api/v2/whoami")).status == 401


async def test_a_token_without_a_name_is_refused_beside_its_field(app: App) -> None:
    viewer = await somebody(app, "viewer")

    reply = await viewer.post("account/tokens", {"name": " ", "life": "7d"})

    assert reply.status == 422
    assert 'id="token-problem"' in reply.body.decode()
    assert 'value="7d" selected' in reply.body.decode()
    assert "tr_pat_" not in reply.body.decode()


async def test_where_nobody_signs_in_there_are_no_personal_tokens(open_app: App) -> None:
    looker = Looker(open_app)

    assert "Personal access tokens" not in await body(looker, "account")
    assert (await looker.post("account/tokens", {"name": "x"})).status == 404


@pytest.mark.parametrize("answer", ["yes", "no"])
async def test_a_tool_is_let_in_or_not_by_whom_it_sent(app: App, answer: str) -> None:
    viewer, nobody = await somebody(app, "viewer"), Api(app, None)
    asked = await nobody.post(
        "/api/v1/authorization-code", {"name": "<b>laptop"}, user_agent="curl"
    )
    code = asked.json()["authorizationCode"]
    stranger = await Looker(app).get(f"/authorize/{code}")

    page = await body(viewer, f"/authorize/{code}")
    told = await viewer.post(f"/authorize/{code}", {"answer": answer})
    later = await viewer.get(f"/authorize/{code}")

    assert stranger.headers["location"] == f"/sign-in?next=/authorize/{code}"
    assert "Let &lt;b&gt;laptop in?" in page
    assert all(word in page for word in ("viewer@example.org", code[-6:], "curl", "sees, and"))
    reply = await nobody.post("/api/v1/token", {"authorizationCode": code})
    if answer == "yes":
        assert "is in" in told.body.decode()
        assert reply.json()["token"]["token"].startswith("tr_pat_")
        assert (await viewer.get(f"/authorize/{code}")).status == 404
    else:
        assert "was not let in" in told.body.decode()
        assert (reply.status, later.status) == (404, 404)


async def test_a_tool_is_let_in_by_a_page_of_ours_only(app: App) -> None:
    admin, nobody = await somebody(app, "admin"), Api(app, None)
    code = (await nobody.post("/api/v1/authorization-code", {})).json()["authorizationCode"]
    admin.csrf = "guessed"

    reply = await admin.post(f"/authorize/{code}", {"answer": "yes"})

    assert reply.status == 403
    assert (await nobody.post("/api/v1/token", {"authorizationCode": code})).json() == {
        "token": None
    }
