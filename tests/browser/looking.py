"""Looking at a stage: its rows, what they say and where they are."""

import re

from playwright.async_api import FloatRect, Locator, Page, expect

from tests.browser.stage import Stage


async def opened(page: Page, stage: Stage, query: str = "") -> Locator:
    """The rows of a stage's trace, as soon as there are some."""
    await page.goto(stage.url + query)
    rows = page.locator(".trace-row")
    await expect(rows.first).to_be_visible()
    return rows


def named(page: Page, name: str) -> Locator:
    """The first row with a name."""
    return page.locator(
        ".trace-row", has=page.locator(".name", has_text=re.compile(f"^{name}$"))
    ).first


async def names(page: Page) -> list[str]:
    """The names of the rows that are there, from the top."""
    return await page.locator(".trace-row .name").all_inner_texts()


async def bar(row: Locator) -> FloatRect:
    box = await row.locator(".span-bar").bounding_box()
    assert box is not None
    return box


async def length(row: Locator) -> float:
    """What a bar's label says, in seconds."""
    return float((await row.locator(".span-label").inner_text()).removesuffix(" s"))


async def drawn(page: Page) -> None:
    """What was asked for has been drawn."""
    await page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


async def nothing_is_asked(page: Page, stage: Stage) -> None:
    """In a minute of the page's time there is no request."""
    stage.asked.clear()
    await page.clock.fast_forward(60_000)
    await drawn(page)
    assert stage.asked == []
