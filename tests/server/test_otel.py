"""OTLP over HTTP: what comes in is found in the run's trace and among its lines, and nowhere else."""

import gzip
import sys
import zlib
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from hairtrigger.engine import traces
from hairtrigger.server import otlp
from hairtrigger.server.api import otel
from hairtrigger.server.app import App
from hairtrigger.wire import ids
from tests.server.driving import Api, Reply
from tests.server.test_traces import names

PROTOBUF = "application/x-protobuf"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def attributes(**named: Any) -> list[dict[str, Any]]:
    """Attributes as OTLP's JSON has them; ``__`` stands for a dot."""
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}
    return [
        {"key": key.replace("__", "."), "value": {kinds[type(value)]: value}}
        for key, value in named.items()
    ]


def span(n: int, at: int, *, parent: int | None = None, trace: str = TRACE, **more: Any) -> Any:
    return {
        "traceId": trace, "spanId": f"{n:016x}", "name": f"span {n}", "kind": 1,
        "startTimeUnixNano": str(at * 1_000_000), "endTimeUnixNano": str(at * 1_000_000 + 2_500_000),
        **({} if parent is None else {"parentSpanId": f"{parent:016x}"}), **more,
    }  # fmt: skip


def spans(*given: Any, **resource: Any) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes(**resource)},
                "scopeSpans": [{"spans": list(given)}],
            }
        ]
    }


def lines(*given: Any) -> dict[str, Any]:
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(given)}]}]}


def as_protobuf(*given: Any) -> bytes:
    """The same spans as another form of the same request."""
    request = trace_service_pb2.ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for one in given:
        made = scope.spans.add(
            trace_id=bytes.fromhex(one["traceId"]), span_id=bytes.fromhex(one["spanId"]),
            parent_span_id=bytes.fromhex(one.get("parentSpanId", "")), name=one["name"],
            start_time_unix_nano=int(one["startTimeUnixNano"]),
            end_time_unix_nano=int(one["endTimeUnixNano"]),
        )  # fmt: skip
        for attribute in one.get("attributes", []):
            held = made.attributes.add(key=attribute["key"])
            held.value.string_value = attribute["value"]["stringValue"]
    raw: bytes = request.SerializeToString()
    return raw


async def begun(api: Api) -> tuple[str, dict[str, Any]]:
    """A run that a worker has, with what that was handed."""
    worker = await api.work("greet")
    run = await api.trigger()
    (handed,) = await worker.fetch(1)
    return run, handed


async def tree(api: Api, run: str) -> Any:
    found = (await api.get(f"/api/v1/runs/{run}/trace")).json()
    return names(found["trace"]["rootSpan"])


def refused(reply: Reply, name: str = "rejectedSpans") -> tuple[int, str]:
    assert reply.status == 200, reply.body
    told = reply.json().get("partialSuccess", {})
    return int(told.get(name, 0)), told.get("errorMessage", "")


async def test_spans_stand_in_the_trace_of_their_run(api: Api) -> None:
    run, handed = await begun(api)
    at = handed["createdAt"] + 5
    named = attributes(hairtrigger__run=run, db__system="redis")

    reply = await api.post(
        "/otel/v1/traces",
        spans(span(1, at, parent=9, attributes=named), span(2, at + 1, parent=1)),
    )

    assert (reply.status, reply.json()) == (200, {})
    assert reply.headers["content-type"] == "application/json"
    assert await tree(api, run) == {"Attempt 1": {"span 1": {"span 2": {}}}}
    page = (await api.get(f"/api/v1/runs/{run}/trace?page%5Bsize%5D=9")).json()["data"]
    one = next(found for found in page if found["message"] == "span 1")
    detail = (await api.get(f"/api/v1/runs/{run}/spans/{one['id']}")).json()
    assert (detail["durationMs"], detail["properties"]) == (2.5, {"db.system": "redis"})


@pytest.mark.parametrize(
    "pack", [None, gzip.compress, zlib.compress], ids=["as it is", "gzip", "zlib"]
)
async def test_protobuf_is_answered_as_protobuf(api: Api, pack: Any) -> None:
    run, handed = await begun(api)
    at = handed["createdAt"] + 5
    body = as_protobuf(
        span(1, at, attributes=attributes(hairtrigger__run=run)), span(2, at, trace="ab" * 16)
    )
    headers = (
        {} if pack is None else {"content_encoding": "gzip" if pack is gzip.compress else "deflate"}
    )

    reply = await api.post(
        "/otel/v1/traces", body if pack is None else pack(body), content_type=PROTOBUF, **headers
    )

    told = trace_service_pb2.ExportTraceServiceResponse.FromString(reply.body)
    assert (reply.status, reply.headers["content-type"]) == (200, PROTOBUF)
    assert told.partial_success.rejected_spans == 1
    assert "hairtrigger.run" in told.partial_success.error_message
    assert await tree(api, run) == {"Attempt 1": {"span 1": {}}}


async def test_an_errors_event_and_status_stay_with_the_span(api: Api) -> None:
    run, handed = await begun(api)
    failed = span(
        1, handed["createdAt"] + 5, attributes=attributes(hairtrigger__run=run),
        status={"code": 2, "message": "no"},
        events=[{"name": "exception", "timeUnixNano": "1000000", "attributes": attributes(exception__type="E")}],
    )  # fmt: skip

    await api.post("/otel/v1/traces", spans(failed))

    page = (await api.get(f"/api/v1/runs/{run}/trace?page%5Bsize%5D=9")).json()["data"]
    one = next(found for found in page if found["message"] == "span 1")
    detail = (await api.get(f"/api/v1/runs/{run}/spans/{one['id']}")).json()
    assert detail["isError"] is True
    assert detail["properties"]["status.message"] == "no"
    assert detail["properties"]["events"] == [{"name": "exception", "at": 1, "exception.type": "E"}]


async def test_a_span_without_a_run_belongs_to_the_one_around_it(api: Api) -> None:
    run, handed = await begun(api)
    at = handed["createdAt"] + 5
    ours = attributes(
        messaging__system="hairtrigger",
        messaging__operation__name="run",
        messaging__message__id=run,
    )  # the span of an attempt, as our worker sends it

    reply = await api.post(
        "/otel/v1/traces",
        spans(
            span(3, at, parent=2), span(2, at, parent=1), span(1, at, attributes=ours), span(4, at)
        ),
    )

    assert refused(reply) == (0, "")
    assert await tree(api, run) == {"Attempt 1": {"span 2": {"span 3": {}}, "span 4": {}}}


async def test_a_trace_that_is_the_runs_own_needs_no_attribute(api: Api) -> None:
    run, handed = await begun(api)
    trace = (await api.get(f"/api/v1/runs/{run}/trace")).json()["trace"]["traceId"]

    await api.post("/otel/v1/traces", spans(span(1, handed["createdAt"] + 5, trace=trace)))

    assert await tree(api, run) == {"Attempt 1": {"span 1": {}}}


async def test_spans_of_trigger_devs_cli_are_taken_when_they_have_ended(api: Api) -> None:
    run, handed = await begun(api)
    named = [{"key": "$metadata.ctx.run.id", "value": {"stringValue": run}}]
    partial = [*named, {"key": "$span.partial", "value": {"boolValue": True}}]
    at = handed["createdAt"] + 5

    await api.post("/otel/v1/traces", spans(span(7, at, attributes=partial)))
    await api.post("/otel/v1/traces", spans(span(1, at, attributes=named)))

    assert await tree(api, run) == {"Attempt 1": {"span 1": {}}}


async def test_log_records_stand_among_the_lines_of_their_run(api: Api) -> None:
    run, handed = await begun(api)
    nano = str((handed["createdAt"] + 5) * 1_000_000)
    named = attributes(hairtrigger__run=run, user="Ada")
    records = [
        {"timeUnixNano": nano, "severityNumber": number, "severityText": text, "attributes": named,
         "body": {"stringValue": f"line {number}"}}
        for number, text in [(5, "DEBUG"), (9, "Log"), (13, "WARN"), (17, "ERROR")]
    ]  # fmt: skip

    reply = await api.post("/otel/v1/logs", lines(*records, {"body": {"stringValue": "whose?"}}))

    assert refused(reply, "rejectedLogRecords")[0] == 1
    found = (await api.get(f"/api/v1/runs/{run}/events")).json()["events"]
    said = {one["message"]: one["level"] for one in found if one["message"].startswith("line")}
    assert said == {"line 5": "debug", "line 9": "log", "line 13": "warn", "line 17": "error"}


async def test_metrics_are_counted_as_refused(api: Api) -> None:
    point = {"asInt": "1", "timeUnixNano": "1"}
    metric = {"name": "m", "gauge": {"dataPoints": [point, point]}}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}

    reply = await api.post("/otel/v1/metrics", body)

    assert refused(reply, "rejectedDataPoints") == (2, f"2: {otel.NO_METRICS}")
    assert (await api.post("/otel/v1/metrics", {})).json() == {}


async def test_nobody_adds_to_runs_of_another_environment(api: Api, prod: Api) -> None:
    run, handed = await begun(api)
    theirs = spans(span(1, handed["createdAt"], attributes=attributes(hairtrigger__run=run)))

    reply = await prod.post("/otel/v1/traces", theirs)

    assert refused(reply) == (1, "1: no run has this id")
    assert await tree(api, run) == {"Attempt 1": {}}
    assert (await Api(api.app, None).post("/otel/v1/traces", theirs)).status == 401


async def test_a_runs_records_and_a_requests_are_bounded(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hairtrigger.engine.otlp.MOST_OTLP", 3)
    monkeypatch.setattr(otlp, "MOST_RECORDS", 4)
    run, handed = await begun(api)
    at = handed["createdAt"] + 5
    named = attributes(hairtrigger__run=run)
    five = [span(n, at, attributes=named) for n in range(5)]

    first = await api.post("/otel/v1/traces", spans(*five))
    second = await api.post("/otel/v1/traces", spans(span(9, at, attributes=named)))

    assert refused(first)[0] == 2
    assert refused(second)[0] == 1
    assert "a hand-out keeps at most" in refused(second)[1]
    assert list((await tree(api, run))["Attempt 1"]) == ["span 0", "span 1", "span 2"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\xff\xff", {"content_type": PROTOBUF}, 400),
        (b"{", {}, 400),
        (b"{}", {"content_type": "text/plain"}, 415),
        (b"{}", {"content_encoding": "br"}, 415),
        (b"{}", {"content_encoding": "gzip"}, 400),
        (gzip.compress(b"{}")[:-4], {"content_encoding": "gzip"}, 400),
        (gzip.compress(b" " * 5_000_000), {"content_encoding": "gzip"}, 413),
        (b" " * 5_000_000, {}, 413),
    ],
)
async def test_what_cannot_be_read_is_refused_for_good(
    api: Api, body: bytes, headers: dict[str, str], status: int
) -> None:
    reply = await api.post("/otel/v1/traces", body, **headers)

    assert reply.status == status
    assert reply.error
    assert api.app.server.reading_otlp == 0


async def test_under_load_a_request_is_to_come_again(api: Api) -> None:
    api.app.server.reading_otlp = otel.AT_ONCE

    reply = await api.post("/otel/v1/traces", {})

    assert (reply.status, reply.headers["retry-after"]) == (429, "1")


async def test_without_the_packages_the_answer_says_what_to_install(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        sys.modules, "opentelemetry.proto.collector.trace.v1.trace_service_pb2", None
    )

    reply = await api.post("/otel/v1/traces", {})

    assert reply.status == 501
    assert 'pip install "hairtrigger[otel]"' in reply.error


async def test_who_follows_a_run_gets_both_lanes_once(app: App, api: Api) -> None:
    worker = await api.work("greet")
    run = await api.trigger()
    (handed,) = await worker.fetch(1)
    number = ids.parse("run", run)
    assert number is not None
    env = next(one for one in app.server.store.catalog.envs.values() if one.slug == "dev")
    at = handed["createdAt"] + 5
    seen: list[str] = []
    cursor = ""

    async def look() -> None:
        nonlocal cursor
        found = await traces.trace(app.server.store, env, number, after=cursor)
        seen.extend(one.event.message for one in found.spans)
        cursor = found.cursor

    async def ours(n: int) -> None:
        await worker.report(
            events=[[run, handed["lease"], at, n, "span", f"ours {n}", None, f"s{n}", None, 1.0]]
        )

    async def theirs(n: int) -> None:
        named = attributes(hairtrigger__run=run)
        await api.post("/otel/v1/traces", spans(span(n, at, attributes=named)))

    await theirs(1)
    await look()
    await ours(1)
    await look()
    await theirs(2)
    await ours(2)
    await look()
    await look()

    assert seen == ["span 1", "ours 1", "ours 2", "span 2"]


async def test_pages_of_lines_end_though_both_lanes_are_read(app: App, api: Api) -> None:
    worker = await api.work("greet")
    run = await api.trigger()
    (handed,) = await worker.fetch(1)
    at = handed["createdAt"] + 5
    await worker.report(
        events=[[run, handed["lease"], at, n, "info", f"ours {n}"] for n in (1, 2, 3)]
    )
    record = {"timeUnixNano": str(at * 1_000_000), "attributes": attributes(hairtrigger__run=run)}
    await api.post(
        "/otel/v1/logs",
        lines(*[{**record, "body": {"stringValue": f"theirs {n}"}} for n in range(4)]),
    )
    env = next(one for one in app.server.store.catalog.envs.values() if one.slug == "dev")
    seen: list[str] = []
    cursor, more = "", True

    while more and len(seen) < 20:
        page = await traces.lines(
            app.server.store, env, ids.parse("run", run) or 0, after=cursor, limit=2
        )
        seen += [line.said.message for line in page.lines]
        cursor, more = page.cursor, page.more

    assert seen == [*(f"ours {n}" for n in (1, 2, 3)), *(f"theirs {n}" for n in range(4))]
