"""The pages of batches in a browser."""

import json
import urllib.request
from typing import Literal

import pytest
from playwright.async_api import expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.byhand import HandWorker
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site

EVIL = "<img src=x onerror=\"document.title='evil'\">"


def batch(site: Site, task: str, count: int) -> str:
    """A batch of runs of a task; its id."""
    made: str = site.call("POST", "/api/v3/batches", {"runCount": count})["id"]
    lines = [json.dumps({"index": n, "task": task, "payload": str(n)}) for n in range(count)]
    request = urllib.request.Request(
        f"{site.live.url}/api/v3/batches/{made}/items",
        "\n".join(lines).encode(),
        {
            "authorization": f"Bearer {site.live.prod_key}",
            "content-type": "application/x-ndjson",
        },
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30):
        return made


async def test_a_batch_is_opened_by_keys_lives_and_has_its_failures_replayed(
    site: Site, open_page: OpenPage
) -> None:
    worker = HandWorker.make(site, "mail")
    batch(site, "mail", 6)
    page = await open_page(site, "queues")
    await page.keyboard.press("g")
    await page.keyboard.press("b")
    await page.wait_for_url("**/batches")
    await expect(page.locator("tbody tr")).to_contain_text("0 of 6")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("mail")

    runs = worker.fetch(4)
    worker.complete(*runs[:2])
    worker.fail(runs[2])

    await expect(page.locator(".batch-share")).to_contain_text("3 of 6 items", timeout=6_000)
    await expect(page.locator(".batch-grid > .b-ok")).to_have_count(2)
    await expect(page.locator(".batch-items tbody tr").first).to_contain_text("Failed")
    await page.keyboard.press("r")
    await page.wait_for_url("**/bulk-actions/*")
    worker.complete(runs[3], *worker.fetch(2))
    (again,) = worker.fetch(1)
    assert again["replayOf"] == runs[2]["id"]


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_batches_are_accessible_and_their_tasks_only_text(
    site: Site, open_page: OpenPage, theme: Literal["dark", "light"]
) -> None:
    worker = HandWorker.make(site, EVIL)
    made = batch(site, EVIL, 12)
    runs = worker.fetch(4)
    worker.complete(*runs[:2])
    worker.fail(runs[2])
    page = await open_page(site, "batches", theme=theme)
    await expect(page.locator("tbody")).to_contain_text("<img src=x onerror=")
    assert await problems(page) == []

    await page.goto(site.path(f"batches/{made}"))
    await expect(page.locator("h1")).to_contain_text("<img src=x")
    assert await page.locator("img").count() == 0
    assert await problems(page) == []
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in ("batches", f"batches/{made}"):
        await page.goto(site.path(path))
        wide = await page.locator(".scroll").evaluate("el => el.scrollWidth - el.clientWidth")
        assert wide <= 0, path
