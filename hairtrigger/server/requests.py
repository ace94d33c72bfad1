"""One request on its way in: its headers, path, query and body, read within limits.

Routes get a ``Call`` and read from it; nothing here knows what a route does. Bodies are refused at the
door when they are too large, too slow, compressed, or nothing that a worker could read later.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec

from hairtrigger.errors import ApiError, BadRequest, NotFound, TooLarge, UnsupportedMediaType
from hairtrigger.rules.accounts import User
from hairtrigger.server.answers import Message, Receive
from hairtrigger.server.auth import Caller
from hairtrigger.server.server import Server
from hairtrigger.wire import ids, tracing

T = TypeVar("T")
DRAINED = 4  # times the limit that is read and thrown away, so that the sender hears the answer
MAX_PATH, MAX_HEADERS, MAX_HEADER_LINES = 8_192, 32_768, 200
MAX_REQUEST_KEY = 255
_HEAD = 4_096  # of an oversized line: enough to learn which item it is
_BODY_S, _BODY_BYTES_PER_S = 30.0, 102_400


class Oversized:
    """A line that was too long to keep: its first bytes."""

    __slots__ = ("head",)

    def __init__(self, head: bytes) -> None:
        self.head = head


class SlowBody(ApiError):
    """A body that did not arrive in time."""

    code, status = "timeout", 408


class UriTooLong(ApiError):
    code, status = "uri_too_long", 414


class HeadersTooLarge(ApiError):
    code, status = "headers_too_large", 431


def trace_of(headers: Mapping[bytes, bytes]) -> str | None:
    """Where in a trace a request was made, as its headers say."""
    parent = headers.get(b"traceparent", b"").decode("latin-1")
    return tracing.joined(parent, headers.get(b"tracestate", b"").decode("latin-1"))


class ClientGone(Exception):
    """The connection ended before the request did: there is nobody to answer."""


class Call:
    """A request that has found its route. ``caller`` is set once it is known who asks; ``user``, where that is a
    person on no environment's behalf. ``only_asks`` says that it changed nothing, though its route may."""

    __slots__ = (
        "caller", "headers", "only_asks", "params", "receive", "scope", "server", "size_limit", "user",
    )  # fmt: skip

    caller: Caller
    user: User

    def __init__(
        self, server: Server, scope: Message, receive: Receive, params: dict[str, str]
    ) -> None:
        self.server, self.scope, self.receive, self.params = server, scope, receive, params
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.size_limit = server.settings.small_bytes
        self.only_asks = False

    def request_key(self, *what: str) -> str | None:
        """The name of this request across its repetitions, or None when the client gives none.

        Args:
            what: The endpoint and the thing it makes or changes: equal keys there are the same request.
        Raises:
            BadRequest: when the client's part is longer than 255 characters.
        """
        key = self.headers.get(b"x-trigger-request-idempotency-key")
        return named_key(key.decode("latin-1") if key else None, *what)

    def number(self, prefix: str, parameter: str) -> int:
        """The number behind a public id in the path.

        Raises:
            NotFound: when it cannot be one of ours: no such thing, without a query.
        """
        text = self.params[parameter]
        number = ids.parse(prefix, text)
        if number is None:
            raise NotFound(f"{_NAMES.get(prefix, prefix)} {text[:100]} not found")
        return number

    def base_url(self) -> str:
        """How the caller reaches this server, without a slash at the end."""
        if self.server.settings.public_url:
            return self.server.settings.public_url.rstrip("/")
        host = self.headers.get(b"host", b"localhost").decode("latin-1")
        return f"{self.scope['scheme']}://{host}"

    def query(self) -> dict[str, str]:
        """The query's members, percent-decoded; of one that comes twice the last counts.

        Raises:
            BadRequest: when it is not UTF-8 or has over 100 members.
        """
        raw = self.scope["query_string"]
        if not raw:
            return {}
        try:
            pairs = parse_qsl(
                raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100
            )
        except ValueError as error:
            raise BadRequest(f"The query cannot be read: {error}.") from None
        return dict(pairs)

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            TooLarge: over the route's limit; at most four times of it have been read.
            UnsupportedMediaType: it is compressed.
            SlowBody: it took longer than 30 s and a second for each 100 KiB.
        """
        self.refuse_encoding()
        return await self.body_as_sent()

    async def body_as_sent(self) -> bytes:
        """The same, compressed if it is: for routes that unpack it within a limit."""
        try:
            async with asyncio.timeout(_BODY_S + self.size_limit / _BODY_BYTES_PER_S):
                return await self._body(self.size_limit)
        except TimeoutError:
            raise SlowBody("The body did not arrive in time.") from None

    async def _body(self, limit: int) -> bytes:
        message = await self.receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body") or message["type"] != "http.request":
            chunks, size = [body], len(body)
            declared = self.headers.get(b"content-length", b"")
            if declared.isdigit() and int(declared) > limit * DRAINED:
                raise _too_large(limit)
            while message.get("more_body"):
                message = await self.receive()
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size > limit * DRAINED:
                    break
                if size <= limit:
                    chunks.append(chunk)
            if message["type"] != "http.request":
                raise ClientGone
            if size > limit:
                raise _too_large(limit)
            return b"".join(chunks)
        if len(body) > limit:
            raise _too_large(limit)
        return body

    async def read(self, decoder: "msgspec.json.Decoder[T]") -> T:
        """The body as a struct. An absent body reads as ``{}``.

        Raises:
            BadRequest: not JSON, or not of this form; with the path and the reason.
        """
        return decode(decoder, await self.body() or b"{}")

    async def lines(self, limit: int) -> AsyncIterator["bytes | Oversized"]:
        """The body's lines without their ends, as they arrive; of one over ``limit`` only its head.

        The next chunk is asked for only when the lines before it have been taken: that is the
        back-pressure. A body that breaks off ends the iteration with ``ClientGone``; the part of
        a line before the break is thrown away.
        """
        self.refuse_encoding()
        rest, cut = b"", None
        while True:
            try:
                async with asyncio.timeout(_BODY_S):
                    message = await self.receive()
            except TimeoutError:
                raise SlowBody("The body did not arrive in time.") from None
            if message["type"] != "http.request":
                raise ClientGone
            *whole, rest = (rest + message.get("body", b"")).split(b"\n")
            for line in whole:
                if cut is None and len(line) > limit:
                    cut = Oversized(line[:_HEAD])
                yield line if cut is None else cut
                cut = None
            if cut is not None:
                rest = b""
            elif len(rest) > limit:
                rest, cut = b"", Oversized(rest[:_HEAD])
            if not message.get("more_body"):
                break
        if cut is not None or rest:
            yield rest if cut is None else cut

    def refuse_encoding(self) -> None:
        """Refuse a compressed body: a few bytes may hide any number of them."""
        encoding = self.headers.get(b"content-encoding", b"identity")
        if encoding.strip().lower() not in (b"identity", b""):
            raise UnsupportedMediaType(
                f"content-encoding {encoding[:50].decode('latin-1')!r} is not accepted: "
                "send the body uncompressed."
            )


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes, what: str = "body") -> T:
    """A struct from JSON.

    Raises:
        BadRequest: with the path and the reason.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise BadRequest(f"Invalid {what}: {error}") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadRequest(f"The {what} is not valid JSON: {error}") from None
    except RecursionError:
        raise BadRequest(f"The {what} is nested too deeply.") from None


def named_key(key: str | None, *what: str) -> str | None:
    """A request key with what it is for. The parts cannot run into each other: the key stands last.

    Raises:
        BadRequest: when it is longer than 255 characters.
    """
    if not key:
        return None
    if len(key) > MAX_REQUEST_KEY:
        raise BadRequest(f"A request idempotency key has over {MAX_REQUEST_KEY} characters.")
    return "\n".join((*(part.replace("\n", " ") for part in what), key))


def path_part(raw: str) -> str:
    """A percent-decoded part of a path.

    Raises:
        BadRequest: when it is not UTF-8.
    """
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("The path is not valid UTF-8 after percent-decoding.") from None


def refuse_oversized_head(scope: Message, headers: dict[bytes, bytes]) -> None:
    """Refuse a path or headers that nobody sends in good faith."""
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_PATH:
        raise UriTooLong(f"The path and query are longer than {MAX_PATH} bytes.")
    size = sum(map(len, headers)) + sum(map(len, headers.values()))
    if size > MAX_HEADERS or len(scope["headers"]) > MAX_HEADER_LINES:
        raise HeadersTooLarge(f"The headers are larger than {MAX_HEADERS} bytes.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than the limit of {limit} bytes.")


_NAMES = {"run": "Run", "batch": "Batch", "sched": "Schedule"}
