"""GET /metrics, as Prometheus reads it: who may, and numbers that are those of the API."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hairtrigger.engine import stats
from hairtrigger.errors import ConfigError
from hairtrigger.server import scrapes
from hairtrigger.server.app import App
from hairtrigger.server.settings import Settings
from tests import databases
from tests.store.severing import Wire

from .driving import DEV_KEY, Api, Worker, drive
from .test_serve import running

TOKEN = "a-token-of-many-letters"


class Scraped:
    """One answer, read with the parser of Prometheus' own library."""

    def __init__(self, text: str) -> None:
        self.families = {one.name: one for one in text_string_to_metric_families(text)}

    def value(self, name: str, **labels: str) -> float:
        """The one sample of a name that has these labels."""
        found = [
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(found) == 1, (name, labels, found)
        return float(found[0])

    def total(self, name: str, **labels: str) -> float:
        return sum(
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrapes, "FRESH_S", 0.0)


async def scraped(app: App) -> Scraped:
    reply = await Api(app, None).get("/metrics")
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Scraped(reply.body.decode())


async def registered(api: Api, *tasks: dict[str, Any], slots: int) -> Worker:
    """A worker whose tasks differ."""
    listed = [{"file": "t.py", "export": task["id"], **task} for task in tasks]
    body = {"name": "w", "version": "", "tasks": listed, "slots": slots, "protocol": [1]}
    reply = await api.post("/api/hairtrigger/v1/worker/register", body)
    return Worker(api, reply.json()["worker"])


async def rolled_up(app: App) -> None:
    while await stats.roll_up(app.server.store) == 0:
        pass


async def test_queues_are_told_as_the_api_tells_them(app: App, api: Api) -> None:
    worker = await registered(
        api,
        {"id": "greet", "queue": {"name": "letters", "concurrencyLimit": 3}},
        {"id": "free"},
        slots=6,
    )
    for _ in range(5):
        await api.trigger("greet")
    await api.trigger("greet", delay="1h")
    await api.trigger("free")
    await worker.fetch(2)

    found = await scraped(app)

    for name, kind, full in (("letters", "custom", "letters"), ("free", "task", "task/free")):
        queue = (await api.get(f"/api/v1/queues/{name}?type={kind}")).json()
        for state in ("queued", "running"):
            assert found.value("hairtrigger_queue_runs", queue=full, state=state) == queue[state]
    assert found.value("hairtrigger_queue_runs", queue="letters", state="queued") > 0
    assert found.value("hairtrigger_queue_runs", queue="letters", state="delayed") == 1
    assert found.value("hairtrigger_queue_concurrency_limit", queue="letters") == 3
    assert found.value("hairtrigger_queue_oldest_waiting_seconds", queue="letters") >= 0
    workers = (await api.get("/api/hairtrigger/v1/workers")).json()["data"]
    slots, held = sum(one["slots"] for one in workers), sum(one["held"] for one in workers)
    assert found.value("hairtrigger_worker_slots", environment="dev") == slots == 6
    assert found.value("hairtrigger_worker_slots_free", environment="dev") == slots - held
    assert found.value("hairtrigger_workers", environment="prod") == 0


async def test_what_finished_is_counted_by_outcome_and_never_less(app: App, api: Api) -> None:
    worker = await api.work("greet", retry={"maxAttempts": 1})
    first = [await api.trigger("greet") for _ in range(3)]
    await api.post(f"/api/v2/runs/{first[2]}/cancel")
    for _ in first[:2]:
        await worker.complete()
    await rolled_up(app)
    before = await scraped(app)
    await api.trigger("greet")
    await worker.complete()
    await rolled_up(app)

    after = await scraped(app)

    def count(found: Scraped, outcome: str) -> float:
        return found.value("hairtrigger_runs_finished_total", task="greet", outcome=outcome)

    assert (count(before, "completed"), count(before, "canceled")) == (2, 1)
    assert (count(after, "completed"), count(after, "canceled")) == (3, 1)
    listed = (await api.get("/api/v1/runs?filter%5Bstatus%5D=COMPLETED")).json()["data"]
    assert count(after, "completed") == len(listed)
    assert after.value("hairtrigger_task_duration_seconds_count", task="greet") == 3
    assert after.value("hairtrigger_run_duration_seconds_bucket", environment="dev", le="+Inf") == 3
    assert after.value("hairtrigger_run_wait_seconds_count", environment="dev") == 3


async def test_the_server_tells_of_itself(app: App, api: Api) -> None:
    for _ in range(3):
        await api.trigger("greet")
    await api.get("/nothing/here")

    found = await scraped(app)

    asked = {"method": "POST", "route": "/api/v1/tasks/{task}/trigger", "code": "200"}
    assert found.value("hairtrigger_http_requests_total", **asked) == 3
    assert found.value("hairtrigger_http_requests_total", route="(none)", code="404") == 1
    assert found.value("hairtrigger_tick_items_total", kind="triggers") == 3
    assert found.value("hairtrigger_ticks_total") > 0
    assert found.value("hairtrigger_tick_seconds_total") > 0
    assert found.total("hairtrigger_write_queue_items") == 0
    assert found.value("hairtrigger_event_loop_lag_seconds") >= 0
    assert found.value("hairtrigger_database_up") == 1
    assert found.value("hairtrigger_metrics_left_out", kind="queue") == 0


async def test_many_scrapes_look_once(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrapes, "FRESH_S", 60.0)

    found = await asyncio.gather(*(app.server.scrapes.picture() for _ in range(5)))

    assert all(one is found[0] for one in found)


async def test_a_real_server_is_scraped_over_its_socket(settings: Settings) -> None:
    headers = {"authorization": f"Bearer {DEV_KEY}"}
    async with running(settings) as (base, _, _), aiohttp.ClientSession(base) as http:
        await http.post("/api/v1/tasks/greet/trigger", json={}, headers=headers)

        found = Scraped(await (await http.get("/metrics")).text())

    assert found.value("hairtrigger_held_runs", environment="dev") == 1


async def got(app: App, **headers: str) -> int:
    reply = await drive(app, "GET", "/metrics", [b""], headers)
    return reply.status


@pytest.fixture
async def guarded(settings: Settings, request: pytest.FixtureRequest) -> AsyncIterator[App]:
    app = App(dataclasses.replace(settings, metrics=request.param))
    await app.server.open()
    yield app
    await app.server.close()


@pytest.mark.parametrize("guarded", [TOKEN], indirect=True)
async def test_with_a_token_nobody_else_may_read(guarded: App) -> None:
    assert await got(guarded, authorization=f"Bearer {TOKEN}") == 200
    assert await got(guarded, authorization=f"Bearer {TOKEN}x") == 401
    assert await got(guarded, authorization=f"Bearer {DEV_KEY}") == 401
    assert await got(guarded) == 401


@pytest.mark.parametrize("guarded", ["off"], indirect=True)
async def test_switched_off_there_is_nothing(guarded: App) -> None:
    assert await got(guarded) == 404


@pytest.mark.parametrize("guarded", ["open"], indirect=True)
async def test_open_is_open_to_what_a_proxy_passes_on(guarded: App) -> None:
    assert await got(guarded, **{"x-forwarded-for": "203.0.113.9"}) == 200


async def test_by_default_it_is_for_programs_on_this_machine(app: App) -> None:
    assert await got(app) == 200
    assert await got(app, **{"x-forwarded-for": "203.0.113.9"}) == 403


def test_a_token_that_is_too_short_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="HAIRTRIGGER_METRICS must be local") as refused:
        Settings(metrics="opne")

    assert "opne" not in str(refused.value)


async def test_every_metric_is_documented(app: App, api: Api) -> None:
    await api.work("greet", queue={"name": "letters", "concurrencyLimit": 3})
    page = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text()

    names = {
        f"{one.name}_total" if one.type == "counter" else one.name
        for one in (await scraped(app)).families.values()
    }

    assert [name for name in names if f"`{name}`" not in page and "process_" not in name] == []


@pytest.fixture
async def severed(settings: Settings, postgres_database: str) -> AsyncIterator[tuple[App, Wire]]:
    """A server whose way to PostgreSQL can be broken."""
    databases.emptied(postgres_database)
    async with Wire(postgres_database) as wire:
        app = App(dataclasses.replace(settings, database=wire.url))
        await app.server.open()
        yield app, wire
        await wire.down()
        await wire.up()
        await app.server.close()


async def test_while_the_database_is_away_the_server_tells_of_itself(
    severed: tuple[App, Wire],
) -> None:
    app, wire = severed
    before = await scraped(app)
    await wire.down()

    found = await scraped(app)

    assert before.value("hairtrigger_database_up") == 1
    assert found.value("hairtrigger_database_up") == 0
    assert found.total("hairtrigger_http_requests_total", route="/metrics") == 1
    assert "hairtrigger_queue_runs" not in found.families
    await wire.up()
