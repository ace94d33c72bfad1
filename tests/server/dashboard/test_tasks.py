"""The pages of tasks, without a browser: what is counted, what a task is configured to, and what it is tested with."""

import ast
import html
import json
import re
import shlex
from typing import Any

import msgspec
import pytest

from hairtrigger.cli import payloads
from hairtrigger.rules.stats import Stat
from hairtrigger.server.app import App
from hairtrigger.server.dashboard import snippets, spread, task_rows
from hairtrigger.wire.options import QueueOption, TriggerOptions
from hairtrigger.wire.worker import RetryPolicy
from tests.server.dashboard.looking import Looker, somebody
from tests.server.driving import PROD_KEY, Api, Worker

SCHEMA = {
    "type": "object",
    "properties": {"orderId": {"type": "string", "pattern": "^order_"}, "n": {"type": "integer"}},
    "required": ["orderId"],
}


@pytest.fixture
def prod(app: App) -> Api:
    return Api(app, PROD_KEY)


def text_of(body: bytes) -> str:
    """A page without its tags, in one line."""
    shown = re.sub(r"<title>.*?</title>|<[^>]+>", " ", body.decode())
    return html.unescape(" ".join(shown.split()))


async def failed(worker: Worker) -> None:
    (run,) = await worker.fetch(1)
    await worker.report(
        {"id": run["id"], "lease": run["lease"], "failed": {"name": "E", "message": "no"}}
    )


async def lived(prod: Api) -> None:
    """Seven runs of one task that ended in three ways, and one of another."""
    worker = await prod.work("greet", "other")
    for _ in range(4):
        await prod.trigger("greet", {"a": 1})
        await worker.complete()
    for _ in range(2):
        await prod.trigger("greet")
        await failed(worker)
    canceled = await prod.trigger("greet", delay="1h")
    assert (await prod.post(f"/api/v2/runs/{canceled}/cancel")).status == 200
    await prod.trigger("other")
    await worker.complete()


async def count(prod: Api, query: str) -> int:
    page = (await prod.get(f"/api/v1/runs?page%5Bsize%5D=100&{query}")).json()
    return len(page["data"])


@pytest.mark.acceptance("S82", "S83")
async def test_numbers_of_a_task_are_those_of_the_api_over_the_same_range(
    app: App, prod: Api
) -> None:
    await lived(prod)
    viewer = await somebody(app, "viewer")
    now = app.server.store.now()

    listed = text_of((await viewer.get(f"tasks?from={now - 3_600_000}&to={now}")).body)
    page = text_of((await viewer.get(f"tasks/greet?from={now - 3_600_000}&to={now}")).body)

    one = "filter%5BtaskIdentifier%5D=greet"
    since = f"&filter%5BcreatedAt%5D%5Bfrom%5D={now - 3_600_000}"
    counted = {
        status: await count(prod, f"{one}{since}&filter%5Bstatus%5D={status}")
        for status in ("COMPLETED", "FAILED", "CANCELED")
    }
    assert counted == {"COMPLETED": 4, "FAILED": 2, "CANCELED": 1}
    assert "Runs 7 Completed 4 57.14 % Failed 2 28.57 % Canceled 1 14.28 %" in page
    found = re.search(r"Duration ((?:\S+ \S+ ?){4}) Queue time", page)
    assert found is not None, page
    assert len(re.findall(r"\d (?:µs|ms|s)\b", found[1])) == 4
    assert re.search(r"greet task t\.py greet 3 × exp 1 s–1m 0 7 66\.66 %", listed), listed


async def test_every_number_of_the_list_leads_to_its_runs(app: App, prod: Api) -> None:
    await lived(prod)
    viewer = await somebody(app, "viewer")

    body = (await viewer.get("tasks")).body.decode()

    (link,) = re.findall(r'class="r c-runs strong"><a href="([^"]*task=greet[^"]*)"', body)
    runs = text_of((await viewer.get(html.unescape(link))).body)
    assert "Runs 7" in runs


async def test_tasks_of_old_versions_are_told_apart_and_found_by_their_words(
    app: App, prod: Api
) -> None:
    await prod.work("old")
    await prod.work("greet", description="Say hello to somebody.")
    viewer = await somebody(app, "viewer")

    body = text_of((await viewer.get("tasks")).body)
    found = text_of((await viewer.get("tasks?q=hello")).body)
    none = text_of((await viewer.get("tasks?q=nothing")).body)
    page = text_of((await viewer.get("tasks/old")).body)

    assert body.index("greet") < body.index("Not in current version") < body.index("old task")
    assert "greet task" in found
    assert "old task" not in found
    assert "No task fits" in none
    assert "Not in the current version" in page


async def test_task_page_says_how_it_is_configured_and_what_is_in_its_tabs(
    app: App, prod: Api
) -> None:
    await prod.work(
        "tick", scheduled=True, cron={"pattern": "0 9 * * *", "timezone": "Europe/London"},
        retry={"maxAttempts": 4, "factor": 1, "minTimeoutInMs": 500, "maxTimeoutInMs": 500},
        queue={"name": "nightly", "concurrencyLimit": 2}, maxDurationMs=90_000, payloadSchema=SCHEMA,
    )  # fmt: skip
    viewer = await somebody(app, "viewer")

    page = text_of((await viewer.get("tasks/tick")).body)
    planned = text_of((await viewer.get("tasks/tick?tab=schedules")).body)
    versions = text_of((await viewer.get("tasks/tick?tab=versions")).body)
    gone = await viewer.get("tasks/nothing")

    assert "4 × every 500 ms" in page
    assert "2 at once for each key" in page
    assert "1m30s" in page
    assert '"pattern" : "^order_"' in page
    assert "At 09:00 every day 0 9 * * * Europe/London" in planned
    assert "first seen nightly 4 × every 500 ms t.py" in versions
    assert gone.status == 404


# the test page


async def test_page_begins_with_the_schema_then_with_what_was_sent_last(
    app: App, prod: Api
) -> None:
    await prod.work("greet", payloadSchema=SCHEMA)
    admin = await somebody(app, "admin")

    fresh = payload_of((await admin.get("tasks/greet/test")).body)
    await prod.trigger("greet", {"orderId": "order_1"}, queue={"name": "fast"}, tags=["a", "b"])
    run_id = await prod.trigger("greet", {"orderId": "order_2"}, maxAttempts=7)
    later = payload_of((await admin.get("tasks/greet/test")).body)
    chosen = (await admin.get(f"tasks/greet/test?from={run_id}")).body.decode()

    assert json.loads(fresh) == {"orderId": ""}
    assert json.loads(later) == {"orderId": "order_2"}
    assert 'name="max_attempts" value="7"' in chosen


def payload_of(body: bytes) -> str:
    found = re.search(
        r"<textarea[^>]*name=\"payload\"[^>]*>(.*?)</textarea>", body.decode(), re.DOTALL
    )
    assert found is not None
    return html.unescape(found[1])


@pytest.mark.acceptance("S49")
async def test_a_test_runs_with_every_option_and_is_marked_as_one(app: App, prod: Api) -> None:
    admin = await somebody(app, "admin")
    worker = await prod.work("greet", payloadSchema=SCHEMA, queue={"name": "fast"})

    reply = await admin.post("tasks/greet/test", {
        "payload": '{"orderId": "order_9", "n": 1}', "queue": "fast", "concurrency_key": "k", "ttl": "1h",
        "tags": "a, b", "max_attempts": "2", "max_duration": "30", "priority": "5", "version": "latest",
        "idempotency_key": "once", "machine": "small-2x", "delay": "",
    })  # fmt: skip

    assert reply.status == 303
    run_id = reply.headers["location"].rpartition("?run=")[2]
    run = await prod.run(run_id)
    assert run["isTest"] is True
    assert run["tags"] == ["a", "b"]
    assert run["ttl"] == "1h"
    (handed,) = await worker.fetch(1)
    assert handed["id"] == run_id
    assert handed["isTest"] is True
    assert handed["payload"] == ["application/json", '{"orderId": "order_9", "n": 1}']
    assert (handed["queue"], handed["concurrencyKey"], handed["maxAttempts"]) == ("fast", "k", 2)
    followed = text_of((await admin.get(f"tasks/greet/test?run={run_id}", x_parts="strip")).body)
    assert followed.startswith("Executing")
    assert run_id in followed


async def test_what_is_wrong_comes_back_at_its_field_with_all_that_was_typed(
    app: App, prod: Api
) -> None:
    await prod.work("greet", payloadSchema=SCHEMA)
    admin = await somebody(app, "admin")
    typed = {
        "payload": '{"n": "x"}',
        "delay": "soon",
        "max_attempts": "two",
        "version": "1",
        "tags": "kept",
    }

    reply = await admin.post("tasks/greet/test", typed)

    body, text = reply.body.decode(), text_of(reply.body)
    assert reply.status == 422
    assert payload_of(reply.body) == '{"n": "x"}'
    assert 'name="tags" value="kept"' in body
    assert "orderId is missing n must be a whole number" in text
    assert "Invalid delay 'soon'" in text
    assert "Max attempts must be a number, not 'two'." in text
    assert "No version 1 in this environment." in text
    assert await prod.count_runs() == 0


async def test_a_payload_that_does_not_fit_runs_when_somebody_says_anyway(
    app: App, prod: Api
) -> None:
    await prod.work("greet", payloadSchema=SCHEMA)
    admin = await somebody(app, "admin")

    refused = await admin.post("tasks/greet/test", {"payload": "{}"})
    run = await admin.post("tasks/greet/test", {"payload": "{}", "anyway": "1"})
    broken = await admin.post("tasks/greet/test", {"payload": "{", "anyway": "1"})

    assert [reply.status for reply in (refused, run, broken)] == [422, 303, 422]
    assert "not valid JSON" in text_of(broken.body)
    assert await prod.count_runs() == 1


async def test_a_scheduled_task_is_tested_with_what_its_schedule_would_send(
    app: App, prod: Api
) -> None:
    admin = await somebody(app, "admin")
    worker = await prod.work("tick", scheduled=True, cron={"pattern": "0 9 * * *"})

    page = (await admin.get("tasks/tick/test")).body.decode()
    wrong = await admin.post("tasks/tick/test", {"timestamp": "soon", "timezone": "Mars/Base"})
    reply = await admin.post("tasks/tick/test", {
        "timestamp": "2026-03-01T09:00", "last_timestamp": "", "timezone": "Europe/Berlin",
        "external_id": "user_7",
    })  # fmt: skip

    assert 'name="payload"' not in page
    assert 'name="timestamp"' in page
    assert wrong.status == 422
    assert "Mars/Base" in text_of(wrong.body)
    assert reply.status == 303
    (handed,) = await worker.fetch(1)
    kind, text = handed["payload"]
    value = json.loads(text)["json"]
    assert kind == "application/super+json"
    assert (value["timestamp"], value["timezone"]) == ("2026-03-01T08:00:00.000Z", "Europe/Berlin")
    assert value["externalId"] == "user_7"
    assert "lastTimestamp" not in value
    assert value["upcoming"][0] == "2026-03-02T08:00:00.000Z"
    assert "schedule" not in handed, "it is no tick of the schedule"


async def test_templates_are_kept_shown_and_deleted(app: App, prod: Api) -> None:
    await prod.work("greet")
    admin = await somebody(app, "admin")

    await admin.post("tasks/greet/test/templates", {
        "template_name": "Big <b>order</b>", "payload": '{"a":1}', "queue": "fast",
    })  # fmt: skip
    unnamed = await admin.post("tasks/greet/test/templates", {"template_name": " ", "payload": "1"})
    page = (await admin.get("tasks/greet/test")).body.decode()
    (link,) = re.findall(r'href="([^"]*template=template_[^"]*)"', page)
    filled = (await admin.get(html.unescape(link))).body
    name = html.unescape(link).rpartition("=")[2]
    gone = await admin.post(f"tasks/greet/test/templates/{name}/delete")

    assert "Big &lt;b&gt;order&lt;/b&gt;" in page
    assert unnamed.status == 422
    assert "needs a name" in text_of(unnamed.body)
    assert payload_of(filled) == '{"a":1}'
    assert 'name="queue" value="fast"' in filled.decode()
    assert gone.status == 303
    assert "template=" not in (await admin.get("tasks/greet/test")).body.decode()


async def test_a_viewer_looks_and_may_not_test(app: App, prod: Api) -> None:
    await prod.work("greet", scheduled=True)
    viewer = await somebody(app, "viewer")

    pages = [
        (await viewer.get(path)).body.decode()
        for path in ("tasks", "tasks/greet", "tasks/greet/test")
    ]

    assert all("Run test" not in page and 'data-key="T"' not in page for page in pages)
    assert "Keep this as" not in pages[2]


async def test_replay_says_in_its_form_what_is_wrong_and_keeps_what_was_typed(
    app: App, prod: Api
) -> None:
    admin = await somebody(app, "admin")
    worker = await prod.work("greet", payloadSchema=SCHEMA)
    run_id = await prod.trigger("greet", {"orderId": "order_1"}, tags=["old"], machine="small-2x")
    await worker.complete()

    wrong = await admin.post(f"runs/{run_id}/replay", {"payload": '{"orderId": 7}', "delay": "x"})
    right = await admin.post(f"runs/{run_id}/replay", {
        "payload": '{"orderId": "order_2"}', "tags": "", "machine": "small-1x",
    })  # fmt: skip
    as_was = await admin.post(f"runs/{run_id}/replay", {"payload": ""})

    assert wrong.status == 422
    assert payload_of(wrong.body) == '{"orderId": 7}'
    assert "orderId must be text" in text_of(wrong.body)
    assert "Invalid delay 'x'" in text_of(wrong.body)
    new = await prod.run(right.headers["location"].rpartition("/")[2])
    assert (new["payload"], new["tags"]) == ({"orderId": "order_2"}, [])
    same = await prod.run(as_was.headers["location"].rpartition("/")[2])
    assert (same["payload"], same["tags"]) == ({"orderId": "order_1"}, ["old"])


# what needs no server


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (RetryPolicy(), "3 × exp 1 s–1m"),
        (RetryPolicy(max_attempts=3, max_timeout_in_ms=10_000), "3 × exp 1 s–10 s"),
        (RetryPolicy(max_attempts=1), "no retry"),
        (RetryPolicy(max_attempts=5, factor=1, min_timeout_in_ms=5_000), "5 × every 5 s"),
        (RetryPolicy(max_attempts=2, min_timeout_in_ms=250, max_timeout_in_ms=250), "2 × every 250 ms"),
    ],
)  # fmt: skip
def test_retry_policies_are_said_in_words(policy: RetryPolicy, said: str) -> None:
    assert task_rows.retry(policy) == said


def test_bars_by_duration_hold_exactly_the_runs_that_their_links_ask_for() -> None:
    times = [0, 1, 2, 3, 9, 10, 99, 100, 101, 999, 1_000, 1_001, 5_000, 59_999, 600_000]
    stat = Stat({}, 0, {}, {})
    for ms in times:
        stat.add(0, ms, None)

    found = spread.of(stat.took)

    assert {bar.label: bar.runs for bar in found.shown} == {
        bar.label: sum(bar.low <= ms <= bar.high for ms in times) for bar in found.shown
    }
    assert sum(bar.runs for bar in found.bars) == len(times)
    assert spread.of({}).is_empty
    assert spread.of({}).ticks() == []


OPTIONS = TriggerOptions(
    delay="10m", tags=["a b", "c"], max_attempts=2, max_duration=30.0, priority=5.0, ttl="1h",
    queue=QueueOption("emails"), lock_to_version="20260301.1", idempotency_key="it's", concurrency_key="k",
)  # fmt: skip
PAYLOAD = {
    "orderId": 'it\'s "one"',
    "n": 1.0,
    "on": True,
    "none": None,
    "items": [{"sku": "x" * 50}] * 2,
}


def test_the_same_call_in_four_languages_says_the_same() -> None:
    found = {
        one.language: one.text
        for one in snippets.of(
            "my/task", json.dumps(PAYLOAD, indent=2), OPTIONS, "http://localhost:3030"
        )
    }

    call = ast.parse(found["Python"].partition("await ")[2], mode="eval").body
    assert isinstance(call, ast.Call)
    named = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert [ast.literal_eval(one) for one in call.args] == ["my/task", PAYLOAD]
    assert named == {
        "delay": "10m", "tags": ["a b", "c"], "max_attempts": 2, "max_duration": 30, "priority": 5, "ttl": "1h",
        "queue": "emails", "version": "20260301.1", "idempotency_key": "it's", "concurrency_key": "k",
    }  # fmt: skip
    words = shlex.split(found["curl"].replace("\\\n", ""))
    body = json.loads(words[words.index("-d") + 1])
    assert words[1].endswith("/api/v1/tasks/my%2Ftask/trigger")
    assert body["payload"] == PAYLOAD
    assert msgspec.convert(body["options"], TriggerOptions) == OPTIONS
    command = shlex.split(found["CLI"])
    assert payloads.parse(command[3:4]) == PAYLOAD
    assert command[4:8] == ["--queue", "emails", "--concurrency-key", "k"]
    assert [command[n + 1] for n, word in enumerate(command) if word == "--tag"] == ["a b", "c"]
    assert 'idempotencyKey: "it\'s"' in found["TypeScript"]
    assert "maxDuration: 30," in found["TypeScript"]


@pytest.mark.parametrize("payload", ["", '{"a": [1.50, 12345678901234567890]}', "not json"])
def test_code_without_options_is_one_line_and_keeps_numbers(payload: str) -> None:
    found: dict[str, Any] = {
        one.language: one.text for one in snippets.of("t", payload, TriggerOptions(), "http://h")
    }

    assert found["CLI"].startswith("hairtrigger trigger t")
    if payload.startswith("{"):
        assert "12345678901234567890" in found["curl"]
        assert "1.50" in found["TypeScript"]
    if not payload:
        assert found["TypeScript"].endswith('tasks.trigger("t");')


async def test_snippets_follow_the_form(app: App, prod: Api) -> None:
    await prod.work("greet")
    admin: Looker = await somebody(app, "admin")

    reply = await admin.post(
        "tasks/greet/test/snippet", {"payload": '{"a": 7}', "delay": "3m", "ttl": "bad"}
    )

    text = text_of(reply.body)
    assert 'tasks.trigger("greet", {"a": 7}, delay="3m")' in text
    assert "ttl" not in text
