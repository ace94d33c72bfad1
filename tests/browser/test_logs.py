"""The log island: levels and colours, following, filters here and at the server, details, keys."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from hairtrigger.server.dashboard import trace as shaping
from tests.browser.scenes import BEGAN, ROOT, Scene, report
from tests.browser.stage import Stage, shown


@pytest.fixture
def scene() -> Scene:
    """A report at work that has said little so far."""
    return report(live=True, children=3, lines=0)


@pytest.fixture
def stage(scene: Scene) -> Iterator[Stage]:
    with shown(scene) as stage:
        yield stage


async def opened(page: Page, stage: Stage) -> Locator:
    """The rows of a stage's log, as soon as there are some."""
    await page.goto(stage.url)
    rows = page.locator(".log-row")
    await expect(rows.first).to_be_visible()
    return rows


def said(page: Page, text: str) -> Locator:
    return page.locator(".log-row", has=page.locator(".log-text", has_text=text))


def tell(scene: Scene, *messages: str, level: str = "info") -> None:
    """What the root run says now, one after the other."""
    for message in messages:
        scene.line(ROOT, 1, scene.now, level, message)
        scene.now += 1


async def test_line_says_when_how_bad_where_and_what(
    page: Page, scene: Scene, stage: Stage
) -> None:
    span = scene.spans[0]
    scene.line(ROOT, 1, BEGAN + 700, "error", "It broke", span=span.event.span)
    tell(scene, "Job started")

    rows = await opened(page, stage)

    first = rows.first
    await expect(first.locator(".log-at")).to_have_text("18:04:11.908")
    await expect(first.locator(".log-level")).to_have_text("ERROR")
    await expect(first.locator(".log-span")).to_have_text("SELECT tasks")
    await expect(first.locator(".log-text")).to_have_text("It broke")
    await expect(rows.last.locator(".log-span")).to_have_text("Attempt 1")


async def test_printed_colours_are_kept_and_other_codes_are_not(
    page: Page, scene: Scene, stage: Stage
) -> None:
    tell(
        scene,
        "\x1b[1;31mred\x1b[0m \x1b[38;5;46mgreen\x1b[39m \x1b[38;2;80;120;250mblue\x1b[0m\x1b[2K plain",
    )

    row = (await opened(page, stage)).first

    await expect(row.locator(".log-text")).to_have_text("red green blue plain")
    for look, text in (("red", "red"), ("bold", "red"), ("green", "green"), ("blue", "blue")):
        await expect(row.locator(f".ansi-{look}")).to_have_text(text)


async def test_details_of_a_line_unfold_below_it(page: Page, scene: Scene, stage: Stage) -> None:
    scene.line(
        ROOT, 1, scene.now, "error", "Job failed\nsecond line",
        attributes={"error.stack": "Traceback\n  File x", "attempt": 2},
    )  # fmt: skip
    tell(scene, "after it")
    rows = await opened(page, stage)
    await expect(rows).to_have_count(2)

    await rows.first.locator(".log-more").click()

    await expect(page.locator(".log-row .log-text")).to_have_text(
        ["Job failed", "second line", "error.stack Traceback", "  File x", "attempt 2", "after it"]
    )
    await page.keyboard.press("ArrowLeft")
    await expect(rows).to_have_count(2)


async def test_end_is_followed_until_somebody_scrolls_up(
    page: Page, scene: Scene, stage: Stage
) -> None:
    tell(scene, *(f"line {n}" for n in range(60)))
    await opened(page, stage)
    pill = page.locator(".log-follow")
    await expect(pill).to_have_text("Following")
    await expect(said(page, "line 59")).to_be_in_viewport()

    await page.locator(".log-view").hover()
    await page.mouse.wheel(0, -400)
    await expect(pill).to_have_text("Follow")
    tell(scene, "news 1", "news 2")
    stage.lines.append(shaping.lines(scene.page(scene.lines[60:]), BEGAN))
    await expect(pill).to_have_text("Follow · 2 new", timeout=5_000)
    await expect(said(page, "news 2")).to_have_count(0)
    await pill.click()

    await expect(said(page, "news 2")).to_be_in_viewport()
    await expect(pill).to_have_text("Following")


async def test_line_that_comes_late_takes_its_place(page: Page, scene: Scene, stage: Stage) -> None:
    tell(scene, "one")
    scene.now += 10
    tell(scene, "three")
    rows = await opened(page, stage)
    late = scene.line(ROOT, 1, scene.now - 5, "info", "two")
    stage.lines.append(shaping.lines(scene.page([scene.lines[0], late]), BEGAN))
    scene.lines.pop()

    await expect(rows).to_have_count(3, timeout=5_000)

    await expect(rows.locator(".log-text")).to_have_text(["one", "two", "three"])


async def test_log_is_filtered_by_text_and_level(page: Page, scene: Scene, stage: Stage) -> None:
    tell(scene, "alpha", "Beta")
    tell(scene, "alpha is slow", level="warn")
    tell(scene, "chatter", level="debug")
    rows = await opened(page, stage)
    await page.get_by_label("Filter logs").fill("ALPHA")
    await expect(rows).to_have_count(2)

    await page.get_by_label("Level").select_option("warn")
    await expect(rows.locator(".log-text")).to_have_text(["alpha is slow"])
    await page.get_by_label("Filter logs").fill("nothing like it")
    await expect(page.locator(".log-note")).to_have_text("No line matches.")
    await page.get_by_label("Filter logs").fill("")
    await page.get_by_label("Level").select_option("info")

    await expect(rows).to_have_count(3)
    assert all("text=" not in path for path in stage.asked)


async def test_long_log_is_filtered_by_the_server(page: Page) -> None:
    scene = report(live=False, children=3, lines=20_500)
    tell(scene, "a needle", level="error")
    scene.runs[0].ended_at = scene.now
    with shown(scene) as stage:
        rows = await opened(page, stage)
        await expect(page.locator(".log-title")).to_have_text("Logs 20,501", timeout=15_000)

        await page.get_by_label("Filter logs").fill("needle")

        await expect(rows.locator(".log-text")).to_have_text(["a needle"])
        assert "/lines?text=needle" in stage.asked
        await page.get_by_label("Level").select_option("warn")
        await expect(rows.locator(".log-text")).to_have_text(["a needle"])
        assert "/lines?text=needle&levels=warn%2Cerror" in stage.asked
        await page.get_by_label("Filter logs").fill("")
        await page.get_by_label("Level").select_option("")
        await expect(page.locator(".log-title")).to_have_text("Logs 20,501", timeout=15_000)


async def test_log_is_read_by_keys_alone(page: Page, scene: Scene, stage: Stage) -> None:
    span = scene.spans[0]
    tell(scene, *(f"line {n}" for n in range(40)))
    scene.line(ROOT, 1, scene.now, "warn", "slow", span=span.event.span, attributes={"ms": 712})
    await opened(page, stage)
    await page.get_by_role("log", name="Log lines").focus()
    focused = page.locator(".log-row:focus")

    await page.keyboard.press("ArrowUp")
    await expect(focused.locator(".log-text")).to_contain_text("slow")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator(".log-row.is-part .log-text")).to_have_text(["ms 712"])
    await page.keyboard.press("Enter")
    await expect(page.locator('.trace-row[aria-selected="true"] .name')).to_have_text(
        "SELECT tasks"
    )
    await page.keyboard.press("g")
    await page.keyboard.press("g")
    await expect(focused.locator(".log-text")).to_have_text("line 0")
    await page.keyboard.press("Shift+G")

    await expect(focused.locator(".log-text")).to_contain_text("slow")


@pytest.mark.parametrize(
    ("item", "name"), [("Download as NDJSON", "ndjson"), ("Download as text", "txt")]
)
async def test_log_is_taken_home(
    page: Page, scene: Scene, stage: Stage, item: str, name: str, tmp_path: Path
) -> None:
    tell(scene, "\x1b[31mred\x1b[0m", "two")
    await opened(page, stage)
    await page.get_by_role("button", name="More").click()

    async with page.expect_download() as waiting:
        await page.get_by_role("button", name=item).click()

    download = await waiting.value
    await download.save_as(tmp_path / "log")
    lines = (tmp_path / "log").read_text().splitlines()
    assert re.fullmatch(rf"run_[0-9a-f]{{24}}\.{name}", download.suggested_filename)
    assert len(lines) == 2
    if name == "ndjson":
        assert json.loads(lines[1]) | {"run": ""} == {
            "at": "2026-03-02T18:04:19.349Z", "level": "info", "run": "", "task": "generate-report",
            "message": "two",
        }  # fmt: skip
    else:
        assert lines[0].endswith(" red")


async def test_new_lines_are_read_aloud_only_when_asked_for(
    page: Page, scene: Scene, stage: Stage
) -> None:
    tell(scene, "one")
    await opened(page, stage)
    log = page.get_by_role("log", name="Log lines")
    await expect(log).to_have_attribute("aria-live", "off")
    await page.get_by_role("button", name="More").click()

    await page.get_by_label("Read new lines aloud").check()
    stage.lines.append(
        shaping.lines(scene.page([scene.line(ROOT, 1, scene.now, "info", "two")]), BEGAN)
    )
    scene.lines.pop()

    await expect(page.locator('[aria-live="polite"]')).to_have_text("two", timeout=5_000)
