"""What triggering gives back: handles of runs and batches, with which anybody can ask how they ended.

The blocking mirror is generated from this file.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from hairtrigger.errors import ResultTimeout
from hairtrigger.sdk.api import ApiCall, segment
from hairtrigger.sdk.client import Client
from hairtrigger.sdk.definition import Definition
from hairtrigger.sdk.exchange import sleep
from hairtrigger.sdk.options import Duration
from hairtrigger.sdk.result import Failed, Ok
from hairtrigger.sdk.run import Run, read_run, typed
from hairtrigger.wire import durations

P = TypeVar("P")
R = TypeVar("R")

HOLD_S = 20  # as long as the server holds a question for the result of a run
UNHELD_PAUSE_S = 0.5  # before asking again when the server answered sooner: it is stopping, or old


class RunHandle(Generic[P, R]):
    """A run that was triggered: ``id`` is ``run_…``.

    ``is_cached`` says that an idempotency key found an earlier run.
    """

    __slots__ = ("_client", "_token", "definition", "id", "is_cached", "task_id")

    def __init__(
        self,
        id: str,
        task_id: str,
        *,
        client: Client,
        definition: Definition | None = None,
        is_cached: bool = False,
    ) -> None:
        self.id, self.task_id, self.is_cached = id, task_id, is_cached
        self._client, self.definition = client, definition
        self._token = ""

    @property
    def public_access_token(self) -> str:
        """A token for browsers that may read this run, for an hour. Signed when first asked for."""
        if not self._token:
            scopes = (f"read:runs:{self.id}", f"write:inputStreams:{self.id}")
            self._token = self._client.sign(scopes)
        return self._token

    async def result(
        self,
        *,
        timeout: Duration | None = None,  # noqa: ASYNC109 (of the wait, not of the run)
    ) -> Ok[R] | Failed:
        """How the run ended, as soon as it has.

        Args:
            timeout: How long to wait; None: for ever. The run goes on in any case.

        Raises:
            ResultTimeout: when the run is not finished by then.
        """
        limit_s = None if timeout is None else durations.to_ms(timeout, "timeout") / 1000
        started = time.monotonic()
        while True:
            asked = time.monotonic()
            left_s = HOLD_S if limit_s is None else max(0.0, started + limit_s - asked)
            hold_s = min(HOLD_S, left_s)
            run: Run[P, R] = await self._client.send(retrieve_call(self.id, hold_s=hold_s))
            if run.is_completed:
                return typed(run, self.definition).result()
            now = time.monotonic()
            if limit_s is not None and now >= started + limit_s:
                raise ResultTimeout(self.id, limit_s)
            if now - asked < hold_s:
                await sleep(min(UNHELD_PAUSE_S, hold_s - (now - asked)))

    def __repr__(self) -> str:
        return f"RunHandle({self.id!r}, task_id={self.task_id!r})"


class BatchHandle(Generic[P, R]):
    """A batch that was triggered: ``batch_id`` is ``batch_…``, ``runs`` are in the order of the items."""

    __slots__ = ("_client", "_token", "batch_id", "run_count", "runs")

    def __init__(
        self, batch_id: str, *, run_count: int, runs: Sequence[RunHandle[P, R]], client: Client
    ) -> None:
        self.batch_id, self.run_count, self.runs = batch_id, run_count, runs
        self._client = client
        self._token = ""

    @property
    def public_access_token(self) -> str:
        """A token for browsers that may read this batch, for an hour. Signed when first asked for."""
        if not self._token:
            self._token = self._client.sign((f"read:batch:{self.batch_id}",))
        return self._token

    def __repr__(self) -> str:
        return f"BatchHandle({self.batch_id!r}, run_count={self.run_count})"


def retrieve_call(run_id: str, *, hold_s: float = 0) -> ApiCall[Run[Any, Any]]:
    """Ask for a run; the server waits up to ``hold_s`` (at most 20) for its end."""
    held = f"?wait={hold_s:.3f}" if hold_s else ""
    request = f"GET /api/v3/runs/{segment(run_id)}{held}"
    return ApiCall("runs.retrieve", request, returns=read_run, held_s=hold_s)


def run_id_of(run: str | RunHandle[Any, Any] | Run[Any, Any]) -> str:
    """The id of a run, from whatever names it."""
    return run if isinstance(run, str) else run.id
