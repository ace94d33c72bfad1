"""Settings and the own account in a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests import running
from tests.browser.pages.accessible import problems
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site

EMAIL, PASSWORD = "ada@example.org", "a sentence that is long"
PICTURES = Path(__file__).parents[3] / "build" / "pages"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A server whose people sign in, and the path that makes the first admin."""
    live = running.Live(tmp_path)
    try:
        server = live.start_server(HAIRTRIGGER_LOGIN="password")
        running.until(
            lambda: "/setup?token=" in server.output(), "the link for the first admin", [server]
        )
        token = server.output().partition("/setup?token=")[2].split()[0]
        yield Site(live, live.get("/api/v1/whoami")["project"]), f"/setup?token={token}"
        live.stop()
    finally:
        live.kill()


async def set_up(page: Page, path: str) -> None:
    await page.goto(path)
    await page.get_by_label("Your name").fill("Ada")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create the admin").click()
    await page.wait_for_url("**/overview")


async def sign_in(page: Page, email: str, path: str) -> None:
    await page.goto(path)
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"**{path}")


async def test_an_admin_lets_somebody_in_who_then_only_looks(
    guarded: tuple[Site, str], open_page: OpenPage, browser: Browser
) -> None:
    site, setup = guarded
    page = await open_page(site, "/sign-in")
    await set_up(page, setup)
    await page.goto(site.path("settings?tab=members"))
    await page.get_by_label("Email address").fill("bob@example.org")
    await page.get_by_label("Name", exact=True).fill("Bob")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Add").click()
    await expect(page.locator(".toast")).to_contain_text("Bob may look now.")

    bob = await open_page(site, "/sign-in")
    await sign_in(bob, "bob@example.org", site.path("settings"))

    await expect(bob.locator("h1")).to_have_text("Settings")
    await expect(bob.get_by_role("button", name="Set the limit")).to_have_count(0)
    await page.get_by_role("button", name="Remove Bob").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(page.locator(".members")).not_to_contain_text("Bob")
    await page.get_by_role("link", name="Audit log").click()
    row = page.locator("#audit tbody tr", has_text="settings.add_member")
    await expect(row).to_contain_text("bob@example.org")
    await expect(row).to_contain_text(EMAIL)
    assert await problems(page) == []
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / "audit.png")
    await bob.goto(site.path("settings"))
    await bob.wait_for_url("**/sign-in?next=**")


async def test_somebody_signs_another_browser_out_and_then_themselves(
    guarded: tuple[Site, str], open_page: OpenPage
) -> None:
    site, setup = guarded
    page = await open_page(site, "/sign-in")
    await set_up(page, setup)
    other = await open_page(site, "/sign-in")
    await sign_in(other, EMAIL, site.path("account"))

    await page.goto(site.path("account"))
    await expect(page.locator(".sessions tbody tr")).to_have_count(2)
    await page.locator(".sessions").get_by_role("button", name="Sign out").click()

    await expect(page.locator(".sessions tbody tr")).to_have_count(1)
    await other.goto(site.path("account"))
    await other.wait_for_url("**/sign-in?next=**")
    assert await problems(page) == []
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/sign-in")


async def test_what_somebody_likes_is_kept_in_the_browser(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "account")
    html = page.locator("html")

    await page.get_by_label("Light", exact=True).check()
    await page.get_by_label("Compact").check()
    await page.locator("fieldset", has_text="Single keys").get_by_label("Off").check()

    await expect(html).to_have_attribute("data-theme", "light")
    await page.goto(lived.path("queues"))
    await expect(html).to_have_attribute("data-theme", "light")
    await expect(html).to_have_attribute("data-density", "compact")
    await page.keyboard.press("g")
    await page.keyboard.press("k")
    await page.keyboard.press("\\")
    await page.keyboard.press("j")
    await expect(html).to_have_attribute("data-theme", "light")
    await expect(page.locator("tr.is-here")).to_have_count(0)
    assert page.url.endswith("/queues")
    await page.goto(lived.path("account"))
    await page.locator("fieldset", has_text="Single keys").get_by_label("On").check()
    await page.keyboard.press("g")
    await page.keyboard.press("q")
    await page.wait_for_url("**/queues")


async def test_times_are_in_utc_for_who_wants_that(lived: Site, browser: Browser) -> None:
    context = await browser.new_context(base_url=lived.live.url, timezone_id="Asia/Kolkata")
    page = await context.new_page()
    await page.goto(lived.path("runs?period=1h"))
    tick = page.locator(".axis-x text").nth(3)
    here = await tick.text_content()

    await page.goto(lived.path("account"))
    await expect(page.locator(".prefs")).to_contain_text("(Asia/Calcutta)")
    await page.get_by_label("UTC", exact=True).check()
    await page.goto(lived.path("runs?period=1h"))
    there = await tick.text_content()

    def minutes(text: str | None) -> int:
        hours, _, rest = (text or "").partition(":")
        return int(hours) * 60 + int(rest)

    apart = (minutes(here) - minutes(there)) % (24 * 60)
    assert 325 <= apart <= 330  # five and a half hours; the axis may have moved meanwhile
    await context.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_settings_are_accessible(
    lived: Site, open_page: OpenPage, theme: Literal["dark", "light"]
) -> None:
    page = await open_page(lived, "settings", theme=theme)
    for path in ("settings", "settings?tab=members", "settings?tab=server", "account"):
        await page.goto(lived.path(path))
        assert await problems(page) == [], path
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in ("settings", "settings?tab=server", "account"):
        await page.goto(lived.path(path))
        wide = await page.locator(".scroll").evaluate("el => el.scrollWidth - el.clientWidth")
        assert wide <= 0, path


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_terminal_is_let_in_after_signing_in_and_stands_among_the_tokens(
    guarded: tuple[Site, str], open_page: OpenPage, theme: Literal["light", "dark"]
) -> None:
    site, setup = guarded
    PICTURES.mkdir(parents=True, exist_ok=True)
    page = await open_page(site, "/sign-in", theme=theme)
    await set_up(page, setup)
    asked = site.call("POST", "/api/v1/authorization-code", {"name": "my laptop"})
    stranger = await open_page(site, "/sign-in", theme=theme)
    path = asked["url"].removeprefix(site.live.url)

    await stranger.goto(path)
    await sign_in(stranger, EMAIL, path)
    await expect(stranger.get_by_role("heading")).to_contain_text("Let my laptop in?")
    assert await problems(stranger) == []
    await stranger.screenshot(path=PICTURES / f"authorize-{theme}.png")
    await stranger.get_by_role("button", name="Let it in").click()

    await expect(stranger.get_by_role("heading")).to_contain_text("my laptop is in")
    code = {"authorizationCode": asked["authorizationCode"]}
    assert site.call("POST", "/api/v1/token", code)["token"]["token"].startswith("tr_pat_")
    await page.goto(site.path("account"))
    await expect(page.locator("#tokens")).to_contain_text("my laptop")
    assert await problems(page) == []
    await page.locator("#tokens").scroll_into_view_if_needed()
    await page.screenshot(path=PICTURES / f"account-{theme}.png")
    await page.reload()  # both have left styles behind
    await page.get_by_role("button", name="Revoke my laptop").click()
    await expect(page.locator(".toast")).to_contain_text("The token my laptop is revoked")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_branch_is_opened_looked_at_and_archived(
    site: Site, open_page: OpenPage, theme: Literal["light", "dark"]
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page = await open_page(site, site.path("settings", "dev"), theme=theme, may_miss=True)

    await page.get_by_label("Branch").fill("two words")
    await page.get_by_role("button", name="Open the branch").click()
    await expect(page.get_by_role("alert")).to_contain_text("no name of a branch")
    await page.get_by_label("Branch").fill("feature/mail")
    await page.get_by_role("button", name="Open the branch").click()
    await page.wait_for_url("**/dev-feature-mail/settings")

    assert await problems(page) == []
    await page.screenshot(path=PICTURES / f"branches-{theme}.png")
    await page.reload()  # both have left styles behind
    await page.locator(".switcher").click()
    await expect(page.locator("#switch")).to_contain_text("feature/mail")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Archive").click()
    await page.wait_for_url("**/dev/settings")
    await expect(page.locator("#branches")).to_contain_text("archived")
    await page.locator(".switcher").click()
    await expect(page.locator("#switch")).not_to_contain_text("feature/mail")
    await page.goto(site.path("overview", "dev-feature-mail"))
    await expect(page.locator(".banner")).to_contain_text("was archived")
