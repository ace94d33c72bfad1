"""The list of runs in a browser."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from tests.browser.pages.byhand import HandWorker
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

    await expect(page.locator(f"#{run_id}")).to_be_visible()


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


@pytest.mark.acceptance("S81")
async def test_columns_are_chosen_and_kept_as_a_view(site: Site, open_page: OpenPage) -> None:
    site.trigger("mail", {"user": {"id": "u_7"}})
    page = await open_page(site, "runs")
    heads = page.locator(".runs th")
    await expect(heads.filter(has_text="Attempt")).to_have_count(1)

    await page.keyboard.press("v")
    await page.get_by_label("Version", exact=True).uncheck()
    await page.get_by_label("Attempt", exact=True).uncheck()
    await page.get_by_label("Values as columns").fill("payload.user.id")
    await page.get_by_role("button", name="Queue further left").click()
    await page.get_by_role("button", name="Show", exact=True).click()

    await page.wait_for_url("**columns=*")
    await expect(heads).to_have_text(
        ["", "Status", "Task", "Queue", "Run", "Created", "Duration drawn", "Duration", "payload.user.id"]
    )  # fmt: skip
    await expect(page.locator("tr[data-id]").first).to_contain_text("u_7")
    await page.keyboard.press("v")
    await page.get_by_label("Name of this view").fill("By user")
    await page.get_by_role("button", name="Keep", exact=True).click()
    await expect(page.locator(".toast")).to_have_text("Kept as By user.")
    await page.keyboard.press("g")
    await page.keyboard.press("t")
    await page.wait_for_url("**/tasks")
    await page.locator(".nav").get_by_role("link", name="By user").click()
    await expect(heads.last).to_have_text("payload.user.id")


async def test_views_come_into_the_sidebar_however_soon_one_goes_on(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page(site, "runs")
    await page.keyboard.press("v")
    await page.get_by_label("Name of this view").fill("All of it")
    gone_on = asyncio.Event()

    async def held(route: Route) -> None:
        if route.request.method == "GET":
            await gone_on.wait()
        await route.continue_()

    await page.route("**/views", held)
    await page.get_by_role("button", name="Keep", exact=True).click()
    await expect(page.locator(".toast")).to_have_text("Kept as All of it.")
    await page.keyboard.press("g")
    await page.keyboard.press("t")
    await page.wait_for_url("**/tasks")
    gone_on.set()

    await expect(page.locator(".nav").get_by_role("link", name="All of it")).to_be_visible()


async def test_a_page_says_that_no_worker_is_there_until_one_comes(
    site: Site, open_page: OpenPage
) -> None:
    site.trigger("mail")
    page = await open_page(site, "runs")
    banner = page.locator("[data-no-worker]")
    await expect(banner).to_contain_text("No worker is online. 1 run waits for one")

    HandWorker.make(site, "mail")

    await expect(banner).to_be_hidden()
    await expect(page.locator("[data-text=workers]")).to_have_text("1 worker online")


async def test_what_one_list_selected_is_not_selected_in_the_next(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "runs?period=1h")
    await expect(page.locator(".live")).to_contain_text("Live ·")
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.locator("[data-bulk]")).to_contain_text("1 selected")

    await page.get_by_role("link", name="Failed").click()

    await expect(page.locator("tr[data-id]").first).to_contain_text("Failed")
    await expect(page.locator("[data-bulk]")).to_be_hidden()
    await expect(page.locator(".live")).to_contain_text("Live ·")
    for key in ("j", "Shift+j", "Shift+j"):
        await page.keyboard.press(key)
    await expect(page.locator("[data-bulk]")).to_contain_text("2 selected")
