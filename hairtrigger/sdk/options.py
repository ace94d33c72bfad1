"""The options that users write, as typed dictionaries, and ``Queue``; checked by name where they come in.

Every option has Trigger.dev's name in snake case. ``trigger_options`` turns those of a trigger into what
travels; those of a task stay with its ``Definition``.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Required, TypeAlias, TypedDict

from hairtrigger.errors import ProjectError, Unprocessable
from hairtrigger.wire import rates
from hairtrigger.wire.options import MAX_CONCURRENCY
from hairtrigger.wire.worker import QueueManifest

Duration: TypeAlias = str | int | float | timedelta  # "1h30m", seconds, or a timedelta
When: TypeAlias = Duration | datetime
Env: TypeAlias = Literal["DEVELOPMENT", "STAGING", "PREVIEW", "PRODUCTION"]
Isolation: TypeAlias = Literal["loop", "thread", "process"]


class Queue:
    """A queue that several tasks, or the keys of one task, share.

    Args:
        name: Up to 128 characters of letters, digits, ``_``, ``-`` and ``/``.
        concurrency_limit: How many of its runs execute at once, for each concurrency key; None: as many as
            there are slots. 0 to 100,000, as is the next one.
        total_limit: How many execute at once over all concurrency keys.
        rate_limit: How many start in a time, over all keys: ``"100/m"``, ``"5/s"``, ``"1000/h"``,
            ``"10/30s"``. So many may start at once after a pause, and then as many as become due.

    Raises:
        ProjectError: for an empty name or a limit that is out of range or cannot be read.
    """

    __slots__ = ("concurrency_limit", "name", "rate_limit", "total_limit")

    def __init__(
        self,
        name: str,
        *,
        concurrency_limit: int | None = None,
        total_limit: int | None = None,
        rate_limit: str | None = None,
    ) -> None:
        if not name:
            raise ProjectError("A queue needs a name.")
        self.name, self.rate_limit = name, rate_limit
        self.concurrency_limit, self.total_limit = concurrency_limit, total_limit
        for what in ("concurrency_limit", "total_limit"):
            limit = getattr(self, what)
            if limit is not None and not 0 <= limit <= MAX_CONCURRENCY:
                raise ProjectError(
                    f"queue {name!r}: {what} must be between 0 and {MAX_CONCURRENCY}, not {limit}."
                )
        self.manifest()

    def manifest(self) -> QueueManifest:
        """What a server is told about the queue."""
        rate = None
        if self.rate_limit is not None:
            try:
                rate = rates.parse(self.rate_limit, "rate_limit")
            except Unprocessable as error:
                raise ProjectError(f"queue {self.name!r}: {error}") from None
        return QueueManifest(self.name, self.concurrency_limit, self.total_limit, rate)

    def __repr__(self) -> str:
        limits = "".join(
            f", {name}={value!r}"
            for name in ("concurrency_limit", "total_limit", "rate_limit")
            if (value := getattr(self, name)) is not None
        )
        return f"Queue({self.name!r}{limits})"


def queue(
    name: str,
    *,
    concurrency_limit: int | None = None,
    total_limit: int | None = None,
    rate_limit: str | None = None,
) -> Queue:
    """Declare a queue: ``emails = queue("emails", concurrency_limit=5)``, then ``@task(queue=emails)``.

    See ``Queue`` for the limits.
    """
    return Queue(
        name, concurrency_limit=concurrency_limit, total_limit=total_limit, rate_limit=rate_limit
    )


class Retry(TypedDict, total=False):
    """When a failed attempt is tried again. Source: Trigger.dev retry options.

    Defaults: 3 attempts (the first one counts), 1,000 to 60,000 ms between them, factor 2, randomised.
    """

    max_attempts: int
    factor: float
    min_timeout_in_ms: int
    max_timeout_in_ms: int
    randomize: bool


class Debounce(TypedDict, total=False):
    """Several triggers with one ``key`` become one run, ``delay`` after the last of them.

    ``mode``: leading keeps the first payload, trailing takes the last. ``max_delay`` bounds the wait.
    """

    key: Required[str]
    delay: Required[Duration]
    mode: Literal["leading", "trailing"]
    max_delay: Duration


class Cron(TypedDict, total=False):
    """``pattern`` has five fields, see cron(5); ``timezone`` is an IANA name (UTC by default)."""

    pattern: str
    timezone: str
    environments: Sequence[Env]


class TaskOptions(TypedDict, total=False):
    """What ``@task(...)`` accepts.

    ``id`` defaults to the function's name in kebab case, ``description`` to the first line of its
    docstring. ``max_duration`` is in seconds of execution over all attempts. ``ttl`` is how long a run may
    wait for its start. ``isolation`` is where the body runs: on the loop (async), on a thread (sync), or
    in a process of its own.
    """

    id: str
    description: str
    retry: Retry
    queue: Queue | str
    concurrency_limit: int
    max_duration: float
    ttl: Duration
    machine: str
    isolation: Isolation


class ScheduledTaskOptions(TaskOptions, total=False):
    """What ``@schedules.task(...)`` accepts: a task's options, and ``cron`` to fire without being asked."""

    cron: str | Cron


class TriggerOptions(TypedDict, total=False):
    """What ``trigger(payload, ...)`` accepts.

    ``delay``: how long, or until when. ``ttl``: how long the run may wait for its start.
    ``idempotency_key``: equal keys of one task give one run, for ``idempotency_key_ttl`` (30 days).
    ``priority`` in seconds: the run is ordered as if triggered that much earlier. ``max_duration`` in
    seconds. ``tags``: at most ten of 128 characters.
    """

    delay: When
    ttl: Duration
    idempotency_key: str | Sequence[str]
    idempotency_key_ttl: Duration
    queue: Queue | str
    concurrency_key: str
    priority: float
    tags: str | Sequence[str]
    metadata: Mapping[str, Any]
    max_attempts: int
    max_duration: float
    machine: str
    version: str
    debounce: Debounce


def closest(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'delay'?"`` for a name that looks like a known one, else the list of them."""
    from difflib import get_close_matches  # only a mistake pays for this import

    names = sorted(known)
    match = get_close_matches(name, names, 1)
    return f"Did you mean {match[0]!r}?" if match else f"Known are: {', '.join(names)}."


def refuse_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ``ProjectError`` for the first name that is not known, with the closest one that is."""
    names = set(known)
    for name in given:
        if name not in names:
            raise ProjectError(f"{what}: unknown option {name!r}. {closest(name, names)}")
