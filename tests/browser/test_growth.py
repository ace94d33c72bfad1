"""The trace island as it grows, and as it comes and goes."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from hairtrigger.rules.tree import HandOut
from hairtrigger.server.dashboard import trace as shaping
from tests.browser.looking import length, named, nothing_is_asked, opened
from tests.browser.scenes import BEGAN, ROOT, Scene, member, report
from tests.browser.stage import Stage, shown
from tests.clock import SECOND

TRACE = re.compile(r"/trace(\?|$)")
NO_LOOK_UNASKED = """
    const plain = setTimeout;
    window.setTimeout = (what, ms, ...rest) => plain(what, ms === 2000 ? 600_000 : ms, ...rest);
"""


@pytest.fixture
def alive() -> Iterator[Stage]:
    """A report at work, with few child runs."""
    with shown(report(live=True, children=8, lines=200)) as stage:
        yield stage


async def test_running_bars_end_at_now_and_spans_arrive(page: Page, alive: Stage) -> None:
    scene = alive.scene
    await opened(page, alive)
    row = named(page, "generate-report")
    before = await length(row)

    scene.spans.clear()
    late = scene.span(ROOT, 1, "late to the party", scene.now, 40)
    alive.news.append(shaping.answer(scene.news([], [late])))

    await expect(named(page, "late to the party")).to_be_attached(timeout=5_000)
    assert await length(row) > before
    ends = await row.evaluate(
        """(row) => [row.querySelector(".span-bar").getBoundingClientRect().right,
          document.querySelector(".now-line").getBoundingClientRect().left]"""
    )
    assert ends[0] == pytest.approx(ends[1], abs=1)


async def test_span_that_goes_on_is_known_by_what_is_in_it(page: Page) -> None:
    scene = Scene(live=True, now=BEGAN + 2 * SECOND)
    root = member(ROOT, "work", BEGAN)
    root.hand_outs.append(HandOut(1, 1, BEGAN, None))
    scene.runs.append(root)
    scene.span(ROOT, 1, "inner", BEGAN + 100, 50, parent="00000000000000aa")
    with shown(scene) as stage:
        await opened(page, stage)
        await expect(named(page, "…")).to_have_attribute("aria-level", "3")
        await expect(named(page, "inner")).to_have_attribute("aria-level", "4")
        outer = scene.span(ROOT, 1, "outer", BEGAN + 90, 900)
        outer.event.span = "00000000000000aa"
        stage.news.append(shaping.answer(scene.news([], [outer])))

        await expect(named(page, "outer")).to_have_attribute("aria-level", "3", timeout=5_000)

        await expect(named(page, "inner")).to_have_attribute("aria-level", "4")
        await expect(named(page, "…")).to_have_count(0)


async def test_end_of_a_run_stops_the_asking(page: Page, alive: Stage) -> None:
    await page.clock.install()
    await opened(page, alive)
    scene = alive.scene
    for one in scene.runs:
        one.ended_at = one.ended_at or scene.now
        one.hand_outs = [HandOut(1, 1, one.created_at, one.ended_at)]

    await page.clock.fast_forward(2_500)
    await expect(page.locator(".now-line")).to_be_hidden()
    await page.clock.fast_forward(1_000)  # once more from the beginning, both of them
    await expect(page.locator(".log-dot")).to_be_visible()
    await page.wait_for_load_state("networkidle")

    await nothing_is_asked(page, alive)


async def test_doorbell_brings_news_without_waiting_for_the_next_look(
    page: Page, alive: Stage
) -> None:
    await page.add_init_script(NO_LOOK_UNASKED)
    await opened(page, alive, "?stream=1")
    scene = alive.scene
    await expect(page.locator(".log-row").first).to_be_visible()
    late = scene.span(ROOT, 1, "rung", scene.now, 40)
    alive.news.append(shaping.answer(scene.news([], [late])))

    alive.rung.set()

    await expect(named(page, "rung")).to_be_attached()
    assert len([path for path in alive.asked if path == "/stream"]) == 1


async def test_trace_that_cannot_be_read_says_so_and_comes_when_it_can(
    page: Page, alive: Stage
) -> None:
    await page.route(TRACE, lambda route: route.fulfill(status=200, body="no JSON"))
    await page.goto(alive.url)
    await expect(page.locator(".trace-notice")).to_contain_text("could not be read")

    await page.unroute(TRACE)

    await expect(page.locator(".trace-row").first).to_be_visible(timeout=8_000)
    await expect(page.locator(".trace-notice")).to_be_hidden()


async def test_island_that_is_swapped_away_leaves_nothing_behind(page: Page, alive: Stage) -> None:
    await page.clock.install()
    await opened(page, alive)
    await expect(page.locator(".log-row").first).to_be_visible()
    await page.evaluate(
        """() => {
          document.querySelector('[data-island=trace]').remove();
          document.querySelector('[data-island=logs]').remove();
          document.body.dispatchEvent(new CustomEvent('htmx:after:swap', {bubbles: true}));
        }"""
    )
    await nothing_is_asked(page, alive)
    await page.evaluate(
        """() => {
          const island = document.createElement('section');
          Object.assign(island.dataset, {island: 'trace', url: '/trace'});
          document.querySelector('.stage').append(island);
          document.body.dispatchEvent(new CustomEvent('htmx:after:swap', {bubbles: true}));
        }"""
    )

    await expect(page.locator(".trace-row").first).to_be_visible()


async def test_trace_that_is_too_large_says_so_and_grows_no_more(page: Page) -> None:
    scene = report(live=True, children=3, lines=10)
    scene.truncated = True
    with shown(scene) as stage:
        await page.clock.install()
        await opened(page, stage)
        await expect(page.locator(".log-row").first).to_be_visible()

        await expect(page.locator(".trace-notice")).to_contain_text("Only the upper")

        await expect(page.locator(".now-line")).to_be_hidden()
        stage.asked.clear()
        await page.clock.fast_forward(60_000)
        assert [path for path in stage.asked if path.startswith("/trace")] == []
