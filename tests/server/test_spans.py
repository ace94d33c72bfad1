"""Spans of the server itself, at a collector's real endpoint."""

from collections.abc import Iterator

import pytest

from hairtrigger.server import spans
from hairtrigger.server.app import App
from hairtrigger.server.settings import Settings
from tests.telemetry.collector import Collector, opened

from .driving import DEV_KEY, Api

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SERVER = 2  # as OTLP numbers it


@pytest.fixture
def collector() -> Iterator[Collector]:
    with opened() as collector:
        yield collector


async def test_requests_and_transactions_are_spans_when_they_are_asked_for(
    settings: Settings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    app = App(settings)
    await app.server.open()
    api = Api(app, DEV_KEY)

    await api.post("/api/v1/tasks/greet/trigger", {}, traceparent=CALLER)
    await api.get("/api/v3/runs/run_0")
    await api.post("/otel/v1/metrics", {})
    await app.server.close()

    (trigger,) = collector.named("POST /api/v1/tasks/{task}/trigger")
    (missing,) = collector.named("GET /api/v3/runs/{run}")
    assert (trigger.trace, trigger.parent, trigger.kind) == (CALLER[3:35], CALLER[36:52], SERVER)
    assert trigger.attributes["http.response.status_code"] == 200
    assert missing.attributes["http.response.status_code"] == 404
    assert trigger.service == "hairtrigger-server"
    assert sum(one.attributes["hairtrigger.triggers"] for one in collector.named("tick")) == 1
    assert not collector.named("POST /otel/v1/metrics")


async def test_a_server_that_is_not_asked_has_none(app: App) -> None:
    assert app.server.spans is None
    assert app.server.store.committer.on_tick is None
    assert (
        spans.install({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"})
        is None
    )
