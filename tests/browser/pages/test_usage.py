"""Usage and limits in a browser."""

import pytest
from playwright.async_api import expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site


@pytest.mark.acceptance("S105")
async def test_the_plan_is_changed_after_a_question(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "overview")
    await page.keyboard.press("g")
    await page.keyboard.press("u")
    await page.wait_for_url("**/usage")

    for name, said in (("pro", "of 1,000,000 runs"), ("unlimited", "runs, without a limit")):
        await page.get_by_role("button", name=f"Change to {name}").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_role("heading")).to_have_text(f"Change to {name}?")
        assert await problems(page) == []
        await dialog.get_by_role("button", name="Change the plan").click()
        await expect(page.locator("#used")).to_contain_text(said)
    assert await problems(page) == []
