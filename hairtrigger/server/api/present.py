"""Runs as the public API shows them: Trigger.dev's field names, dates as ISO text, absent for unknown.

Pure: routes load, this only translates. An optional field is UNSET and therefore left out; null would be
read as the year 1970 by the official clients. Source: the run object of Trigger.dev's management API.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run, RunError
from hairtrigger.wire import durations, ids, packets, statuses
from hairtrigger.wire.worker import Event, Failure

_iso = durations.iso
_event = msgspec.json.Decoder(Event)


class ErrorObject(msgspec.Struct, rename="camel"):
    message: str
    name: str | UnsetType = UNSET
    stack_trace: str | UnsetType = UNSET
    causes: "list[ErrorObject] | UnsetType" = UNSET


class Generator(msgspec.Struct):
    expression: str
    description: str
    type: str = "CRON"


class RunSchedule(msgspec.Struct, rename="camel"):
    id: str
    generator: Generator
    external_id: str | UnsetType = UNSET
    deduplication_key: str | UnsetType = UNSET


class EnvObject(msgspec.Struct):
    id: str
    name: str
    user: str | UnsetType = UNSET


class CommonRun(msgspec.Struct, rename="camel", kw_only=True):
    """What every form of a run has."""

    id: str
    status: str
    task_identifier: str
    is_queued: bool
    is_executing: bool
    is_waiting: bool
    is_completed: bool
    is_success: bool
    is_failed: bool
    is_cancelled: bool
    is_test: bool
    created_at: str
    updated_at: str
    started_at: str | UnsetType = UNSET
    finished_at: str | UnsetType = UNSET
    delayed_until: str | UnsetType = UNSET
    ttl: str | UnsetType = UNSET
    expired_at: str | UnsetType = UNSET
    tags: list[str]
    idempotency_key: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    metadata: Raw | UnsetType = UNSET
    cost_in_cents: float = 0
    base_cost_in_cents: float = 0
    duration_ms: int


class ListedRun(CommonRun, kw_only=True):
    """An item of the list."""

    env: EnvObject


class EventObject(msgspec.Struct, rename="camel", kw_only=True):
    """A log line, or a span when it has a duration. ``at`` in ms since 1970."""

    at: int
    seq: int
    level: str
    message: str
    attributes: dict[str, Any] | UnsetType = UNSET
    span: str | UnsetType = UNSET
    parent: str | UnsetType = UNSET
    duration_ms: float | UnsetType = UNSET
    error: bool = False


class RelatedRun(CommonRun, kw_only=True):
    """A root, parent or child."""

    depth: int
    trigger_function: str
    batch_id: str | UnsetType = UNSET


class RelatedRuns(msgspec.Struct, rename="camel"):
    root: RelatedRun | UnsetType = UNSET
    parent: RelatedRun | UnsetType = UNSET
    children: list[RelatedRun] | UnsetType = UNSET


class RunObject(RelatedRun, kw_only=True):
    """One run with all there is to say."""

    payload: Raw | UnsetType = UNSET
    payload_presigned_url: str | UnsetType = UNSET
    output: Raw | UnsetType = UNSET
    output_presigned_url: str | UnsetType = UNSET
    error: ErrorObject | UnsetType = UNSET
    schedule: RunSchedule | UnsetType = UNSET
    related_runs: RelatedRuns
    attempt_count: int
    # Not upstream's: what the SDK and the dashboard show besides.
    queue: str
    concurrency_key: str | UnsetType = UNSET
    max_attempts: int
    next_attempt_at: str | UnsetType = UNSET


def listed(run: Run, env: Environment) -> ListedRun:
    """A run as an item of the list."""
    return ListedRun(env=EnvObject(env.public_id, env.slug), **_common(run))


def related(run: Run) -> RelatedRun:
    """A run as a relation of another."""
    return RelatedRun(**_common(run), **_relation(run))


def whole(
    run: Run,
    *,
    root: Run | None = None,
    parent: Run | None = None,
    children: list[Run] | None = None,
    schedule: RunSchedule | None = None,
) -> RunObject:
    """A run with its payload, its end and its relations. A root that is the run itself is left out."""
    relations = RelatedRuns()
    if root is not None and root.id != run.id:
        relations.root = related(root)
    if parent is not None:
        relations.parent = related(parent)
    if children:
        relations.children = [related(child) for child in children]
    shown = RunObject(
        **_common(run),
        **_relation(run),
        related_runs=relations,
        attempt_count=run.attempt,
        queue=run.queue,
        max_attempts=run.max_attempts,
    )
    if run.concurrency_key is not None:
        shown.concurrency_key = run.concurrency_key
    if run.payload is not None and run.payload[0] != packets.STORE:
        shown.payload = packets.shown(*run.payload)
    if run.final == statuses.FinalStatus.COMPLETED:
        if run.output is not None and run.output[0] != packets.STORE:
            shown.output = packets.shown(*run.output)
    elif run.final is not None and run.error is not None:
        shown.error = error(run.error)
    if run.state == statuses.LiveState.DELAYED and run.fence and run.due_at is not None:
        shown.next_attempt_at = _iso(run.due_at)
    if schedule is not None:
        shown.schedule = schedule
    return shown


def error(stored: RunError) -> ErrorObject:
    """A stored error in its public form."""
    failure = stored.failure
    if stored.kind == "STRING_ERROR":
        return ErrorObject(failure.message)
    if stored.kind == "INTERNAL_ERROR":
        detail = f": {failure.message}" if failure.message else ""
        return ErrorObject(
            f"{failure.name}{detail}", name="INTERNAL_ERROR", stack_trace=_text(failure.trace)
        )
    return _failure(failure)


def stored_error(run: Run) -> dict[str, Any]:
    """A run's error in the form that workers and live rows use."""
    stored = run.error or RunError(Failure("Error", run.status), kind="STRING_ERROR")
    failure = stored.failure
    if stored.kind == "STRING_ERROR":
        return {"type": stored.kind, "raw": failure.message}
    if stored.kind == "INTERNAL_ERROR":
        return {"type": stored.kind, "code": failure.name, "message": failure.message}
    named = {"name": failure.name, "message": failure.message, "stackTrace": failure.trace}
    return {"type": stored.kind, **named}


def event(text: str) -> "EventObject":
    """A stored log line or span."""
    stored = _event.decode(text)
    return EventObject(
        at=stored.at,
        seq=stored.seq,
        level=stored.level,
        message=stored.message,
        attributes=stored.attributes if stored.attributes is not None else UNSET,
        span=_text(stored.span),
        parent=_text(stored.parent),
        duration_ms=stored.duration_ms if stored.duration_ms is not None else UNSET,
        error=stored.error,
    )


def _failure(failure: Failure) -> ErrorObject:
    return ErrorObject(
        failure.message,
        name=failure.name,
        stack_trace=failure.trace,
        causes=[_failure(cause) for cause in failure.causes] or UNSET,
    )


def _common(run: Run) -> dict[str, Any]:
    status = run.status
    finished = UNSET if run.finished_at is None else _iso(run.finished_at)
    is_expired = run.final == statuses.FinalStatus.EXPIRED
    fields: dict[str, Any] = {
        "id": ids.public("run", run.id),
        "status": status,
        "task_identifier": run.task,
        "is_test": run.options.test,
        "created_at": _iso(run.created_at),
        "updated_at": _iso(run.updated_at),
        "started_at": _date(run.started_at),
        "finished_at": finished,
        "expired_at": finished if is_expired else UNSET,
        "delayed_until": _date(run.delayed_until),
        "ttl": durations.to_text(run.ttl_ms) if run.ttl_ms else UNSET,
        "tags": sorted(run.tags),
        "idempotency_key": _key(run),
        "version": _text(run.version),
        "metadata": UNSET if run.metadata is None else Raw(run.metadata.encode()),
        "duration_ms": run.usage_ms,
    }
    return fields | _FLAGS[status]


def _relation(run: Run) -> dict[str, Any]:
    return {
        "depth": run.depth,
        "trigger_function": run.options.function,
        "batch_id": UNSET if run.batch is None else ids.public("batch", run.batch),
    }


def _key(run: Run) -> str | UnsetType:
    """What the user wrote as idempotency key; its hash only when nothing else is known."""
    if run.key_released:
        return UNSET
    if run.options.key_options is not None:
        return run.options.key_options.key
    return _text(run.options.idempotency_key)


def _date(instant: int | None) -> str | UnsetType:
    return UNSET if instant is None else _iso(instant)


def _text(value: str | None) -> str | UnsetType:
    return value or UNSET


_SNAKE = {
    "isQueued": "is_queued", "isExecuting": "is_executing", "isWaiting": "is_waiting",
    "isCompleted": "is_completed", "isSuccess": "is_success", "isFailed": "is_failed",
    "isCancelled": "is_cancelled",
}  # fmt: skip
_FLAGS = {
    name: {_SNAKE[flag]: value for flag, value in statuses.flags_of(name).items()}
    for name in statuses.PUBLIC
}
