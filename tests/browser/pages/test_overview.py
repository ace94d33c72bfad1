"""The overview in a browser: figures, charts, panels, and how they live."""

import re
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.byhand import HandWorker
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site


async def figure(page: Page, label: str) -> str:
    """A figure of the strip, as soon as there is one: counts are rolled up once a second."""
    value = page.locator(".kpi", has_text=label).locator(".value > span").first
    await expect(value).not_to_have_text("0")
    return await value.inner_text()


async def middle(chart: Locator, share: float) -> tuple[float, float]:
    """A place in a chart, by its share of the width."""
    box = await chart.locator(".u-over").bounding_box()
    assert box
    return box["x"] + box["width"] * share, box["y"] + box["height"] / 2


async def test_a_drag_over_a_chart_looks_closer_and_a_double_click_goes_back(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "overview?period=6h")
    chart = page.locator("#outcomes .chart")
    await expect(chart.locator("canvas")).to_be_visible()
    whole = int((await figure(page, "Runs")).replace(",", ""))

    await page.mouse.move(*(await middle(chart, 0.9)))
    await page.mouse.down()
    await page.mouse.move(*(await middle(chart, 0.99)), steps=4)
    await page.mouse.up()
    await page.wait_for_url("**from=*")

    query = parse_qs(urlsplit(page.url).query)
    start, end = int(query["from"][0]), int(query["to"][0])
    assert 0 < end - start < 3_600_000
    assert "period" not in query
    inside = int(await figure(page, "Runs"))
    assert 0 < inside < whole
    await page.mouse.dblclick(*(await middle(page.locator("#took .chart"), 0.5)))
    await expect(page).not_to_have_url(re.compile("from="))
    await page.goto(lived.path(f"runs?from={start}&to={end}"))
    await expect(page.locator(".stat", has_text="Runs").locator("b")).to_have_text(str(inside))


async def test_charts_share_one_cursor_and_legends_switch_series(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "overview?period=6h")
    runs, times = page.locator("#outcomes .chart"), page.locator("#took .chart")
    await expect(times.locator("canvas")).to_be_visible()

    await page.mouse.move(*(await middle(runs, 0.97)))

    await expect(runs.locator(".chart-tip")).to_contain_text("completed")
    await expect(times.locator(".u-cursor-x")).to_be_visible()
    await expect(times.locator(".chart-tip")).to_be_hidden()
    await page.locator("#outcomes [data-series=completed]").click()
    await page.mouse.move(*(await middle(runs, 0.97)))
    await expect(runs.locator(".chart-tip")).not_to_contain_text("completed")
    await page.keyboard.press("\\")
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")
    await expect(page.locator("#outcomes [data-series=completed]")).to_have_attribute(
        "aria-pressed", "false"
    )
    await expect(runs.locator("canvas")).to_have_count(1)
    await page.get_by_role("button", name="Show data: Runs").click()
    await expect(page.locator("#outcomes-data")).to_contain_text("completed")


@pytest.mark.acceptance("S81")
async def test_a_new_project_shows_its_first_steps_and_then_lives(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page(site, "/")
    await expect(page.locator("h1")).to_have_text("Overview")
    await expect(page.locator(".steps")).to_contain_text("hairtrigger dev")

    worker = HandWorker.make(site, "mail", queue={"name": "post", "concurrencyLimit": 1})
    site.trigger("mail")
    site.trigger("mail")

    await expect(page.locator("#queues")).to_contain_text("2 queued")
    await expect(page.locator(".steps")).to_have_count(0)
    runs = worker.fetch()
    await expect(page.locator("#queues")).to_contain_text("1/1")
    await expect(page.locator("#queues .f-retry")).to_have_count(1)
    await expect(page.locator(".kpi", has_text="Runs")).to_contain_text("0")
    worker.complete(*runs)
    await expect(page.locator(".kpi", has_text="Success rate")).to_contain_text("100%")
    for _ in range(2):  # paused and resumed, all is fetched at once
        await page.keyboard.press("L")
    chart = page.locator("#outcomes .chart")
    await expect(chart).to_have_attribute("data-chart", re.compile('"completed","values":.*1'))
    await expect(chart.locator("canvas")).to_have_count(1)
    await page.mouse.move(*(await middle(chart, 0.995)))
    await expect(chart.locator(".chart-tip")).to_contain_text("completed1")


async def test_runs_that_nobody_takes_are_said(site: Site, open_page: OpenPage) -> None:
    HandWorker.make(site, "mail").leave()
    site.trigger("mail")

    page = await open_page(site, "overview")

    await expect(page.locator(".overview-banner")).to_contain_text("No worker online. 1 run waits.")


async def test_the_overview_can_be_read_without_scripts(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "overview?period=6h", scripts=False)

    assert await page.locator("#outcomes .chart > svg rect").count() > 5
    await expect(page.locator("#took .chart > svg polyline")).to_have_count(3)
    await expect(page.locator("#tasks tbody tr")).to_have_count(7)
    await expect(page.locator("#coming")).to_contain_text("cleanup-logs")
    await page.locator("#errors a.overview-error").first.click()
    await expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_the_overview_is_accessible_and_names_are_only_text(
    lived: Site, open_page: OpenPage, theme: Literal["dark", "light"]
) -> None:
    page = await open_page(lived, "overview?period=6h", theme=theme)
    await expect(page.locator("#took canvas")).to_be_visible()

    await expect(page.locator("#errors")).to_contain_text("<img src=x onerror=")
    assert await page.locator("img").count() == 0
    assert not (await page.title()).startswith("evil")
    assert await problems(page) == []


async def test_the_overview_fits_a_phone(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "overview?period=6h", width=390, height=844)
    await expect(page.locator("#took canvas")).to_have_count(1)

    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (
        await page.locator(".scroll").first.evaluate("el => el.scrollWidth - el.clientWidth") <= 0
    )
