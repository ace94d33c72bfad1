"""An hour in the life of an installation, written by the engine itself with a clock that is told to move."""

import asyncio
import random
import sys
import time

from hairtrigger.engine import stats
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from hairtrigger.wire.worker import Event, Failure, RunInfo
from tests.clock import MINUTE, SECOND, Clock
from tests.engine.driving import Worker, World, exact, manifest

MINUTES, PER_MINUTE = 40, 6
EVIL = "<img src=x onerror=\"document.title='evil'\">"
TRACE = """Traceback (most recent call last):
  File "/app/trigger/example.py", line 47, in fetch_external_api
    raise HTTPStatusError(response)
  File "/app/.venv/lib/python3.12/site-packages/httpx/_client.py", line 110, in get
    raise error
HTTPStatusError: API returned 502: upstream timed out"""
FAR_HOUR = (time.gmtime().tm_hour + 12) % 24  # no tick of it falls into a test
TASKS = (
    manifest("fetch-external-api", retry=exact(max_attempts=3), max_duration_ms=300_000),
    manifest("process-webhook", queue="webhooks"),
    manifest("send-welcome-email", queue="emails", limit=16),
    manifest("generate-report", queue="reports", limit=2),
    manifest("cleanup-logs", cron=f"0 {FAR_HOUR} * * *"),
)


def live(path: str) -> str:
    """Write it into a fresh SQLite file; gives the project's reference."""
    return asyncio.run(_live(path))


async def _live(path: str) -> str:
    clock = Clock(int(time.time() * 1_000) - MINUTES * MINUTE)
    store = await Store(SQLite(path, clock=clock)).open()
    world = await World.make(store, clock)
    luck = random.Random(7)
    for _ in range(MINUTES):
        worker = await world.register(*TASKS, slots=64)
        for _ in range(PER_MINUTE):
            await _one(world, worker, luck)
        await worker.leave()
    await _ends(world)
    while await stats.roll_up(store) == 0:
        continue
    await store.close()
    return world.env.project_ref


async def _one(world: World, worker: Worker, luck: random.Random) -> None:
    task = luck.choice(TASKS[:4]).id
    tags = [f"user_{luck.randint(1, 40)}"] if task != "process-webhook" else ["github"]
    await world.trigger(task, {"userId": tags[0], "format": "csv", "notify": True}, tags=tags)
    world.clock.move(luck.randint(5, 400))
    for run in await worker.fetch(4):
        world.clock.move(luck.randint(20, 3 * SECOND))
        await worker.report(events=_lines(world, run))
        if luck.random() < 0.1:
            failure = Failure(
                "HTTPStatusError", f"API returned 50{luck.randint(0, 4)}: upstream timed out", TRACE
            )
            await worker.settle(run, failed=failure, used_ms=20)
        else:
            await worker.complete(run, '{"ok":true,"rows":12}')
    world.clock.move(5 * SECOND)


def _lines(world: World, run: RunInfo) -> list[Event]:
    levels = ("debug", "info", "warn")
    return [
        Event(run.id, run.lease, world.clock.now, n, level, f"line {n} of {run.task}", {"n": n})
        for n, level in enumerate(levels)
    ]


async def _ends(world: World) -> None:
    """What is not over at the end: waiting, delayed, held; and names that try to be more than names."""
    worker = await world.register(*TASKS, manifest(EVIL, retry=exact(max_attempts=1)), slots=64)
    await world.trigger(EVIL, {"text": EVIL}, tags=[EVIL])
    for run in await worker.fetch(10):
        await worker.report(
            events=[Event(run.id, run.lease, world.clock.now, 1, "info", EVIL, {"a": EVIL})]
        )
        await worker.settle(run, failed=Failure(EVIL, EVIL, EVIL), used_ms=1)
    for _ in range(3):
        await world.trigger("generate-report", {"n": 1})
    await worker.fetch(1)
    await world.trigger("process-webhook", delay="2h")
    await world.trigger("not-there-yet")


if __name__ == "__main__":
    print(live(sys.argv[1]))
