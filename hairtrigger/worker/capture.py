"""What a run says: ``print``, ``logging`` and the SDK's logger, kept apart by run and within bounds.

Whose line it is, the context variable knows: on the loop, and in threads that were started with a copy of
the context. Everything said still reaches the worker's own terminal when that is wanted.
"""

import contextlib
import contextvars
import io
import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.thread import _worker  # private, but stable
from typing import Any, TextIO

import msgspec
from msgspec import Raw

from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.sdk.logger import keeps
from hairtrigger.wire.worker import Event
from hairtrigger.worker.failure import clean, cut
from hairtrigger.worker.frames import Line
from hairtrigger.worker.variables import redacted

MAX_LINE_BYTES = 64 * 1024
MAX_LINES = 10_000  # of one hand-out
MAX_BYTES = 10 * 1024 * 1024  # of one hand-out

_encoder = msgspec.json.Encoder()


class _InLogging(threading.local):
    now = False  # a handler is writing: the record itself has been kept


_in_logging = _InLogging()


class Recorder:
    """The log of one hand-out: encodes each line where it is said, counts, and drops what is too much."""

    __slots__ = ("_bytes", "_dropped", "_dropped_bytes", "_key", "_lines", "_post", "partial")

    def __init__(self, run: str, lease: int, post: Callable[[Line], None]) -> None:
        self._key, self._post = (run, lease), post
        self._lines = self._bytes = self._dropped = self._dropped_bytes = 0
        self.partial: dict[str, str] = {}  # what was printed without an end of line, by stream

    def __call__(self, event: Event) -> None:
        """Keep a line or a span. From any thread; never raises for what is in it."""
        raw = redacted(_encoded(event))
        if self._lines >= MAX_LINES or self._bytes + len(raw) > MAX_BYTES:
            self._dropped += 1
            self._dropped_bytes += len(raw)
            return
        self._lines += 1
        self._bytes += len(raw)
        self._post(Line(*self._key, Raw(raw)))

    def close(self, scope: Scope) -> None:
        """Say what was left unsaid: a last line without an end, and how much was dropped."""
        for text in self.partial.values():
            scope.log("log", text)
        self.partial.clear()
        if self._dropped:
            message = f"{self._dropped:,} more lines ({self._dropped_bytes:,} bytes) were dropped."
            at, seq = int(time.time() * 1000), next(scope.seq)
            event = Event(*self._key, at, seq, "warn", message)
            self._post(Line(*self._key, Raw(_encoder.encode(event))))


def _encoded(event: Event) -> bytes:
    if len(event.message) > MAX_LINE_BYTES // 4:
        event.message = cut(event.message, MAX_LINE_BYTES)
    try:
        raw = _encoder.encode(event)
    except (TypeError, ValueError, RecursionError):
        event.message = clean(event.message)
        event.attributes = _readable(event.attributes)
        raw = _encoder.encode(event)
    if len(raw) > MAX_LINE_BYTES + 1024 and event.attributes:
        event.attributes = {"attributes": cut(repr(event.attributes), MAX_LINE_BYTES // 2)}
        raw = _encoder.encode(event)
    return raw


def _readable(attributes: dict[str, Any] | None) -> dict[str, Any] | None:
    """Attributes of which some have no JSON form: those become what ``repr`` says."""
    if attributes is None:
        return None
    shown: dict[str, Any] = {}
    for name, value in attributes.items():
        try:
            _encoder.encode(value)
            shown[clean(str(name))] = value
        except (TypeError, ValueError, RecursionError):
            shown[clean(str(name))] = cut(repr(value), MAX_LINE_BYTES // 4)
    return shown


class Stream(io.TextIOBase):
    """Stands in for ``sys.stdout`` or ``sys.stderr``: whole lines of a run go to its log."""

    def __init__(self, real: TextIO, *, echo: bool, at_once: bool) -> None:
        self._real, self._name = real, real.name
        self._echo, self._at_once = echo, echo and at_once
        self._lock = threading.RLock()

    def write(self, text: str, /) -> int:
        scope = SCOPE.get()
        recorder = None if scope is None else scope.emit
        if scope is None or self._at_once or (self._echo and _in_logging.now):
            self._to_terminal(text)
        if scope is None or not isinstance(recorder, Recorder) or _in_logging.now:
            return len(text)
        with self._lock:
            held = recorder.partial.pop(self._name, "")
            *lines, rest = (held + text).split("\n") if "\n" in text else [held + text]
            if rest and len(rest) < MAX_LINE_BYTES:
                recorder.partial[self._name] = rest
            elif rest:
                lines.append(rest)
            for line in lines:
                scope.log("log", line.removesuffix("\r"))
            if lines and self._echo and not self._at_once:
                self._to_terminal("\n".join(lines) + "\n")
        return len(text)

    def _to_terminal(self, text: str) -> None:
        # a terminal that is gone, or has no such letters, is no reason for a body to fail
        with contextlib.suppress(OSError, ValueError):
            self._real.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._real.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)  # reconfigure, line_buffering and the like

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._real.isatty()

    def fileno(self) -> int:
        return self._real.fileno()

    @property
    def name(self) -> str:
        return self._name

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only, as in the real one
        return self._real.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._real.errors

    @property
    def buffer(self) -> Any:
        """The bytes below, which no run is asked about."""
        return self._real.buffer


def install(*, echo: bool, at_once: bool = False) -> None:
    """Capture everything from now on.

    ``echo`` writes it to the terminal too: line by line so that runs do not mix, or ``at_once`` as it
    comes, for a debugger's prompt.
    """
    sys.stdout = Stream(sys.stdout, echo=echo, at_once=at_once)
    sys.stderr = Stream(sys.stderr, echo=echo, at_once=at_once)
    _capture_logging()
    _follow_threads()


def set_level(level: str, *, echo: bool) -> None:
    """Give ``logging`` the project's level, unless the project has configured it itself."""
    root = logging.getLogger()
    if not root.handlers and root.level == logging.WARNING:
        root.setLevel(_LEVELS.get(level, logging.INFO))
        if echo:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
            root.addHandler(handler)
        else:
            root.addHandler(logging.NullHandler())


_LEVELS = {
    "none": logging.CRITICAL + 1, "error": logging.ERROR, "warn": logging.WARNING,
    "info": logging.INFO, "log": logging.INFO, "debug": logging.DEBUG,
}  # fmt: skip
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _capture_logging() -> None:
    """Keep every record on its way to the handlers: none of theirs can be configured away under us."""
    original = logging.Logger.callHandlers

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        scope = SCOPE.get()
        if scope is not None:
            _keep(scope, record)
        before, _in_logging.now = _in_logging.now, True
        try:
            original(self, record)
        finally:
            _in_logging.now = before

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]


def _keep(scope: Scope, record: logging.LogRecord) -> None:
    number = record.levelno
    level = (
        "error" if number >= logging.ERROR
        else "warn" if number >= logging.WARNING
        else "info" if number >= logging.INFO
        else "debug"
    )  # fmt: skip
    if not keeps(scope.log_level, level):
        return
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 (wrong arguments of a log call: logging itself only complains)
        message = f"{record.msg} {record.args}"
    if record.exc_info and record.exc_info[1] is not None:
        message += "\n" + logging.Formatter().formatException(record.exc_info)
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    scope.log(level, message, {"logger": record.name, **extra})


def _follow_threads() -> None:
    """Let threads that a body starts, and work that it gives to a pool, speak for its run."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def start_in_context(self: threading.Thread) -> None:
        # a pool's thread outlives the run that happened to start it: its work brings its own context
        if SCOPE.get() is not None and getattr(self, "_target", None) is not _worker:
            context, run = contextvars.copy_context(), self.run
            self.run = lambda: context.run(run)  # type: ignore[method-assign]
        start(self)

    def submit_in_context(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        if SCOPE.get() is None:
            return submit(self, fn, *args, **kwargs)
        return submit(self, contextvars.copy_context().run, fn, *args, **kwargs)

    threading.Thread.start = start_in_context  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = submit_in_context  # type: ignore[method-assign,assignment]
