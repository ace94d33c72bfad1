"""The page of keys in a browser."""

import urllib.error
import urllib.request

import pytest
from playwright.async_api import Page, expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site


async def copied(page: Page) -> str:
    return str(await page.evaluate("navigator.clipboard.readText()"))


def opens(site: Site, key: str) -> bool:
    request = urllib.request.Request(
        f"{site.live.url}/api/v1/whoami", headers={"authorization": f"Bearer {key}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    return {200: True, 401: False}[status]


@pytest.mark.acceptance("S12")
async def test_both_root_keys_are_copied_in_a_click_and_a_new_one_leaves_the_old_a_day(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page(site, site.path("keys"))

    await page.get_by_role("button", name="Copy the root key of prod").click()
    assert await copied(page) == site.live.prod_key
    await page.get_by_role("button", name="Copy the root key of dev").click()
    assert await copied(page) == site.live.dev_key

    await page.keyboard.press("x")
    await expect(page.get_by_role("dialog")).to_contain_text("goes on working for 24 hours")
    await page.get_by_role("dialog").get_by_role("button", name="Make it").click()
    await expect(page.locator(".toast")).to_contain_text("A new root key.")
    await page.get_by_role("button", name="Copy the root key of prod").click()
    fresh = await copied(page)

    assert fresh != site.live.prod_key
    assert fresh.startswith("tr_prod_")
    assert opens(site, fresh)
    assert opens(site, site.live.prod_key)


async def test_a_key_is_made_shown_once_and_revoked_by_keyboard(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page(site, site.path("overview"))
    await page.keyboard.press("g")
    await page.keyboard.press("y")
    await page.wait_for_url("**/keys")
    await page.keyboard.press("n")
    await page.keyboard.type("Shop")
    await page.keyboard.press("Enter")

    made = page.locator("#made")
    await expect(made).to_contain_text("Copy it now")
    key = (await made.locator("pre").inner_text()).strip()
    assert opens(site, key)

    await page.goto(site.path("keys"))
    assert key not in await page.content()
    await page.get_by_role("button", name="Revoke Shop").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Revoke Shop?")
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(page.locator(".toast")).to_contain_text("The key Shop is revoked.")
    assert not opens(site, key)


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_the_page_of_keys_is_accessible_and_fits_a_phone(
    site: Site, open_page: OpenPage, theme: str
) -> None:
    page = await open_page(
        site, site.path("keys"), theme="light" if theme == "light" else "dark", width=390
    )

    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not await problems(page)
