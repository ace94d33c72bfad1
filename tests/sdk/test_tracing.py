"""Where in a trace a trigger says that it is: the application's place, else that of the run that it is in."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry import trace

from hairtrigger import task, tasks
from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.sync import tasks as blocking
from hairtrigger.wire.worker import RunInfo
from tests.sdk.answering import Answering
from tests.sdk.test_trigger import sent

RUNS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
APPLICATIONS = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"


@pytest.fixture
def inside_a_traced_run() -> Iterator[None]:
    info = RunInfo("run_7", 1, 1, "t", 3, 0, "q", "1", trace=RUNS)
    scope = Scope.for_run(info, environment="dev", project="p", emit=lambda event: None)
    token = SCOPE.set(scope)
    yield
    SCOPE.reset(token)


@pytest.fixture
def without_opentelemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has never imported it."""
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")


@contextmanager
def in_the_application() -> Iterator[None]:
    """In a span that some library of the application has made."""
    _, trace_id, span_id, _ = APPLICATIONS.split("-")
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    place = trace.SpanContext(int(trace_id, 16), int(span_id, 16), False, flags)
    with trace.use_span(trace.NonRecordingSpan(place)):
        yield


@pytest.mark.usefixtures("inside_a_traced_run", "without_opentelemetry")
async def test_without_opentelemetry_a_trigger_goes_on_with_the_trace_of_its_run(
    api: Answering,
) -> None:
    await tasks.trigger("greet")
    await task(id="own")(_body).trigger()

    assert [item["trace"] for item in sent(api)] == [RUNS, RUNS]


@pytest.mark.usefixtures("without_opentelemetry")
async def test_outside_of_any_trace_a_trigger_names_none(api: Answering) -> None:
    await tasks.trigger("greet")

    assert "trace" not in sent(api)[0]


@pytest.mark.usefixtures("inside_a_traced_run")
async def test_the_place_of_the_application_goes_before_that_of_the_run(api: Answering) -> None:
    with in_the_application():
        await tasks.trigger("greet")
    await tasks.trigger("greet")

    assert [item["trace"] for item in sent(api)] == [APPLICATIONS, RUNS]


def test_blocking_triggers_say_their_place_too(api: Answering) -> None:
    with in_the_application():
        blocking.trigger("greet")

    assert sent(api)[0]["trace"] == APPLICATIONS


async def _body() -> None:
    """Does nothing."""
