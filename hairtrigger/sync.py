"""Hairtrigger without ``await``: the same names as ``hairtrigger``, blocking.

Generated from hairtrigger/sdk by scripts/generate_sync.py: change that, not this. A blocking call on a
running event loop raises ``BlockingCallInLoop``.
"""

from __future__ import annotations

import msgspec
import random
import time
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import (
    datetime,
)
from typing import (
    Any,
    Generic,
    Protocol,
    TypeVar,
    Unpack,
    overload,
)
from hairtrigger.errors import (
    AbortTaskRunError as AbortTaskRunError,
    ApiError as ApiError,
    BadRequest as BadRequest,
    BlockingCallInLoop as BlockingCallInLoop,
    CompleteTaskWithOutput as CompleteTaskWithOutput,
    ConfigError as ConfigError,
    ConnectionFailed as ConnectionFailed,
    Forbidden as Forbidden,
    HairtriggerError as HairtriggerError,
    InvalidDuration as InvalidDuration,
    MissingKey as MissingKey,
    NotFound as NotFound,
    OutsideRun as OutsideRun,
    PayloadValidationError as PayloadValidationError,
    PlanLimitReached as PlanLimitReached,
    ProjectError as ProjectError,
    RateLimitError as RateLimitError,
    ResultTimeout as ResultTimeout,
    SubtaskError as SubtaskError,
    TaskError as TaskError,
    TooLarge as TooLarge,
    Unauthorized as Unauthorized,
    Unavailable as Unavailable,
    UnknownOption as UnknownOption,
    Unprocessable as Unprocessable,
    WebhookError as WebhookError,
)
from hairtrigger.sdk import (
    hooks,
    idempotency,
    retry_policy,
    settings,
)
from hairtrigger.sdk.api import (
    ApiCall,
    nothing,
    segment,
)
from hairtrigger.sdk.batch import (
    BatchInfo as BatchInfo,
    retrieve_batch_call,
)
from hairtrigger.sdk.bodies import (
    run_here_blocking,
)
from hairtrigger.sdk.call import (
    Call as Call,
    PlainItems,
    collected_blocking,
    trigger_item,
)
from hairtrigger.sdk.client import (
    Client,
    configure as configure,
    default,
)
from hairtrigger.sdk.config import (
    Config as Config,
    Level as Level,
    Retries as Retries,
    define_config as define_config,
)
from hairtrigger.sdk.context import (
    AttemptInfo as AttemptInfo,
    Context as Context,
    RunInfo as RunInfo,
    SCOPE,
    Scope,
    current as current,
    trace_of_run,
)
from hairtrigger.sdk.definition import (
    Definition,
    reference,
)
from hairtrigger.sdk.exchange import (
    sleep_blocking,
)
from hairtrigger.sdk.handles import (
    HOLD_S,
    UNHELD_PAUSE_S,
    retrieve_call,
)
from hairtrigger.sdk.hooks import (
    RetryDecision as RetryDecision,
)
from hairtrigger.sdk.idempotency import (
    IdempotencyKey as IdempotencyKey,
    KeyScope,
)
from hairtrigger.sdk.idempotency_keys import (
    reset_call,
)
from hairtrigger.sdk.logger import (
    logger as logger,
)
from hairtrigger.sdk.metadata import (
    Relative,
    _PARENT,
    _ROOT,
    _tell,
    change_call,
    copied,
    operation_of,
    put_back,
)
from hairtrigger.sdk.options import (
    Cron as Cron,
    Debounce as Debounce,
    Duration as Duration,
    Queue as Queue,
    Retry as Retry,
    ScheduledTaskOptions as ScheduledTaskOptions,
    TaskOptions as TaskOptions,
    TriggerOptions as TriggerOptions,
    When as When,
    queue as queue,
)
from hairtrigger.sdk.page import (
    Ask,
    Listed,
    next_cursor,
)
from hairtrigger.sdk.queues import (
    QueueInfo as QueueInfo,
    list_queues_calls,
    override_limit_call,
    queue_name,
    reset_limit_call,
    retrieve_queue_call,
    switch_queue_call,
)
from hairtrigger.sdk.registry import (
    HOOKS,
    register,
)
from hairtrigger.sdk.result import (
    Failed as Failed,
    Ok as Ok,
)
from hairtrigger.sdk.run import (
    Run as Run,
    typed,
)
from hairtrigger.sdk.runs import (
    POLL_MS,
    cancel_call,
    filters,
    list_runs_calls,
    replay_call,
    reschedule_call,
)
from hairtrigger.sdk.scheduled import (
    ScheduledPayload as ScheduledPayload,
)
from hairtrigger.sdk.schedules import (
    Schedule as Schedule,
    create_schedule_call,
    list_schedules_calls,
    schedule_call,
    timezones_call,
    update_schedule_call,
)
from hairtrigger.sdk.send_batch import (
    UPLOADS,
    UPLOAD_PAUSE_S,
    _counted,
    _named,
    as_calls,
    batch_items,
    create_batch_call,
    items_call,
    runs_call,
    traced_lines,
)
from hairtrigger.sdk.stored import (
    is_large,
    moved,
    path_of,
    place_call,
    read_call,
    upload_call,
)
from hairtrigger.sdk.tags import (
    add_call,
)
from hairtrigger.sdk.task import (
    Decided,
    Entered,
    Task as Task,
)
from hairtrigger.sdk.webhooks import (
    WebhookEvent as WebhookEvent,
    webhooks as webhooks,
)
from hairtrigger.telemetry import (
    tracing,
)
from hairtrigger.wire import (
    durations,
    metadata as operations,
    packets,
)
from hairtrigger.wire.options import (
    BatchItem,
    CoalescedTrigger,
    ScheduleBody,
)

Before = TypeVar("Before", bound=Callable[[Any, Context], Any])
Decides = TypeVar(
    "Decides", bound=Callable[[Any, Exception, Context], Decided | Awaitable[Decided]]
)
Ended = TypeVar("Ended", bound=Callable[[Any, Ok[Any] | Failed, Context], Any])
F = TypeVar("F", bound=Callable[..., Any])
Item = TypeVar("Item", CoalescedTrigger, BatchItem)
P = TypeVar("P")
R = TypeVar("R")
Raised = TypeVar("Raised", bound=Callable[[Any, Exception, Context], Any])
Succeeded = TypeVar("Succeeded", bound=Callable[[Any, Any, Context], Any])
T = TypeVar("T")


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

    def result(
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
            run: Run[P, R] = self._client.send_blocking(retrieve_call(self.id, hold_s=hold_s))
            if run.is_completed:
                return typed(run, self.definition).result()
            now = time.monotonic()
            if limit_s is not None and now >= started + limit_s:
                raise ResultTimeout(self.id, limit_s)
            if now - asked < hold_s:
                sleep_blocking(min(UNHELD_PAUSE_S, hold_s - (now - asked)))

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


def run_id_of(run: str | RunHandle[Any, Any] | Run[Any, Any]) -> str:
    """The id of a run, from whatever names it."""
    return run if isinstance(run, str) else run.id


def put_apart(client: Client, item: Item) -> Item:
    """The item as it is sent: one with a large payload has its path, once it is uploaded.

    Raises:
        TooLarge: the payload has more bytes than the server stores.
    """
    if not is_large(item):
        return item
    place = client.send_blocking(place_call())
    client.send_blocking(upload_call(place, item))
    return moved(item, place)


def send_batch(
    client: Client,
    definition: Definition | None,
    items: PlainItems[Any, Any],
    options: Mapping[str, Any],
) -> BatchHandle[Any, Any]:
    """Trigger every item: a ``Call``, or a payload for the task of ``definition``."""
    calls = as_calls(definition, collected_blocking(items))
    apart = [put_apart(client, item) for item in batch_items(calls, options)]
    with tracing.sending(_named(calls), trace_of_run(), **_counted(calls)) as sent:
        batch = client.send_blocking(create_batch_call(calls, options))
        sent.made(batch.id)
        if not batch.is_cached:
            _upload(client, batch.id, traced_lines(apart, sent.trace))
        ids = client.send_blocking(runs_call(batch.id))
    runs = handles(client, calls, ids)
    return BatchHandle(batch.id, run_count=len(calls), runs=runs, client=client)


def _upload(client: Client, batch_id: str, lines: bytes) -> None:
    for tries in range(1, UPLOADS + 1):
        sealed = client.send_blocking(items_call(batch_id, lines))
        if sealed:
            return
        sleep_blocking(UPLOAD_PAUSE_S * tries)
    raise Unavailable(f"{batch_id}: the server has not taken all items. Try again.")


def handles(
    client: Client, calls: Sequence[Call[Any, Any]], ids: Sequence[str]
) -> list[RunHandle[Any, Any]]:
    """A handle for each run. When some items could not become runs, nobody knows whose the others are."""
    whole = len(ids) == len(calls)
    same = calls[0].definition if len({call.definition.id for call in calls}) == 1 else None
    made = []
    for index, run_id in enumerate(ids):
        definition = calls[index].definition if whole else same
        task_id = "" if definition is None else definition.id
        made.append(RunHandle[Any, Any](run_id, task_id, client=client, definition=definition))
    return made


class SyncTask(Generic[P, R]):
    """A task: ``P`` is the type of its payload, ``R`` of its output.

    ``id`` is its name for the API, the dashboard and other languages.
    """

    __slots__ = ("definition",)

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    @property
    def id(self) -> str:
        return self.definition.id

    @overload
    def trigger(
        self: SyncTask[None, R], payload: None = ..., /, **options: Unpack[TriggerOptions]
    ) -> RunHandle[None, R]: ...
    @overload
    def trigger(
        self, payload: P, /, **options: Unpack[TriggerOptions]
    ) -> RunHandle[P, R]: ...
    def trigger(
        self, payload: Any = None, /, **options: Unpack[TriggerOptions]
    ) -> RunHandle[Any, R]:
        """Trigger a run; returns when it is durably stored, not when it has run.

        Raises:
            PayloadValidationError: when the payload does not fit, before anything is sent.
            TooLarge: when it has more bytes than the server stores (100 MiB).
            ApiError: when the server refuses it.
            ConnectionFailed: when the server cannot be reached.
        """
        item = trigger_item(self.definition, payload, options)
        client = default()
        made = client.submit_blocking(put_apart(client, item))
        return RunHandle(
            made.id or "",
            self.definition.id,
            client=client,
            definition=self.definition,
            is_cached=made.is_cached,
        )

    def batch_trigger(
        self,
        items: PlainItems[P, R],
        /,
        **options: Unpack[TriggerOptions],
    ) -> BatchHandle[P, R]:
        """Trigger up to 1,000 runs at once: payloads, or ``task.call(payload, ...)`` for own options.

        ``idempotency_key`` is the batch's; all other options are for every item that does not say
        otherwise. An item that the server refuses does not stop the others.

        Raises:
            PayloadValidationError: when a payload does not fit, before anything is sent.
            TooLarge: for more than 1,000 items.
        """
        return send_batch(default(), self.definition, items, options)

    def call(self, payload: P, /, **options: Unpack[TriggerOptions]) -> Call[P, R]:
        """The task with a payload and options, not yet sent: for batches."""
        return Call(self.definition, payload, options)

    @overload
    def __call__(self: SyncTask[None, R], payload: None = ..., /) -> R: ...
    @overload
    def __call__(self, payload: P, /) -> R: ...
    def __call__(self, payload: Any = None, /) -> R:
        """Run the body here and now, without a server: for unit tests."""
        output: R = run_here_blocking(self.definition, payload)
        return output

    @property
    def aio(self) -> Task[P, R]:
        """The same task, to be awaited."""
        kind = Task
        made: Task[P, R] = kind(self.definition)
        return made

    def on_start_attempt(self, fn: Callable[[P, Context], Any], /) -> Callable[[P, Context], Any]:
        """Call this at the start of every attempt."""
        self.definition.hooks.on_start_attempt.append(fn)
        return fn

    def on_success(self, fn: Callable[[P, R, Context], Any], /) -> Callable[[P, R, Context], Any]:
        """Call this with the output when the run has completed."""
        self.definition.hooks.on_success.append(fn)
        return fn

    def on_failure(
        self, fn: Callable[[P, Exception, Context], Any], /
    ) -> Callable[[P, Exception, Context], Any]:
        """Call this with the error when the run has failed for good."""
        self.definition.hooks.on_failure.append(fn)
        return fn

    def on_complete(
        self, fn: Callable[[P, Ok[R] | Failed, Context], Any], /
    ) -> Callable[[P, Ok[R] | Failed, Context], Any]:
        """Call this when the run has ended, either way."""
        self.definition.hooks.on_complete.append(fn)
        return fn

    def on_cancel(self, fn: Callable[[P, Context], Any], /) -> Callable[[P, Context], Any]:
        """Call this when the run was cancelled while it executed."""
        self.definition.hooks.on_cancel.append(fn)
        return fn

    def catch_error(
        self, fn: Callable[[P, Exception, Context], Decided | Awaitable[Decided]], /
    ) -> Callable[[P, Exception, Context], Decided | Awaitable[Decided]]:
        """Call this with the error of a failed attempt; it may decide whether there is another."""
        self.definition.hooks.catch_error.append(fn)
        return fn

    @overload
    def middleware(
        self, fn: Callable[[P, Context, hooks.Next], Awaitable[None]], /
    ) -> Callable[[P, Context, hooks.Next], Awaitable[None]]: ...
    @overload
    def middleware(
        self, fn: Callable[[P, Context], Entered], /
    ) -> Callable[[P, Context], Entered]: ...
    def middleware(self, fn: Any, /) -> Any:
        """Run this around every attempt: it awaits ``next()`` once, or gives a context manager."""
        self.definition.hooks.middleware.append(hooks.around(fn))
        return fn

    def __repr__(self) -> str:
        return f"<Task {self.definition.id}>"


class TaskDecorator(Protocol):
    """The six shapes of a task function: sync or async; payload and context, payload only, nothing."""

    @overload
    def __call__(self, fn: Callable[[P, Context], Coroutine[Any, Any, R]], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[[P], Coroutine[Any, Any, R]], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[[], Coroutine[Any, Any, R]], /) -> SyncTask[None, R]: ...
    @overload
    def __call__(self, fn: Callable[[P, Context], R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[[P], R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[[], R], /) -> SyncTask[None, R]: ...


class ScheduledDecorator(Protocol):
    """The same shapes for a scheduled task, whose payload is always a ``ScheduledPayload``."""

    @overload
    def __call__(
        self, fn: Callable[[ScheduledPayload, Context], Coroutine[Any, Any, R]], /
    ) -> SyncTask[ScheduledPayload, R]: ...
    @overload
    def __call__(
        self, fn: Callable[[ScheduledPayload], Coroutine[Any, Any, R]], /
    ) -> SyncTask[ScheduledPayload, R]: ...
    @overload
    def __call__(
        self, fn: Callable[[], Coroutine[Any, Any, R]], /
    ) -> SyncTask[ScheduledPayload, R]: ...
    @overload
    def __call__(
        self, fn: Callable[[ScheduledPayload, Context], R], /
    ) -> SyncTask[ScheduledPayload, R]: ...
    @overload
    def __call__(self, fn: Callable[[ScheduledPayload], R], /) -> SyncTask[ScheduledPayload, R]: ...
    @overload
    def __call__(self, fn: Callable[[], R], /) -> SyncTask[ScheduledPayload, R]: ...


@overload
def task(fn: Callable[[P, Context], Coroutine[Any, Any, R]], /) -> SyncTask[P, R]: ...
@overload
def task(fn: Callable[[P], Coroutine[Any, Any, R]], /) -> SyncTask[P, R]: ...
@overload
def task(fn: Callable[[], Coroutine[Any, Any, R]], /) -> SyncTask[None, R]: ...
@overload
def task(fn: Callable[[P, Context], R], /) -> SyncTask[P, R]: ...
@overload
def task(fn: Callable[[P], R], /) -> SyncTask[P, R]: ...
@overload
def task(fn: Callable[[], R], /) -> SyncTask[None, R]: ...
@overload
def task(**options: Unpack[TaskOptions]) -> TaskDecorator: ...
def task(fn: Any = None, /, **options: Any) -> Any:
    """Make a task of a function: ``@task``, or ``@task(id=..., retry=..., queue=...)``.

    The function takes its payload (any annotated type) and may take the context after it; or nothing.

    Raises:
        ProjectError: for another shape, an unknown option, or an id that another function has.
    """
    if fn is None:
        return lambda declared: task_of(declared, options)
    return task_of(fn, options)


def task_of(
    fn: Callable[..., Any], options: dict[str, Any], *, scheduled: bool = False
) -> SyncTask[Any, Any]:
    """A registered task, from a function and its options."""
    made: SyncTask[Any, Any] = SyncTask(Definition(fn, options, scheduled=scheduled))
    register(made.definition)
    return made


class Page(Generic[T]):
    """One page of a list, or the whole of it when iterated.

    Awaiting it gives the first page alone, iterating walks every page. In ``hairtrigger.sync`` there is
    nothing to await.
    """

    __slots__ = ("_ask", "_client", "_cursor", "_listed")

    def __init__(self, client: Client, ask: Ask, cursor: str | None = None) -> None:
        self._client, self._ask, self._cursor = client, ask, cursor
        self._listed: Listed[T] | None = None

    def load(self) -> Page[T]:
        """The page itself, once it is there."""
        self._load()
        return self


    def __iter__(self) -> Iterator[T]:
        page = self.load()
        while True:
            for item in page.data:
                yield item
            if not page.has_next_page():
                return
            page = page.get_next_page()

    @property
    def data(self) -> list[T]:
        """The items of this page."""
        return self._here().data

    def has_next_page(self) -> bool:
        """Whether there is another page after this one."""
        return next_cursor(self._here().pagination) is not None

    def get_next_page(self) -> Page[T]:
        """The page after this one; the same one when it is the last."""
        cursor = next_cursor(self._here().pagination)
        if cursor is None:
            return self
        return Page[T](self._client, self._ask, cursor).load()

    def _load(self) -> Listed[T]:
        if self._listed is not None:
            return self._listed
        listed: Listed[T] = self._client.send_blocking(self._ask(self._cursor))
        self._listed = listed
        return listed

    def _here(self) -> Listed[T]:
        listed = self._listed
        if listed is None:
            listed = self._load()
        return listed


class Runs:
    """The runs of an environment."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    @overload
    def retrieve(self, run: RunHandle[P, R], /) -> Run[P, R]: ...
    @overload
    def retrieve(self, run: str, /, *, task: SyncTask[P, R]) -> Run[P, R]: ...
    @overload
    def retrieve(self, run: str, /) -> Run[Any, Any]: ...
    def retrieve(
        self, run: str | RunHandle[Any, Any], /, *, task: SyncTask[Any, Any] | None = None
    ) -> Run[Any, Any]:
        """A run as it is now; ``task`` gives payload and output their types.

        Raises:
            NotFound: when the environment has no such run.
        """
        definition = run.definition if isinstance(run, RunHandle) else None
        found = self._client.send_blocking(retrieve_call(run_id_of(run)))
        if found.payload_presigned_url is not None:
            path = path_of(found.payload_presigned_url)
            found.payload = packets.decode(*self._client.send_blocking(read_call(path)))
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

    def cancel(self, run: str | RunHandle[Any, Any], /) -> None:
        """Cancel a run and its unfinished children; one that is finished stays as it is."""
        self._client.send_blocking(cancel_call(run_id_of(run)))

    def replay(
        self, run: str | RunHandle[Any, Any], /, *, payload: Any = msgspec.UNSET
    ) -> RunHandle[Any, Any]:
        """Trigger a run again with the same payload and options, or with another payload."""
        definition = run.definition if isinstance(run, RunHandle) else None
        made = self._client.send_blocking(replay_call(run_id_of(run), payload))
        task_id = "" if definition is None else definition.id
        return RunHandle(made, task_id, client=self._client, definition=definition)

    def reschedule(self, run: str | RunHandle[Any, Any], /, *, delay: When) -> Run[Any, Any]:
        """Move a delayed run: from now, or to a date.

        Raises:
            BadRequest: when the run is not delayed any more.
        """
        return self._client.send_blocking(reschedule_call(run_id_of(run), delay))

    @overload
    def poll(self, run: RunHandle[P, R], /, *, poll_interval_ms: int = ...) -> Run[P, R]: ...
    @overload
    def poll(self, run: str, /, *, poll_interval_ms: int = ...) -> Run[Any, Any]: ...
    def poll(
        self, run: str | RunHandle[Any, Any], /, *, poll_interval_ms: int = POLL_MS
    ) -> Run[Any, Any]:
        """The run once it is finished, asked for every ``poll_interval_ms``."""
        while True:
            found = self.retrieve(run)
            if found.is_completed:
                return found
            sleep_blocking(poll_interval_ms / 1000)


runs = Runs()


class Tasks:
    """Tasks by id."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    def ref(self, id: str, payload: type[P], output: type[R], /) -> SyncTask[P, R]:
        """A task whose code lives elsewhere, with the types it is known to have."""
        return SyncTask(reference(id, payload, output))

    def trigger(
        self, id: str, payload: Any = None, /, **options: Unpack[TriggerOptions]
    ) -> RunHandle[Any, Any]:
        """Trigger a run of the task with that id; see ``Task.trigger``."""
        definition = reference(id)
        client = self._client
        item = put_apart(client, trigger_item(definition, payload, options))
        made = client.submit_blocking(item)
        return RunHandle(
            made.id or "", id, client=client, definition=definition, is_cached=made.is_cached
        )

    def batch_trigger(
        self,
        id: str,
        items: PlainItems[Any, Any],
        /,
        **options: Unpack[TriggerOptions],
    ) -> BatchHandle[Any, Any]:
        """Trigger up to 1,000 runs of the task with that id; see ``Task.batch_trigger``."""
        return send_batch(self._client, reference(id), items, options)

    def on_start_attempt(self, fn: Before, /) -> Before:
        """Call this at the start of every attempt of every task, with payload and context."""
        HOOKS.on_start_attempt.append(fn)
        return fn

    def on_success(self, fn: Succeeded, /) -> Succeeded:
        """Call this with payload, output and context when a run has completed."""
        HOOKS.on_success.append(fn)
        return fn

    def on_failure(self, fn: Raised, /) -> Raised:
        """Call this with payload, error and context when a run has failed for good."""
        HOOKS.on_failure.append(fn)
        return fn

    def on_complete(self, fn: Ended, /) -> Ended:
        """Call this with payload, ``Ok`` or ``Failed``, and context when a run has ended."""
        HOOKS.on_complete.append(fn)
        return fn

    def on_cancel(self, fn: Before, /) -> Before:
        """Call this with payload and context when a run was cancelled while it executed."""
        HOOKS.on_cancel.append(fn)
        return fn

    def catch_error(self, fn: Decides, /) -> Decides:
        """Call this with payload, error and context of a failed attempt; it may decide what follows."""
        HOOKS.catch_error.append(fn)
        return fn

    def middleware(self, name: str, /) -> Callable[[F], F]:
        """Run this around every attempt of every task, as ``@tasks.middleware("database")``.

        It takes payload, context and ``next`` and awaits ``next()`` once; or payload and context, and
        gives a context manager. The first one declared is outermost; a name used again replaces it.
        """

        def declare(fn: F) -> F:
            HOOKS.set_middleware(name, hooks.around(fn))
            return fn

        return declare


tasks = Tasks()


class Batch:
    """Batches of an environment."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    def trigger(self, *calls: Call[Any, Any]) -> BatchHandle[Any, Any]:
        """Trigger up to 1,000 runs of any tasks at once: ``batch.trigger(a.call(p), b.call(q))``.

        An item that the server refuses does not stop the others; ``batch.retrieve`` tells which.

        Raises:
            PayloadValidationError: when a payload does not fit, before anything is sent.
            TooLarge: for more than 1,000 items.
        """
        return send_batch(self._client, None, calls, {})

    def retrieve(self, batch: str | BatchHandle[Any, Any], /) -> BatchInfo:
        """A batch as it is now.

        Raises:
            NotFound: when the environment has no such batch.
        """
        batch_id = batch if isinstance(batch, str) else batch.batch_id
        return self._client.send_blocking(retrieve_batch_call(batch_id))


batch = Batch()


class Schedules:
    """The schedules of an environment."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    def task(self, **options: Unpack[ScheduledTaskOptions]) -> ScheduledDecorator:
        """Make a scheduled task: ``@schedules.task(id="daily-digest", cron="0 9 * * *")``.

        Its function takes a ``ScheduledPayload``, and may take the context after it; or nothing. Without
        ``cron`` it runs by the schedules that ``schedules.create`` makes for it.

        Raises:
            ProjectError: for another shape, an unknown option, or an id that another function has.
        """
        return lambda fn: task_of(fn, dict(options), scheduled=True)

    def create(
        self,
        *,
        task: str | SyncTask[ScheduledPayload, Any],
        cron: str,
        deduplication_key: str,
        timezone: str = "UTC",
        external_id: str | None = None,
        window: str | None = None,
    ) -> Schedule:
        """Make a schedule, or change the one that has this deduplication key.

        Args:
            cron: Five fields: minute, hour, day of month, month, day of week.
            timezone: An IANA name.
            external_id: Comes back in the payload, such as the id of a user.

        Raises:
            Unprocessable: for a pattern, time zone or task that the server does not take.
        """
        body = ScheduleBody(
            task=task if isinstance(task, str) else task.id,
            cron=cron,
            deduplication_key=deduplication_key,
            external_id=external_id,
            timezone=timezone,
            window=window,
        )
        return self._client.send_blocking(create_schedule_call(body))

    def update(
        self,
        schedule_id: str,
        /,
        *,
        task: str | SyncTask[ScheduledPayload, Any] | None = None,
        cron: str | None = None,
        timezone: str | None = None,
        external_id: str | None = None,
        window: str | None = None,
    ) -> Schedule:
        """Change a schedule; what is left out stays.

        Raises:
            Unprocessable: also for a declarative schedule, which changes with its code.
        """
        now = self.retrieve(schedule_id)  # the API replaces the whole
        task_id = task if task is None or isinstance(task, str) else task.id
        body = ScheduleBody(
            task=task_id or now.task,
            cron=cron or now.cron,
            timezone=timezone or now.timezone,
            external_id=now.external_id if external_id is None else external_id,
            window=now.window if window is None else window,
        )
        return self._client.send_blocking(update_schedule_call(schedule_id, body))

    def retrieve(self, schedule_id: str, /) -> Schedule:
        """A schedule, by its id or its deduplication key."""
        return self._client.send_blocking(schedule_call("retrieve", "GET", schedule_id))

    def list(self, *, limit: int | None = None) -> Page[Schedule]:
        """All schedules of the environment, ``limit`` in a page (20, at most 100)."""
        return Page(self._client, list_schedules_calls(limit))

    def activate(self, schedule_id: str, /) -> Schedule:
        """Let a schedule fire again."""
        return self._client.send_blocking(schedule_call("activate", "POST", schedule_id))

    def deactivate(self, schedule_id: str, /) -> Schedule:
        """Keep a schedule from firing; what it misses is not made up for."""
        return self._client.send_blocking(schedule_call("deactivate", "POST", schedule_id))

    def delete(self, schedule_id: str, /) -> None:
        """Delete a schedule that was created; a declarative one goes with its code."""
        request = f"DELETE /api/v1/schedules/{segment(schedule_id)}"
        self._client.send_blocking(ApiCall("schedules.delete", request, returns=nothing))

    del_ = delete

    def timezones(self) -> tuple[str, ...]:
        """The names of all time zones that a schedule can have."""
        return self._client.send_blocking(timezones_call())


schedules = Schedules()


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

    def retrieve(self, queue: str | Queue | SyncTask[Any, Any], /) -> QueueInfo:
        """A queue with what runs and waits in it.

        Raises:
            NotFound: for one that the environment does not have.
        """
        return self._client.send_blocking(retrieve_queue_call(queue_name(queue)))

    def pause(self, queue: str | Queue | SyncTask[Any, Any], /) -> QueueInfo:
        """Start no more runs of a queue; what runs goes on.

        Raises:
            NotFound: for one that the environment does not have.
        """
        return self._client.send_blocking(switch_queue_call("pause", queue_name(queue)))

    def resume(self, queue: str | Queue | SyncTask[Any, Any], /) -> QueueInfo:
        """Start the runs of a paused queue again.

        Raises:
            NotFound: for one that the environment does not have.
        """
        return self._client.send_blocking(switch_queue_call("resume", queue_name(queue)))

    def override_concurrency_limit(
        self, queue: str | Queue | SyncTask[Any, Any], concurrency_limit: int, /
    ) -> QueueInfo:
        """Set a limit that stands before that of the code, for deploys to come as well.

        Args:
            concurrency_limit: 0 to 100,000. Runs beyond a lowered limit go on.

        Raises:
            NotFound: for a queue that the environment does not have.
            BadRequest: for a limit out of range.
        """
        return self._client.send_blocking(override_limit_call(queue_name(queue), concurrency_limit))

    def reset_concurrency_limit(self, queue: str | Queue | SyncTask[Any, Any], /) -> QueueInfo:
        """Let the limit of the code apply again.

        Raises:
            NotFound: for a queue that the environment does not have.
            BadRequest: when nothing was set at run time.
        """
        return self._client.send_blocking(reset_limit_call(queue_name(queue)))


queues = Queues()


class Metadata:
    """The metadata of the run that the calling code is in.

    A key that begins with ``$.`` is a path: ``$.steps.0.done``. Values are what JSON can hold.
    """

    __slots__ = ()

    parent = Relative(_PARENT)
    root = Relative(_ROOT)

    def set(self, key: str, value: Any, /) -> Metadata:
        """Give a key a value."""
        return self._change("set", key, value)

    def delete(self, key: str, /) -> Metadata:
        """Remove a key."""
        return self._change("delete", key)

    def append(self, key: str, value: Any, /) -> Metadata:
        """Add a value at the end of a list."""
        return self._change("append", key, value)

    def remove(self, key: str, value: Any, /) -> Metadata:
        """Remove what equals the value from a list."""
        return self._change("remove", key, value)

    def increment(self, key: str, by: float = 1, /) -> Metadata:
        """Add to a number; what is none counts as 0."""
        return self._change("increment", key, by)

    def decrement(self, key: str, by: float = 1, /) -> Metadata:
        """Subtract from a number."""
        return self._change("increment", key, -by)

    def replace(self, value: Mapping[str, Any], /) -> Metadata:
        """Replace the whole."""
        return self._change("update", None, dict(value))

    def get(self, key: str, /) -> Any:
        """The value of a key, or None."""
        scope = SCOPE.get()
        return None if scope is None else scope.metadata.get(key)

    def current(self) -> dict[str, Any]:
        """All of it, as a copy that may be changed."""
        scope = SCOPE.get()
        return {} if scope is None else copied(scope.metadata)

    def flush(self) -> None:
        """Send what was changed since the last time, for others to see."""
        scope = SCOPE.get()
        if scope is not None:
            flush_scope(scope)

    def _change(self, kind: str, key: str | None, value: Any = msgspec.UNSET) -> Metadata:
        scope = SCOPE.get()
        if scope is not None:
            operation = operation_of(kind, key, value)
            scope.metadata = operations.applied(scope.metadata, copied(operation))
            scope.metadata_ops.append(operation)
            _tell(scope)
        return self


metadata = Metadata()


def flush_scope(scope: Scope, client: Client | None = None) -> None:
    """Send the pending operations of an attempt; they stay pending when it fails."""
    own, scope.metadata_ops = scope.metadata_ops, []
    others, scope.relative_ops = scope.relative_ops, {}
    if not own and not others:
        return
    sent = False
    try:
        known = (client or default()).send_blocking(change_call(scope.run_id, own, others))
        sent = True
    finally:
        if not sent:
            put_back(scope, own, others)
    for operation in scope.metadata_ops:  # what came while we asked
        known = operations.applied(known, copied(operation))
    scope.metadata = known


class Tags:
    """The tags of the run that the calling code is in."""

    __slots__ = ()

    def add(self, *tags: str) -> None:
        """Add tags; a run has at most ten, of at most 128 characters.

        Raises:
            OutsideRun: outside of a run.
            Unprocessable: for more than ten.
        """
        scope = SCOPE.get()
        if scope is None:
            raise OutsideRun("tags.add()")
        new = [tag for tag in tags if tag not in scope.info.tags]
        if new:
            default().send_blocking(add_call(scope.run_id, new))
            scope.info.tags = [*scope.info.tags, *new]


tags = Tags()


class IdempotencyKeys:
    """Idempotency keys of an environment."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    def create(self, key: str | Sequence[str], /, *, scope: KeyScope = "run") -> IdempotencyKey:
        """A key for the option ``idempotency_key`` of ``trigger``. Nothing is sent.

        Args:
            scope: ``run``: once for each run that triggers; ``attempt``: once for each of its attempts;
                ``global``: once. Outside of runs all are global.
        """
        return idempotency.make(key, scope)

    def reset(
        self, task_id: str, key: str | Sequence[str], /, *, scope: KeyScope = "global"
    ) -> None:
        """Free a key of a task: the next trigger with it makes a new run.

        Raises:
            NotFound: when no run of the task holds it.
        """
        self._client.send_blocking(reset_call(task_id, idempotency.make(key, scope)))


idempotency_keys = IdempotencyKeys()


class Again:
    """Retrying within an attempt."""

    __slots__ = ()

    def on_raise(
        self,
        fn: Callable[[int], T],
        /,
        **options: Unpack[Retry],
    ) -> T:
        """Call ``fn(attempt)`` until it does not raise; ``attempt`` counts from 1.

        Takes retry options, with their defaults. ``AbortTaskRunError`` is not retried. The last error is
        raised as it is. Source: Trigger.dev ``retry.onThrow``.
        """
        rule = retry_policy.policy(options, "retry.on_raise")
        attempt = 1
        while True:
            try:
                return fn(attempt)
            except AbortTaskRunError:
                raise
            except Exception:
                if attempt >= rule.max_attempts:
                    raise
            luck = random.random()  # noqa: S311 (jitter is no secret)
            sleep_blocking(retry_policy.delay_ms(rule, attempt, luck) / 1000)
            attempt += 1


retry = Again()


class TriggerClient:
    """One server and one key, with the same namespaces as the module: ``client.tasks.trigger("id", ...)``.

    Args:
        secret_key: A key such as ``tr_dev_…``; it decides the environment.
        base_url: With or without a trailing slash or a path prefix.
        preview_branch: The branch of a preview environment.

    What is left out comes from the environment.

    Raises:
        MissingKey: when there is no key.
    """

    __slots__ = ("_client", "batch", "idempotency_keys", "queues", "runs", "schedules", "tasks")

    def __init__(
        self,
        *,
        secret_key: str | None = None,
        base_url: str | None = None,
        preview_branch: str | None = None,
    ) -> None:
        self._client = Client(settings.current(secret_key, base_url, preview_branch))
        self.tasks = Tasks(self._client)
        self.runs = Runs(self._client)
        self.batch = Batch(self._client)
        self.schedules = Schedules(self._client)
        self.queues = Queues(self._client)
        self.idempotency_keys = IdempotencyKeys(self._client)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._client.disconnect_blocking()

    def __enter__(self) -> TriggerClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
