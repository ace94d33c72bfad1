"""An exception as the error of a run: class, message, and a traceback that starts in the user's code."""

import linecache
import traceback
from pathlib import Path
from types import TracebackType

from hairtrigger.wire.code import is_own
from hairtrigger.wire.worker import Failure, Source

MAX_MESSAGE_BYTES = 16 * 1024
MAX_TRACE_BYTES = 64 * 1024
MAX_CAUSES = 10
MAX_SOURCES, AROUND, MAX_LINE_BYTES = 8, 4, 300

_OURS = str(Path(__file__).parent)


def describe(error: BaseException) -> Failure:
    """The failure of an exception, with those that led to it, nearest first."""
    return Failure(
        name=type(error).__name__,
        message=cut(_message(error), MAX_MESSAGE_BYTES),
        trace=cut_middle(trace_of(error), MAX_TRACE_BYTES),
        sources=sources_of(error.__traceback__),
        causes=[_alone(cause) for cause in _causes(error)],
    )


def trace_of(error: BaseException) -> str:
    """The traceback of an exception alone, from the first line that is not ours."""
    start = _first_of_users(error.__traceback__)
    lines = traceback.TracebackException(type(error), error, start, compact=True)
    return "".join(lines.format(chain=False)).rstrip("\n")


def cut(text: str, limit: int) -> str:
    """A text that is safe to send and has at most about ``limit`` bytes."""
    safe = clean(text)
    if len(safe) <= limit // 4 or len(raw := safe.encode()) <= limit:
        return safe
    return f"{raw[:limit].decode(errors='ignore')}… ({len(raw):,} bytes)"


def cut_middle(text: str, limit: int) -> str:
    """The same, but what is left out is left out a quarter of the way in: ends of traces say most."""
    safe = clean(text)
    if len(safe) <= limit // 4 or len(raw := safe.encode()) <= limit:
        return safe
    head, tail = (
        raw[: limit // 4].decode(errors="ignore"),
        raw[-limit * 3 // 4 :].decode(errors="ignore"),
    )
    return f"{head}\n… ({len(raw) - limit:,} bytes left out)\n{tail}"


def clean(text: str) -> str:
    """A text without lone surrogates, which have no UTF-8 form."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _alone(error: BaseException) -> Failure:
    message = cut(_message(error), MAX_MESSAGE_BYTES)
    trace = cut_middle(trace_of(error), MAX_TRACE_BYTES)
    return Failure(type(error).__name__, message, trace, sources=sources_of(error.__traceback__))


def sources_of(tb: TracebackType | None) -> list[Source]:
    """The lines around the innermost frames of the user's own code, which a later version may have changed."""
    frames = [
        frame for frame in traceback.extract_tb(_first_of_users(tb)) if is_own(frame.filename)
    ]
    found: list[Source] = []
    for frame in reversed(frames[-MAX_SOURCES:]):
        number = frame.lineno or 0
        first = max(1, number - AROUND)
        wanted = range(first, number + AROUND + 1)
        lines = [linecache.getline(frame.filename, n) for n in wanted]
        while lines and not lines[-1]:  # beyond the end of the file
            lines.pop()
        if len(lines) > number - first:
            shown = [cut(line.rstrip(), MAX_LINE_BYTES) for line in lines]
            found.append(Source(clean(frame.filename), number, first, shown))
    return found


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 (an exception class may be anybody's code)
        return f"<{type(error).__name__} without a readable message>"


def _first_of_users(tb: TracebackType | None) -> TracebackType | None:
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith(_OURS):
        tb = tb.tb_next
    return tb


def _causes(error: BaseException) -> list[BaseException]:
    """What an exception was raised from, or while handling."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(found) < MAX_CAUSES:
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
        if current is None or current in found or current is error:
            break
        found.append(current)
    return found
