"""The trace island: what it shows at first, by mouse, by keys alone, and as it grows."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Locator, Page, expect

from hairtrigger.rules.tree import HandOut
from hairtrigger.server.dashboard import trace as shaping
from tests.browser.scenes import BEGAN, EVIL, ROOT, Scene, member, report
from tests.browser.stage import Stage, shown
from tests.clock import SECOND

TRACE = re.compile(r"/trace(\?|$)")


@pytest.fixture
def failed() -> Iterator[Stage]:
    """A report that is over: three of its 204 child runs failed."""
    with shown(report(live=False, failed=(38, 39, 70))) as stage:
        yield stage


@pytest.fixture
def alive() -> Iterator[Stage]:
    """A report at work, with few child runs."""
    with shown(report(live=True, children=8, lines=200)) as stage:
        yield stage


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


async def bar(row: Locator) -> dict[str, float]:
    box = await row.locator(".span-bar").bounding_box()
    assert box is not None
    return {**box}


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


async def test_first_screen_tells_the_story(page: Page, alive: Stage) -> None:
    await opened(page, alive)

    assert (await names(page))[:7] == [
        "generate-report", "Queued", "Attempt 1", "SELECT tasks", "postgres orion", "load-user-tasks",
        "batch_trigger",
    ]  # fmt: skip
    await expect(named(page, "generate-report")).to_have_attribute("aria-selected", "true")
    await expect(named(page, "load-user-tasks")).to_have_attribute("aria-expanded", "false")
    await expect(named(page, "load-user-tasks").locator(".size")).to_have_text("12")
    await expect(named(page, "batch_trigger").locator(".detail")).to_have_text("8 runs")
    child = page.locator('.trace-row.k-run[aria-level="4"]').first
    await expect(child).to_have_attribute("aria-expanded", "false")


async def test_way_to_the_first_error_is_open_and_in_view(page: Page, failed: Stage) -> None:
    await opened(page, failed)

    error = page.locator(".trace-row.is-bad", has_text="GET api.github.com/repos").first
    await expect(error).to_be_in_viewport()
    await expect(error.locator(".failed")).to_contain_text("failed")
    await expect(page.locator(".trace-errors b")).to_have_text("23")


async def test_rows_that_are_alike_are_one_until_they_are_wanted(page: Page, alive: Stage) -> None:
    await opened(page, alive)
    await named(page, "load-user-tasks").locator(".twisty").click()

    group = page.locator(".trace-row.is-group")
    await expect(group.locator(".detail")).to_have_text("×12")
    await group.locator(".twisty").click()

    await expect(page.locator(".trace-row .name", has_text="SELECT user_tasks")).to_have_count(13)


async def test_row_folds_and_unfolds_by_its_sign_and_by_two_clicks(
    page: Page, alive: Stage
) -> None:
    await opened(page, alive)
    row = named(page, "Attempt 1")

    await row.locator(".twisty").click()
    await expect(row).to_have_attribute("aria-expanded", "false")
    assert (await names(page)) == ["generate-report", "Queued", "Attempt 1"]
    await row.dblclick()

    await expect(row).to_have_attribute("aria-expanded", "true")


async def test_chosen_span_filters_the_log_and_a_line_chooses_its_span(
    page: Page, alive: Stage
) -> None:
    await opened(page, alive)
    await expect(page.locator(".log-title")).to_have_text("Logs 200")

    await named(page, "load-user-tasks").click()
    await expect(page.locator(".log-span-chip")).to_have_text("Span load-user-tasks")
    spans = set(await page.locator(".log-row .log-span").all_inner_texts())
    assert spans <= {"load-user-tasks", "SELECT user_tasks"}
    await page.locator(".log-span-chip").click()
    await expect(page.locator(".log-span-chip")).to_have_text("Span any")
    line = page.locator(
        ".log-row", has=page.locator(".log-span", has_text="GET api.github.com/repos")
    ).last
    await line.click()

    chosen = page.locator('.trace-row[aria-selected="true"]')
    await expect(chosen.locator(".name")).to_have_text("GET api.github.com/repos")
    await expect(chosen).to_be_in_viewport()
    await expect(page.locator(".log-span-chip")).to_have_text("Span any")


async def test_page_is_told_what_was_chosen(page: Page, alive: Stage) -> None:
    await opened(page, alive)
    await page.evaluate(
        "document.addEventListener('ht:select', (event) => { document.title = event.detail.name; })"
    )

    await named(page, "SELECT tasks").click()

    await expect(page).to_have_title(re.compile(r"^run_[0-9a-f]{24}\.1\.[\w-]{5}$"))


async def test_search_leaves_matches_and_what_is_above_them(page: Page, failed: Stage) -> None:
    await opened(page, failed)
    await page.keyboard.press("Control+f")
    await page.keyboard.type("user_tasks")

    await expect(page.locator(".trace-summary")).to_contain_text("12 of 1,9")
    found = await names(page)
    assert found[:3] == ["generate-report", "Attempt 1", "load-user-tasks"]
    assert set(found[3:]) == {"SELECT user_tasks"}
    await page.keyboard.press("Enter")
    focused = page.locator(".trace-row:focus")
    await expect(focused.locator(".name")).to_have_text("SELECT user_tasks")
    await expect(focused).to_have_attribute("aria-rowindex", "4")
    await page.keyboard.press("n")
    await expect(focused).to_have_attribute("aria-rowindex", "5")
    await page.keyboard.press("N")
    await expect(focused).to_have_attribute("aria-rowindex", "4")
    await page.keyboard.press("Escape")

    await expect(page.locator(".trace-summary")).to_contain_text("spans ·")


async def test_errors_alone_can_be_shown(page: Page, failed: Stage) -> None:
    await opened(page, failed)
    button = page.locator(".trace-errors")

    await button.click()

    await expect(button).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".trace-summary")).to_contain_text("23 of")
    plain = await page.locator(".trace-row:not(.is-bad) .name").all_inner_texts()
    assert plain == ["batch_trigger"]
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "false")


async def test_critical_path_dims_what_the_end_did_not_wait_for(page: Page, failed: Stage) -> None:
    await opened(page, failed)
    await page.keyboard.press("Control+f")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Critical path").click()
    await page.locator(".trace-view").evaluate("(view) => { view.scrollTop = 0; }")

    await expect(named(page, "batch_trigger")).not_to_have_class(re.compile("is-off"))
    dimmed = page.locator(".trace-row.is-off.k-run")
    await expect(dimmed.first).to_be_visible()


async def test_time_is_zoomed_and_moved_by_the_wheel(page: Page, alive: Stage) -> None:
    await opened(page, alive)
    row = named(page, "SELECT tasks")
    before = await bar(row)
    await page.mouse.move(before["x"] + before["width"] / 2, before["y"] + 5)

    await page.keyboard.down("Control")
    await page.mouse.wheel(0, -300)
    await page.keyboard.up("Control")
    await expect(page.locator(".shade").last).to_be_visible()
    zoomed = await bar(row)
    assert zoomed["width"] > 2 * before["width"]
    await page.keyboard.down("Shift")
    await page.mouse.wheel(0, 8)
    await page.keyboard.up("Shift")
    await drawn(page)
    assert (await bar(row))["x"] < zoomed["x"]
    await row.press("0")

    await expect(page.locator(".shade").last).to_be_hidden()


async def test_map_is_a_window_on_time(page: Page, failed: Stage) -> None:
    await opened(page, failed)
    map_ = page.locator(".minimap")
    box = await map_.bounding_box()
    assert box is not None
    left, y = box["x"], box["y"] + 20

    await page.mouse.move(left + 0.5 * box["width"], y)
    await page.mouse.down()
    await page.mouse.move(left + 0.75 * box["width"], y, steps=3)
    await page.mouse.up()

    shades = page.locator(".shade")
    await expect(shades.first).to_be_visible()
    widths = [await shade.evaluate("(one) => one.offsetWidth") for shade in await shades.all()]
    assert widths == [
        pytest.approx(0.5 * box["width"], abs=2),
        pytest.approx(0.25 * box["width"], abs=2),
    ]
    await page.mouse.move(left + 0.75 * box["width"], y)
    await page.mouse.down()
    await page.mouse.move(left + 0.9 * box["width"], y, steps=3)
    await page.mouse.up()
    widths = [await shade.evaluate("(one) => one.offsetWidth") for shade in await shades.all()]
    assert widths == [
        pytest.approx(0.5 * box["width"], abs=2),
        pytest.approx(0.1 * box["width"], abs=2),
    ]
    await map_.dblclick(position={"x": 30, "y": 20})
    await expect(shades.first).to_be_hidden()


async def test_trace_is_read_by_keys_alone(page: Page, alive: Stage) -> None:
    await opened(page, alive)
    grid = page.get_by_role("treegrid", name="Trace")
    focused = page.locator(".trace-row:focus")
    await named(page, "generate-report").focus()

    await expect(page.locator('.trace-row[tabindex="0"]')).to_have_count(1)
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        await page.keyboard.press(key)
    await expect(focused).to_have_attribute("aria-level", "3")
    await page.keyboard.press("p")
    await expect(focused.locator(".name")).to_have_text("Attempt 1")
    await page.keyboard.press("ArrowLeft")
    await expect(focused).to_have_attribute("aria-expanded", "false")
    await expect(grid).to_have_attribute("aria-rowcount", "3")
    await page.keyboard.press("e")
    count = int(await grid.get_attribute("aria-rowcount") or 0)
    assert count > 90
    await page.keyboard.press("End")
    await expect(focused).to_have_attribute("aria-rowindex", str(count))
    await page.keyboard.press("t")
    await expect(focused).to_have_attribute("aria-rowindex", "1")
    await page.keyboard.press("2")
    await expect(grid).to_have_attribute("aria-rowcount", re.compile("^[0-9]{1,2}$"))
    await page.keyboard.press("w")
    await expect(grid).to_have_attribute("aria-rowcount", "1")
    await page.keyboard.press("+")
    await expect(page.locator(".shade").first).to_be_visible()
    await page.keyboard.press("0")
    await page.keyboard.press("1")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")

    await expect(page.locator('.trace-row[aria-selected="true"] .name')).to_have_text("Queued")


async def test_focus_stays_when_its_row_is_scrolled_away(page: Page, failed: Stage) -> None:
    await opened(page, failed)
    await page.locator(".trace-view").evaluate("(view) => { view.scrollTop = 0; }")
    await named(page, "load-user-tasks").click()

    await page.locator(".trace-view").evaluate("(view) => { view.scrollTop = 3000; }")
    await page.keyboard.press("ArrowUp")

    await expect(page.locator(".trace-row:focus .name")).to_have_text("postgres orion")
    await expect(page.locator(".trace-row:focus")).to_be_in_viewport()


async def test_running_bars_end_at_now_and_spans_arrive(page: Page, alive: Stage) -> None:
    scene = alive.scene
    await opened(page, alive)
    row = named(page, "generate-report")
    before = await length(row)

    scene.spans.clear()
    late = scene.span(ROOT, 1, "late to the party", scene.now, 40)
    alive.news.append(shaping.answer(scene.news([], [late])))

    await expect(named(page, "late to the party")).to_be_attached(timeout=5_000)
    now = await page.locator(".now-line").bounding_box()
    root = await bar(row)
    assert now is not None
    assert await length(row) > before
    assert root["x"] + root["width"] == pytest.approx(now["x"], abs=6)


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


async def test_doorbell_brings_news_at_once(page: Page, alive: Stage) -> None:
    await opened(page, alive, "?stream=1")
    scene = alive.scene
    await expect(page.locator(".log-row").first).to_be_visible()
    late = scene.span(ROOT, 1, "rung", scene.now, 40)
    alive.news.append(shaping.answer(scene.news([], [late])))

    alive.rung.set()

    await expect(named(page, "rung")).to_be_attached(timeout=1_500)
    assert len([path for path in alive.asked if path == "/stream"]) == 1


async def test_idle_time_is_folded_until_it_is_wanted(page: Page) -> None:
    scene = Scene(now=BEGAN + 61 * SECOND)
    root = member(ROOT, "work", BEGAN, ended=BEGAN + 61 * SECOND, status="COMPLETED")
    root.hand_outs += [
        HandOut(1, 1, BEGAN, BEGAN + 500, "failed", True), HandOut(2, 2, BEGAN + 60_500, BEGAN + 61_000)
    ]  # fmt: skip
    scene.runs.append(root)
    with shown(scene) as stage:
        await opened(page, stage)
        first = named(page, "Attempt 1")
        folded = await bar(first)
        await expect(named(page, "Back-off").locator(".span-label")).to_have_text("1m 00s")

        await page.get_by_role("button", name="Unfold 1m 00s of waiting").click()

        await expect(page.locator(".strip")).to_have_count(0)
        assert folded["width"] > 20 * (await bar(first))["width"]


async def test_names_are_only_ever_text(page: Page) -> None:
    with shown(report(live=False, children=4, lines=60, evil=True)) as stage:
        await opened(page, stage)
        await expect(page.locator(".trace-row .name", has_text=EVIL)).to_be_visible()
        line = page.locator(".log-row", has_text=EVIL).last
        await expect(line).to_be_visible()
        await line.locator(".log-more").click()

        await expect(page.locator(".log-row.is-part b", has_text=EVIL)).to_be_visible()

        assert await page.locator("img").count() == 0


async def test_trace_that_cannot_be_read_says_so_and_comes_when_it_can(
    page: Page, failed: Stage
) -> None:
    await page.route(TRACE, lambda route: route.fulfill(status=200, body="no JSON"))
    await page.goto(failed.url)
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


async def test_tree_is_as_wide_as_one_likes(page: Page, alive: Stage) -> None:
    await opened(page, alive)
    divider = page.get_by_role("separator", name="Width of the tree")
    before = int(await divider.get_attribute("aria-valuenow") or 0)

    await divider.press("ArrowRight")

    assert before == 336
    await expect(divider).to_have_attribute("aria-valuenow", "352")
    await page.reload()
    await expect(divider).to_have_attribute("aria-valuenow", "352")


async def test_narrow_page_needs_no_scrolling_sideways(page: Page, alive: Stage) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await opened(page, alive)

    for place in (".trace-view", ".log-bar", ".trace-bar"):
        wide = await page.locator(place).evaluate("(one) => one.scrollWidth - one.clientWidth")
        assert wide <= 0, place
