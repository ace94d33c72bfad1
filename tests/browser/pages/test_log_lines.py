"""The page of log lines across runs in a browser."""

import time
from typing import Any, Literal

import pytest
from playwright.async_api import expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.byhand import HandWorker
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site


def say(worker: HandWorker, run: dict[str, Any], seq: int, level: str, message: str) -> None:
    now = int(time.time() * 1_000)
    worker.report(events=[[run["id"], run["lease"], now, seq, level, message, {"seq": seq}]])


async def test_lines_are_found_by_a_click_opened_and_lead_to_their_run(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "logs?period=1h")
    rows = page.locator("tr[data-id]")
    await expect(rows).to_have_count(200)

    await page.get_by_label("Level").get_by_role("link", name="warn").click()
    await expect(page).to_have_url(lived.live.url + lived.path("logs?period=1h&level=warn"))
    await expect(rows.first).to_contain_text("WARN")
    first = rows.first
    await first.locator("summary").click()

    await expect(first.locator("dl")).to_contain_text('{ "n": 2 }')
    await first.get_by_role("link", name="Open in run").click()
    await page.wait_for_url("**/runs/run_*")


async def test_a_line_is_searched_and_opened_by_keys_alone(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "queues")
    await page.keyboard.press("g")
    await page.keyboard.press("l")
    await page.wait_for_url("**/logs")
    await page.keyboard.press("/")
    await page.keyboard.type('task:generate-report "line 1"')
    await page.keyboard.press("Enter")
    await expect(page.locator(".all-logs tbody")).to_contain_text("line 1 of generate-report")
    await expect(page.locator(".all-logs tbody")).not_to_contain_text("line 2")

    await page.locator("h1").click()
    await page.keyboard.press("j")
    await page.keyboard.press("Space")
    await expect(page.locator(".peek")).to_contain_text("generate-report")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/runs/run_*")


async def test_new_lines_come_by_themselves(site: Site, open_page: OpenPage) -> None:
    worker = HandWorker.make(site, "mail")
    site.trigger("mail")
    run = worker.fetch(1)[0]
    say(worker, run, 1, "info", "the first line")
    page = await open_page(site, "logs")
    await page.mouse.move(5, 5)
    await expect(page.locator("tr[data-id]")).to_have_count(1)

    say(worker, run, 2, "error", "the second line")

    await expect(page.locator("tr[data-id]").first).to_contain_text(
        "the second line", timeout=9_000
    )


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_log_lines_are_accessible_and_only_text(
    lived: Site, open_page: OpenPage, theme: Literal["dark", "light"]
) -> None:
    page = await open_page(lived, "logs?period=1h", theme=theme)
    evil = page.locator("tr[data-id]", has_text="<img src=x")

    await evil.locator("summary").click()

    await expect(evil.locator("dl")).to_contain_text("onerror")
    assert await page.locator("img").count() == 0
    assert await problems(page) == []
    await page.set_viewport_size({"width": 390, "height": 844})
    wide = await page.locator(".scroll").evaluate("el => el.scrollWidth - el.clientWidth")
    assert wide <= 0
