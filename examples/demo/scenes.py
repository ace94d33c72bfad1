"""What is triggered, and how each run should end."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jobs.database import Log, Task, User, now, session
from jobs.trigger.example import process_data
from jobs.trigger.fetch_external_api import fetch_external_api
from jobs.trigger.generate_report import generate_report
from jobs.trigger.my_job import my_job
from jobs.trigger.robust_task import robust_task
from jobs.trigger.schedule import cleanup_logs
from jobs.trigger.send_welcome_email import send_welcome_email
from system import Outside

from hairtrigger import PayloadValidationError, Run, runs, schedules

BATCH = 40
LOOK_S = 0.1


@dataclass
class Scene:
    """One line of the demonstration: some runs, and what is right about them when they have ended."""

    title: str
    task: str
    ids: Sequence[str]
    expected: Callable[[list[Run[Any, Any]]], bool]
    schedule: str | None = None  # its run is yet to come
    due: datetime | None = None
    seen: dict[str, Run[Any, Any]] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    @property
    def runs(self) -> list[Run[Any, Any]]:
        return [self.seen[run_id] for run_id in self.ids if run_id in self.seen]

    @property
    def finished(self) -> int:
        return sum(run.is_completed for run in self.runs)

    @property
    def is_over(self) -> bool:
        return bool(self.ids) and self.finished == len(self.ids)

    @property
    def is_right(self) -> bool:
        return self.is_over and self.expected(self.runs)

    @property
    def attempts(self) -> int:
        return max((run.attempt_count for run in self.runs), default=0)

    async def follow(self) -> None:
        """Look at its runs until all of them have ended."""
        while not self.is_over:
            if self.schedule is not None and not self.ids:
                found = await runs.list(schedule=self.schedule)
                self.ids = [run.id for run in found.data][-1:]
            for run_id in self.ids:
                if run_id not in self.seen or not self.seen[run_id].is_completed:
                    self.seen[run_id] = await runs.retrieve(run_id)
            self.seconds = time.monotonic() - self.begun
            await asyncio.sleep(LOOK_S)


def seed() -> None:
    """What the application has in its own database."""
    with session() as db, db.begin():
        db.add(User(id="user_7", email="grace@example.com"))
        db.add_all(
            Task(user_id="user_7", title=f"Task {n}", status="open", completed_at=None)
            for n in range(10_000)
        )
        db.add_all(Log(text="old", created_at=now() - timedelta(days=8)) for _ in range(3))


async def triggered(outside: Outside) -> list[Scene]:
    """Trigger everything; gives a scene for each."""
    return [
        await _typed(),
        await _report(),
        await _caught(),
        await _failing(),
        await _batch(),
        await _once(),
        await _retried(outside),
        await _delayed(),
        await _scheduled(),
    ]


def _all_completed(found: list[Run[Any, Any]]) -> bool:
    return all(run.status == "COMPLETED" for run in found)


def _output(found: list[Run[Any, Any]]) -> Any:
    return found[0].output


async def _typed() -> Scene:
    handle = await send_welcome_email.trigger({"userId": "user_1", "email": "ada@example.com"})
    return Scene("a typed payload", "send-welcome-email", [handle.id], _all_completed)


async def _report() -> Scene:
    handle = await generate_report.trigger({"userId": "user_7"})
    return Scene(
        "a report of 10,000 rows", "generate-report", [handle.id],
        lambda found: _output(found)["rows"] == 10_000,
    )  # fmt: skip


async def _caught() -> Scene:
    handle = await robust_task.trigger({"amount": "a lot"})
    return Scene(
        "an error that is handled", "robust-task", [handle.id],
        lambda found: _all_completed(found) and _output(found)["success"] is False,
    )  # fmt: skip


async def _failing() -> Scene:
    handle = await my_job.trigger({"data": ""}, max_attempts=1)
    return Scene(
        "an error that is not", "my-job", [handle.id],
        lambda found: found[0].status == "FAILED" and found[0].error is not None,
    )  # fmt: skip


async def _batch() -> Scene:
    handle = await process_data.batch_trigger([{"data": ["a", "b"]} for _ in range(BATCH)])
    ids = [run.id for run in handle.runs]
    return Scene(f"a batch of {BATCH}", "process-data", ids, _all_completed)


async def _once() -> Scene:
    payload = {"data": ["only", "once"]}
    handles = [
        await process_data.trigger({"data": payload["data"]}, idempotency_key="demo")
        for _ in range(3)
    ]
    ids = list(dict.fromkeys(handle.id for handle in handles))
    return Scene(
        "three triggers with one key", "process-data", ids,
        lambda found: len(found) == 1 and _all_completed(found),
    )  # fmt: skip


async def _retried(outside: Outside) -> Scene:
    handle = await fetch_external_api.trigger({"url": outside.url})
    return Scene(
        "two failures, then a success", "fetch-external-api", [handle.id],
        lambda found: _all_completed(found) and found[0].attempt_count == 3,
    )  # fmt: skip


async def _delayed() -> Scene:
    delay = timedelta(seconds=5)
    handle = await my_job.trigger({"data": "not yet"}, delay=delay)

    def is_right(found: list[Run[Any, Any]]) -> bool:
        created, started = found[0].created_at, found[0].started_at
        return _all_completed(found) and started is not None and started - created >= delay

    return Scene("five seconds later", "my-job", [handle.id], is_right)


async def _scheduled() -> Scene:
    made = await schedules.create(
        task=cleanup_logs, cron="* * * * *", deduplication_key="demonstration"
    )
    return Scene(
        "by the clock", "cleanup-logs", [], _all_completed, schedule=made.id, due=made.next_run
    )


async def refused() -> str:
    """What is said about a payload of another shape, before anything is sent."""
    try:
        await send_welcome_email.trigger({"userId": "user_1"})  # type: ignore[typeddict-item]  # the point
    except PayloadValidationError as error:
        return error.message
    return ""
