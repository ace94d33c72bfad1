"""The page of alerts in a browser."""

from typing import Literal

import pytest
from playwright.async_api import expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site


@pytest.mark.acceptance("S94")
@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 390)])
async def test_an_alert_is_made_tested_and_deleted_after_being_asked(
    site: Site, open_page: OpenPage, theme: Literal["dark", "light"], width: int
) -> None:
    page = await open_page(site, "workers", theme=theme, width=width)
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await page.wait_for_url("**/alerts")
    await expect(page.locator("main")).to_contain_text("No alerts yet")
    assert await problems(page) == []

    await page.get_by_label("Name").fill("ops")
    await page.get_by_label("By", exact=True).select_option("webhook")
    await page.get_by_label("To", exact=True).fill("http://127.0.0.1:9/hook")
    await page.get_by_role("button", name="Make it").click()
    await expect(page.locator("main")).to_contain_text("whsec_")
    await page.get_by_role("button", name="Send a test of ops").click()
    await expect(page.locator("[role=status]").first).to_contain_text("private network")
    assert await problems(page) == []
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width

    await page.get_by_role("button", name="Delete ops").click()
    await page.locator("dialog[open]").get_by_role("button", name="Delete").click()
    await expect(page.locator("main")).to_contain_text("No alerts yet")
