"""Every page there is, in both themes and on a phone: drawn, quiet, and with nobody's script run. Pictures of them
are kept in ``build/pages``."""

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site

PICTURES = Path(__file__).parents[3] / "build" / "pages"
LISTS = (
    "overview",
    "runs",
    "errors",
    "logs",
    "tasks",
    "schedules",
    "queues",
    "batches",
    "deployments",
    "workers",
    "alerts",
)
OTHERS = (
    "bulk-actions", "schedules/new", "keys", "env", "usage", "settings", "settings?tab=members",
    "settings?tab=server", "settings?tab=audit", "account",
)  # fmt: skip


async def places(page: Page, site: Site) -> list[str]:
    """Every list, the first thing in each, and what is behind that."""
    found = [*LISTS, *OTHERS]
    for name in LISTS:
        await page.goto(site.path(f"{name}?period=24h" if name in ("runs", "errors") else name))
        links = await page.locator("main tbody a").evaluate_all(
            "(all) => all.map((one) => one.getAttribute('href'))"
        )
        inside = [link for link in links if link.startswith(site.path(f"{name}/"))]
        if inside and name != "workers":  # theirs ends with its lease, before it can be opened
            found.append(inside[0].removeprefix(site.path("")))
    run = next(one for one in found if one.startswith("runs/"))
    task = next(one for one in found if one.startswith("tasks/"))
    return [*found, f"{run}?tab=events", f"{task}/test"]


@pytest.mark.parametrize(("theme", "width"), [("dark", 1440), ("light", 1440), ("dark", 390)])
async def test_every_page_is_drawn_and_runs_nothing_of_what_it_shows(
    lived: Site, open_page: OpenPage, theme: Literal["dark", "light"], width: int
) -> None:
    page = await open_page(lived, "overview", theme=theme, width=width)
    PICTURES.mkdir(parents=True, exist_ok=True)
    missing: list[str] = []
    page.on("response", lambda one: missing.append(one.url) if one.status >= 400 else None)
    seen = await places(page, lived)
    assert len(seen) > len(LISTS) + len(OTHERS) + 5, seen

    for path in seen:
        await page.goto(lived.path(path))
        await expect(page.locator("h1").first, path).to_be_visible()
        assert await page.locator("img").count() == 0, path
        assert not (await page.title()).startswith("evil"), path
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} px wide"
        name = re.sub(r"(?:run|batch|worker|sched)_[0-9a-f]+|[0-9a-f]{20}", "one", path)
        name = re.sub(r"[^\w.]+", "-", re.sub(r"%\w\w|<[^>]*>", "", name))[:60]
        await page.screenshot(path=PICTURES / f"{name}-{theme}-{width}.png")
    assert missing == []
