"""The worker protocol: register, fetch, report, hold, leave.

All are ``POST /api/hairtrigger/v1/worker/<call>`` with a secret key and JSON both ways. Work goes out and
results come in by the batch; every hand-out of a run carries a lease number (its fence), every write names
it. Fields are only ever added. Payloads and outputs are ``[type, text]`` pairs (see ``packets``).
"""

from typing import Any

import msgspec

from hairtrigger.wire.rates import Rate

PROTOCOL = 1
PREFIX = "/api/hairtrigger/v1/worker/"
MAX_RESULTS = 1_000  # in one report
MAX_EVENT_BYTES = 1_000_000  # of log lines and spans in one report
HEADER = "hairtrigger-protocol"

Packet = tuple[str, str]


class RetryPolicy(msgspec.Struct, rename="camel", frozen=True, forbid_unknown_fields=True):
    """Trigger.dev's retry options with its defaults: three attempts, 1 s to 60 s, doubling, jitter."""

    max_attempts: int = 3
    factor: float = 2.0
    min_timeout_in_ms: int = 1_000
    max_timeout_in_ms: int = 60_000
    randomize: bool = True


class QueueManifest(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """A queue as a task declares it; a limit that is None is not declared."""

    name: str
    concurrency_limit: int | None = None  # for each concurrency key
    total_limit: int | None = None  # over all keys
    rate: Rate | None = None  # of starts


class CronManifest(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    pattern: str
    timezone: str = "UTC"
    environments: list[str] | None = None  # of DEVELOPMENT, STAGING, PREVIEW, PRODUCTION


class TaskManifest(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """What a server knows of a task: everything but its code. Times in ms."""

    id: str
    file: str
    export: str
    retry: RetryPolicy = RetryPolicy()
    queue: QueueManifest | None = None  # None: the task's own, named task/<id>
    max_duration_ms: int | None = None
    ttl_ms: int | None = None
    scheduled: bool = False
    cron: CronManifest | None = None
    description: str = ""
    payload_schema: dict[str, Any] | None = None
    machine: str | None = None


class Register(msgspec.Struct, rename="camel", omit_defaults=True):
    name: str  # host and pid, for people
    version: str  # YYYYMMDD.N, or "" to let the server choose
    tasks: list[TaskManifest]
    slots: int
    protocol: list[int]
    project: str = ""  # checked against the key's project when given
    content_hash: str = ""  # equal code gets the same version
    runtime: str = "python"
    sdk: str = ""
    replaces: list[str] = []  # sessions of this host whose process is known to be dead
    worker: str = ""  # the session to go on with, after an UnknownWorker or a reload
    queues: list[str] = []  # serve these queues only; empty: all
    promote: bool = True  # its version becomes the current one


class Registered(msgspec.Struct, rename="camel"):
    worker: str
    version: str
    lease_ms: int
    hold_ms: int
    protocol: int
    environment: str  # slug: dev, prod
    changes: dict[
        str, list[str]
    ] = {}  # added, changed, removed task ids against the version before


class AskVariables(msgspec.Struct):
    """What a worker asks before it loads its code."""


class Variables(msgspec.Struct):
    """The environment's variables; ``secrets`` names those that must not stand in logs."""

    variables: dict[str, str] = {}
    secrets: list[str] = []


class Fetch(msgspec.Struct):
    worker: str
    want: int


class RunInfo(msgspec.Struct, rename="camel", omit_defaults=True):
    """One run handed to a worker: all that an executor needs. Instants and durations in ms."""

    id: str
    lease: int
    attempt: int
    task: str
    max_attempts: int
    created_at: int
    queue: str
    version: str
    payload: Packet | None = None
    max_duration_ms: int | None = None
    used_ms: int = 0  # by earlier attempts; max_duration counts all of them
    tags: list[str] = []
    metadata: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # `Raw | None` would read only null
    parent: str | None = None
    root: str | None = None
    batch: str | None = None
    schedule: str | None = None
    idempotency_key: str | None = None
    concurrency_key: str | None = None
    priority_ms: int = 0
    is_test: bool = False
    replay_of: str | None = None
    started_at: int | None = None  # of the first attempt, when this is not the first
    isolated: bool = False  # a suspect: run it alone in a process
    trace: str | None = None  # of its trigger: see wire/tracing


class Source(msgspec.Struct, array_like=True, frozen=True):
    """Lines of code around one that was being executed when an error happened, as they were then."""

    path: str
    line: int  # the one that was executed
    first: int  # the number of the first of ``lines``
    lines: list[str]


class Failure(msgspec.Struct, omit_defaults=True):
    """An error. ``sources`` are those of the user's own code, innermost first."""

    name: str
    message: str
    trace: str = ""
    causes: list["Failure"] = []
    sources: list[Source] = []


class Result(msgspec.Struct, rename="camel", omit_defaults=True):
    """How a hand-out ended. Exactly one of the outcome fields is set."""

    id: str
    lease: int
    done: Packet | bool | None = None  # True: completed without an output
    failed: Failure | None = None
    cancelled: bool = False
    handed_back: bool = False
    crashed: Failure | None = None  # the process died; alone says whether it held only this run
    timed_out: bool = False
    retry_in_ms: int | None = None  # with failed: absent means for good
    used_ms: int = 0
    begun: bool = True  # with handed_back and crashed: whether the body had started
    alone: bool = True
    metadata: list[dict[str, Any]] = []


class Event(msgspec.Struct, array_like=True, omit_defaults=True):
    """A log line or a span of a run, as it travels and as it is stored.

    ``level`` is one of debug, info, warn, error, log (print) for a line; ``span`` for a span, and then
    ``duration_ms`` and ``span``/``parent`` are set.
    """

    run: str
    lease: int
    at: int  # ms since 1970
    seq: int  # order within the hand-out
    level: str
    message: str
    attributes: dict[str, Any] | None = None
    span: str | None = None
    parent: str | None = None
    duration_ms: float | None = None
    error: bool = False


class Report(msgspec.Struct, omit_defaults=True):
    worker: str
    results: list[Result] = []
    events: list[Event] = []
    want: int = 0


class Reported(msgspec.Struct, omit_defaults=True):
    verdicts: list[str] = []  # ok or lost, one for each result
    runs: list[RunInfo] = []


class Fetched(msgspec.Struct):
    runs: list[RunInfo]


class Hold(msgspec.Struct):
    """``leases`` are (run, lease, seen): all that the worker holds. ``quiet``: no fetch or report that
    could bring more runs was under way when the list was made. ``wait``: False asks for the answer at once,
    as after a hold whose answer got lost."""

    worker: str
    leases: list[tuple[str, int, int]]
    quiet: bool = False
    wait: bool = True


class Notice(msgspec.Struct, omit_defaults=True):
    run: str
    n: int
    cancel: bool = False


class Held(msgspec.Struct, omit_defaults=True):
    """``late``: the lease is renewed, but what the worker says it holds could not be compared in time."""

    lost: list[str] = []
    notices: list[Notice] = []
    late: bool = False


class Leave(msgspec.Struct):
    worker: str
