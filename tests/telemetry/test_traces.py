"""Traces from a caller through the server into a worker's children, at a collector's real endpoint."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import Live, Process, free_port, until
from tests.telemetry.collector import Collector, Span, opened

PRODUCER, CONSUMER, ERROR = 4, 5, 2  # as OTLP numbers them
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TASKS = """
from hairtrigger import task, tasks
from opentelemetry import trace


@task
async def parent(payload: dict[str, str]) -> str:
    with trace.get_tracer("mine").start_as_current_span("my own"):
        handle = await child.trigger({"name": payload["name"]})
    await child.batch_trigger([{"name": "b0"}, {"name": "b1"}])
    return handle.id


@task
def child(payload: dict[str, str]) -> str:
    with trace.get_tracer("mine").start_as_current_span("on a thread"):
        return "hello " + payload["name"]


@task(retry={"max_attempts": 2, "min_timeout_in_ms": 10, "max_timeout_in_ms": 10})
async def fall(payload: dict[str, str]) -> None:
    raise ValueError("no such user")
"""
OWN_PROVIDER = """
from hairtrigger import task
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "theirs"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)


@task
async def own() -> None:
    return None
"""
APPLICATION = """
import asyncio
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from hairtrigger import tasks

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)


async def main() -> None:
    with trace.get_tracer("app").start_as_current_span("request"):
        print((await tasks.trigger("parent", {"name": "Ada"})).id)


asyncio.run(main())
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with opened() as collector:
        yield collector


def trigger(live: Live, task: str, **options: Any) -> str:
    body = {"payload": {"name": "Ada"}, "options": options}
    return str(live.post(f"/api/v1/tasks/{task}/trigger", body)["id"])


def until_completed(live: Live, *runs: str) -> None:
    until(
        lambda: all(live.get(f"/api/v3/runs/{one}")["isCompleted"] for one in runs),
        "the runs to end",
    )


def start(live: Live, project: Path, url: str, **env: str) -> Process:
    return live.start_worker(
        project, "--processes", "1", OTEL_EXPORTER_OTLP_ENDPOINT=url, **env
    )  # fmt: skip


def one(spans: list[Span]) -> Span:
    assert len(spans) == 1, spans
    return spans[0]


def test_a_caller_its_run_and_that_runs_children_are_one_trace(
    live: Live, project: Path, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    env = {**os.environ, **live.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    worker = start(live, project, collector.url)
    until_completed(live, done.stdout.strip())
    until(lambda: not live.get("/api/v1/queues/child?type=task")["queued"], "the children to start")

    worker.stop()

    request, sent = one(collector.named("request")), one(collector.named("trigger parent"))
    ran, mine = one(collector.named("run parent")), one(collector.named("my own"))
    single = [s for s in collector.named("trigger child") if s.parent == mine.id]
    batch = one([s for s in collector.named("trigger child") if s.parent == ran.id])
    assert {span.trace for span in collector.spans} == {request.trace}
    assert (sent.parent, ran.parent, mine.parent) == (request.id, sent.id, ran.id)
    assert (sent.kind, ran.kind) == (PRODUCER, CONSUMER)
    assert sent.attributes["messaging.message.id"] == ran.attributes["messaging.message.id"]
    assert batch.attributes["messaging.batch.message_count"] == 2
    children = collector.named("run child")
    assert sorted(s.parent for s in children) == sorted([one(single).id, batch.id, batch.id])
    assert {s.parent for s in collector.named("on a thread")} == {s.id for s in children}
    facts = ran.attributes
    assert (facts["messaging.system"], facts["hairtrigger.outcome"]) == ("hairtrigger", "completed")
    assert (facts["messaging.destination.name"], facts["hairtrigger.attempt"]) == ("task/parent", 1)
    assert ran.service == "hairtrigger-worker"


def test_each_attempt_is_a_span_with_its_error(
    live: Live, project: Path, collector: Collector
) -> None:
    worker = start(live, project, collector.url, OTEL_SERVICE_NAME="jobs")
    until_completed(live, trigger(live, "fall"))

    worker.stop()

    spans = sorted(collector.named("run fall"), key=lambda s: s.attributes["hairtrigger.attempt"])
    assert [s.attributes["hairtrigger.will_retry"] for s in spans] == [True, False]
    for span in spans:
        (name, said), *_ = span.events
        assert (name, said["exception.type"]) == ("exception", "ValueError")
        assert said["exception.message"] == "no such user"
        assert "tasks.py" in said["exception.stacktrace"]
        assert (span.status, span.attributes["error.type"]) == (ERROR, "ValueError")
        assert span.service == "jobs"


def test_a_provider_of_the_projects_own_is_used(
    live: Live, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "trigger").mkdir()
    (tmp_path / "trigger" / "tasks.py").write_text(OWN_PROVIDER)
    worker = start(live, tmp_path, collector.url)
    until_completed(live, trigger(live, "own"))

    worker.stop()

    assert one(collector.named("run own")).service == "theirs"
    assert "Overriding" not in worker.output()


@pytest.mark.parametrize("how", ["away", "stuck"])
def test_a_collector_that_is_away_or_slow_delays_nothing(
    live: Live, project: Path, collector: Collector, how: str
) -> None:
    collector.stuck = how == "stuck"
    url = collector.url if collector.stuck else f"http://127.0.0.1:{free_port()}"
    worker = start(live, project, url, OTEL_BSP_SCHEDULE_DELAY="10")
    began = time.monotonic()
    until_completed(live, *(trigger(live, "child") for _ in range(20)))
    took = time.monotonic() - began
    if collector.stuck:
        until(lambda: collector.asked, "the collector to be asked")
    began = time.monotonic()

    worker.stop()

    assert took < 10
    assert time.monotonic() - began < 8
    assert collector.spans == []


def test_spans_of_a_runs_code_come_to_its_page_when_the_server_is_the_collector(
    live: Live, project: Path
) -> None:
    key = live.environ["TRIGGER_SECRET_KEY"]
    headers = f"Authorization=Bearer%20{key}"
    worker = start(live, project, f"{live.url}/otel", OTEL_EXPORTER_OTLP_HEADERS=headers)
    run, other = trigger(live, "parent"), trigger(live, "child")
    until_completed(live, run, other)

    worker.stop()

    root = live.get(f"/api/v1/runs/{run}/trace")["trace"]["rootSpan"]
    (attempt,) = root["children"]
    spans = {one["data"]["message"]: one for one in attempt["children"] if one["runId"] == run}
    assert set(spans) == {"my own", "trigger child"}
    assert [one["data"]["message"] for one in spans["my own"]["children"]] == ["trigger child"]
    (alone,) = live.get(f"/api/v1/runs/{other}/trace")["trace"]["rootSpan"]["children"]
    assert [one["data"]["message"] for one in alone["children"]] == ["on a thread"]


def test_without_the_packages_there_is_one_line_that_says_what_to_install(
    live: Live, project: Path, tmp_path: Path
) -> None:
    hiding = "import sys\nsys.modules['opentelemetry.exporter'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(hiding)
    worker = start(live, project, "http://127.0.0.1:9", PYTHONPATH=str(tmp_path))
    until_completed(live, trigger(live, "child"))

    worker.stop()

    said = [line for line in worker.output().splitlines() if "OpenTelemetry" in line]
    assert 'pip install "hairtrigger[otel]"' in one_line(said)


def one_line(lines: list[str]) -> str:
    assert len(lines) == 1, lines
    return lines[0]
