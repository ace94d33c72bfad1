"""The pages of queues in a browser."""

from typing import Literal

import pytest
from playwright.async_api import expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.byhand import HandWorker
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site


async def test_a_queue_is_paused_from_the_list_with_a_note_and_resumed_by_a_click(
    site: Site, open_page: OpenPage
) -> None:
    HandWorker.make(site, "mail").leave()
    page = await open_page(site, "queues")
    switch = page.get_by_role("switch", name="mail hands out runs")

    await switch.click()
    await page.get_by_label("Why?").fill("The provider is down")
    await page.get_by_role("dialog").get_by_role("button", name="Pause").click()

    await expect(page.locator(".toast")).to_contain_text("Paused mail.")
    await expect(page.locator("tr", has_text="mail")).to_contain_text("The provider is down")
    await expect(switch).to_have_attribute("aria-checked", "false")
    assert site.call("GET", "/api/v1/queues/mail?type=task")["paused"] is True
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "true")
    assert site.call("GET", "/api/v1/queues/mail?type=task")["paused"] is False


async def test_a_queue_is_found_paused_and_limited_by_keys_alone(
    site: Site, open_page: OpenPage
) -> None:
    HandWorker.make(site, "mail", "other").leave()
    page = await open_page(site, "queues/task%2Fother")

    await page.keyboard.press("g")
    await page.keyboard.press("q")
    await page.wait_for_url("**/queues")
    await page.keyboard.press("/")
    await page.keyboard.type("mai")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/queues?q=mai")
    await page.keyboard.press("Escape")
    await page.locator("h1").click()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("mail")
    await page.keyboard.press("p")
    await page.keyboard.type("A look at <b>logs</b>")
    await page.keyboard.press("Enter")

    await expect(page.locator(".banner.is-ice")).to_contain_text("A look at <b>logs</b>")
    await page.keyboard.press("o")
    await page.keyboard.type("3")
    await page.keyboard.press("Enter")
    await expect(page.locator("#limits")).to_contain_text("Override3, set")


async def test_what_waits_is_counted_without_a_reload(site: Site, open_page: OpenPage) -> None:
    HandWorker.make(site, "mail").leave()
    site.trigger("mail")
    page = await open_page(site, "queues/task%2Fmail")
    await expect(page.locator(".live")).to_contain_text("Live ·")
    await expect(page.locator("#line tbody tr")).to_have_count(1)

    site.trigger("mail")

    await expect(page.locator("#line tbody tr")).to_have_count(2)
    await expect(page.locator("#line")).to_contain_text("No worker of prod is online")


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_queues_are_accessible_and_their_names_only_text(
    lived: Site, open_page: OpenPage, theme: Literal["dark", "light"]
) -> None:
    page = await open_page(lived, "queues", theme=theme)
    await expect(page.locator("tbody")).to_contain_text("<img src=x onerror=")
    assert await problems(page) == []

    await page.locator("a.name", has_text="<img src=x").click()
    await expect(page.locator("h1")).to_contain_text("<img src=x")
    assert await page.locator("img").count() == 0
    await page.goto(lived.path("queues/reports"))
    await expect(page.locator("#line")).to_contain_text("generate-report")
    assert await problems(page) == []
    await page.goto(lived.path("queues/reports?tab=keys"))
    assert await problems(page) == []


async def test_a_phone_shows_queues_without_sideways_scrolling(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "queues", width=390, height=844)

    await expect(page.locator("tr[data-id]").first).to_be_visible()
    for path in ("queues", "queues/reports", "queues/reports?tab=keys"):
        await page.goto(lived.path(path))
        wide = await page.locator(".scroll").first.evaluate("el => el.scrollWidth - el.clientWidth")
        assert wide <= 0, path
