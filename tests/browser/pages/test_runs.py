"""The list of runs in a browser."""

import pytest
from playwright.async_api import expect

from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site


@pytest.mark.acceptance("S06", "S81")
async def test_runs_are_listed_newest_first_and_filtered_by_a_click(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "runs?period=1h")
    rows = page.locator("tr[data-id]")

    await expect(rows).to_have_count(50)
    await expect(rows.first).to_contain_text("not-there-yet")
    await page.get_by_role("link", name="Failed").click()

    await expect(page).to_have_url(lived.live.url + lived.path("runs?period=1h&status=FAILED"))
    await expect(rows.first).to_contain_text("Failed")
    assert {await row.get_attribute("data-status") for row in await rows.all()} == {"FAILED"}


@pytest.mark.acceptance("S81")
async def test_a_new_run_appears_within_a_second_without_a_reload(
    site: Site, open_page: OpenPage
) -> None:
    site.trigger("first")
    page = await open_page(site, "runs")
    await page.mouse.move(5, 5)
    await expect(page.locator("tr[data-id]")).to_have_count(1)
    await expect(page.locator(".live")).to_contain_text("Live ·")

    run_id = site.trigger("second")

    await expect(page.locator(f"#{run_id}")).to_be_visible(timeout=2_000)


async def test_what_names_and_payloads_hold_is_only_ever_text(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "runs?status=FAILED&period=1h")
    await page.locator("tr[data-id]", has_text="<img src=x").locator("a.name").click()

    await expect(page.locator("h1")).to_contain_text("<img src=x onerror=")
    await expect(page.locator(".inspector")).to_contain_text("onerror")
    assert await page.locator("img").count() == 0
    assert not (await page.title()).startswith("evil")


async def test_a_list_is_read_by_keys_alone(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "runs?period=1h")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.locator("[data-bulk]")).to_contain_text("1 selected")

    await page.keyboard.press("Escape")
    await page.keyboard.press("Space")
    await expect(page.locator(".peek")).to_be_visible()
    await page.keyboard.press("Escape")
    second = await page.locator("tr[data-id]").nth(1).get_attribute("data-id")
    await page.keyboard.press("Enter")

    await expect(page).to_have_url(lived.live.url + lived.path(f"runs/{second}"))


async def test_a_page_without_scripts_can_be_read(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "runs?period=1h", scripts=False)

    await expect(page.locator("tr[data-id]")).to_have_count(50)
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator("tr[data-id]")).to_have_count(50)
