"""An API call as a value, its answer, and what to do when the answer is not good: shared by both flavours.

``Client`` sends a call in two ways; everything that decides is here. Source: Trigger.dev's client.
"""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from hairtrigger.errors import ApiError, ConnectionFailed, RateLimitError, from_status

T = TypeVar("T")

ATTEMPTS = 5
FIRST_PAUSE_S, FACTOR = 1.0, 1.6
LOCAL_PAUSE_S = 0.2  # 0.2 + 0.4 + 0.6 + 0.8 s: whoever forgot to start the server learns it in 2 s
LONGEST_PAUSE_S = 60.0
_ANY: Any = Any  # JSON of any form
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Answer(NamedTuple):
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ApiCall(Generic[T]):
    """One call: how to ask, and how to read the answer.

    ``name`` is what the user called, ``request`` a method and a path (quoted already), such as
    ``GET /api/v1/timezones``. ``held_s`` is how long the server may hold it.
    """

    __slots__ = ("body", "content_type", "held_s", "method", "name", "path", "returns")

    def __init__(
        self,
        name: str,
        request: str,
        *,
        returns: Callable[[Answer], T],
        body: bytes | None = None,
        content_type: str = "application/json",
        held_s: float = 0,
    ) -> None:
        self.method, _, self.path = request.partition(" ")
        self.name, self.body, self.returns = name, body, returns
        self.content_type, self.held_s = content_type, held_s


def segment(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


def reads(kind: type[T]) -> Callable[[Answer], T]:
    """A reader of answers of that type."""
    decoder = msgspec.json.Decoder(kind)

    def read(answer: Answer) -> T:
        return decoded(decoder, answer)

    return read


def json_call(name: str, request: str, body: Any = None, *, held_s: float = 0) -> ApiCall[Any]:
    """A call with a body of JSON, or none, whose answer is any JSON."""
    encoded = None if body is None else msgspec.json.encode(body)
    return ApiCall(name, request, returns=reads(_ANY), body=encoded, held_s=held_s)


def decoded(decoder: msgspec.json.Decoder[T], answer: Answer) -> T:
    """The body of an answer, or an ``ApiError`` when it is not what the API promises."""
    try:
        return decoder.decode(answer.body)
    except ValueError as error:
        raise ApiError(f"The server's answer cannot be read: {error}.") from None


def nothing(answer: Answer) -> None:
    """Reads the answer of a call that only has to succeed."""


class Attempts:
    """The attempts of one call. Each ``after_…`` gives the pause in s before the next one, or raises."""

    __slots__ = ("_made", "_url")

    def __init__(self, url: str) -> None:
        self._url, self._made = url, 0

    def after_answer(self, answer: Answer) -> float | None:
        """None when the answer is good.

        Raises:
            ApiError: when it is a refusal that asking again will not change, or the attempts are used up.
        """
        if answer.status < 300:
            return None
        self._made += 1
        error = _refusal(answer)
        if self._made >= ATTEMPTS or not _worth_repeating(answer):
            raise error
        pause = self._backoff()
        wait = _announced(answer)
        if wait is not None:
            if wait > LONGEST_PAUSE_S:
                raise error
            pause = wait + random.random()  # noqa: S311 (jitter is no secret)
        return pause

    def after_failure(self, error: Exception) -> float:
        """For a connection that failed.

        Raises:
            ConnectionFailed: when the attempts are used up.
        """
        self._made += 1
        if self._made >= ATTEMPTS:
            raise ConnectionFailed(self._url, _reason(error)) from error
        if _is_refused(error) and urlsplit(self._url).hostname in _LOCAL:
            return LOCAL_PAUSE_S * self._made
        return self._backoff()

    def _backoff(self) -> float:
        luck = random.random()  # noqa: S311 (jitter is no secret)
        return FIRST_PAUSE_S * FACTOR ** (self._made - 1) * (0.75 + luck / 2)


def _worth_repeating(answer: Answer) -> bool:
    wish = answer.headers.get("x-should-retry")
    if wish in ("true", "false"):
        return wish == "true"
    return answer.status in (408, 409, 429) or answer.status >= 500


def _announced(answer: Answer) -> float | None:
    """How long the server asks to wait, in s."""
    if answer.status == 429 and (reset := _number(answer.headers.get("x-ratelimit-reset"))):
        wait = reset / 1000 - time.time()
        return wait if wait > 0 else None
    if answer.status in (429, 503):
        return _number(answer.headers.get("retry-after"))
    return None


def _number(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def _refusal(answer: Answer) -> ApiError:
    """The exception for an answer that says no; its message is the server's sentence."""
    message, code = f"{answer.status} {answer.body[:200].decode('utf-8', 'replace')}".strip(), None
    details: dict[str, Any] = {}
    try:
        body: Any = msgspec.json.decode(answer.body)
    except ValueError:
        body = None
    if isinstance(body, dict):
        told = body["error"] if isinstance(body.get("error"), dict) else body
        said = told.get("message") if told is not body else body.get("error")
        message = str(said or message)
        code = told.get("code") or body.get("code")
        details = body["details"] if isinstance(body.get("details"), dict) else {}
    error = from_status(answer.status, message, code if isinstance(code, str) else None, details)
    error.request_id = answer.headers.get("x-request-id")
    if isinstance(error, RateLimitError):
        wait = _announced(answer)
        error.retry_after_ms = 1_000 if wait is None else round(wait * 1000)
    return error


def _reason(error: BaseException) -> str:
    return "connection refused" if _is_refused(error) else str(error) or type(error).__name__


def _is_refused(error: BaseException | None) -> bool:
    """Whether a refused connection is behind an error of a library."""
    while error is not None:
        if isinstance(error, ConnectionRefusedError):
            return True
        error = error.__cause__ or error.__context__
    return False
