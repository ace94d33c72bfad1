"""The pages of schedules in a browser."""

import asyncio
from typing import Any, Literal

import pytest
from playwright.async_api import Route, expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.byhand import HandWorker
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site

EVIL = "<img src=x onerror=\"document.title='evil'\">"


def made(site: Site, **given: Any) -> str:
    """A schedule made over the API; answers its id."""
    body = {
        "task": "remind",
        "cron": "0 8 * * 1-5",
        "timezone": "America/New_York",
        "deduplicationKey": "",
    }
    name: str = site.call("POST", "/api/v1/schedules", {**body, **given})["id"]
    return name


def listed(site: Site) -> list[Any]:
    found: list[Any] = site.call("GET", "/api/v1/schedules")["data"]
    return found


@pytest.mark.acceptance("S62")
async def test_a_schedule_is_made_with_its_pattern_said_while_it_is_typed(
    site: Site, open_page: OpenPage
) -> None:
    HandWorker.make(site, "remind", scheduled=True).leave()
    page = await open_page(site, "schedules")
    await page.keyboard.press("n")
    await expect(page.locator("h1")).to_have_text("New schedule")

    await page.get_by_label("Pattern").fill("61 * * * *")
    await expect(page.locator("[data-seen]")).to_contain_text("minute: '61' is not 0-59")
    await page.get_by_role("link", name="Weekdays at 9").click()
    await expect(page.get_by_label("Pattern")).to_have_value("0 9 * * 1-5")
    await expect(page.locator("[data-seen]")).to_contain_text("At 09:00 on Monday through Friday")
    await page.get_by_label("Pattern").fill("30 2 * * *")
    await page.get_by_label("Time zone").fill("Europe/Berlin")
    await expect(page.locator("[data-seen] .note")).to_have_count(2)
    await expect(page.locator("[data-seen] tbody tr")).to_have_count(5)
    await expect(page.locator("[data-seen]")).to_contain_text("does not exist")
    await page.get_by_label("Task").select_option("remind")
    await page.get_by_label("External id").fill(EVIL)
    await page.keyboard.press("ControlOrMeta+Enter")

    await expect(page.locator("h1")).to_have_text("remind")
    await expect(page.locator(".toast")).to_contain_text("Made.")
    await expect(page.locator("#schedule-head")).to_contain_text("At 02:30 every day Europe/Berlin")
    await expect(page.locator("#schedule-head")).to_contain_text(EVIL)
    assert await page.locator("img").count() == 0
    (one,) = listed(site)
    assert (one["generator"]["expression"], one["timezone"]) == ("30 2 * * *", "Europe/Berlin")
    await page.get_by_label("Pattern").fill("0 4 * * *")
    await page.keyboard.press("ControlOrMeta+Enter")
    await expect(page.locator("#schedule-head")).to_contain_text("At 04:00 every day")


async def test_a_pattern_typed_before_the_scripts_of_the_page_are_there_is_said_too(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page(site, "overview")
    typed = asyncio.Event()

    async def held(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await page.route("**/cron.js*", held)
    await page.goto(site.path("schedules/new"), wait_until="commit")
    await page.get_by_label("Pattern").fill("61 * * * *")
    typed.set()
    await expect(page.locator("[data-seen]")).to_contain_text("minute: '61' is not 0-59")


async def test_a_schedule_is_switched_off_and_on_and_shows_its_next_times(
    site: Site, open_page: OpenPage
) -> None:
    HandWorker.make(site, "remind", scheduled=True).leave()
    made(site, externalId="user_7")
    page = await open_page(site, "schedules?q=user_7")
    switch = page.get_by_role("switch")

    await page.locator(".next").hover()
    times = page.locator(".next-times:popover-open")
    await expect(times.locator("tbody tr")).to_have_count(5)
    await expect(times).to_contain_text("America/New_YorkYours")
    await expect(times.locator("td").first).to_contain_text("08:00 E")  # EST or EDT
    await expect(times.locator("td").nth(1)).to_contain_text("1")  # 12:00 or 13:00 in UTC
    await page.mouse.move(600, 700)
    await expect(times).to_have_count(0)
    await switch.click()
    await expect(switch).to_have_attribute("aria-checked", "false")
    await expect(page.locator("#list")).to_contain_text("paused")
    assert listed(site)[0]["active"] is False
    assert page.url.endswith("/schedules?q=user_7")
    await page.locator("h1").click()
    await page.keyboard.press("j")
    await page.keyboard.press("p")

    await expect(switch).to_have_attribute("aria-checked", "true")
    assert listed(site)[0]["active"] is True


async def test_a_schedule_runs_now_and_is_deleted_by_keys_alone(
    site: Site, open_page: OpenPage
) -> None:
    HandWorker.make(site, "remind", scheduled=True).leave()
    name = made(site)
    page = await open_page(site, "schedules")

    await page.keyboard.press("j")
    await page.keyboard.press("r")
    await page.wait_for_url("**/runs/run_*")
    await expect(page.locator(".facts-row")).to_contain_text("by its schedule")
    await page.keyboard.press("g")
    await page.keyboard.press("s")
    await expect(page.locator("#list .last")).to_contain_text("ago")
    await page.locator("h1").click()
    await page.keyboard.press("j")
    await page.keyboard.press("d")
    await expect(page.get_by_role("dialog")).to_contain_text("Runs that it has made stay.")
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    await expect(page.locator(".toast").last).to_contain_text("Deleted a schedule of remind.")
    assert name not in {one["id"] for one in listed(site)}


async def test_schedules_need_no_scripts(site: Site, open_page: OpenPage) -> None:
    HandWorker.make(site, "remind", scheduled=True).leave()
    made(site)
    page = await open_page(site, "schedules", scripts=False)

    await page.get_by_role("switch").click()
    await expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "false")
    await page.get_by_role("link", name="New schedule").click()
    await page.get_by_role("link", name="Monthly").click()
    await expect(page.locator("[data-seen]")).to_contain_text("first day of every month")
    await page.get_by_label("Task").select_option("remind")
    await page.get_by_role("button", name="Make it").click()

    await expect(page.locator("#schedule-head")).to_contain_text("first day of every month")


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_pages_of_schedules_are_accessible(
    lived: Site, site: Site, open_page: OpenPage, theme: Literal["dark", "light"]
) -> None:
    page = await open_page(lived, "schedules", theme=theme)
    await page.locator("tr[data-id]").first.hover()
    assert await problems(page) == []
    await page.locator("a.name").first.click()
    await expect(page.locator("#schedule-head")).to_be_visible()
    assert await problems(page) == []

    HandWorker.make(site, "remind", scheduled=True).leave()
    name = made(site, externalId=EVIL)
    page = await open_page(site, f"schedules/{name}", theme=theme)
    await expect(page.locator("[data-seen] tbody tr")).to_have_count(5)
    assert await problems(page) == []
    await page.goto(site.path("schedules/new?cron=30+2+*+*+*&timezone=Europe/Berlin"))
    await expect(page.locator("[data-seen] .note")).to_have_count(2)
    assert await problems(page) == []
    await page.goto(site.path("schedules"))
    await expect(page.locator("#list")).to_contain_text(EVIL)
    assert await problems(page) == []


async def test_a_phone_shows_schedules_without_sideways_scrolling(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "schedules", width=390, height=844)
    href = await page.locator("tr[data-id]").first.get_attribute("data-href")
    assert href is not None

    for path in ("schedules", "schedules/new", href):
        await page.goto(lived.path(path))
        for box in (".scroll", ".schedule-page", ".top"):
            for one in await page.locator(box).all():
                wide = await one.evaluate("el => el.scrollWidth - el.clientWidth")
                assert wide <= 0, (path, box)
