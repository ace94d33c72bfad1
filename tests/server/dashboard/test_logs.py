"""The page of log lines across runs, without a browser."""

import re
import time
from typing import Any

import pytest

from hairtrigger.engine import logs as engine
from hairtrigger.server.app import App
from hairtrigger.server.dashboard import log_search, ranges
from hairtrigger.store.narrowing import Pattern
from tests.server.dashboard.looking import Looker, somebody
from tests.server.driving import PROD_KEY, Api, Worker

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def prod(app: App) -> Api:
    return Api(app, PROD_KEY)


async def said(prod: Api, worker: Worker, *lines: tuple[str, str, Any], task: str = "greet") -> str:
    """A run that says these (level, message, attributes); its id."""
    run_id = await prod.trigger(task)
    (run,) = await worker.fetch(1)
    now = int(time.time() * 1_000)
    events = [
        [run["id"], run["lease"], now + n, n, level, message, attributes]
        for n, (level, message, attributes) in enumerate(lines)
    ]
    await worker.report({"id": run["id"], "lease": run["lease"], "done": True}, events=events)
    return run_id


async def messages(looker: Looker, query: str) -> list[str]:
    reply = await looker.get(f"logs{query}")
    assert reply.status == 200, reply.body
    return re.findall(r'<span class="said">([^<]*)</span>', reply.body.decode())


async def test_lines_are_found_by_what_the_search_says(app: App, prod: Api) -> None:
    worker = await prod.work("greet", "fetch-api")
    first = await said(
        prod, worker, ("info", "Sent 3 mails", None), ("warn", "Slow query", {"ms": 710})
    )
    await said(prod, worker, ("error", "API returned 502", {"url": "x"}), task="fetch-api")
    viewer = await somebody(app, "viewer")

    assert await messages(viewer, "") == ["API returned 502", "Slow query", "Sent 3 mails"]
    assert await messages(viewer, "?level=error") == ["API returned 502"]
    assert await messages(viewer, "?q=level:warning") == ["Slow query"]
    assert await messages(viewer, "?q=level:warn%20level:error") == [
        "API returned 502",
        "Slow query",
    ]
    assert await messages(viewer, "?q=%22slow%20QUERY%22") == ["Slow query"]
    assert await messages(viewer, "?q=710") == ["Slow query"]
    assert await messages(viewer, "?q=task:fetch-*") == ["API returned 502"]
    assert await messages(viewer, "?q=-task:fetch-*%20slow") == ["Slow query"]
    assert await messages(viewer, f"?run={first}") == ["Slow query", "Sent 3 mails"]
    assert await messages(viewer, "?task=nobody") == []


async def test_a_line_opens_to_all_that_is_known_of_it(app: App, prod: Api) -> None:
    worker = await prod.work("greet")
    message = f"\x1b[31mtwo{EVIL}\x1b[0m\nlines"
    run_id = await said(prod, worker, ("error", message, {"a": EVIL, "b": [1, {"c": None}]}))
    viewer = await somebody(app, "viewer")

    body = (await viewer.get("logs")).body.decode()

    assert '<span class="said">two&lt;img src=x onerror=alert(1)&gt; …</span>' in body
    assert "<pre>two&lt;img src=x onerror=alert(1)&gt;\nlines</pre>" in body
    assert "j-null" in body
    assert "\x1b" not in body
    assert "<img" not in body
    assert f"/runs/{run_id}" in body


async def test_pages_go_on_and_say_how_far_they_looked(
    app: App, prod: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MOST_LOOKED", 10)
    worker = await prod.work("greet")
    for n in range(8):
        await said(prod, worker, ("info", f"line {n}", None), ("debug", "more", None))
    viewer = await somebody(app, "viewer")

    body = (await viewer.get("logs?q=%22line%200%22")).body.decode()
    onward = re.search(r'href="([^"]+cursor=[^"]+)"', body)

    assert "Nothing so far" in body
    assert "Looked at 12 lines, back to 20" in body
    for _ in range(5):
        assert onward is not None
        body = (await viewer.get(onward[1].replace("&amp;", "&"))).body.decode()
        if '<span class="said">line 0' in body:
            break
        onward = re.search(r'href="([^"]+cursor=[^"]+)"', body)
    assert '<span class="said">line 0' in body


async def test_what_there_is_not_is_said(app: App, prod: Api) -> None:
    viewer = await somebody(app, "viewer")

    empty = (await viewer.get("logs")).body.decode()
    none = (await viewer.get("logs?q=%3Cb%3E")).body.decode()

    assert "No line in this range" in empty
    assert "logger.info(" in empty
    assert "No line fits" in none
    assert "<b>%" not in none


@pytest.mark.parametrize(
    "query",
    ["q=level:loud", "q=nobody:x", "q=-level:error", "run=run_1", "cursor=x", "period=soon"],
)
async def test_a_query_that_cannot_be_understood_says_which_part(app: App, query: str) -> None:
    viewer = await somebody(app, "viewer")

    reply = await viewer.get(f"logs?{query}")

    assert reply.status == 400
    assert b"That cannot be done" in reply.body


def test_words_and_terms_are_told_apart() -> None:
    asked = log_search.read(
        {"q": 'task:a -tag:x* "two words" http://x.org one', "level": "error,warn"}
    )

    assert asked.words == ["two words", "http://x.org", "one"]
    assert asked.levels == {"error", "warn"}
    assert [term for term in asked.terms if term.key != "level"] == [
        ("task", "a", False), ("tag", "x*", True),
    ]  # fmt: skip
    wanted = asked.wanted(ranges.read({"period": "1h"}, 10**12))
    assert wanted.runs.tasks == ["a"]
    assert wanted.runs.patterns == [Pattern("tag", "x*", True)]
    assert wanted.words == ("two words", "http://x.org", "one")
