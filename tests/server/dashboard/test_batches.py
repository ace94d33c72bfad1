"""The pages of batches, without a browser."""

import re
from typing import Any

import msgspec
import pytest

from hairtrigger.server.app import App
from tests.server.dashboard.looking import somebody
from tests.server.driving import PROD_KEY, Api


@pytest.fixture
def prod(app: App) -> Api:
    return Api(app, PROD_KEY)


async def a_batch(prod: Api, count: int, **options: Any) -> str:
    """A batch of ``greet``; of ``upto`` items only when that is given."""
    upto = options.pop("upto", count)
    made = (await prod.post("/api/v3/batches", {"runCount": count})).json()["id"]
    lines = [
        {"index": n, "task": "greet", "payload": str(n), "options": options} for n in range(upto)
    ]
    body = b"\n".join(msgspec.json.encode(line) for line in lines)
    reply = await prod.call(
        "POST",
        f"/api/v3/batches/{made}/items",
        body,
        headers={"content-type": "application/x-ndjson"},
    )
    assert reply.status == 200, reply.body
    return str(made)


async def test_a_batch_shows_how_its_items_stand_failures_first(app: App, prod: Api) -> None:
    worker = await prod.work("greet")
    batch = await a_batch(prod, 5)
    runs = await worker.fetch(3)
    await worker.report({"id": runs[0]["id"], "lease": 1, "done": True})
    failed = {"name": "ValueError", "message": "bad row"}
    await worker.report({"id": runs[1]["id"], "lease": 1, "failed": failed})
    viewer = await somebody(app, "viewer")

    listed = (await viewer.get("batches")).body.decode()
    body = (await viewer.get(f"batches/{batch}")).body.decode()

    assert "1 done, 1 failed, 1 running, 2 queued" in listed
    assert f"batches/{batch}" in listed
    grid = body[
        body.index('class="batch-grid"') : body.index(
            "</section>", body.index('class="batch-grid"')
        )
    ]
    assert re.findall(r'class="b-(\w+)"', grid) == ["ok", "fail", "run", "idle", "idle"]
    order = re.findall(r'<tr id="(run_\w+)"', body)
    assert order[0] == runs[1]["id"]
    assert order == [
        runs[1]["id"],
        *[one for one in await in_batch(prod, batch) if one != order[0]],
    ]
    assert "Replay" not in body


async def in_batch(prod: Api, batch: str) -> list[str]:
    return list((await prod.get(f"/api/v2/batches/{batch}")).json()["runs"])


async def test_what_failed_is_replayed_in_the_background(app: App, prod: Api) -> None:
    worker = await prod.work("greet")
    batch = await a_batch(prod, 2)
    for run in await worker.fetch(2):
        await worker.report({"id": run["id"], "lease": 1, "failed": {"name": "E", "message": "m"}})
    admin = await somebody(app, "admin")

    body = (await admin.get(f"batches/{batch}")).body.decode()
    reply = await admin.post(f"batches/{batch}/replay")

    assert "Replay 2 failed" in body
    assert reply.status == 303
    assert "/bulk-actions/bulk_" in reply.headers["location"]


async def test_items_that_have_not_come_or_cannot_run_are_told(app: App, prod: Api) -> None:
    await prod.work("greet")
    waiting = await a_batch(prod, 4, upto=1)
    broken = await a_batch(prod, 1, queue={"name": "!!"})
    admin = await somebody(app, "admin")

    missing = (await admin.get(f"batches/{waiting}")).body.decode()
    wrong = (await admin.get(f"batches/{broken}")).body.decode()

    assert "3 items of 4 have not arrived" in missing
    assert "3 not here yet" in missing
    assert "Could not be triggered" in wrong
    assert "Invalid queue name" in wrong
    assert "Replay" not in wrong


async def test_batches_come_in_pages_there_and_back(app: App, prod: Api) -> None:
    await prod.work("greet")
    made = [await a_batch(prod, 1) for _ in range(22)]
    viewer = await somebody(app, "viewer")

    first = (await viewer.get("batches")).body.decode()
    older = re.search(r'href="([^"]+cursor=[^"]+)"', first)
    assert older is not None
    second = (await viewer.get(older[1].replace("&amp;", "&"))).body.decode()
    newer = re.search(r'href="([^"]+before=[^"]+)"', second)
    assert newer is not None
    back = (await viewer.get(newer[1].replace("&amp;", "&"))).body.decode()

    def ids(page: str) -> list[str]:
        return re.findall(r'<tr id="(batch_\w+)"', page)

    assert ids(first) == made[:1:-1]
    assert ids(second) == made[1::-1]
    assert ids(back) == ids(first)


async def test_an_environment_without_batches_shows_how_one_is_made(app: App, prod: Api) -> None:
    viewer = await somebody(app, "viewer")

    body = (await viewer.get("batches")).body.decode()

    assert "No batch yet" in body
    assert "batch_trigger(" in body
    assert (await viewer.get("batches/batch_000000000000000000000000")).status == 404
