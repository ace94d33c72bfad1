"""Light spans say what those of OpenTelemetry's SDK say, to a collector's real endpoint."""

import contextvars
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.context import attach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.telemetry.events import subscribe
from hairtrigger.wire.worker import Failure, Result, RunInfo
from hairtrigger.worker import light, otlp, sampling, spans
from hairtrigger.worker.process import Head
from tests.running import until
from tests.telemetry.collector import Collector, Span, opened

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = CALLER[:-2] + "00"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with opened() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


class Traced:
    """Spans of a provider that is no process's own, and of a supervisor that is told of them."""

    def __init__(
        self, environ: Mapping[str, str] | None = None, *, is_written: bool = True
    ) -> None:
        environ = environ or {}
        resource = Resource.create({"service.name": "hairtrigger-worker"})
        self.provider = light.Provider(resource, environ, is_written=is_written)
        self.spans = spans.Spans(trace, self.provider)
        self.outlet = otlp.Outlet(resource, environ)
        self.told: list[otlp.Told] = []

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
            span = begun.end(Result(info.id, 1, **ends))
            if span is not None:
                self.told.append((msgspec.json.decode(msgspec.json.encode(info), type=Head), span))

        contextvars.copy_context().run(attempt)

    def send(self) -> None:
        """Tell the supervisor what it has to write."""
        told, self.told = self.told, []
        self.outlet.add(told)

    def close(self) -> None:
        self.send()
        self.outlet.close()
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
    traced = Traced(environ)

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


def test_spans_beyond_the_buffer_are_dropped_and_counted(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    traced = Traced({"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10"})
    collector.stuck = True
    told: list[dict[str, Any]] = []
    forget = subscribe(lambda name, facts: told.append(facts), ["telemetry.dropped"])
    for n in range(10):
        traced.run(n)
    traced.send()
    until(lambda: collector.asked, "the first spans to be under way")
    for n in range(10, 40):
        traced.run(n)
    traced.send()
    collector.free.set()
    traced.close()
    forget()

    sent = [span.attributes["messaging.message.id"] for span in collector.spans]
    assert sent == [f"run_{n}" for n in range(20)]
    assert [(facts["to"], facts["count"]) for facts in told] == [("OpenTelemetry", 20)]
    assert not [record for record in caplog.records if "Queue full" in record.message]


def test_a_child_whose_supervisor_writes_no_spans_sends_them_itself(collector: Collector) -> None:
    traced = Traced(is_written=False)

    traced.run(of=CALLER)
    assert traced.told == []
    traced.close()

    assert one(collector.spans).parent == CALLER[36:52]


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
