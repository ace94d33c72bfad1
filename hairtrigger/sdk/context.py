"""The run that code is in: its public face (``Context``, ``current``) and what it carries for us (``Scope``).

The worker makes one scope for each attempt and sets ``SCOPE``; ``logger``, ``metadata``, ``tags`` and the
trigger options read it, in threads too. Nothing here talks to a server.
"""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from itertools import count
from typing import Any

import msgspec

from hairtrigger.errors import OutsideRun
from hairtrigger.wire import durations, worker

SPAN: ContextVar[str | None] = ContextVar("hairtrigger_span", default=None)


class RunInfo(msgspec.Struct, frozen=True):
    """The run: the same facts for all of its attempts.

    ``max_duration`` is in seconds, ``priority`` too. ``started_at`` is when its first attempt began.
    """

    id: str
    tags: list[str]
    is_test: bool
    is_replay: bool
    idempotency_key: str | None
    version: str | None
    created_at: datetime
    started_at: datetime
    max_attempts: int
    max_duration: float | None
    priority: float
    parent_task_run_id: str | None
    root_task_run_id: str | None
    schedule_id: str | None


class AttemptInfo(msgspec.Struct, frozen=True):
    """This try of the run; the first one has number 1."""

    number: int
    started_at: datetime


class TaskInfo(msgspec.Struct, frozen=True):
    id: str


class QueueInfo(msgspec.Struct, frozen=True):
    """The queue the run came from; a task's own queue is named ``task/<task id>``."""

    name: str
    concurrency_key: str | None


class EnvironmentInfo(msgspec.Struct, frozen=True):
    """``slug`` is dev, staging, preview or prod."""

    slug: str


class ProjectInfo(msgspec.Struct, frozen=True):
    ref: str


class BatchInfo(msgspec.Struct, frozen=True):
    id: str


class Context:
    """What a body can ask about its own run; ``current()`` gives the same object anywhere below it.

    ``organization`` and ``machine`` are None on a server that has one organisation and no machine
    presets; ``batch`` is None for a run that was triggered alone.
    """

    __slots__ = ("_attempt", "_begun_ms", "_cancel", "_environment", "_info", "_project", "_run")

    def __init__(self, info: worker.RunInfo, *, environment: str, project: str) -> None:
        self._info, self._environment, self._project = info, environment, project
        self._begun_ms = int(time.time() * 1000)
        self._run: RunInfo | None = None
        self._attempt: AttemptInfo | None = None
        self._cancel: threading.Event | None = None

    @property
    def run(self) -> RunInfo:
        if self._run is None:
            self._run = _run_info(self._info, self._begun_ms)
        return self._run

    @property
    def attempt(self) -> AttemptInfo:
        if self._attempt is None:
            began = durations.to_datetime(self._begun_ms)
            self._attempt = AttemptInfo(self._info.attempt, began)
        return self._attempt

    @property
    def task(self) -> TaskInfo:
        return TaskInfo(self._info.task)

    @property
    def queue(self) -> QueueInfo:
        return QueueInfo(self._info.queue, self._info.concurrency_key)

    @property
    def environment(self) -> EnvironmentInfo:
        return EnvironmentInfo(self._environment)

    @property
    def project(self) -> ProjectInfo:
        return ProjectInfo(self._project)

    @property
    def organization(self) -> None:
        return None

    @property
    def batch(self) -> BatchInfo | None:
        return BatchInfo(self._info.batch) if self._info.batch else None

    @property
    def machine(self) -> None:
        return None

    def cancelled(self) -> bool:
        """Whether the run was cancelled: for sync bodies to look at (async bodies are cancelled)."""
        return self._cancel is not None and self._cancel.is_set()

    def __repr__(self) -> str:
        return f"<Context {self._info.id} attempt {self._info.attempt} of {self._info.task}>"


def _run_info(info: worker.RunInfo, begun_ms: int) -> RunInfo:
    started_ms = begun_ms if info.started_at is None else info.started_at
    return RunInfo(
        id=info.id,
        tags=info.tags,
        is_test=info.is_test,
        is_replay=info.replay_of is not None,
        idempotency_key=info.idempotency_key,
        version=info.version or None,
        created_at=durations.to_datetime(info.created_at),
        started_at=durations.to_datetime(started_ms),
        max_attempts=info.max_attempts,
        max_duration=None if info.max_duration_ms is None else info.max_duration_ms / 1000,
        priority=info.priority_ms / 1000,
        parent_task_run_id=info.parent,
        root_task_run_id=info.root,
        schedule_id=info.schedule,
    )


class Scope:
    """What one attempt carries: its context, where its log lines go, and its metadata.

    ``emit`` takes every line and span, from any thread. ``metadata_ops`` are this run's operations that
    no request has carried yet, in the form of the API: ``{"type", "key", "value"}``; ``relative_ops`` are
    those of its parent and its root, under the names of a request's members. ``on_metadata`` is called, from
    any thread, when either grows: the worker sends them once a second, what is left when the attempt ends.
    ``attempt`` is what the worker knows of the attempt's span for OpenTelemetry.
    """

    __slots__ = (
        "_metadata", "attempt", "context", "emit", "info", "lease", "log_level", "metadata_ops", "on_metadata",
        "relative_ops", "run_id", "seq",
    )  # fmt: skip

    def __init__(
        self,
        context: Context,
        info: worker.RunInfo,
        emit: Callable[[worker.Event], None],
        log_level: str,
    ) -> None:
        self.context, self.info, self.emit, self.log_level = context, info, emit, log_level
        self.run_id, self.lease = info.id, info.lease
        # next() of a count is one step under the interpreter's lock: no two events get one number
        self.seq = count()
        self._metadata: dict[str, Any] | None = None
        self.metadata_ops: list[dict[str, Any]] = []
        self.relative_ops: dict[str, list[dict[str, Any]]] = {}
        self.on_metadata: Callable[[], None] | None = None
        self.attempt: object = None

    @classmethod
    def for_run(
        cls,
        info: worker.RunInfo,
        *,
        environment: str,
        project: str,
        emit: Callable[[worker.Event], None],
        log_level: str = "info",
    ) -> "Scope":
        """The scope of one attempt of a run that was handed to this worker."""
        return cls(Context(info, environment=environment, project=project), info, emit, log_level)

    @property
    def span(self) -> str | None:
        """The id of the span that the calling code is in."""
        return SPAN.get()

    @property
    def metadata(self) -> dict[str, Any]:
        """The run's metadata as this attempt knows it: what came with it and what was changed since."""
        if self._metadata is None:
            sent = self.info.metadata
            value = msgspec.json.decode(sent) if sent else None
            self._metadata = value if isinstance(value, dict) else {}
        return self._metadata

    @metadata.setter
    def metadata(self, value: dict[str, Any]) -> None:
        self._metadata = value

    @property
    def cancel(self) -> threading.Event:
        """Set it to tell a sync body that its run was cancelled. Made when first asked for."""
        if self.context._cancel is None:
            self.context._cancel = threading.Event()
        return self.context._cancel

    def log(self, level: str, message: str, attributes: dict[str, Any] | None = None) -> None:
        """Emit a line of this run's log. Levels are not filtered here: ``print`` is always kept."""
        self.emit(
            worker.Event(
                self.run_id, self.lease, int(time.time() * 1000), next(self.seq),
                level, message, attributes, None, SPAN.get(),
            )
        )  # fmt: skip


SCOPE: ContextVar[Scope | None] = ContextVar("hairtrigger_scope", default=None)


def trace_of_run() -> str | None:
    """Where in a trace the run was triggered that the calling code is in, if it is in one."""
    scope = SCOPE.get()
    return None if scope is None else scope.info.trace


def current() -> Context:
    """The context of the run that the calling code is in.

    Raises:
        OutsideRun: when there is none.
    """
    scope = SCOPE.get()
    if scope is None:
        raise OutsideRun("current()")
    return scope.context
