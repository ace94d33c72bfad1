"""A run as the API shows it. Source: Trigger.dev's run object, API version 2025-07-16."""

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from hairtrigger.errors import TaskError
from hairtrigger.sdk.api import Answer, decoded
from hairtrigger.sdk.definition import Definition
from hairtrigger.sdk.result import Failed, Ok

P = TypeVar("P")
R = TypeVar("R")


class RunSchedule(msgspec.Struct, rename="camel"):
    """The schedule that made a run."""

    id: str
    external_id: str | None = None
    deduplication_key: str | None = None


class RelatedRuns(msgspec.Struct):
    """The runs around one: ``root`` and ``parent`` are None when it has none."""

    root: "Run[Any, Any] | None" = None
    parent: "Run[Any, Any] | None" = None
    children: "list[Run[Any, Any]]" = []


class Run(msgspec.Struct, Generic[P, R], rename="camel", kw_only=True):
    """A run, as it was when it was asked for.

    ``status`` is one of DELAYED, PENDING_VERSION, QUEUED, DEQUEUED, EXECUTING, WAITING, and at the end
    COMPLETED, FAILED, CANCELED, CRASHED, SYSTEM_FAILURE, EXPIRED or TIMED_OUT. ``duration_ms`` is time
    of execution, over all attempts, without waits. ``output`` is None until the run has completed.
    Runs of a list, and related ones, come without payload, output and error.
    """

    id: str
    task_id: str = msgspec.field(name="taskIdentifier")
    status: str
    is_queued: bool
    is_executing: bool
    is_waiting: bool
    is_completed: bool
    is_success: bool
    is_failed: bool
    is_cancelled: bool
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    delayed_until: datetime | None = None
    expired_at: datetime | None = None
    is_test: bool = False
    ttl: str | None = None
    tags: list[str] = []
    version: str | None = None
    idempotency_key: str | None = None
    metadata: dict[str, Any] = {}
    duration_ms: float = 0
    attempt_count: int = 0
    depth: int = 0
    trigger_function: str = "trigger"
    batch_id: str | None = None
    schedule: RunSchedule | None = None
    related_runs: RelatedRuns = msgspec.field(default_factory=RelatedRuns)
    payload_presigned_url: str | None = None  # where a large payload can be read; ``retrieve`` does
    payload: P = None  # type: ignore[assignment]  # absent from lists; there is no P to put there
    output: R | None = None
    error: TaskError | None = None

    def result(self) -> Ok[R] | Failed:
        """How the run ended; only for one whose ``is_completed`` is true."""
        if self.is_success:
            # a task without an output has R = None, so the output is an R either way
            output: Any = self.output
            return Ok(output, id=self.id, task_id=self.task_id)
        error = self.error or TaskError(f"{self.id} is {self.status}.", name=self.status)
        return Failed(error, id=self.id, task_id=self.task_id)


class _Cause(msgspec.Struct, rename="camel"):
    message: str = ""
    name: str = "Error"
    stack_trace: str = ""


def revive(kind: type, value: Any) -> Any:
    """What the JSON of a run holds for a type that msgspec does not know."""
    cause = msgspec.convert(value, _Cause)
    return TaskError(cause.message, name=cause.name, stack_trace=cause.stack_trace)


_decoder: msgspec.json.Decoder[Run[Any, Any]] = msgspec.json.Decoder(Run[Any, Any], dec_hook=revive)


def read_run(answer: Answer) -> Run[Any, Any]:
    """A run from the answer of the server."""
    return decoded(_decoder, answer)


def typed(run: Run[Any, Any], definition: Definition | None) -> Run[Any, Any]:
    """A run with payload and output as the task's types, where they fit."""
    if definition is not None:
        if run.is_success:
            run.output = definition.parse_output(run.output)
        run.payload = definition.parse_shown(run.payload)
    return run
