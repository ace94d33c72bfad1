"""The pages of errors in a browser."""

import re
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.byhand import HandWorker
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site

ONCE = {"maxAttempts": 1}
TRACE = """Traceback (most recent call last):
  File "/app/trigger/mail.py", line 12, in send
    raise ValueError(address)
ValueError: no such address"""


def fail(site: Site, worker: HandWorker, *messages: str) -> list[str]:
    """Let a run of ``mail`` fail with each message; answers their ids."""
    ids = [site.trigger("mail") for _ in messages]
    for message in messages:
        (run,) = worker.fetch(1)
        failed = {"name": "ValueError", "message": message, "trace": TRACE}
        worker.report({"id": run["id"], "lease": run["lease"], "failed": failed})
    return ids


async def shown(page: Page, count: int) -> None:
    """Failures are grouped within a second or two; the page listens by then."""
    await expect(page.locator(".live")).to_contain_text("Live ·")
    await expect(page.locator("tr[data-id]")).to_have_count(count, timeout=10_000)


@pytest.mark.acceptance("S84")
async def test_errors_are_decided_by_keys_alone(site: Site, open_page: OpenPage) -> None:
    worker = HandWorker.make(site, "mail", retry=ONCE)
    fail(site, worker, "alpha", "bravo", "charlie")
    page = await open_page(site, "errors")
    await page.mouse.move(5, 5)
    await shown(page, 3)
    row = page.locator("tr[data-id]")

    await page.keyboard.press("j")
    await page.keyboard.press("e")

    await shown(page, 2)
    await expect(page.locator(".toast")).to_contain_text("Resolved 1 error")
    for key in "kxjxi":
        await page.keyboard.press(key)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast", has_text="until 100 more")).to_be_visible()
    await page.get_by_role("link", name=re.compile("^Ignored")).click()
    await expect(row.first).to_contain_text("for 100 more runs")
    await page.keyboard.press("j")
    await page.keyboard.press("Space")
    await expect(page.locator(".peek")).to_contain_text("trigger/mail.py")
    await page.keyboard.press("Escape")
    await page.keyboard.press("o")
    await expect(page.locator(".toast", has_text="Reopened 1 error.")).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.press("e")
    await expect(page).to_have_url(re.compile("/errors$"))
    await shown(page, 1)
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("ValueError")
    await page.keyboard.press("e")
    await expect(page.locator("#error-head")).to_contain_text("Resolved")


async def test_several_errors_are_resolved_by_mouse_and_one_is_reopened(
    site: Site, open_page: OpenPage
) -> None:
    worker = HandWorker.make(site, "mail", retry=ONCE)
    fail(site, worker, "alpha", "no address 17", "charlie")
    page = await open_page(site, "errors")
    await shown(page, 3)

    await page.get_by_role("checkbox", name="Select all on this page").click()
    await expect(page.locator("[data-bulk]")).to_contain_text("3 selected")
    await page.locator("[data-bulk]").get_by_role("button", name="Resolve").click()

    await expect(page.get_by_role("heading", name="Nothing is broken")).to_be_visible()
    await page.get_by_role("link", name=re.compile("^Resolved")).click()
    await page.locator("tr", has_text="no address").get_by_role("link", name="ValueError").click()
    await expect(page.locator(".error-said .varies")).to_have_text("17")
    await expect(page.locator("#error-head")).to_contain_text("resolved by You")
    await page.get_by_role("button", name="Reopen").click()
    await expect(page.locator(".toast", has_text="Reopened 1 error.")).to_be_visible()
    await page.get_by_role("button", name="Ignore").click()
    await page.get_by_role("menuitem", name="For ever").click()
    await expect(page.locator("#error-head")).to_contain_text("for ever")


async def test_a_failure_appears_where_one_looks_and_not_under_the_pointer(
    site: Site, open_page: OpenPage
) -> None:
    worker = HandWorker.make(site, "mail", retry=ONCE)
    fail(site, worker, "alpha")
    page = await open_page(site, "errors?period=1h")
    await page.mouse.move(5, 5)
    await shown(page, 1)
    await page.locator("tr[data-id]").hover()

    fail(site, worker, "alpha", "bravo")

    await expect(page.locator("tr", has_text="alpha").locator("td.r").first).to_have_text(
        "2", timeout=15_000
    )
    await expect(page.locator("tr[data-id]")).to_have_count(1)
    await page.mouse.move(5, 5)
    await shown(page, 2)
    await expect(page.locator("[data-place=errors] .count")).to_have_text("2")


@pytest.mark.acceptance("S84")
async def test_all_that_failed_alike_runs_again_from_the_page_of_its_error(
    site: Site, open_page: OpenPage
) -> None:
    worker = HandWorker.make(site, "mail", retry=ONCE)
    first, *_ = fail(site, worker, "alpha 1", "alpha 2")
    page = await open_page(site, f"runs/{first}", may_miss=True)
    same = page.locator(".same-error")
    await expect(same).to_contain_text("in 24 h", timeout=10_000)
    await same.get_by_role("link").click()
    await expect(page.locator("h1")).to_have_text("ValueError")
    await expect(page.locator("#occurrences canvas")).to_be_visible()
    await expect(page.locator("#error-runs tbody tr")).to_have_count(2)

    await page.keyboard.press("r")
    await expect(page.get_by_role("dialog")).to_contain_text("2 runs")
    await page.get_by_role("dialog").get_by_role("button", name="Replay all").click()

    await expect(page.locator(".toast").first).to_contain_text("Undo")
    assert len(worker.fetch(2)) >= 1
    await page.goto(site.path("errors"))
    await page.locator("tr[data-id] td.r a").first.click()
    await expect(page).to_have_url(re.compile(r"/runs\?error="))
    await expect(page.locator("tr[data-id]")).to_have_count(2)


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_errors_are_accessible_and_what_they_say_is_only_text(
    lived: Site, open_page: OpenPage, theme: Literal["dark", "light"]
) -> None:
    page = await open_page(lived, "errors?period=6h", theme=theme)
    evil = page.locator("tr[data-id]", has_text="<img src=x onerror=").first
    await expect(evil).to_be_visible()
    assert await problems(page) == []

    await evil.locator("a.name").click()

    await expect(page.locator("h1")).to_contain_text("<img src=x onerror=")
    await expect(page.locator("#occurrences canvas")).to_be_visible()
    assert await page.locator("img").count() == 0
    assert not (await page.title()).startswith("evil")
    assert await problems(page) == []


@pytest.mark.parametrize("path", ["errors?period=6h", "errors?status=ignored"])
async def test_errors_fit_a_phone(lived: Site, open_page: OpenPage, path: str) -> None:
    page = await open_page(lived, path, width=390, height=844)

    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    if "ignored" not in path:
        await page.locator("tr[data-id] a.name").first.click()
        await expect(page.locator("#occurrences canvas")).to_have_count(1)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
