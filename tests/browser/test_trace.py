"""The trace island: what it shows at first, by mouse, and by keys alone."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from hairtrigger.rules.tree import HandOut
from tests.browser.looking import bar, drawn, named, names, opened
from tests.browser.scenes import BEGAN, EVIL, ROOT, Scene, member, report
from tests.browser.stage import Stage, shown
from tests.clock import SECOND


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
    await expect(page.locator("[data-spans]")).to_have_text(re.compile("^9[0-9]$"))
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
