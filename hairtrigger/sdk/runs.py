"""``runs``: look up, list, cancel, replay and move runs. The blocking mirror is generated from this file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar, overload
from urllib.parse import urlencode

import msgspec

from hairtrigger.sdk.api import Answer, ApiCall, decoded, nothing, reads, segment
from hairtrigger.sdk.client import Client, default
from hairtrigger.sdk.exchange import sleep
from hairtrigger.sdk.handles import RunHandle, retrieve_call, run_id_of
from hairtrigger.sdk.options import When
from hairtrigger.sdk.page import Ask, Listed, Page
from hairtrigger.sdk.run import Run, read_run, revive, typed
from hairtrigger.sdk.stored import path_of, read_call
from hairtrigger.sdk.task import Task
from hairtrigger.sdk.trigger_options import when
from hairtrigger.wire import durations, packets
from hairtrigger.wire.options import ReplayBody

P = TypeVar("P")
R = TypeVar("R")
POLL_MS = 5_000


class Runs:
    """The runs of an environment."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    @overload
    async def retrieve(self, run: RunHandle[P, R], /) -> Run[P, R]: ...
    @overload
    async def retrieve(self, run: str, /, *, task: Task[P, R]) -> Run[P, R]: ...
    @overload
    async def retrieve(self, run: str, /) -> Run[Any, Any]: ...
    async def retrieve(
        self, run: str | RunHandle[Any, Any], /, *, task: Task[Any, Any] | None = None
    ) -> Run[Any, Any]:
        """A run as it is now; ``task`` gives payload and output their types.

        Raises:
            NotFound: when the environment has no such run.
        """
        definition = run.definition if isinstance(run, RunHandle) else None
        found = await self._client.send(retrieve_call(run_id_of(run)))
        if found.payload_presigned_url is not None:
            path = path_of(found.payload_presigned_url)
            found.payload = packets.decode(*await self._client.send(read_call(path)))
        return typed(found, definition if task is None else task.definition)

    def list(
        self,
        *,
        status: str | Sequence[str] | None = None,
        task_identifier: str | Sequence[str] | None = None,
        tag: str | Sequence[str] | None = None,
        version: str | Sequence[str] | None = None,
        queue: str | Sequence[str] | None = None,
        batch: str | None = None,
        schedule: str | None = None,
        is_test: bool | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        period: str | None = None,
        limit: int | None = None,
    ) -> Page[Run[Any, Any]]:
        """The runs of the environment, newest first; of several values of one filter any may match.

        Args:
            from_: Created at or after.
            to: Created at or before.
            period: Created within the last ``30m``, ``24h``, ``7d``.
            limit: Runs in a page, 1 to 100 (25).
        """
        asked = filters(
            status=status, taskIdentifier=task_identifier, tag=tag, version=version, queue=queue,
            batch=batch, schedule=schedule, isTest=is_test,
            **{"createdAt][from": from_, "createdAt][to": to, "createdAt][period": period},
        )  # fmt: skip
        return Page(self._client, list_runs_calls(asked, limit))

    async def cancel(self, run: str | RunHandle[Any, Any], /) -> None:
        """Cancel a run and its unfinished children; one that is finished stays as it is."""
        await self._client.send(cancel_call(run_id_of(run)))

    async def replay(
        self, run: str | RunHandle[Any, Any], /, *, payload: Any = msgspec.UNSET
    ) -> RunHandle[Any, Any]:
        """Trigger a run again with the same payload and options, or with another payload."""
        definition = run.definition if isinstance(run, RunHandle) else None
        made = await self._client.send(replay_call(run_id_of(run), payload))
        task_id = "" if definition is None else definition.id
        return RunHandle(made, task_id, client=self._client, definition=definition)

    async def reschedule(self, run: str | RunHandle[Any, Any], /, *, delay: When) -> Run[Any, Any]:
        """Move a delayed run: from now, or to a date.

        Raises:
            BadRequest: when the run is not delayed any more.
        """
        return await self._client.send(reschedule_call(run_id_of(run), delay))

    @overload
    async def poll(self, run: RunHandle[P, R], /, *, poll_interval_ms: int = ...) -> Run[P, R]: ...
    @overload
    async def poll(self, run: str, /, *, poll_interval_ms: int = ...) -> Run[Any, Any]: ...
    async def poll(
        self, run: str | RunHandle[Any, Any], /, *, poll_interval_ms: int = POLL_MS
    ) -> Run[Any, Any]:
        """The run once it is finished, asked for every ``poll_interval_ms``."""
        while True:
            found = await self.retrieve(run)
            if found.is_completed:
                return found
            await sleep(poll_interval_ms / 1000)


runs = Runs()


def filters(**given: Any) -> list[tuple[str, str]]:
    """``filter[…]`` parameters of a list, for those that are given."""
    made = []
    for name, value in given.items():
        if value is None:
            continue
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, datetime):
            text = str(durations.from_datetime(value))
        else:
            text = value if isinstance(value, str) else ",".join(value)
        made.append((f"filter[{name}]", text))
    return made


_page = msgspec.json.Decoder(Listed[Run[Any, Any]], dec_hook=revive)


def _read_page(answer: Answer) -> Listed[Run[Any, Any]]:
    return decoded(_page, answer)


def list_runs_calls(asked: list[tuple[str, str]], limit: int | None) -> Ask:
    """The calls for the pages of a list."""

    def ask(cursor: str | None) -> ApiCall[Listed[Run[Any, Any]]]:
        query = [*asked]
        if limit is not None:
            query.append(("page[size]", str(limit)))
        if cursor is not None:
            query.append(("page[after]", cursor))
        text = f"?{urlencode(query)}" if query else ""
        return ApiCall("runs.list", f"GET /api/v1/runs{text}", returns=_read_page)

    return ask


class _Id(msgspec.Struct):
    id: str


def cancel_call(run_id: str) -> ApiCall[None]:
    """Cancel a run."""
    request = f"POST /api/v2/runs/{segment(run_id)}/cancel"
    return ApiCall("runs.cancel", request, returns=nothing)


def replay_call(run_id: str, payload: Any) -> ApiCall[str]:
    """Trigger a run again."""
    read = reads(_Id)
    body = ReplayBody()
    if payload is not msgspec.UNSET:
        # a text as JSON text, or the server would take it for JSON itself
        text = packets.encode(payload)
        body.payload = msgspec.Raw(msgspec.json.encode(text) if isinstance(payload, str) else text)
        body.payload_type = packets.JSON
    return ApiCall(
        "runs.replay",
        f"POST /api/v1/runs/{segment(run_id)}/replay",
        body=msgspec.json.encode(body),
        returns=lambda answer: read(answer).id,
    )


def reschedule_call(run_id: str, delay: When) -> ApiCall[Run[Any, Any]]:
    """Move a delayed run."""
    request = f"POST /api/v1/runs/{segment(run_id)}/reschedule"
    body = msgspec.json.encode({"delay": when(delay)})
    return ApiCall("runs.reschedule", request, body=body, returns=read_run)
