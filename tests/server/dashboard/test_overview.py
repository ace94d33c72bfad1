"""The overview without a browser: its numbers are those of the API."""

import math
import re
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from hairtrigger.rules.stats import HOUR_MS, MINUTE_MS, floor, merged
from hairtrigger.server.app import App
from hairtrigger.server.dashboard import bars, ranges
from tests.server.dashboard.looking import somebody
from tests.server.driving import PROD_KEY, Api

NOW = 1_800_000_123_456
FAILED = ("FAILED", "CRASHED", "SYSTEM_FAILURE", "TIMED_OUT", "EXPIRED")


async def a_history(prod: Api) -> None:
    """Runs of two tasks that ended in many ways, and some that have not."""
    once = {"retry": {"maxAttempts": 1}}
    worker = await prod.work("greet", "send", slots=50, **once)
    for n in range(40):
        await prod.trigger("greet" if n % 3 else "send")
    for n, run in enumerate(await worker.fetch(36)):
        failed = {"failed": {"name": "ValueError", "message": f"row {n}"}}
        await worker.report(
            {"id": run["id"], "lease": run["lease"], **(failed if n % 5 == 0 else {"done": True})}
        )
    canceled = await prod.trigger("greet", delay="1h")
    await prod.post(f"/api/v2/runs/{canceled}/cancel")


def figures(body: str) -> dict[str, str]:
    """The cards of the page."""
    found = re.findall(
        r'class="label">([^<]+)</span>\s*<span class="value"><span>(.*?)</span>', body, re.DOTALL
    )
    return {label: re.sub(r"<[^>]+>", " ", value).strip() for label, value in found}


def took(run: dict[str, Any]) -> float:
    start, end = (datetime.fromisoformat(run[name]) for name in ("startedAt", "finishedAt"))
    return (end - start).total_seconds() * 1_000


@pytest.mark.acceptance("S82", "S83")
async def test_what_the_overview_says_is_what_the_api_counts(app: App) -> None:
    prod = Api(app, PROD_KEY)
    await a_history(prod)
    looker = await somebody(app, "viewer")

    body = (await looker.get("overview?period=1h")).body.decode()

    runs = (await prod.get("/api/v1/runs?page%5Bsize%5D=100")).json()["data"]
    over = [run for run in runs if run.get("finishedAt")]
    statuses = Counter(run["status"] for run in over)
    assert statuses["CANCELED"] == 1
    bad = sum(statuses[name] for name in FAILED)
    share = statuses["COMPLETED"] / (statuses["COMPLETED"] + bad)
    times = sorted(took(run) for run in over if run.get("startedAt"))
    exact = times[math.ceil(len(times) * 0.95) - 1]
    shown = figures(body)
    assert shown["Runs"] == str(len(over))
    assert shown["Success rate"] == f"{math.floor(share * 10_000) / 100:.2f} %"
    assert float(shown["p95 duration"].split()[0]) == pytest.approx(exact, rel=0.05, abs=1)
    for task in ("greet", "send"):
        row = body.split(f'id="t-{task}"')[1].split("</tr>")[0]
        mine = [run for run in over if run["taskIdentifier"] == task]
        numbers = [int(text) for text in re.findall(r">([\d,]+)</a>", row)]
        assert numbers == [len(mine), sum(run["status"] in FAILED for run in mine)]


async def test_only_what_is_asked_for_is_drawn(app: App) -> None:
    await a_history(Api(app, PROD_KEY))
    looker = await somebody(app, "viewer")

    body = (await looker.get("overview", x_parts="kpis,queues")).body.decode()

    assert 'data-part="kpis"' in body
    assert 'data-part="queues"' in body
    assert 'data-part="charts"' not in body
    assert "<html" not in body


async def test_a_range_that_cannot_be_read_is_said(app: App) -> None:
    looker = await somebody(app, "viewer")

    reply = await looker.get("overview?period=soon")

    assert reply.status == 400
    assert "Write it like 30m, 1h or 7d" in reply.body.decode()


@pytest.mark.parametrize("period", ["5m", "1h", "6h", "24h", "3d", "7d", "30d"])
def test_a_range_is_made_up_of_few_counts_that_cover_it_once(period: str) -> None:
    over = ranges.read({"period": period}, NOW)

    span = bars.cut(over, NOW)

    for one in (span, span.before()):
        pieces = one.pieces()
        assert [piece.start for piece in pieces[1:]] == [piece.end for piece in pieces[:-1]]
        assert (pieces[0].start, pieces[-1].end) == (one.start, one.end)
        assert all(piece.start % piece.step == 0 for piece in pieces)
        assert sum((piece.end - piece.start) // piece.step for piece in pieces) <= 400
        assert 1 < len(one.bars()) <= bars.MOST + 1
        assert {one.place(piece.start) for piece in pieces} <= set(one.bars())
    assert span.start == over.start
    assert over.end - over.column <= NOW < span.end <= NOW + span.fine


async def test_bars_sum_up_to_the_range_to_the_minute(app: App) -> None:
    await a_history(Api(app, PROD_KEY))
    store, env = (
        app.server.store,
        next(e for e in app.server.store.catalog.envs.values() if e.slug == "prod"),
    )
    now = store.now()
    minute = floor(now, MINUTE_MS)

    async def runs(start: int, end: int) -> int:
        span = bars.Cut(start, end, HOUR_MS, HOUR_MS, MINUTE_MS)
        found = await bars.over_time(store, env.id, span)
        return merged(found[0].values()).runs

    assert await runs(minute - 5 * HOUR_MS, minute + MINUTE_MS) == 37
    assert await runs(minute - 5 * HOUR_MS, minute - 5 * MINUTE_MS) == 0
