import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

import msgspec
import pytest

from hairtrigger.errors import AbortTaskRunError, CompleteTaskWithOutput
from hairtrigger.sdk import registry
from hairtrigger.sdk.config import Config
from hairtrigger.sdk.context import SCOPE, Context, current
from hairtrigger.sdk.decorators import task
from hairtrigger.sdk.hooks import RetryDecision
from hairtrigger.wire.worker import Event, Failure, Result, RunInfo
from hairtrigger.worker.executor import Executor
from hairtrigger.worker.frames import Ended, Line
from hairtrigger.worker.loader import Project


@dataclass
class Running:
    """Runs what was registered as tasks, in this process."""

    lines: list[str]

    async def __call__(self, task_id: str, payload: Any = None, **facts: Any) -> Result:
        ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        executor = self.executor(ended.set_result)
        executor.start(_run(task_id, payload, **facts))
        return msgspec.json.decode((await asyncio.wait_for(ended, 5)).result, type=Result)

    def executor(self, on_ended: Callable[[Ended], None]) -> Executor:
        config = Config()
        policies = {id: task.definition.policy(config) for id, task in registry.TASKS.items()}
        project = Project(config, dict(registry.TASKS), [], policies, [], "")
        return Executor(project, slots=4, on_line=self._line, on_ended=on_ended)

    def _line(self, line: Line) -> None:
        self.lines.append(msgspec.json.decode(line.event, type=Event).message)


def _run(task_id: str, payload: Any = None, **facts: Any) -> RunInfo:
    packet = (
        None if payload is None else ("application/json", msgspec.json.encode(payload).decode())
    )
    known: dict[str, Any] = {"attempt": 1, "max_attempts": 3} | facts
    return RunInfo(
        id="run_1", lease=1, task=task_id, created_at=0, queue="q", version="1", payload=packet, **known
    )  # fmt: skip


def _failure(result: Result) -> Failure:
    assert result.failed is not None
    return result.failed


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    registry.clear()
    yield Running([])
    registry.clear()


class Mail(TypedDict):
    to: str
    copies: int


# values


@pytest.mark.acceptance("S21")
async def test_an_output_keeps_its_keys_and_numbers(running: Running) -> None:
    @task
    async def report() -> dict[str, Any]:
        return {"success": True, "emailSent": True, "n": 12345678901234567890, "x": 1.5}

    result = await running("report")

    text = '{"success":true,"emailSent":true,"n":12345678901234567890,"x":1.5}'
    assert result.done == ("application/json", text)


async def test_a_text_is_an_output_as_it_is_and_none_is_no_output(running: Running) -> None:
    @task
    async def words() -> str:
        return "grüße"

    @task
    async def nothing() -> None:
        return None

    assert (await running("words")).done == ("text/plain", "grüße")
    assert (await running("nothing")).done is True


@pytest.mark.acceptance("S21")
@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"a": {"b": object()}}, "output.a.b"),
        ([1, float("nan")], "output[1]"),
        ("\ud800", "output"),
    ],
)
async def test_an_output_that_cannot_be_sent_fails_for_good_and_names_the_field(
    running: Running, value: object, named: str
) -> None:
    @task
    async def odd() -> object:
        return value

    result = await running("odd")

    assert named in _failure(result).message
    assert result.retry_in_ms is None


@pytest.mark.acceptance("S19")
async def test_a_body_gets_the_parsed_payload_and_the_context(running: Running) -> None:
    @task
    async def send(payload: Mail, ctx: Context) -> list[Any]:
        return [payload["to"], ctx.attempt.number, current() is ctx, ctx.run.id]

    result = await running("send", {"to": "ada", "copies": 2}, attempt=2)

    assert result.done == ("application/json", '["ada",2,true,"run_1"]')


@pytest.mark.acceptance("S19")
async def test_a_payload_that_does_not_fit_fails_for_good(running: Running) -> None:
    @task
    async def send(payload: Mail) -> None:
        raise AssertionError("the body must not run")

    result = await running("send", {"to": 7})

    assert _failure(result).name == "PayloadValidationError"
    assert result.retry_in_ms is None


async def test_a_task_that_the_code_does_not_have_fails_for_good(running: Running) -> None:
    result = await running("no-such-task")

    assert _failure(result).name == "TaskNotFound"
    assert result.retry_in_ms is None


# exceptions


@pytest.mark.acceptance("S33")
async def test_an_exception_tells_class_message_and_the_users_line(running: Running) -> None:
    @task
    async def fetch() -> None:
        raise ConnectionError("API returned 503")

    failed = _failure(await running("fetch"))

    assert (failed.name, failed.message) == ("ConnectionError", "API returned 503")
    first_frame = failed.trace.splitlines()[1]
    assert __file__ in first_frame
    assert 'raise ConnectionError("API returned 503")' in failed.trace


async def test_a_sync_bodys_trace_starts_at_its_line_too(running: Running) -> None:
    @task
    def fetch() -> None:
        raise ConnectionError("no")

    assert __file__ in _failure(await running("fetch")).trace.splitlines()[1]


async def test_chained_exceptions_are_told_nearest_first(running: Running) -> None:
    @task
    async def fetch() -> None:
        try:
            try:
                raise KeyError("inner")
            except KeyError as error:
                raise ValueError("middle") from error
        except ValueError:
            raise RuntimeError("outer")  # noqa: B904 (the implicit chain is what is tested)

    failed = _failure(await running("fetch"))

    assert [cause.name for cause in failed.causes] == ["ValueError", "KeyError"]


@pytest.mark.acceptance("S38")
@pytest.mark.parametrize(("attempt", "delay_ms"), [(1, 1000), (2, 2000), (3, 4000), (7, 10_000)])
async def test_the_next_attempt_waits_as_the_policy_says(
    running: Running, attempt: int, delay_ms: int
) -> None:
    @task(
        retry={
            "max_attempts": 8, "min_timeout_in_ms": 1000, "max_timeout_in_ms": 10_000, "factor": 2,
            "randomize": False,
        }
    )  # fmt: skip
    async def fail() -> None:
        raise ValueError

    assert (await running("fail", attempt=attempt, max_attempts=8)).retry_in_ms == delay_ms


@pytest.mark.acceptance("S38", "S39")
async def test_jitter_stretches_a_delay_up_to_twofold_and_never_beyond_the_maximum(
    running: Running,
) -> None:
    @task(retry={"min_timeout_in_ms": 1000, "max_timeout_in_ms": 1500})
    async def fail() -> None:
        raise ValueError

    delays = [(await running("fail")).retry_in_ms for _ in range(50)]

    assert all(delay is not None and 1000 <= delay <= 1500 for delay in delays)
    assert len(set(delays)) > 5


@pytest.mark.acceptance("S37")
async def test_the_last_attempt_fails_for_good(running: Running) -> None:
    @task
    async def fail() -> None:
        raise ValueError

    assert (await running("fail", attempt=3, max_attempts=3)).retry_in_ms is None
    assert (await running("fail", attempt=1, max_attempts=1)).retry_in_ms is None


async def test_a_factor_beyond_all_floats_waits_the_maximum(running: Running) -> None:
    @task(retry={"factor": 1e300})
    async def fail() -> None:
        raise ValueError

    assert (await running("fail", attempt=5, max_attempts=9)).retry_in_ms == 60_000


async def test_abort_fails_now_and_complete_completes_now(running: Running) -> None:
    @task
    async def abort() -> None:
        raise AbortTaskRunError("no such user")

    @task
    def complete() -> None:
        raise CompleteTaskWithOutput({"early": True})

    aborted = await running("abort")

    assert (_failure(aborted).message, aborted.retry_in_ms) == ("no such user", None)
    assert (await running("complete")).done == ("application/json", '{"early":true}')


@pytest.mark.acceptance("S93")
async def test_an_error_that_the_body_handles_is_no_failure(running: Running) -> None:
    @task
    async def careful() -> dict[str, Any]:
        try:
            raise ConnectionError("down")
        except ConnectionError as error:
            return {"success": False, "error": str(error)}

    assert (await running("careful")).done == (
        "application/json",
        '{"success":false,"error":"down"}',
    )


async def test_a_cancellation_of_the_bodys_own_making_is_a_failure(running: Running) -> None:
    @task
    async def odd() -> None:
        raise asyncio.CancelledError

    assert _failure(await running("odd")).name == "CancelledError"


async def test_an_interruption_before_the_first_step_means_it_never_began(running: Running) -> None:
    began = []

    @task
    async def late() -> None:
        began.append(True)

    ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
    executor = running.executor(ended.set_result)
    executor.start(_run("late"))

    executor.interrupt(("run_1", 1), "drain")

    result = msgspec.json.decode((await ended).result, type=Result)
    assert (result.handed_back, result.begun, began) == (True, False, [])


async def test_metadata_operations_travel_with_the_result(running: Running) -> None:
    @task
    async def count() -> None:
        scope = SCOPE.get()
        assert scope is not None
        scope.metadata_ops.append({"type": "set", "key": "n", "value": 1})

    assert (await running("count")).metadata == [{"type": "set", "key": "n", "value": 1}]


# hooks


async def test_hooks_run_around_a_success_in_order_the_projects_first(running: Running) -> None:
    seen: list[str] = []

    @task
    async def work(payload: int) -> str:
        seen.append("body")
        return "output"

    registry.HOOKS.on_start_attempt.append(lambda payload, ctx: seen.append("project start"))
    work.definition.hooks.on_start_attempt.append(lambda payload, ctx: seen.append("task start"))
    work.definition.hooks.on_success.append(lambda p, output, ctx: seen.append(f"success {output}"))
    work.definition.hooks.on_complete.append(
        lambda p, ended, ctx: seen.append(f"complete {ended.ok}")
    )
    work.definition.hooks.on_failure.append(lambda p, error, ctx: seen.append("failure"))

    result = await running("work", 1)

    assert result.done == ("text/plain", "output")
    assert seen == ["project start", "task start", "body", "success output", "complete True"]


async def test_failure_hooks_hear_only_of_the_last_attempt(running: Running) -> None:
    seen: list[str] = []

    @task
    async def fail() -> None:
        raise ValueError("no")

    async def on_failure(payload: Any, error: Exception, ctx: Context) -> None:
        seen.append(f"failure {error}")

    fail.definition.hooks.on_failure.append(on_failure)
    fail.definition.hooks.on_complete.append(lambda p, ended, ctx: seen.append(ended.error.name))

    await running("fail", attempt=1)
    await running("fail", attempt=3)

    assert seen == ["failure no", "ValueError"]


async def test_a_hook_that_raises_is_logged_and_changes_nothing(running: Running) -> None:
    @task
    async def work() -> str:
        return "done"

    def broken(payload: Any, output: Any, ctx: Context) -> None:
        raise RuntimeError("hook broke")

    work.definition.hooks.on_success.append(broken)

    result = await running("work")

    assert result.done == ("text/plain", "done")
    assert any("hook broke" in line for line in running.lines)


@pytest.mark.parametrize(
    ("decision", "retry_in_ms"),
    [
        ({"skip_retrying": True}, None),
        ({"retry_delay_in_ms": 77}, 77),
        ({"retry": {"min_timeout_in_ms": 5, "randomize": False}}, 5),
        ({"retry": {"max_attempts": 1}}, None),
        (None, 1000),
    ],
)
async def test_catch_error_decides_about_the_next_attempt(
    running: Running, decision: RetryDecision | None, retry_in_ms: int | None
) -> None:
    @task(retry={"randomize": False})
    async def fail() -> None:
        raise ValueError

    fail.definition.hooks.catch_error.append(lambda payload, error, ctx: decision)

    assert (await running("fail")).retry_in_ms == retry_in_ms


async def test_catch_error_can_name_a_time_and_another_error(running: Running) -> None:
    @task
    async def fail() -> None:
        raise ValueError

    at = datetime.now(UTC) + timedelta(seconds=30)
    fail.definition.hooks.catch_error.append(
        lambda payload, error, ctx: {"retry_at": at, "error": KeyError("other")}
    )

    result = await running("fail")

    assert result.retry_in_ms is not None
    assert 29_000 < result.retry_in_ms <= 30_000
    assert _failure(result).name == "KeyError"


async def test_middleware_is_outside_of_everything_and_sees_exceptions(running: Running) -> None:
    seen: list[str] = []

    def around(name: str) -> Callable[..., Awaitable[None]]:
        async def middleware(
            payload: Any, ctx: Context, next: Callable[[], Awaitable[None]]
        ) -> None:
            seen.append(f"{name} in")
            try:
                await next()
            except ValueError:
                seen.append(f"{name} error")
                raise
            seen.append(f"{name} out")

        return middleware

    @task
    async def work(payload: bool) -> None:
        seen.append("body")
        if payload:
            raise ValueError

    registry.HOOKS.middleware.append(around("project"))
    work.definition.hooks.middleware.append(around("task"))

    assert (await running("work", False)).done is True
    assert _failure(await running("work", True)).name == "ValueError"
    assert seen[:5] == ["project in", "task in", "body", "task out", "project out"]
    assert seen[5:] == ["project in", "task in", "body", "task error", "project error"]


async def test_middleware_that_does_not_go_on_fails_the_attempt(running: Running) -> None:
    @task
    async def work() -> None:
        raise AssertionError("the body must not run")

    async def stop(payload: Any, ctx: Context, next: Callable[[], Awaitable[None]]) -> None:
        return None

    work.definition.hooks.middleware.append(stop)

    assert "next()" in _failure(await running("work")).message


async def test_cancel_hooks_run_after_a_cancelled_body(running: Running) -> None:
    seen: list[str] = []
    begun = asyncio.Event()

    @task
    async def wait() -> None:
        begun.set()
        await asyncio.sleep(60)

    async def on_cancel(payload: Any, ctx: Context) -> None:
        await asyncio.sleep(0)
        seen.append("cancelled")

    wait.definition.hooks.on_cancel.append(on_cancel)
    ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
    executor = running.executor(ended.set_result)
    executor.start(_run("wait"))
    await begun.wait()

    executor.interrupt(("run_1", 1), "cancel")

    assert msgspec.json.decode((await ended).result, type=Result).cancelled
    assert seen == ["cancelled"]
