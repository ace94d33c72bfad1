"""Who may see which page and who may change what; what every page is sent with."""

import gzip
import re

import pytest

from hairtrigger.server.app import App
from hairtrigger.server.dashboard import assets, table
from hairtrigger.server.dashboard.routes import PageRoute
from tests.server.dashboard.looking import Looker, somebody

PAGES = [page for page in table.PAGES if page.role != "anybody"]
NAMES = [f"{page.method} {page.path}" for page in PAGES]


def path_of(looker: Looker, page: PageRoute) -> str:
    path = page.path.replace("/p/{project}/{env}", looker.base)
    return re.sub(r"\{\w+(:path)?\}", "run_000000000000000000000000", path)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
async def test_nobody_sees_or_changes_anything_without_signing_in(
    app: App, page: PageRoute
) -> None:
    stranger = Looker(app)

    reply = await (stranger.get if page.method == "GET" else stranger.post)(path_of(stranger, page))

    assert reply.status == 303
    assert reply.headers["location"].startswith("/sign-in")
    assert reply.body == b""


async def test_a_viewer_may_change_nothing_and_nobody_from_another_site(app: App) -> None:
    viewer, admin = await somebody(app, "viewer"), await somebody(app, "admin")
    changing = [page for page in PAGES if page.role == "admin"]
    assert changing

    for page in changing:
        assert page.method == "POST", page.path
        path = path_of(admin, page)
        replies = [
            await viewer.post(path),
            await admin.post(path, {"csrf": "another"}),
            await admin.post(path, origin="https://elsewhere.example", sec_fetch_site="cross-site"),
        ]
        assert [reply.status for reply in replies] == [403, 403, 403], page.path


async def test_every_page_forbids_scripts_and_frames_that_are_not_ours(app: App) -> None:
    admin = await somebody(app, "admin")

    for page in PAGES:
        if page.method != "GET" or page.path.endswith("/live"):
            continue
        headers = (await admin.get(path_of(admin, page))).headers
        policy = headers.get("content-security-policy", "")
        if headers["content-type"].startswith("text/html"):
            assert "script-src 'self'" in policy, page.path
            assert "unsafe" not in policy, page.path
            assert "frame-ancestors 'none'" in policy, page.path
            assert headers["cache-control"] == "no-store"
        assert headers.get("x-content-type-options", "nosniff") == "nosniff"


async def test_what_is_not_there_is_said_on_a_page_and_harms_nothing(app: App) -> None:
    admin = await somebody(app, "admin")

    for path in (
        "/p/proj_none/prod/runs",
        "runs/run_000000000000000000000000",
        "runs/nonsense",
        "/runs/run_1",
    ):
        reply = await admin.get(path)
        assert reply.status == 404, path
        assert b"<h2>Not found</h2>" in reply.body


@pytest.mark.parametrize(
    "query", ["status=nonsense", "period=soon", "q=foo:bar", "from=5&to=4", "q=duration:>x"]
)
async def test_a_query_that_cannot_be_understood_says_which_part(app: App, query: str) -> None:
    admin = await somebody(app, "admin")

    reply = await admin.get(f"runs?{query}")

    assert reply.status == 400
    assert b"That cannot be done" in reply.body


async def test_the_first_page_is_the_environments_overview_and_wanted_pages_are_come_back_to(
    app: App,
) -> None:
    stranger, admin = Looker(app), await somebody(app, "admin")
    wanted = (await stranger.get("runs?period=1h")).headers["location"]
    back = await Looker(app).post(
        wanted, {"email": "admin@example.org", "password": "a sentence that is long"}
    )

    assert (await admin.get("/")).headers["location"] == f"{admin.base}/overview"
    assert back.headers["location"] == f"{admin.base}/runs?period=1h"


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
async def test_nobody_is_sent_elsewhere_after_signing_in(app: App, there: str) -> None:
    await somebody(app, "admin")

    reply = await Looker(app).post(
        f"/sign-in?next={there}",
        {"email": "admin@example.org", "password": "a sentence that is long"},
    )

    assert reply.headers["location"] == "/"


async def test_a_wrong_password_is_told_in_the_form_with_what_was_typed(app: App) -> None:
    await somebody(app, "admin")

    reply = await Looker(app).post(
        "/sign-in", {"email": "admin@example.org", "password": "wrong and long"}
    )

    assert reply.status == 401
    assert b'value="admin@example.org"' in reply.body
    assert b"wrong and long" not in reply.body


async def test_the_first_admin_is_made_by_the_servers_link_and_once(app: App) -> None:
    path = await app.server.visitors.setup_path()
    token = path.partition("token=")[2]
    given = {"token": token, "email": "first@example.org", "name": "First", "password": "short"}
    looker = Looker(app)

    assert (await looker.get("/sign-in")).status == 200
    assert (await looker.post("/setup", given)).status == 422
    assert (
        await looker.post("/setup", given | {"token": "guess", "password": "a long enough one"})
    ).status == 403
    assert (await looker.post("/setup", given | {"password": "a long enough one"})).status == 303
    assert (await looker.get("runs")).status == 200
    again = await Looker(app).post("/setup", given | {"password": "a long enough one"})
    assert again.status == 403


async def test_files_are_kept_for_ever_under_a_hash_that_changes_with_them(app: App) -> None:
    looker = Looker(app)

    style = await looker.get(f"{assets.root()}/{assets.STYLE}", accept_encoding="gzip")
    old = await looker.get(f"/static/000000000000/{assets.STYLE}")
    missing = await looker.get(f"{assets.root()}/../settings.py")

    assert "immutable" in style.headers["cache-control"]
    assert gzip.decompress(style.body) == old.body
    assert old.headers["cache-control"] == "no-cache"
    assert missing.status == 404
