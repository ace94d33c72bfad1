"""Lines and spans of a run, the context around them, and what happens outside of runs."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest

from hairtrigger import OutsideRun, current, logger
from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.wire.worker import Event, RunInfo

Enter = Callable[..., list[Event]]


@pytest.fixture
def enter() -> Iterator[Enter]:
    """Enter a run; gives the list that its events go to."""

    def entered(log_level: str = "info") -> list[Event]:
        events: list[Event] = []
        info = RunInfo(
            id="run_7", lease=3, attempt=2, task="t", max_attempts=3, created_at=1_000, queue="q",
            version="1", tags=["a"], batch="batch_1", metadata=msgspec.Raw(b'{"n":1}'),
            priority_ms=1_500, replay_of="run_1",
        )  # fmt: skip
        scope = Scope.for_run(
            info, environment="dev", project="p", emit=events.append, log_level=log_level
        )
        SCOPE.set(scope)
        return events

    yield entered
    SCOPE.set(None)


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.level, event.message) for event in events]


@pytest.mark.acceptance("S52")
@pytest.mark.parametrize(
    ("log_level", "kept"),
    [
        ("none", ""),
        ("error", "error"),
        ("warn", "error warn"),
        ("info", "error warn info info"),
        ("log", "error warn info info"),
        ("debug", "error warn info info debug"),
    ],
)
def test_lines_below_the_log_level_are_dropped(enter: Enter, log_level: str, kept: str) -> None:
    events = enter(log_level)

    for write in (logger.error, logger.warn, logger.info, logger.log, logger.debug):
        write("line")

    assert " ".join(event.level for event in events) == kept


@pytest.mark.acceptance("S87")
def test_a_line_takes_an_exception_and_attributes(enter: Enter) -> None:
    events = enter()
    try:
        raise ValueError("boom")
    except ValueError as error:
        logger.error("Job failed", error, {"attempt": 2}, job_id="7")

    line = events[0]
    assert line.attributes is not None
    assert "Traceback" in line.attributes.pop("error.stack")
    assert (line.run, line.lease, line.level, line.message) == ("run_7", 3, "error", "Job failed")
    assert line.attributes == {
        "attempt": 2,
        "job_id": "7",
        "error.name": "ValueError",
        "error.message": "boom",
    }


@pytest.mark.acceptance("S93")
def test_a_caught_error_is_logged_with_its_stack(enter: Enter) -> None:
    events = enter()
    try:
        raise OSError("down")
    except OSError as error:
        logger.error("Task failed", error, {"payload": {"a": 1}})

    assert events[0].attributes is not None
    assert "test_logger.py" in events[0].attributes["error.stack"]


def test_a_line_never_fails_for_its_attributes_and_keeps_them_as_they_are_now(
    enter: Enter,
) -> None:
    events = enter()
    rows = [1]

    logger.info("line", {"rows": rows, "odd": object()}, error=ValueError("x"))
    rows.append(2)

    attributes = events[0].attributes or {}
    assert attributes["rows"] == [1]
    assert attributes["odd"].startswith("<object")
    assert "x" in attributes["error"]


def test_events_are_numbered_in_their_order(enter: Enter) -> None:
    events = enter()

    for number in range(3):
        logger.info(str(number))

    assert [event.seq for event in events] == [0, 1, 2]


def test_a_span_measures_its_block_and_holds_what_is_inside(enter: Enter) -> None:
    events = enter()

    with logger.trace("outer", order=7) as outer:
        logger.info("inside")
        with pytest.raises(KeyError), logger.trace("inner"):
            raise KeyError("k")
        outer.set_attribute("done", True)
    logger.info("after")

    inside, inner, span, after = events
    assert told(events) == [
        ("info", "inside"), ("span", "inner"), ("span", "outer"), ("info", "after"),
    ]  # fmt: skip
    assert inside.parent == inner.parent == span.span
    assert (inside.span, span.parent, after.parent) == (None, None, None)
    assert span.attributes == {"order": 7, "done": True}
    assert span.duration_ms is not None
    assert inner.error
    assert not span.error


async def test_a_span_may_be_a_decorator_and_is_each_calls_own(enter: Enter) -> None:
    events = enter()

    @logger.trace("work", kind="async")
    async def work(number: int) -> int:
        await asyncio.sleep(0)
        return number

    @logger.trace("plain")
    def plain() -> int:
        return 3

    assert list(await asyncio.gather(work(1), work(2))) == [1, 2]
    assert plain() == 3
    async with logger.trace("block"):
        pass

    assert sorted(told(events)) == [
        ("span", "block"), ("span", "plain"), ("span", "work"), ("span", "work"),
    ]  # fmt: skip
    assert len({event.span for event in events}) == 4


def test_a_thread_that_is_given_the_context_writes_to_the_same_run(enter: Enter) -> None:
    events = enter()
    context = contextvars.copy_context()

    thread = threading.Thread(target=lambda: context.run(logger.info, "from a thread"))
    thread.start()
    thread.join()

    assert told(events) == [("info", "from a thread")]


def test_outside_of_a_run_lines_go_to_pythons_logging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "hairtrigger.task"), logger.trace("nothing"):
        logger.info("hello", user=1)
        logger.debug("dropped")

    assert caplog.messages == ["hello {'user': 1}"]


def test_the_context_tells_about_run_and_attempt(enter: Enter) -> None:
    enter()

    ctx = current()

    assert (ctx.run.id, ctx.run.tags, ctx.run.is_replay) == ("run_7", ["a"], True)
    assert ctx.run.created_at.isoformat() == "1970-01-01T00:00:01+00:00"
    assert (ctx.run.priority, ctx.run.max_attempts) == (1.5, 3)
    assert (ctx.attempt.number, ctx.attempt.started_at.tzinfo is not None) == (2, True)
    assert (ctx.task.id, ctx.queue.name, ctx.environment.slug) == ("t", "q", "dev")
    assert ctx.batch is not None
    assert ctx.batch.id == "batch_1"
    assert not ctx.cancelled()
    scope = SCOPE.get()
    assert scope is not None
    scope.cancel.set()
    assert ctx.cancelled()


def test_outside_of_a_run_there_is_no_context() -> None:
    with pytest.raises(OutsideRun):
        current()
