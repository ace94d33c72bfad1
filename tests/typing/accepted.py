"""Programs that type checkers must accept without a word, with the types that they must see.

The tasks are those that people write first: see ``test_typing``.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict, assert_type

import msgspec
from pydantic import BaseModel

from hairtrigger import (
    BatchHandle,
    Context,
    Failed,
    Ok,
    Queue,
    RetryDecision,
    Run,
    RunHandle,
    ScheduledPayload,
    Task,
    batch,
    current,
    define_config,
    idempotency_keys,
    logger,
    metadata,
    queue,
    retry,
    runs,
    schedules,
    sync,
    tags,
    task,
    tasks,
)
from hairtrigger.sync import SyncTask

config = define_config(
    project="proj_1",
    runtime="python",
    log_level="info",
    retries={
        "enabled_in_dev": True,
        "default": {
            "max_attempts": 3,
            "min_timeout_in_ms": 1000,
            "max_timeout_in_ms": 10000,
            "factor": 2,
        },
    },
)


class WelcomeEmail(TypedDict):
    user_id: str
    email: str


class Sent(TypedDict):
    success: bool
    email_sent: bool


class Export(BaseModel):
    user_id: str
    since: datetime | None = None


@dataclass
class Url:
    url: str


class Row(msgspec.Struct):
    value: str


emails = queue("emails", concurrency_limit=5)


@task(id="send-welcome-email", queue=emails)
async def send_welcome_email(payload: WelcomeEmail) -> Sent:
    print(f"Sending welcome email to {payload['email']}")
    return {"success": True, "email_sent": True}


@task(
    id="fetch-external-api",
    retry={
        "max_attempts": 3,
        "min_timeout_in_ms": 1000,
        "max_timeout_in_ms": 10000,
        "factor": 2,
    },
)
async def fetch_external_api(payload: Url, ctx: Context) -> dict[str, Any]:
    logger.info("fetching", {"url": payload.url}, attempt=ctx.attempt.number)
    return {"run": ctx.run.id}


@task
def generate_report(payload: Export) -> list[Row]:
    return [Row(payload.user_id)]


@task
async def tick() -> int:
    return 1


@task(isolation="process", max_duration=60, ttl=timedelta(minutes=5))
def crunch(payload: Any, ctx: Context) -> None:
    if ctx.cancelled():
        return


@schedules.task(id="daily-digest", cron="0 9 * * *")
async def daily_digest(payload: ScheduledPayload) -> Sent:
    assert_type(payload.timestamp, datetime)
    return {"success": True, "email_sent": True}


@schedules.task(cron={"pattern": "0 2 * * *", "timezone": "Europe/London"})
def cleanup() -> None: ...


assert_type(send_welcome_email, Task[WelcomeEmail, Sent])
assert_type(fetch_external_api, Task[Url, dict[str, Any]])
assert_type(generate_report, Task[Export, list[Row]])
assert_type(tick, Task[None, int])
assert_type(daily_digest, Task[ScheduledPayload, Sent])
assert_type(cleanup, Task[ScheduledPayload, None])
assert_type(send_welcome_email.sync, SyncTask[WelcomeEmail, Sent])
assert_type(send_welcome_email.sync.aio, Task[WelcomeEmail, Sent])


@send_welcome_email.on_success
async def told(payload: WelcomeEmail, output: Sent, ctx: Context) -> None:
    print(payload["email"], output["success"], ctx.run.id)


@send_welcome_email.on_complete
def ended(payload: WelcomeEmail, result: Ok[Sent] | Failed, ctx: Context) -> None:
    if result.ok:
        print(result.output["email_sent"])


@fetch_external_api.catch_error
async def decide(payload: Url, error: Exception, ctx: Context) -> RetryDecision | None:
    return {"skip_retrying": isinstance(error, ValueError)}


@tick.middleware
@contextlib.asynccontextmanager
async def connected(payload: None, ctx: Context) -> AsyncIterator[None]:
    yield


@tasks.on_failure
def notify(payload: Any, error: Exception, ctx: Context) -> None: ...


@tasks.middleware("database")
async def database(payload: Any, ctx: Context, next: Any) -> None:
    await next()


async def trigger() -> None:
    handle = await send_welcome_email.trigger(
        {"user_id": "u", "email": "e"},
        delay="1h",
        idempotency_key=["user", "u"],
        tags=["a"],
        queue=Queue("other"),
        debounce={"key": "u", "delay": 5},
    )
    assert_type(handle, RunHandle[WelcomeEmail, Sent])
    assert_type(await handle.result(timeout=30), Ok[Sent] | Failed)
    assert_type(await tick.trigger(), RunHandle[None, int])
    assert_type(await tick.trigger(delay=timedelta(days=1)), RunHandle[None, int])
    many = await fetch_external_api.batch_trigger(
        [Url("a"), fetch_external_api.call(Url("b"), priority=1)], ttl="10m"
    )
    assert_type(many, BatchHandle[Url, dict[str, Any]])
    await batch.trigger(tick.call(None), generate_report.call(Export(user_id="u")))
    key = idempotency_keys.create("k", scope="global")
    await generate_report.trigger(Export(user_id="u"), idempotency_key=key)
    await idempotency_keys.reset("generate-report", key)
    await asyncio.gather(*(tick.trigger() for _ in range(3)))


async def narrow(result: Ok[Sent] | Failed) -> bool:
    if result.ok:
        assert_type(result.output, Sent)
    if result:
        assert_type(result, Ok[Sent])
    else:
        assert_type(result, Failed)
    match result:
        case Ok(output=output):
            assert_type(output, Sent)
        case Failed(error=error):
            print(error.stack_trace)
    return result.unwrap()["success"]


async def look(handle: RunHandle[Url, dict[str, Any]]) -> None:
    run = await runs.retrieve(handle)
    assert_type(run, Run[Url, dict[str, Any]])
    assert_type(run.output, dict[str, Any] | None)
    assert_type(await runs.retrieve("run_1", task=tick), Run[None, int])
    assert_type(await runs.retrieve("run_1"), Run[Any, Any])
    async for each in runs.list(status=["FAILED"], limit=10):
        await runs.replay(each.id)
    page = await runs.list()
    print(page.data[0].status, page.has_next_page())


async def elsewhere() -> None:
    far = tasks.ref("resize", WelcomeEmail, int)
    assert_type(far, Task[WelcomeEmail, int])
    await far.trigger({"user_id": "u", "email": "e"})
    await tasks.trigger("anything", {"a": 1}, delay=30)
    assert_type(await tick(), int)
    assert_type(await send_welcome_email({"user_id": "u", "email": "e"}), Sent)


async def inside() -> None:
    metadata.set("progress", 1).increment("n")
    metadata.parent.append("log", current().run.id)
    await metadata.flush()
    await tags.add("a", "b")
    try:
        with logger.trace("charge", order=7) as span:
            span.set_attribute("paid", True)
    except ValueError as error:
        logger.error("failed", error, {"attempt": 1})

    async def download(attempt: int) -> bytes:
        return b""

    assert_type(await retry.on_raise(download, max_attempts=5), bytes)


def blocking() -> None:
    handle = send_welcome_email.sync.trigger({"user_id": "u", "email": "e"}, delay=5)
    assert_type(handle, sync.RunHandle[WelcomeEmail, Sent])
    assert_type(handle.result(), Ok[Sent] | Failed)
    assert_type(tick.sync(), int)
    for run in sync.runs.list(limit=5):
        sync.runs.cancel(run.id)
    with sync.TriggerClient(secret_key="tr_dev_1") as client:
        client.tasks.trigger("anything")


@sync.task
def declared(payload: Row) -> int:
    return 1


assert_type(declared, SyncTask[Row, int])
