"""The pages of tasks in a browser: the list, one task, and its test page with form and editor."""

import json
from typing import Any, Literal

import pytest
from playwright.async_api import Page, expect

from tests.browser.pages.accessible import problems
from tests.browser.pages.byhand import HandWorker
from tests.browser.pages.conftest import OpenPage
from tests.browser.site import Site
from tests.rules.test_schemas import CASES

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "orderId": {"type": "string", "pattern": "^order_[0-9]+$", "description": "As the shop names it."},
        "quantity": {"type": "integer", "minimum": 1},
        "price": {"type": "number"},
        "gift": {"type": "boolean", "default": False},
        "format": {"enum": ["csv", "json"], "default": "csv"},
        "at": {"type": "string", "format": "date-time"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "tags": {"type": "array", "items": {"type": "string"}},
        "address": {"$ref": "#/$defs/Address"},
        "notify": {"oneOf": [{"$ref": "#/$defs/Email"}, {"$ref": "#/$defs/Sms"}]},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["orderId", "quantity"],
    "$defs": {
        "Address": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "Email": {
            "type": "object", "required": ["kind", "to"],
            "properties": {"kind": {"const": "email"}, "to": {"type": "string"}},
        },
        "Sms": {
            "type": "object", "required": ["kind", "number"],
            "properties": {"kind": {"const": "sms"}, "number": {"type": "string"}},
        },
    },
}  # fmt: skip


def at(*path: str | int) -> str:
    """The control of the form at a path of the payload."""
    return f"[data-path='{json.dumps(list(path), separators=(',', ':'))}']"


def wrong(*path: str | int) -> str:
    return at(*path).replace("data-path", "data-wrong")


async def payload(page: Page) -> Any:
    return json.loads(await page.locator("#payload").input_value())


async def test_from_the_list_a_task_is_opened_and_tested_by_keys_alone(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "runs")

    await page.keyboard.press("g")
    await page.keyboard.press("t")
    await page.wait_for_url("**/tasks")
    await expect(page.locator("tr[data-id]").nth(2)).to_contain_text("fetch-external-api")
    for key in ("j", "j", "j", "Enter"):
        await page.keyboard.press(key)
    await expect(page.locator("h1")).to_have_text("fetch-external-api")
    await page.keyboard.press("T")

    await expect(page.locator("#payload")).to_be_attached()
    for heading in ("fetch-external-api", "Tasks"):
        await page.evaluate("history.back()")  # go_back() waits for a load, and there may be none
        await expect(page.locator("h1")).to_have_text(heading)
    await page.locator("h1").click()
    for key in ("j", "j", "j", "j", "T"):
        await page.keyboard.press(key)
    await page.wait_for_url("**/tasks/generate-report/test")


@pytest.mark.acceptance("S82")
async def test_what_runs_and_ends_is_counted_without_a_reload(
    site: Site, open_page: OpenPage
) -> None:
    worker = HandWorker.make(site, "greet")
    site.trigger("greet")
    page = await open_page(site, "tasks/greet")
    await expect(page.locator(".live")).to_contain_text("Live ·")
    await expect(page.locator("#below tbody tr")).to_have_count(1)
    await expect(page.locator("#figures")).to_contain_text("Nothing in this range")

    worker.complete(*worker.fetch())

    await expect(page.locator("#below")).to_contain_text("Completed", timeout=6_000)
    await expect(page.locator("#figures")).to_contain_text("Completed1100 %", timeout=15_000)
    await expect(page.locator("#c-spread svg.columns a")).to_have_count(1)


@pytest.mark.acceptance("S49")
async def test_form_and_editor_are_one_payload_and_say_what_is_wrong_as_one_types(
    site: Site, open_page: OpenPage
) -> None:
    HandWorker.make(site, "order", payloadSchema=SCHEMA).leave()
    page = await open_page(site, "tasks/order/test")
    assert await payload(page) == {"orderId": "", "quantity": 1}

    await expect(page.locator(wrong("orderId"))).to_have_text("must match ^order_[0-9]+$")
    await expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    await page.locator(at("orderId")).fill("order_7")
    await expect(page.locator(wrong("orderId"))).to_be_hidden()
    await expect(page.locator(".cm-lint-marker-error")).to_have_count(0)
    await page.locator(at("quantity")).fill("2x")
    await expect(page.locator(wrong("quantity"))).to_have_text("must be a whole number")
    await page.locator(at("quantity")).fill("12345678901234567890")
    await page.get_by_role("switch").check()
    await page.locator(at("format")).select_option("json")
    await page.locator(at("at")).fill("2026-03-01T09:30:00")
    await page.locator(at("note")).fill("mind the dog")
    await page.get_by_role("button", name="Add tags").click()
    await page.get_by_role("button", name="Add an item").click()
    await page.locator(at("tags", 0)).fill("fragile")
    await page.get_by_role("button", name="Add address").click()
    await page.locator(at("address", "city")).fill("London")
    await page.get_by_role("button", name="sms").click()
    await page.locator(at("notify", "number")).fill("112")
    await page.get_by_role("button", name="Add labels").click()
    await page.get_by_role("button", name="Add an entry").click()
    await page.get_by_label("Name of the entry").fill("team")
    await page.keyboard.press("Tab")
    await page.locator(at("labels", "team")).fill("blue")

    text = await page.locator("#payload").input_value()
    assert '"quantity": 12345678901234567890,' in text, "a number stays as it was typed"
    assert json.loads(text) == {
        "orderId": "order_7", "quantity": 12345678901234567890, "gift": True, "format": "json",
        "at": "2026-03-01T09:30:00Z", "note": "mind the dog", "tags": ["fragile"], "address": {"city": "London"},
        "notify": {"kind": "sms", "number": "112"}, "labels": {"team": "blue"},
    }  # fmt: skip
    assert (await page.locator(".cm-content").inner_text()).replace("\n\n", "\n").strip() == text


async def test_what_is_typed_in_the_editor_shows_in_the_form(
    site: Site, open_page: OpenPage
) -> None:
    HandWorker.make(site, "order", payloadSchema=SCHEMA).leave()
    page = await open_page(site, "tasks/order/test")
    await page.locator(".cm-content").click()

    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.insert_text(
        '{"orderId": "order_1", "quantity": 0, "price": 1.50, "tags": ["a"'
    )
    await expect(page.locator(".schema-form .broken")).to_be_visible()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.insert_text(
        '{"orderId": "order_1", "quantity": 0, "price": 1.50, "tags": ["a"], "note": null, "notify": {"kind": "email"}}'
    )

    await expect(page.locator(".schema-form .broken")).to_be_hidden()
    await expect(page.locator(at("tags", 0))).to_have_value("a")
    await expect(page.locator(at("price"))).to_have_value("1.50")
    await expect(page.locator(wrong("quantity"))).to_have_text("must be 1 or more")
    await expect(page.locator(wrong("notify", "to"))).to_have_text("is missing")
    await expect(page.get_by_role("button", name="email")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".cm-lintRange-error")).to_have_count(2)
    await page.locator(at("orderId")).fill("order_2")
    assert '"price": 1.50' in await page.locator("#payload").input_value()


@pytest.mark.acceptance("S49")
async def test_a_test_is_run_by_a_key_and_followed_without_leaving_the_page(
    site: Site, open_page: OpenPage
) -> None:
    worker = HandWorker.make(site, "order", payloadSchema=SCHEMA)
    page = await open_page(site, "tasks/order/test")
    await page.locator(at("orderId")).fill("order_7")
    await page.get_by_label("Tags").fill("by-hand")
    await expect(page.locator("#snippets")).to_contain_text('tags=["by-hand"]')

    await page.keyboard.press("ControlOrMeta+Enter")
    await page.get_by_role("button", name="Run in prod").click()

    strip = page.locator("#strip")
    await expect(strip).to_contain_text("Queued")
    (run,) = worker.fetch()
    await expect(strip).to_contain_text("Executing")
    worker.report(
        {"id": run["id"], "lease": run["lease"], "done": ["application/json", '{"ok":true}']}
    )
    await expect(strip).to_contain_text("Completed")
    await expect(strip).to_contain_text('{"ok":true}')
    await expect(page.locator(at("orderId"))).to_have_value("order_7")
    assert run["isTest"] is True
    assert run["tags"] == ["by-hand"]
    await page.locator(at("quantity")).fill("3")
    await page.keyboard.press("ControlOrMeta+Enter")  # it asks once a day
    (second,) = worker.fetch()
    await expect(strip).to_contain_text(second["id"])
    await page.locator("h1").click()
    await page.keyboard.press("O")
    await expect(page.locator("h1")).to_have_text("order")
    await expect(page).to_have_url(f"{site.live.url}{site.path('runs/' + second['id'])}")


async def test_what_the_server_refuses_is_said_at_its_field_and_nothing_is_lost(
    site: Site, open_page: OpenPage
) -> None:
    HandWorker.make(site, "order", payloadSchema=SCHEMA).leave()
    page = await open_page(site, "tasks/order/test", may_miss=True)
    await page.evaluate("localStorage.setItem('ht-asked-prod', new Date().toDateString())")
    await page.locator(at("orderId")).fill("seven")
    await page.get_by_label("Delay").fill("soon")

    await page.keyboard.press("ControlOrMeta+Enter")

    await expect(page.get_by_role("alert")).to_contain_text("orderId must match")
    await expect(page.locator("#t-delay-wrong")).to_contain_text("Invalid delay 'soon'")
    await expect(page.locator(at("orderId"))).to_have_value("seven")
    await page.get_by_label("Delay").fill("10m")
    await expect(page.locator("#t-delay-wrong")).to_have_count(0)
    await page.get_by_role("button", name="Run it anyway").click()
    await expect(page.locator("#strip")).to_contain_text("Delayed")


async def test_payloads_are_kept_under_a_name_and_taken_up_again(
    site: Site, open_page: OpenPage
) -> None:
    HandWorker.make(site, "greet").leave()
    site.trigger("greet", {"name": "Ada"}, tags=["first"])
    page = await open_page(site, "tasks/greet/test")
    await page.get_by_label("Queue").fill("slow")

    await page.get_by_label("A name to keep this under").fill("For <b>Ada</b>")
    await page.get_by_role("button", name="Keep").click()
    kept = page.get_by_role("link", name="For <b>Ada</b>")
    await expect(kept).to_be_visible()
    await page.get_by_label("Queue").fill("")
    await kept.click()

    await expect(page.get_by_label("Queue")).to_have_value("slow")
    assert await payload(page) == {"name": "Ada"}
    await page.locator(".kept-line", has_text="For <b>Ada</b>").hover()
    await page.get_by_role("button", name="Delete the template").click()
    await expect(kept).to_have_count(0)
    await page.locator("a.kept-line", has_text="Ada").click()
    await expect(page.get_by_label("Tags")).to_have_value("first")


async def test_a_test_needs_no_scripts(site: Site, open_page: OpenPage) -> None:
    HandWorker.make(site, "order", payloadSchema=SCHEMA).leave()
    page = await open_page(site, "tasks/order/test", scripts=False)

    await page.locator("#payload").fill('{"orderId": "order_1", "quantity": 2}')
    await page.get_by_label("Tags").fill("plain")
    await page.get_by_role("button", name="Run test").click()

    await expect(page.locator("#strip")).to_contain_text("Queued")
    await expect(page.get_by_label("Tags")).to_have_value("plain")
    assert await payload(page) == {"orderId": "order_1", "quantity": 2}


async def test_a_replay_is_edited_and_corrected_in_its_dialog(
    site: Site, open_page: OpenPage
) -> None:
    worker = HandWorker.make(site, "order", payloadSchema=SCHEMA)
    run_id = site.trigger("order", {"orderId": "order_1", "quantity": 1})
    worker.complete(*worker.fetch())
    page = await open_page(site, f"runs/{run_id}", may_miss=True)

    await page.keyboard.press("r")
    await page.locator("#replay .cm-content").click()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type('{"orderId": "order_2"')
    await page.keyboard.press("End")
    await page.keyboard.press("ControlOrMeta+Enter")
    await expect(page.locator("#replay").get_by_role("alert")).to_contain_text(
        "quantity is missing"
    )
    await expect(page.locator("#replay .cm-content")).to_have_text('{"orderId": "order_2"}')
    await page.locator("#replay .cm-content").click()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type('{"orderId": "order_2", "quantity": 5')
    await page.keyboard.press("ControlOrMeta+Enter")

    await expect(page.locator(".inspector")).to_contain_text("Replay of")
    await expect(page.locator("#v-payload")).to_contain_text('"order_2"')


async def test_names_and_payloads_are_only_ever_text(lived: Site, open_page: OpenPage) -> None:
    page = await open_page(lived, "tasks")
    await page.locator("a.name", has_text="<img src=x").click()
    await expect(page.locator("h1")).to_contain_text("<img src=x onerror=")

    await page.locator("h1").click()
    await page.keyboard.press("T")

    await expect(page.locator(".cm-content")).to_contain_text("<img src=x onerror=")
    await expect(page.locator("#snippets")).to_contain_text("<img src=x onerror=")
    assert await page.locator("img").count() == 0
    assert not (await page.title()).startswith("evil")


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_pages_of_tasks_are_accessible(
    lived: Site, site: Site, open_page: OpenPage, theme: Literal["dark", "light"]
) -> None:
    page = await open_page(lived, "tasks", theme=theme)
    await expect(page.locator("tr[data-id]").first).to_be_visible()
    assert await problems(page) == []
    for tab in ("runs", "errors", "versions"):
        await page.goto(lived.path(f"tasks/fetch-external-api?period=1h&tab={tab}"))
        await expect(page.locator("#below tbody tr").first).to_be_visible()
        assert await problems(page) == [], tab
    await page.goto(lived.path("tasks/cleanup-logs/test"))
    assert await problems(page) == []

    HandWorker.make(site, "order", payloadSchema=SCHEMA).leave()
    page = await open_page(site, "tasks/order/test", theme=theme)
    for part in ("tags", "address", "labels"):
        await page.get_by_role("button", name=f"Add {part}").click()
    await page.get_by_role("button", name="email").click()
    await expect(page.locator(wrong("orderId"))).to_be_visible()
    await expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    assert await problems(page) == []


async def test_a_phone_shows_tasks_without_sideways_scrolling(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "tasks", width=390, height=844)

    for path in ("tasks", "tasks/fetch-external-api", "tasks/fetch-external-api/test"):
        await page.goto(lived.path(path))
        for box in (".scroll", ".test-page", ".top"):
            for one in await page.locator(box).all():
                wide = await one.evaluate("el => el.scrollWidth - el.clientWidth")
                assert wide <= 0, (path, box)


async def test_the_browser_finds_the_problems_that_the_server_finds(
    lived: Site, open_page: OpenPage
) -> None:
    page = await open_page(lived, "tasks")

    said = await page.evaluate(
        """async (cases) => {
          const { example, problems } = await import(`${document.documentElement.dataset.static}/js/schema.js`);
          return cases.map(({ schema, values }) => [example(schema),
            values.map(([value]) => problems(schema, value).map(({ path, text }) => [path.join("."), text]))]);
        }""",
        CASES,
    )

    assert said == [
        [case["example"], [expected for _, expected in case["values"]]] for case in CASES
    ]
