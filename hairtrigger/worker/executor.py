"""One attempt, from payload to outcome, inside the child.

Told of runs and interruptions by ``child.py``, reports ends to it. A body without hooks takes the short
way; everything that may go around one is in ``lifecycle.py``, where it runs in ``body.py``.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from hairtrigger.errors import ApiError, PayloadValidationError
from hairtrigger.sdk.context import SCOPE, Scope
from hairtrigger.sdk.definition import Definition
from hairtrigger.wire import packets
from hairtrigger.wire.worker import Failure, Result, RetryPolicy, RunInfo
from hairtrigger.worker import failure, lifecycle, outcome
from hairtrigger.worker.body import Stopper
from hairtrigger.worker.capture import Recorder
from hairtrigger.worker.flushing import Flusher
from hairtrigger.worker.frames import Ended, Key, Line, Why
from hairtrigger.worker.loader import Project
from hairtrigger.worker.spans import Spans
from hairtrigger.worker.stored import StoredPayloads
from hairtrigger.worker.variables import redacted

_encoder = msgspec.json.Encoder()
_FINAL = ("cancel", "timeout")  # whatever a body makes of these, they stand


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known of a task before any of its runs comes."""

    definition: Definition
    policy: RetryPolicy
    is_plain: bool
    on_loop: bool


class Executor:
    """Runs attempts of one project's tasks, many at once."""

    def __init__(
        self,
        project: Project,
        *,
        slots: int,
        on_line: Callable[[Line], None],
        on_ended: Callable[[Ended], None],
        spans: Spans | None = None,
    ) -> None:
        self.environment = ""
        self.running: dict[Key, Stopper] = {}
        self._plans = {id: _plan(project, id) for id in project.policies}
        self._project, self._level = project.config.project, project.log_level
        self._on_line, self._on_ended = on_line, on_ended
        self._spans = spans
        self._stored = StoredPayloads()
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="hairtrigger")
        self._loop = asyncio.get_running_loop()

    def start(self, info: RunInfo) -> None:
        """Begin an attempt."""
        stopper = self.running[info.id, info.lease] = Stopper(info, self._loop)
        stopper.task = self._loop.create_task(self._live(stopper))

    def interrupt(self, key: Key, why: Why) -> None:
        """Ask a body to stop: async ones by cancellation, sync ones by flag, then by an exception."""
        stopper = self.running.get(key)
        if stopper is not None:
            stopper.stop(why)

    async def _live(self, stopper: Stopper) -> None:
        """A hand-out from its begin to its report. Nothing that a body does gets past here."""
        info, began = stopper.info, time.perf_counter()
        recorder = Recorder(info.id, info.lease, self._on_line)
        scope = Scope.for_run(
            info, environment=self.environment, project=self._project, emit=recorder,
            log_level=self._level,
        )  # fmt: skip
        flusher = Flusher(scope, self._loop)
        scope.on_metadata = flusher.touch
        SCOPE.set(scope)
        span = None if self._spans is None else self._spans.begin(scope)
        try:
            if stopper.why is None:
                stopper.begin(scope)
                result = await self._outcome(stopper, scope)
            else:
                result = outcome.interrupted((info.id, info.lease), stopper.why, begun=False)
        except BaseException as error:  # noqa: BLE001 (an attempt's life ends here, the child's does not)
            result = outcome.failed(info, failure.describe(error), None)
        stopper.end()
        if stopper.why is not None and (stopper.why in _FINAL or result.done is None):
            result = outcome.interrupted((info.id, info.lease), stopper.why, begun=result.begun)
        result.used_ms = round((time.perf_counter() - began) * 1000)
        told = None if span is None else span.end(result)
        if scope.relative_ops or flusher.is_sending:
            await flusher.finish()
        recorder.close(scope)
        del self.running[info.id, info.lease]
        if scope.metadata_ops:
            result.metadata = scope.metadata_ops
        self._on_ended(Ended(info.id, info.lease, Raw(_encoded(result)), told))

    async def _outcome(self, stopper: Stopper, scope: Scope) -> Result:
        info = stopper.info
        plan = self._plans.get(info.task)
        if plan is None:
            message = f"This worker's code has no task {info.task!r}."
            return outcome.failed(info, Failure("TaskNotFound", message), None)
        definition = plan.definition
        if info.payload is not None and info.payload[0] == packets.STORE:
            try:
                info.payload = await self._stored.read(info.payload[1])
            except ApiError as error:
                missing = Failure("PayloadMissing", f"The run's payload cannot be read: {error}")
                return outcome.failed(info, missing, None)
        try:
            payload = _payload(definition, info)
        except Exception as error:  # noqa: BLE001 (a payload type may run anybody's validators)
            return outcome.failed(info, _unfit(error), None)
        args = (payload,) if definition.has_payload else ()
        if definition.has_context:
            args = (*args, scope.context)
        if plan.is_plain and plan.on_loop:
            try:
                output = await definition.fn(*args)
            except BaseException as error:  # noqa: BLE001 (whatever a body raises is an outcome)
                return await self._lifecycle(stopper, plan, payload, scope).after_error(error)
            return outcome.completed(info, output)
        around = self._lifecycle(stopper, plan, payload, scope)
        return await around.run(self._body(stopper, plan, args))

    def _body(
        self, stopper: Stopper, plan: _Plan, args: tuple[Any, ...]
    ) -> Callable[[], Awaitable[Any]]:
        fn = plan.definition.fn
        if plan.on_loop:
            return lambda: fn(*args)
        if plan.definition.is_async:
            return lambda: stopper.on_thread(self._pool, stopper.with_own_loop, (fn, *args))
        return lambda: stopper.on_thread(self._pool, fn, args)

    def _lifecycle(
        self, stopper: Stopper, plan: _Plan, payload: Any, scope: Scope
    ) -> lifecycle.Lifecycle:
        return lifecycle.Lifecycle(
            stopper, plan.definition, payload=payload, scope=scope, policy=plan.policy,
            on_thread=lambda fn, args: stopper.on_thread(self._pool, fn, args),
        )  # fmt: skip


def _plan(project: Project, task_id: str) -> _Plan:
    definition = project.tasks[task_id].definition
    return _Plan(
        definition,
        project.policies[task_id],
        is_plain=lifecycle.is_plain(definition),
        on_loop=definition.is_async and definition.isolation != "thread",
    )


def _payload(definition: Definition, info: RunInfo) -> Any:
    if not definition.has_payload:
        return None
    value = None if info.payload is None else packets.decode(*info.payload)
    return definition.parse(value)


def _unfit(error: Exception) -> Failure:
    found = failure.describe(error)
    if not isinstance(error, PayloadValidationError):
        found = Failure("PayloadValidationError", f"{found.name}: {found.message}", found.trace)
    return found


def _encoded(result: Result) -> bytes:
    try:
        raw = _encoder.encode(result)
        return raw if result.failed is None else redacted(raw)
    except (TypeError, ValueError, RecursionError) as error:  # metadata is anybody's value
        message = f"The run's metadata cannot be sent: {error}"
        lost = Result(result.id, result.lease, failed=Failure("MetadataNotSerializable", message))
        return _encoder.encode(lost)
