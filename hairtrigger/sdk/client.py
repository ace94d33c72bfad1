"""Sends API calls: ``send`` asynchronously, ``send_blocking`` for ``hairtrigger.sync``.

One client is one server and one key. The default one comes from the environment; ``configure`` replaces it.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import msgspec

from hairtrigger.errors import BlockingCallInLoop, MissingKey, from_status
from hairtrigger.sdk import settings, tokens
from hairtrigger.sdk.api import Answer, ApiCall, Attempts, reads
from hairtrigger.sdk.coalesce import Coalescer
from hairtrigger.sdk.config import find_config
from hairtrigger.sdk.context import trace_of_run
from hairtrigger.sdk.exchange import AsyncExchange, BlockingExchange, Failure, loop_is_running
from hairtrigger.sdk.settings import Settings
from hairtrigger.telemetry import tracing
from hairtrigger.wire.options import CoalescedTrigger, Triggered

T = TypeVar("T")
KEY_HEADER = "x-trigger-request-idempotency-key"
CLAIMS_HEADER = "x-trigger-jwt-claims"
API_VERSION = "2025-07-16"

_encode = msgspec.json.Encoder().encode
_read_triggered = reads(list[Triggered])


class Client:
    """Talks to one server with one key, from any number of loops and threads."""

    __slots__ = ("_blocking", "_headers", "_keys", "_loops", "environment_id", "settings")

    def __init__(self, given: Settings) -> None:
        self.settings = given
        self._headers = {
            "authorization": f"Bearer {given.key}",
            "x-trigger-api-version": API_VERSION,
            "x-trigger-source": "sdk",
            "trigger-version": f"python-{_version()}",
        }
        if given.branch:
            self._headers["x-trigger-branch"] = given.branch
        self.environment_id: str | None = None  # from any answer that names it
        self._keys = RequestKeys()
        self._blocking = BlockingExchange()
        self._loops: dict[asyncio.AbstractEventLoop, _OnLoop] = {}

    async def send(self, call: ApiCall[T]) -> T:
        """The answer to a call.

        Raises:
            ApiError: when the server says no.
            ConnectionFailed: when it cannot be reached.
        """
        attempts, url, headers = self._begin(call)
        exchange = self._here().exchange
        while True:
            try:
                answer = await exchange.send(call.method, url, headers, call.body, call.held_s)
            except Failure as failure:
                pause = attempts.after_failure(failure)
            else:
                wait = attempts.after_answer(answer)
                if wait is None:
                    return self._read(call, answer)
                pause = wait
            await asyncio.sleep(pause)

    def send_blocking(self, call: ApiCall[T]) -> T:
        """The same, blocking.

        Raises:
            BlockingCallInLoop: on a running event loop.
        """
        if loop_is_running():
            raise BlockingCallInLoop(call.name)
        return self._send_here(call)

    def _send_here(self, call: ApiCall[T]) -> T:
        attempts, url, headers = self._begin(call)
        while True:
            try:
                answer = self._blocking.send(call.method, url, headers, call.body, call.held_s)
            except Failure as failure:
                pause = attempts.after_failure(failure)
            else:
                wait = attempts.after_answer(answer)
                if wait is None:
                    return self._read(call, answer)
                pause = wait
            time.sleep(pause)

    async def submit(self, item: CoalescedTrigger) -> Triggered:
        """Trigger one run, in one request with whoever else triggers at this moment."""
        with tracing.sending(item.task, trace_of_run()) as sent:
            item.trace = sent.trace
            answer = await self._here().coalescer.submit(item)
            if answer.error is not None:
                raise from_status(answer.status, answer.error, answer.code, answer.details)
            sent.made(answer.id)
        return answer

    def submit_blocking(self, item: CoalescedTrigger) -> Triggered:
        """Trigger one run, blocking."""
        with tracing.sending(item.task, trace_of_run()) as sent:
            item.trace = sent.trace
            answer = self.send_blocking(_triggers([item]))[0]
            if answer.error is not None:
                raise from_status(answer.status, answer.error, answer.code, answer.details)
            sent.made(answer.id)
        return answer

    def sign(self, scopes: Sequence[str]) -> str:
        """A public access token with these scopes, good for an hour.

        Asks the server once for the id of the environment, when no answer has named it yet.
        """
        if tokens.is_additional(self.settings.key):  # which cannot sign: only the server can
            body = msgspec.json.encode({"scopes": list(scopes), "expirationTime": "1h"})
            return self._send_here(
                ApiCall("auth", "POST /api/v1/auth/public-tokens", returns=reads(_Token), body=body)
            ).token
        if self.environment_id is None:  # on a loop too: a property cannot wait otherwise
            self.environment_id = self._send_here(_WHOAMI).environment.id
        return tokens.sign(self.settings.key, self.environment_id, scopes)

    async def disconnect(self) -> None:
        """Close the connections of the running loop."""
        here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is not None:
            await here.exchange.close()

    def disconnect_blocking(self) -> None:
        """Close the connections of blocking calls."""
        self._blocking.close()

    def _begin(self, call: ApiCall[T]) -> tuple[Attempts, str, dict[str, str]]:
        url = self.settings.url
        headers = dict(self._headers)
        headers["content-type"] = call.content_type
        headers[KEY_HEADER] = self._keys.next()  # one for all attempts of this call
        return Attempts(url), url + call.path, headers

    def _read(self, call: ApiCall[T], answer: Answer) -> T:
        if self.environment_id is None and CLAIMS_HEADER in answer.headers:
            self.environment_id = _environment_id(answer.headers[CLAIMS_HEADER])
        return call.returns(answer)

    def _here(self) -> "_OnLoop":
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None:
            for ended in [one for one in self._loops if one.is_closed()]:
                del self._loops[ended]
            here = self._loops[loop] = _OnLoop(self, loop)
        return here

    async def _post(self, items: Sequence[CoalescedTrigger]) -> list[Triggered]:
        return await self.send(_triggers(items))


class _OnLoop:
    """What a client has on one event loop."""

    __slots__ = ("coalescer", "exchange")

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self.exchange = AsyncExchange()
        self.coalescer = Coalescer(loop, client._post)


class RequestKeys:
    """Request idempotency keys: unique without asking the system for randomness each time (1.5 us)."""

    __slots__ = ("_count", "_pid", "_prefix")

    def __init__(self) -> None:
        self._pid, self._prefix, self._count = 0, "", count()

    def next(self) -> str:
        """A key that nobody else has."""
        if self._pid != os.getpid():  # also in a forked child, which would count on from our number
            self._pid, self._prefix = os.getpid(), uuid4().hex
        return f"{self._prefix}-{next(self._count)}"


class _Token(msgspec.Struct):
    token: str


class _EnvironmentName(msgspec.Struct):
    id: str


class _Whoami(msgspec.Struct):
    environment: _EnvironmentName


_WHOAMI = ApiCall("whoami", "GET /api/v1/whoami", returns=reads(_Whoami))


def _triggers(items: Sequence[CoalescedTrigger]) -> ApiCall[list[Triggered]]:
    body = _encode(items)
    request = "POST /api/hairtrigger/v1/triggers"
    return ApiCall("Task.trigger", request, body=body, returns=_read_triggered)


def _environment_id(claims: str) -> str | None:
    try:
        value = msgspec.json.decode(claims)
    except ValueError:
        return None
    return value.get("sub") if isinstance(value, dict) else None


def _version() -> str:
    from importlib.metadata import version

    return version("hairtrigger")


_default: Client | None = None


def default() -> Client:
    """The client of module-level calls: made on first use, from the environment and ``.env``.

    Raises:
        MissingKey: when there is no key.
    """
    global _default
    if _default is None:
        try:
            _default = Client(settings.current())
        except MissingKey:
            settings.load_env_files(_project())
            _default = Client(settings.current())
    return _default


def configure(
    *, secret_key: str | None = None, base_url: str | None = None, preview_branch: str | None = None
) -> None:
    """Point module-level calls at a server; what is left out comes from the environment or ``.env``.

    Args:
        secret_key: A key such as ``tr_dev_…``; it decides the environment.
        base_url: With or without a trailing slash or a path prefix.
        preview_branch: The branch of a preview environment.

    Raises:
        MissingKey: when there is no key.
    """
    global _default
    settings.load_env_files(_project())
    _default = Client(settings.current(secret_key, base_url, preview_branch))


def _project() -> Path:
    found = find_config()
    return Path.cwd() if found is None else found.parent
