"""An exception as the error of a run: class, message, and a traceback that starts in the user's code."""

import traceback
from pathlib import Path
from types import TracebackType

from hairtrigger.wire.worker import Failure

MAX_MESSAGE_BYTES = 16 * 1024
MAX_TRACE_BYTES = 64 * 1024
MAX_CAUSES = 10

_OURS = str(Path(__file__).parent)


def describe(error: BaseException) -> Failure:
    """The failure of an exception, with those that led to it, nearest first."""
    return Failure(
        name=type(error).__name__,
        message=cut(_message(error), MAX_MESSAGE_BYTES),
        trace=cut_middle(trace_of(error), MAX_TRACE_BYTES),
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
    return Failure(type(error).__name__, message, cut_middle(trace_of(error), MAX_TRACE_BYTES))


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
