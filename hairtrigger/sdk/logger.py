"""``logger``: lines and spans of the run that code is in; outside of a run, Python's own logging.

A line below the project's log level is dropped. ``print`` is not our affair: the worker keeps it always.
"""

import functools
import inspect
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from contextvars import Token
from secrets import token_hex
from types import TracebackType
from typing import Any, TypeVar, overload

from hairtrigger.errors import HairtriggerError
from hairtrigger.sdk.context import SCOPE, SPAN, Scope
from hairtrigger.wire import packets
from hairtrigger.wire.worker import Event

F = TypeVar("F", bound=Callable[..., Any])

_RANK = {"none": 0, "error": 1, "warn": 2, "info": 3, "log": 3, "debug": 4}
_OUTSIDE = {"debug": logging.DEBUG, "info": logging.INFO, "log": logging.INFO,
            "warn": logging.WARNING, "error": logging.ERROR}  # fmt: skip
_outside = logging.getLogger("hairtrigger.task")


def keeps(log_level: str, level: str) -> bool:
    """Whether a line of ``level`` is kept when ``log_level`` is set."""
    return _RANK[level] <= _RANK[log_level]


class Line:
    """One level of the log: ``logger.info("Job started", {"job": 7})``, or ``job=7``, or both.

    An exception may come second: its name, message and stack become ``error.name``, ``error.message`` and
    ``error.stack``, as in ``logger.error("Job failed", error, {"attempt": 2})``.
    """

    __slots__ = ("_level",)

    def __init__(self, level: str) -> None:
        self._level = level

    @overload
    def __call__(
        self,
        message: str,
        error: BaseException,
        properties: Mapping[str, Any] | None = ...,
        /,
        **attributes: Any,
    ) -> None: ...
    @overload
    def __call__(
        self, message: str, properties: Mapping[str, Any] | None = ..., /, **attributes: Any
    ) -> None: ...
    def __call__(self, message: str, /, *parts: Any, **attributes: Any) -> None:
        _line(self._level, message, parts, attributes)


class Logger:
    """Writes to the log of the run. ``log`` is the same as ``info``."""

    __slots__ = ()

    debug = Line("debug")
    log = Line("info")
    info = Line("info")
    warn = Line("warn")
    error = Line("error")

    def trace(self, name: str, /, **attributes: Any) -> "Span":
        """A span: ``with logger.trace("charge", order=7):``, ``async with``, or as a decorator.

        It measures the time of its block or function, and is marked when an exception leaves it.
        """
        return Span(name, attributes)


logger = Logger()


def _line(level: str, message: str, parts: tuple[Any, ...], attributes: dict[str, Any]) -> None:
    scope = SCOPE.get()
    if scope is None:
        if _outside.isEnabledFor(_OUTSIDE[level]):
            told = _attributes(level, parts, attributes)
            _outside.log(_OUTSIDE[level], "%s %s" if told else "%s%s", message, told or "")
    elif keeps(scope.log_level, level):
        scope.log(level, str(message), _attributes(level, parts, attributes) or None)


def _attributes(level: str, parts: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Attributes of all the forms in one, each of which can travel."""
    told: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, BaseException):
            told |= failure(part)
        elif isinstance(part, Mapping):
            told |= part
        elif part is not None:
            raise TypeError(
                f"logger.{level}(message, [exception], [attributes]) cannot take {part!r}."
            )
    told |= given
    return {str(name): _plain(value) for name, value in told.items()}


def failure(error: BaseException) -> dict[str, str]:
    """What a line says about an exception."""
    return {
        "error.name": type(error).__name__,
        "error.message": str(error),
        "error.stack": "".join(traceback.format_exception(error)),
    }


def _plain(value: Any) -> Any:
    """A value that has a JSON form, and stays as it is now whatever happens to it later."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    try:
        return packets.decode(packets.JSON, packets.encode(value))
    except (TypeError, ValueError):
        return repr(value)  # a log line must not fail for what it wants to say


class Span:
    """A span being measured; as a decorator, one for each call. ``set_attribute`` adds to it."""

    __slots__ = ("_attributes", "_began", "_began_at", "_id", "_name", "_parent", "_token")

    def __init__(self, name: str, attributes: dict[str, Any]) -> None:
        self._name, self._attributes = name, attributes
        self._id, self._parent = "", ""
        self._began, self._began_at = 0.0, 0
        self._token: Token[str | None] | None = None

    def set_attribute(self, name: str, value: Any) -> None:
        """Add an attribute, up to the end of the span."""
        self._attributes[name] = value

    def __enter__(self) -> "Span":
        self._id, self._parent = token_hex(8), SPAN.get() or ""
        self._began, self._began_at = time.perf_counter(), int(time.time() * 1000)
        self._token = SPAN.set(self._id)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is None:
            raise HairtriggerError(f"The span {self._name!r} was left before it was entered.")
        SPAN.reset(self._token)
        scope = SCOPE.get()
        if scope is not None:
            self._emit(scope, error)

    def _emit(self, scope: Scope, error: BaseException | None) -> None:
        told = self._attributes if error is None else {**self._attributes, **failure(error)}
        scope.emit(
            Event(
                run=scope.run_id,
                lease=scope.lease,
                at=self._began_at,
                seq=next(scope.seq),
                level="span",
                message=self._name,
                attributes={name: _plain(value) for name, value in told.items()} or None,
                span=self._id,
                parent=self._parent or None,
                duration_ms=round((time.perf_counter() - self._began) * 1000, 3),
                error=error is not None,
            )
        )

    async def __aenter__(self) -> "Span":
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, fn: F, /) -> F:
        """The function with a span around each of its calls."""
        name, attributes = self._name, self._attributes
        if inspect.iscoroutinefunction(fn):

            @functools.wraps(fn)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with Span(name, dict(attributes)):
                    return await fn(*args, **kwargs)

            return awaited  # type: ignore[return-value]  # the same signature, by wraps

        @functools.wraps(fn)
        def called(*args: Any, **kwargs: Any) -> Any:
            with Span(name, dict(attributes)):
                return fn(*args, **kwargs)

        return called  # type: ignore[return-value]  # the same signature, by wraps
