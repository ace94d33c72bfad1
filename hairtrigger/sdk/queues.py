"""``queues``: what waits and runs, paused and limited at run time.

The blocking mirror is generated from this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from hairtrigger.sdk.api import Answer, ApiCall, decoded, reads, segment
from hairtrigger.sdk.client import Client, default
from hairtrigger.sdk.options import Queue
from hairtrigger.sdk.page import Ask, Listed, Page
from hairtrigger.sdk.task import Task
from hairtrigger.wire import ids


class QueueConcurrency(msgspec.Struct, rename="camel", kw_only=True):
    """Where a queue's concurrency limit comes from: ``base`` is what the code declares, ``override`` what
    was set at run time, ``current`` what applies. None is no limit."""

    current: int | None = None
    base: int | None = None
    override: int | None = None
    overridden_at: datetime | None = None
    overridden_by: str | None = None


class QueueInfo(msgspec.Struct, rename="camel", kw_only=True):
    """A queue as it stands.

    ``type`` is task for the queue of one task (``name`` is the task's id), custom for a declared one.
    ``running`` and ``queued`` count the queue over all concurrency keys; ``concurrency_limit`` is for each
    of them.
    """

    id: str
    name: str
    type: Literal["task", "custom"]
    running: int
    queued: int
    paused: bool
    concurrency_limit: int | None = None
    concurrency: QueueConcurrency = msgspec.field(default_factory=QueueConcurrency)
    total_limit: int | None = None
    rate_limit: str | None = None


class Queues:
    """The queues of an environment.

    A queue is given as itself, as a task (whose queue is meant), or by name: ``"emails"``, ``"task/my-task"``
    for a task's own queue, or an id that the API gave (``queue_…``).
    """

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    def list(self, *, limit: int | None = None) -> Page[QueueInfo]:
        """The queues that the current code declares, by name, ``limit`` in a page (25, at most 100)."""
        return Page(self._client, list_queues_calls(limit))

    async def retrieve(self, queue: str | Queue | Task[Any, Any], /) -> QueueInfo:
        """A queue with what runs and waits in it.

        Raises:
            NotFound: for one that the environment does not have.
        """
        return await self._client.send(retrieve_queue_call(queue_name(queue)))

    async def pause(self, queue: str | Queue | Task[Any, Any], /) -> QueueInfo:
        """Start no more runs of a queue; what runs goes on.

        Raises:
            NotFound: for one that the environment does not have.
        """
        return await self._client.send(switch_queue_call("pause", queue_name(queue)))

    async def resume(self, queue: str | Queue | Task[Any, Any], /) -> QueueInfo:
        """Start the runs of a paused queue again.

        Raises:
            NotFound: for one that the environment does not have.
        """
        return await self._client.send(switch_queue_call("resume", queue_name(queue)))

    async def override_concurrency_limit(
        self, queue: str | Queue | Task[Any, Any], concurrency_limit: int, /
    ) -> QueueInfo:
        """Set a limit that stands before that of the code, for deploys to come as well.

        Args:
            concurrency_limit: 0 to 100,000. Runs beyond a lowered limit go on.

        Raises:
            NotFound: for a queue that the environment does not have.
            BadRequest: for a limit out of range.
        """
        return await self._client.send(override_limit_call(queue_name(queue), concurrency_limit))

    async def reset_concurrency_limit(self, queue: str | Queue | Task[Any, Any], /) -> QueueInfo:
        """Let the limit of the code apply again.

        Raises:
            NotFound: for a queue that the environment does not have.
            BadRequest: when nothing was set at run time.
        """
        return await self._client.send(reset_limit_call(queue_name(queue)))


queues = Queues()

_read = reads(QueueInfo)
_page = msgspec.json.Decoder(Listed[QueueInfo])
_OWN = "task/"


def queue_name(queue: Any) -> str:
    """The name of a queue that is given as one, as a task of either flavour, or by name."""
    if isinstance(queue, str):
        return queue
    return queue.name if isinstance(queue, Queue) else str(queue.definition.queue_name)


def _named(name: str) -> tuple[str, str]:
    """How the API names a queue: its type, and the part of the path. Slashes are encoded twice there."""
    if ids.parse("queue", name) is not None:
        return "id", segment(name)
    own = name.startswith(_OWN)
    plain = name.removeprefix(_OWN)
    return "task" if own else "custom", segment(plain.replace("/", "%2F"))


def retrieve_queue_call(name: str) -> ApiCall[QueueInfo]:
    """Read a queue."""
    kind, part = _named(name)
    return ApiCall("queues.retrieve", f"GET /api/v1/queues/{part}?type={kind}", returns=_read)


def switch_queue_call(action: Literal["pause", "resume"], name: str) -> ApiCall[QueueInfo]:
    """Pause or resume a queue."""
    return _change(f"queues.{action}", name, "pause", action=action)


def override_limit_call(name: str, limit: int) -> ApiCall[QueueInfo]:
    """Set a concurrency limit at run time."""
    verb = "queues.override_concurrency_limit"
    return _change(verb, name, "concurrency/override", concurrencyLimit=limit)


def reset_limit_call(name: str) -> ApiCall[QueueInfo]:
    """Drop what was set at run time."""
    return _change("queues.reset_concurrency_limit", name, "concurrency/reset")


def _change(verb: str, name: str, end: str, **body: object) -> ApiCall[QueueInfo]:
    kind, part = _named(name)
    encoded = msgspec.json.encode({"type": kind, **body})
    return ApiCall(verb, f"POST /api/v1/queues/{part}/{end}", body=encoded, returns=_read)


def _read_page(answer: Answer) -> Listed[QueueInfo]:
    return decoded(_page, answer)


def list_queues_calls(limit: int | None) -> Ask:
    """The calls for the pages of all queues."""

    def ask(cursor: str | None) -> ApiCall[Listed[QueueInfo]]:
        query: Mapping[str, Any] = {"page": cursor or 1, "perPage": limit or 25}
        request = f"GET /api/v1/queues?{urlencode(query)}"
        return ApiCall("queues.list", request, returns=_read_page)

    return ask
