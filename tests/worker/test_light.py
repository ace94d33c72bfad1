"""Light spans say what those of OpenTelemetry's SDK say, to a collector's real endpoint."""

import contextvars
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import attach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.wire.worker import Failure, Result, RunInfo
from hairtrigger.worker import light, sampling, spans
from tests.telemetry.collector import Collector, Span, opened

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = CALLER[:-2] + "00"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with opened() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


class Traced:
    """Spans of a provider that is no process's own."""

    def __init__(self, **environ: str) -> None:
        resource = Resource.create({"service.name": "hairtrigger-worker"})
        self.provider = light.Provider(resource, environ)
        self.spans = spans.Spans(trace, self.provider)

    def run(self, n: int = 1, *, of: str | None = None, then: Any = None, **ends: Any) -> None:
        """An attempt from its begin to its end, with code in between."""
        info = RunInfo(f"run_{n}", 1, 2, "greet", 3, 0, "task/greet", "20260101.1", trace=of)

        self.attempt(info, then, **(ends or {"done": True}))

    def attempt(self, info: RunInfo, then: Any = None, **ends: Any) -> None:
        def attempt() -> None:
            scope = Scope.for_run(info, environment="dev", project="p", emit=lambda event: None)
            SCOPE.set(scope)
            attach(light.Around())
            begun = self.spans.begin(scope)
            if then is not None:
                then()
            begun.end(Result(info.id, 1, **ends))

        contextvars.copy_context().run(attempt)

    def close(self) -> None:
        self.provider.shutdown()


class Silent(SpanProcessor):
    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


def one(found: list[Span]) -> Span:
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("of", [None, CALLER, CALLER + " vendor=1"], ids=["root", "child", "state"])
def test_a_light_span_says_what_the_sdk_says(collector: Collector, of: str | None) -> None:
    traced = Traced()
    traced.run(1, of=of)
    traced.provider.add_span_processor(Silent())  # from now on the SDK makes them
    traced.run(1, of=of)
    traced.close()

    ours, theirs = collector.spans
    assert (ours.name, ours.kind, ours.status) == (theirs.name, theirs.kind, theirs.status)
    assert ours.attributes == theirs.attributes
    assert ours.attributes["messaging.message.id"] == "run_1"
    assert (ours.attributes["hairtrigger.attempt"], ours.service) == (2, "hairtrigger-worker")
    assert ours.parent == theirs.parent == (of or "")[36:52]
    assert (of is None) == (ours.trace != theirs.trace)
    assert ours.id != theirs.id


def test_what_code_does_with_its_span_is_kept_under_the_same_ids(collector: Collector) -> None:
    traced, seen = Traced(), []

    def code() -> None:
        with traced.provider.get_tracer("mine").start_as_current_span("inner"):
            seen.append(trace.get_current_span())
        trace.get_current_span().set_attribute("who", "Ada")

    traced.run(of=CALLER, then=code)
    traced.run(2, then=code)
    traced.close()

    for ran, inner in zip(collector.named("run greet"), collector.named("inner"), strict=True):
        assert (inner.trace, inner.parent) == (ran.trace, ran.id)
        assert (ran.attributes["who"], ran.attributes["hairtrigger.outcome"]) == (
            "Ada",
            "completed",
        )


def test_code_that_only_asks_where_it_is_is_told_the_ids_that_are_sent(
    collector: Collector,
) -> None:
    traced, seen = Traced(), []

    def code() -> None:
        span = trace.get_current_span()
        seen.append((span.get_span_context(), span.is_recording()))

    traced.run(then=code)
    traced.run(2, of=CALLER, then=code)
    traced.close()

    for (context, recording), span in zip(seen, collector.spans, strict=True):
        assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (span.trace, span.id)
        assert recording


def test_each_of_many_attempts_is_sent_once(collector: Collector) -> None:
    traced = Traced()

    for n in range(1_000):
        traced.run(n, of=CALLER if n % 3 else None)
    traced.close()

    sent = [span.attributes["messaging.message.id"] for span in collector.spans]
    assert sent == [f"run_{n}" for n in range(1_000)]
    assert len({span.id for span in collector.spans}) == 1_000


def test_a_failed_attempt_is_one_span_with_its_error(collector: Collector) -> None:
    traced = Traced()

    traced.run(of=CALLER, failed=Failure("ValueError", "no"), retry_in_ms=5)
    traced.close()

    span = one(collector.spans)
    assert (span.trace, span.parent) == (CALLER[3:35], CALLER[36:52])
    assert (span.attributes["error.type"], span.attributes["hairtrigger.will_retry"]) == (
        "ValueError",
        True,
    )
    assert [name for name, _ in span.events] == ["exception"]


@pytest.mark.parametrize(
    ("sampler", "of", "is_kept"),
    [
        ("", None, True), ("", CALLER, True), ("", UNSAMPLED, False),
        ("always_on", UNSAMPLED, True), ("always_off", CALLER, False),
        ("parentbased_always_off", CALLER, True), ("parentbased_always_off", None, False),
        ("traceidratio:0", CALLER, False), ("traceidratio:1", UNSAMPLED, True),
        ("parentbased_traceidratio:0", CALLER, True), ("parentbased_traceidratio:0", None, False),
    ],
)  # fmt: skip
def test_the_standard_samplers_decide(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, sampler: str, of: str | None, is_kept: bool
) -> None:  # fmt: skip
    name, _, argument = sampler.partition(":")
    environ = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument} if sampler else {}
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    traced = Traced(**environ)

    def code() -> None:
        with traced.provider.get_tracer("mine").start_as_current_span("inner") as inner:
            assert inner.get_span_context().trace_id == (
                trace.get_current_span().get_span_context().trace_id
            )

    traced.run(of=of, then=code, failed=Failure("ValueError", "no"))
    traced.run(of=of, then=code)
    traced.close()

    assert len(collector.named("run greet")) == (2 if is_kept else 0)
    assert len(collector.named("inner")) == (2 if is_kept else 0)


def test_a_ratio_takes_the_traces_that_the_sdk_takes() -> None:
    ours = sampling.sampler(
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}
    )
    theirs = TraceIdRatioBased(0.25)
    ids = [(0xAB << 64 | n * 2**54 + n) for n in range(1_024)]

    assert ours is not None
    taken = [ours.takes(id_.to_bytes(16, "big"), None) for id_ in ids]

    kept = theirs.should_sample(None, ids[0], "").decision
    assert kept is Decision.RECORD_AND_SAMPLE
    assert taken == [theirs.should_sample(None, id_, "").decision is kept for id_ in ids]
    assert sum(taken) == 256


def test_a_sampler_of_somebody_elses_is_left_to_the_sdk() -> None:
    assert sampling.sampler({"OTEL_TRACES_SAMPLER": "jaeger_remote"}) is None
    wrong = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"}
    assert sampling.sampler(wrong) is None


def test_spans_beyond_the_buffer_are_dropped_with_one_line(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    traced = Traced(OTEL_BSP_MAX_QUEUE_SIZE="10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10")
    collector.stuck = True
    for n in range(40):
        traced.run(n)
    collector.stuck = False
    collector.free.set()
    traced.close()

    said = [record.message for record in caplog.records if "dropped" in record.message]
    assert len(collector.spans) < 40
    assert said == ["Spans are dropped: the collector takes fewer than there are."]
    assert not [record for record in caplog.records if "Queue full" in record.message]


def test_a_large_field_has_its_size_in_front(collector: Collector) -> None:
    traced = Traced()
    info = RunInfo(
        "r" * 300, 1, 300, "t" * 20_000, 3, 0, "q" * 100, "20260101.1"
    )  # sizes of one, two, three bytes

    traced.attempt(info, done=True)
    traced.close()

    span = one(collector.spans)
    assert span.name == "run " + "t" * 20_000
    assert (span.attributes["messaging.message.id"], span.attributes["hairtrigger.attempt"]) == (
        "r" * 300,
        300,
    )
