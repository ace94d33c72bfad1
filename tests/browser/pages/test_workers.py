"""The pages of workers in a browser."""

from typing import Literal

import pytest
from playwright.async_api import expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.byhand import HandWorker
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site


async def test_a_worker_appears_with_its_busy_slots_and_leads_to_their_runs(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page(site, "workers")
    await expect(page.locator("h2")).to_contain_text(["No worker online"])

    worker = HandWorker.make(site, "mail", slots=3)
    run_id = site.trigger("mail")
    worker.fetch(1)

    await expect(page.locator("tbody tr")).to_contain_text("host-1 (4711)")
    await expect(page.locator("tbody tr")).to_contain_text("1 / 3")
    await page.locator(".is-busy").click()
    await page.wait_for_url(f"**/runs/{run_id}")


async def test_a_worker_is_opened_by_keys_and_it_ends_before_ones_eyes(
    site: Site, open_page: OpenPage
) -> None:
    worker = HandWorker.make(site, "mail", slots=2)
    site.trigger("mail")
    run = worker.fetch(1)[0]
    page = await open_page(site, "queues")
    await page.keyboard.press("g")
    await page.keyboard.press("k")
    await page.wait_for_url("**/workers")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")

    await page.wait_for_url(f"**/workers/{worker.id}")
    await expect(page.locator("#hands tbody tr")).to_contain_text("mail")
    worker.complete(run)
    await expect(page.locator("#hands")).to_contain_text("Nothing in its hands")
    worker.leave()
    await expect(page.locator("#hands")).to_contain_text("Its session has ended")


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_workers_are_accessible(
    site: Site, open_page: OpenPage, theme: Literal["dark", "light"]
) -> None:
    worker = HandWorker.make(site, "slow-one", slots=9)
    for _ in range(3):
        site.trigger("slow-one")
    worker.fetch(3)
    page = await open_page(site, "workers", theme=theme)
    await expect(page.locator("tbody tr").first).to_be_visible()
    assert await problems(page) == []

    await page.goto(site.path(f"workers/{worker.id}"))
    await expect(page.locator(".squares.is-large")).to_be_visible()
    assert await problems(page) == []
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(site.path("workers"))
    wide = await page.locator(".scroll").first.evaluate("el => el.scrollWidth - el.clientWidth")
    assert wide <= 0
