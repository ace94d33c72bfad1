"""The list of runs without a browser: columns, and views with their owners."""

import html
import json
import re
from urllib.parse import unquote

from hairtrigger.server.app import App
from tests.server.dashboard.looking import somebody
from tests.server.driving import Api


async def test_a_list_has_the_columns_that_its_address_names(app: App, prod: Api) -> None:
    await prod.trigger("mail", {"user": {"tags": ["<b>"]}}, metadata={"progress": 0.4})
    viewer = await somebody(app, "viewer")

    page = (
        await viewer.get("runs?columns=metadata.progress,payload.user.tags.0,output.none,waited")
    ).body.decode()
    wrong = await viewer.get("runs?columns=colour")

    assert "&lt;b&gt;" in page
    assert "<b>&lt;" not in page
    assert '<td class="c-value mono clip"><svg' in page
    assert "payload.user.tags.0" in page
    assert wrong.status == 400
    assert "There is no column" in wrong.body.decode()


async def test_views_have_owners_and_only_admins_share_them(app: App, prod: Api) -> None:
    await prod.trigger("mail")
    admin, viewer = await somebody(app, "admin"), await somebody(app, "viewer")
    await admin.get("runs")
    await viewer.get("runs")
    asked = "status=FAILED&cursor=cursor_1&columns=queue"

    kept = await viewer.post("views", {"name": "Mine <i>", "query": asked})
    shared = await admin.post("views", {"name": "Ours", "query": "task=mail", "shared": "1"})
    refused = await viewer.post("views", {"name": "Ours", "query": "", "shared": "1"})
    seen = (await viewer.get("views")).body.decode()
    others = (await admin.get("views")).body.decode()

    assert (kept.status, shared.status, refused.status) == (303, 303, 403)
    assert kept.headers["location"].endswith("/runs?status=FAILED&columns=queue")
    assert "Mine &lt;i&gt;" in seen
    assert "Ours" in seen
    assert "Mine" not in others
    page = html.unescape((await viewer.get("runs")).body.decode())
    (mine,) = re.findall(r"views/(view_[0-9a-f]+)/delete", page)
    assert (await admin.post(f"views/{mine}/delete")).status == 404
    assert (await viewer.post(f"views/{mine}/delete")).status == 303
    assert "Mine" not in (await viewer.get("views")).body.decode()


async def test_what_the_engine_did_with_a_run_stands_in_the_order_of_time(
    app: App, prod: Api
) -> None:
    worker = await prod.work("mail")
    run_id = await prod.trigger("mail")
    (handed,) = await worker.fetch(1)
    failed = {"name": "ValueError", "message": "bad row"}
    await worker.report(
        {"id": handed["id"], "lease": handed["lease"], "failed": failed, "retryInMs": 0}
    )
    viewer = await somebody(app, "viewer")

    page = (await viewer.get(f"runs/{run_id}?tab=events", x_parts="events")).body.decode()

    rows = [re.sub("<[^>]*>", " ", row) for row in page.split("<tr>")[2:]]
    said = [" ".join(row.split()[1:]) for row in rows]
    assert said[0] == "Triggered", said
    assert said[1].startswith("Attempt 1 handed out worker_"), said
    assert any(row.startswith("Attempt 1 failed, and is tried again lease 1") for row in said)


async def test_a_log_is_kept_as_a_file_that_no_browser_runs(app: App, prod: Api) -> None:
    worker = await prod.work("mail")
    run_id = await prod.trigger("mail")
    (handed,) = await worker.fetch(1)
    said = [
        [handed["id"], handed["lease"], 1_700_000_000_000 + seq, seq, "info", f"<b>{seq}"]
        for seq in (1, 2)
    ]
    await worker.report({"id": handed["id"], "lease": handed["lease"], "done": True}, events=said)
    viewer = await somebody(app, "viewer")

    kept = await viewer.get(f"runs/{run_id}/log")

    lines = [json.loads(line) for line in kept.body.splitlines()]
    assert [line["message"] for line in lines] == ["<b>1", "<b>2"]
    assert {(line["level"], line["run"]) for line in lines} == {("info", run_id)}
    assert kept.headers["content-disposition"] == f'attachment; filename="{run_id}-log.ndjson"'
    assert kept.headers["content-security-policy"] == "sandbox"


async def test_a_run_is_tagged_and_its_key_freed(app: App, prod: Api) -> None:
    run_id = await prod.trigger("mail", idempotencyKey="once")
    admin = await somebody(app, "admin")
    await admin.get(f"runs/{run_id}")

    await admin.post(f"runs/{run_id}/tags", {"tag": "<b>late"})
    too_long = await admin.post(f"runs/{run_id}/tags", {"tag": "x" * 129})
    page = (await admin.get(f"runs/{run_id}")).body.decode()
    again = await prod.trigger("mail", idempotencyKey="once")
    await admin.post(f"runs/{run_id}/free-key")
    freed = await prod.trigger("mail", idempotencyKey="once")

    assert "&lt;b&gt;late" in page
    assert "free-key" in page
    assert "128" in unquote(too_long.headers["set-cookie"])
    assert again == run_id != freed
    assert "free-key" not in (await admin.get(f"runs/{run_id}")).body.decode()
