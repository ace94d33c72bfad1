"""Options of a trigger as they travel: one struct from the caller to the row.

The SDK reads its keyword arguments into it once, the server reads request bodies into it once; only the
room that uses an option names it. Source: Trigger.dev's trigger options (their names in camel case).
"""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

MAX_TAGS, MAX_TAG_CHARS = 10, 128
MAX_KEY_CHARS, MAX_DEBOUNCE_KEY_CHARS = 2_048, 512
MAX_METADATA_BYTES = 262_144
MAX_QUEUE_CHARS = 128
MAX_CONCURRENCY = 100_000  # of any limit of a queue
MIN_BURST, MAX_BURST = 100, 1_000  # of an environment, in percent of its limit
MACHINES = (
    "micro", "small-1x", "small-2x", "medium-1x", "medium-2x", "large-1x", "large-2x",
)  # fmt: skip
Machine = Literal["micro", "small-1x", "small-2x", "medium-1x", "medium-2x", "large-1x", "large-2x"]


class QueueOption(msgspec.Struct, rename="camel", omit_defaults=True):
    name: str


class KeyOptions(msgspec.Struct, rename="camel", omit_defaults=True):
    """What the user wrote as idempotency key, before hashing."""

    key: str
    scope: Literal["run", "attempt", "global"] = "global"


class DebounceOption(msgspec.Struct, rename="camel", omit_defaults=True):
    key: str
    delay: str
    mode: Literal["leading", "trailing"] = "leading"
    max_delay: str | None = None


class TriggerOptions(msgspec.Struct, rename="camel", omit_defaults=True):
    payload_type: str | None = None
    payload_size: int | None = None
    queue: QueueOption | None = None
    concurrency_key: str | float | int | None = None
    delay: str | None = None  # a duration, or an ISO date
    ttl: str | int | None = None  # a duration, or seconds
    tags: str | list[str] | None = None
    metadata: Raw | UnsetType = UNSET
    metadata_type: str | None = None
    max_attempts: int | None = None
    max_duration: float | None = None  # seconds
    machine: Machine | None = None
    priority: float | None = None  # seconds
    idempotency_key: str | None = None
    idempotency_key_ttl: str | None = msgspec.field(default=None, name="idempotencyKeyTTL")
    idempotency_key_options: KeyOptions | None = None
    lock_to_version: str | None = None
    external_deployment_id: str | None = None
    debounce: DebounceOption | None = None
    test: bool = False
    region: str | None = None
    parent_run_id: str | None = None
    resume_parent_on_completion: bool = False


class TriggerBody(msgspec.Struct, rename="camel", omit_defaults=True):
    """``POST /api/v1/tasks/{taskId}/trigger``."""

    payload: Raw | UnsetType = UNSET
    options: TriggerOptions | None = None


class BatchItem(msgspec.Struct, rename="camel", omit_defaults=True):
    """A line of ``POST /api/v3/batches/{id}/items``."""

    index: int
    task: str
    payload: Raw | UnsetType = UNSET
    options: TriggerOptions | None = None
    trace: str | None = None  # see wire/tracing


class CoalescedTrigger(msgspec.Struct, rename="camel", omit_defaults=True):
    """One of several single triggers that travel in one request (``POST /api/hairtrigger/v1/triggers``).

    Each has its own answer or its own error. The request's idempotency key covers them all, in this order.
    """

    task: str
    payload: Raw | UnsetType = UNSET
    options: TriggerOptions | None = None
    trace: str | None = None  # see wire/tracing


class Triggered(msgspec.Struct, rename="camel", omit_defaults=True):
    """The answer for each: an id, or an error with its HTTP status."""

    id: str | None = None
    is_cached: bool = False
    error: str | None = None
    code: str | None = None
    status: int = 200
    details: dict[str, Any] = {}


class CreateBatch(msgspec.Struct, rename="camel", omit_defaults=True):
    """``POST /api/v3/batches``."""

    run_count: int
    task_identifiers: list[str] | None = None
    idempotency_key: str | None = None
    idempotency_key_options: KeyOptions | None = None
    parent_run_id: str | None = None
    resume_parent_on_completion: bool = False


class ReplayBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """``POST /api/v1/runs/{id}/replay``: what the new run does not take from the original."""

    payload: Raw | UnsetType = UNSET
    payload_type: str | None = None
    metadata: Raw | UnsetType = UNSET
    tags: str | list[str] | None = None
    queue: str | None = None
    concurrency_key: str | float | int | None = None
    machine: Machine | None = None
    version: str | None = None
    region: str | None = None
    delay: str | None = None
    ttl: str | int | None = None
    idempotency_key: str | None = None
    idempotency_key_ttl: str | None = msgspec.field(default=None, name="idempotencyKeyTTL")
    max_attempts: int | None = None
    max_duration: float | None = None
    priority: float | None = None


class ScheduleBody(msgspec.Struct, rename="camel", omit_defaults=True):
    """``POST /api/v1/schedules`` and ``PUT /api/v1/schedules/{id}``."""

    task: str
    cron: str
    deduplication_key: str | None = None
    external_id: str | None = None
    timezone: str | None = None
    window: str | None = None
