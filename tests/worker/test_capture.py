import contextvars
import io
import logging
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.wire.worker import Event, RunInfo
from hairtrigger.worker import capture
from hairtrigger.worker.capture import MAX_LINE_BYTES, MAX_LINES, Recorder
from hairtrigger.worker.frames import Line


class Log:
    """A run's scope, and what it said."""

    def __init__(self, run: str = "run_1", level: str = "info") -> None:
        self.events: list[Event] = []
        info = RunInfo(run, 1, 1, "t", 1, 0, "q", "1")
        self.recorder = Recorder(run, 1, self._post)
        self.scope = Scope.for_run(
            info, environment="dev", project="p", emit=self.recorder, log_level=level
        )

    def _post(self, line: Line) -> None:
        self.events.append(msgspec.json.decode(line.event, type=Event))

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(event.level, event.message) for event in self.events]

    def run(self, body: Any) -> None:
        """Call a body as this run."""
        context = contextvars.copy_context()
        context.run(SCOPE.set, self.scope)
        context.run(body)


@pytest.fixture(autouse=True)
def unpatched() -> Iterator[None]:
    """What ``install`` changes in the standard library is changed back."""
    changed: list[tuple[Any, str]] = [
        (logging.Logger, "callHandlers"), (threading.Thread, "start"), (ThreadPoolExecutor, "submit"),
    ]  # fmt: skip
    before = [getattr(owner, name) for owner, name in changed]
    yield
    for (owner, name), value in zip(changed, before, strict=True):
        setattr(owner, name, value)


@contextmanager
def captured() -> Iterator[io.StringIO]:
    """Everything is captured, and written to this terminal. Not a fixture: pytest sets stdout after those."""
    screen = io.StringIO()
    screen.name = "<terminal>"
    before = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = screen
    capture.install(echo=True)
    try:
        yield screen
    finally:
        sys.stdout, sys.stderr = before


@pytest.mark.acceptance("S20")
def test_print_goes_to_the_runs_log_and_to_the_terminal() -> None:
    with captured() as terminal:
        log = Log()

        log.run(lambda: print("Sending to", "ada", end="!\nsecond\n"))

        assert log.said == [("log", "Sending to ada!"), ("log", "second")]
        assert terminal.getvalue() == "Sending to ada!\nsecond\n"


def test_a_line_is_one_line_however_many_pieces_it_is_printed_in() -> None:
    with captured():
        log = Log()

        def body() -> None:
            print("one", end=" ")
            print("two")
            print("left over", end="")

        log.run(body)
        log.recorder.close(log.scope)

        assert log.said == [("log", "one two"), ("log", "left over")]


def test_what_no_run_prints_reaches_the_terminal_only() -> None:
    with captured() as terminal:
        log = Log()

        print("from nobody")

        assert log.said == []
        assert terminal.getvalue() == "from nobody\n"


@pytest.mark.acceptance("S20")
def test_logging_keeps_level_name_extras_and_traceback() -> None:
    with captured():
        log = Log()

        def body() -> None:
            logger = logging.getLogger("shop")
            logger.setLevel(logging.DEBUG)
            logger.warning("low on %s", "tea", extra={"left": 3})
            try:
                raise KeyError("k")
            except KeyError:
                logger.exception("it broke")

        log.run(body)

        assert log.events[0].level == "warn"
        assert log.events[0].message == "low on tea"
        assert log.events[0].attributes == {"logger": "shop", "left": 3}
        assert log.events[1].level == "error"
        assert "KeyError: 'k'" in log.events[1].message


def test_a_record_is_kept_once_although_a_handler_prints_it() -> None:
    with captured() as terminal:
        log = Log()
        logger = logging.getLogger("shop.printing")
        handler = logging.StreamHandler(sys.stdout)
        logger.addHandler(handler)

        log.run(lambda: logger.error("once"))
        logger.removeHandler(handler)

        assert log.said == [("error", "once")]
        assert "once\n" in terminal.getvalue()


@pytest.mark.acceptance("S52")
def test_records_below_the_projects_level_are_dropped_and_print_is_kept() -> None:
    with captured():
        log = Log(level="error")

        def body() -> None:
            logging.getLogger("shop").warning("dropped")
            logging.getLogger("shop").error("kept")
            print("kept always")

        log.run(body)

        assert log.said == [("error", "kept"), ("log", "kept always")]


@pytest.mark.acceptance("S20")
def test_threads_and_pools_of_a_body_speak_for_its_run() -> None:
    with captured():
        first, second = Log("run_1"), Log("run_2")

        with ThreadPoolExecutor(1) as pool:

            def body() -> None:
                thread = threading.Thread(target=lambda: print("from a thread"))
                thread.start()
                thread.join()
                pool.submit(print, "from the pool").result()

            first.run(body)
            second.run(lambda: pool.submit(print, "from the same pool").result())
            pool.submit(print, "from nobody").result()

        assert first.said == [("log", "from a thread"), ("log", "from the pool")]
        assert second.said == [("log", "from the same pool")]


def test_a_line_beyond_64_kib_is_cut() -> None:
    with captured():
        log = Log()

        log.run(lambda: print("é" * MAX_LINE_BYTES))

        message = log.events[0].message
        assert len(message.encode()) < MAX_LINE_BYTES + 100
        assert message.endswith("bytes)")


def test_lines_beyond_the_budget_are_counted() -> None:
    with captured():
        log = Log()

        log.run(lambda: [print(n) for n in range(MAX_LINES + 7)])
        log.recorder.close(log.scope)

        assert len(log.events) == MAX_LINES + 1
        assert log.events[-1].message.startswith("7 more lines")


def test_what_has_no_json_form_is_kept_as_text() -> None:
    with captured():
        log = Log()

        log.scope.log("info", "odd \ud800", {"thing": object(), "fine": 1})

        assert log.events[0].message == "odd ?"
        attributes = log.events[0].attributes
        assert attributes is not None
        assert attributes["fine"] == 1
        assert "object object" in attributes["thing"]


def test_a_terminal_that_is_gone_does_not_fail_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    with captured() as terminal:
        log = Log()

        def gone(text: str) -> int:
            raise BrokenPipeError

        monkeypatch.setattr(terminal, "write", gone)

        log.run(lambda: print("still said"))

        assert log.said == [("log", "still said")]
