"""What stands around every page: themes, phones, keys, accessibility, weight, and a server that goes away."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site
from tests.server.dashboard.test_words import AGO, COUNTS, DURATIONS, RATES

PAGES = (
    "runs?period=6h",
    "runs?status=FAILED&period=6h",
    "runs?q=nothing-like-it",
    "bulk-actions",
    "nowhere",
)
COLD_BYTES, SCRIPT_BYTES = 150_000, 60_000
STYLE_BYTES = 20_000  # of all pages in one sheet, so that none flashes when it is come to by a link
_WEIGHT = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
  .map((one) => [new URL(one.name).pathname, one.transferSize])"""


async def serious(page: Page) -> list[str]:
    """What the checker of accessibility finds that is serious, each with the first element."""
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("path", PAGES)
async def test_pages_have_no_serious_fault_of_accessibility(
    lived: Site, open_page: OpenPage, path: str, theme: str
) -> None:
    page = await open_page(lived, path, theme=theme, may_miss=True)  # type: ignore[arg-type]
    await expect(page.locator("h1")).to_be_visible()

    assert await serious(page) == []


@pytest.mark.parametrize("path", PAGES)
async def test_pages_fit_a_phone(lived: Site, open_page: OpenPage, path: str) -> None:
    page = await open_page(lived, path, width=390, height=844, may_miss=True)
    await expect(page.locator("h1")).to_be_visible()

    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.get_by_role("button", name="Open the navigation").click()
    await page.locator(".nav").get_by_role("link", name="Runs").click()
    await expect(page.locator(".side")).not_to_be_in_viewport()


async def test_the_theme_is_kept_and_a_key_turns_it(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "runs", theme="light")
    html = page.locator("html")
    await expect(html).to_have_attribute("data-theme", "light")

    await page.keyboard.press("\\")
    await expect(html).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(html).to_have_attribute("data-theme", "dark")


async def test_the_palette_goes_everywhere_by_keys_alone(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "runs?period=6h")
    run_id = await page.locator("tr[data-id]").nth(4).get_attribute("data-id")
    assert run_id

    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("option").first).to_be_visible()  # it takes what is typed
    await page.keyboard.type(run_id)
    await page.keyboard.press("Enter")  # of what was typed, whether its answer has come yet or not
    await expect(page.locator(".run-id")).to_have_text(run_id)

    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await expect(page.locator("h1")).to_have_text("Runs")
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()


async def test_a_first_visit_is_light(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "runs?period=1h")
    await expect(page.locator("tr[data-id]").first).to_be_visible()
    await page.wait_for_function(
        "() => document.fonts.status === 'loaded' && document.querySelector('.live').textContent.includes('·')"
    )

    sizes: list[tuple[str, int]] = await page.evaluate(_WEIGHT)
    total = sum(size for _, size in sizes)
    print("first visit", total, sorted(sizes, key=lambda one: -one[1])[:6])

    assert total <= COLD_BYTES
    assert sum(size for name, size in sizes if name.endswith(".js")) <= SCRIPT_BYTES
    assert sum(size for name, size in sizes if name.endswith(".css")) <= STYLE_BYTES


async def test_a_server_that_goes_away_is_said_and_comes_back_without_a_reload(
    site: Site, open_page: OpenPage
) -> None:
    site.trigger("first")
    page = await open_page(site, "runs", may_miss=True)
    pill = page.locator(".live")
    await expect(pill).to_contain_text("Live ·")
    server = site.live.server
    assert server is not None

    server.kill()
    await expect(pill).to_have_attribute("data-state", "lost", timeout=10_000)
    site.live.start_server(HAIRTRIGGER_LOGIN="none")
    run_id = site.trigger("second")

    await page.mouse.move(5, 5)
    await expect(page.locator(f"#{run_id}")).to_be_visible(timeout=15_000)
    await expect(pill).to_have_attribute("data-state", "live")


async def test_eight_tabs_of_one_browser_all_live(site: Site, open_page: OpenPage) -> None:
    site.trigger("first")
    first = await open_page(site, "runs")
    pages = [first] + [await first.context.new_page() for _ in range(7)]
    for page in pages[1:]:
        await page.goto(site.path("runs"))
    for page in pages:
        await expect(page.locator(".live")).to_contain_text("Live ·")

    run_id = site.trigger("second")

    for page in pages:
        await page.bring_to_front()
        await page.mouse.move(5, 5)
        await expect(page.locator(f"#{run_id}")).to_be_visible()


async def test_the_browsers_words_are_the_servers(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "runs")
    said = await page.evaluate(
        """async ([durations, counts, rates, ago]) => {
          const words = await import(`${document.documentElement.dataset.static}/js/words.js`), now = 1.8e12;
          return [durations.map(words.duration), counts.map(words.count), rates.map(words.rate),
            ago.map((ms) => words.ago(now - ms, now))];
        }""",
        [[value for value, _ in cases] for cases in (DURATIONS, COUNTS, RATES, AGO)],
    )

    assert said == [[text for _, text in cases] for cases in (DURATIONS, COUNTS, RATES, AGO)]
