"""Histories to be verified: a small one with everything in it, and random ones that are in order."""

import contextlib
import random

from hairtrigger.engine import schedules
from hairtrigger.errors import Unprocessable
from hairtrigger.wire.worker import Failure, Result, RunInfo
from tests.clock import MINUTE, SECOND
from tests.engine.driving import Worker, World, exact, manifest, number

TASKS = (
    manifest("work", retry=exact(max_attempts=3)),
    manifest("narrow", queue="narrow", limit=2),
    manifest("keyed", queue="keyed", limit=1),
    manifest("tick", cron="* * * * *"),
)


async def small(world: World) -> dict[str, int]:
    """One run of each kind, by what became of it; ``batch``, ``schedule`` and ``worker`` are no runs."""
    worker = await world.register(*TASKS)
    ids = {"worker": worker.number, "env": world.env.id, "other_env": world.envs["dev"].id}
    ids["retried"] = await world.trigger(tags=["red"])
    world.clock.move(SECOND)
    first = await worker.fetch_one()
    world.clock.move(SECOND)
    await worker.fail(first, retry_in_ms=SECOND)
    await world.let_pass(2 * SECOND)
    again = await worker.fetch_one()
    world.clock.move(SECOND)
    await worker.complete(again, '"done"')
    ids["failed"] = await world.trigger(idempotencyKey="freed")
    await worker.fail(await worker.fetch_one())
    world.clock.move(SECOND)
    ids["child"] = await world.trigger(parentRunId=again.id)
    ids["done"] = await world.trigger("narrow")
    for run in await worker.fetch():
        world.clock.move(SECOND)
        await worker.complete(run)
    ids["batch"] = await world.batch(2)
    await world.add_items(ids["batch"], [0, 1])
    ids["item"] = number((await worker.fetch(1))[0].id)
    ids["held_key"] = await world.trigger(idempotencyKey="held", delay="1h")
    ids["delayed"] = await world.trigger(delay="2h")
    ids["running"] = await world.trigger("narrow")
    world.clock.move(MINUTE)
    await worker.hold()
    await schedules.fire_due(world.store)
    await worker.hold()
    world.clock.move(MINUTE)
    await schedules.fire_due(world.store)
    ids["tick"], ids["second_tick"] = (
        row[0] for row in world.rows("select id from runs where schedule is not null order by id")
    )
    ids["schedule"] = world.rows("select id from schedules")[0][0]
    for run in await worker.fetch():
        if number(run.id) != ids["running"]:
            await worker.complete(run)
    ids["ready"] = await world.trigger("narrow")
    ids["canceled"] = await world.trigger(delay="1h")
    await world.cancel(ids["canceled"])
    world.clock.move(SECOND)
    await worker.hold()
    return ids


class Life:
    """A random life of several workers, from a seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.luck = world, random.Random(seed)
        self.workers: list[Worker] = []
        self.held: list[tuple[Worker, RunInfo]] = []
        self.made: list[int] = []

    async def live(self, steps: int) -> None:
        """Do so many random things, each with a little time after it."""
        self.workers = [await self.world.register(*TASKS) for _ in range(3)]
        actions = (self.trigger, self.trigger, self.fetch, self.report, self.report, self.batch,
                   self.cancel, self.silence, self.limit)  # fmt: skip
        weights = (20, 20, 25, 20, 20, 2, 3, 1, 1)
        for _ in range(steps):
            await self.luck.choices(actions, weights)[0]()
            for worker in self.workers:
                await worker.hold(*(run for one, run in self.held if one is worker))
            await self.world.let_pass(self.luck.choice((0, 1, 300, 5_000)))

    async def trigger(self) -> None:
        task = self.luck.choice(("work", "narrow", "keyed"))
        given: dict[str, object] = {}
        if task == "keyed":
            given["concurrencyKey"] = self.luck.choice("abc")
        if self.luck.random() < 0.2:
            given["idempotencyKey"] = self.luck.choice("xyz")
        if self.luck.random() < 0.2:
            given |= {"delay": "3s"} if self.luck.random() < 0.5 else {"ttl": "2s"}
        if self.luck.random() < 0.2:
            given["tags"] = [self.luck.choice(("red", "green"))]
        if self.held and self.luck.random() < 0.2:
            given["parentRunId"] = self.luck.choice(self.held)[1].id
        with contextlib.suppress(Unprocessable):  # a cancelled parent triggers no more
            self.made.append(await self.world.trigger(task, **given))

    async def batch(self) -> None:
        batch = await self.world.batch(3)
        await self.world.add_items(batch, [0, 1, 2][: self.luck.randint(1, 3)])

    async def fetch(self) -> None:
        worker = self.luck.choice(self.workers)
        self.held += [(worker, run) for run in await worker.fetch(self.luck.randint(1, 4))]

    async def report(self) -> None:
        if not self.held:
            return
        worker, run = self.held.pop(self.luck.randrange(len(self.held)))
        result = self.luck.choice((
            {"done": True}, {"done": True}, {"failed": Failure("Error", "no"), "retry_in_ms": 700},
            {"failed": Failure("Error", "no")}, {"crashed": Failure("SIGSEGV", "died"), "begun": True},
            {"crashed": Failure("SIGSEGV", "died"), "alone": True, "begun": True}, {"begun": False},
        ))  # fmt: skip
        await worker.report(Result(run.id, run.lease, **result))

    async def cancel(self) -> None:
        if self.made:
            await self.world.cancel(self.luck.choice(self.made))

    async def silence(self) -> None:
        """A worker is not heard of for longer than its lease, and another takes its place."""
        silent = self.workers.pop(0)
        self.held = [(worker, run) for worker, run in self.held if worker is not silent]
        self.world.clock.move(MINUTE)
        for worker in self.workers:
            await worker.hold(*(run for one, run in self.held if one is worker))
        await self.world.look()
        self.workers.append(await self.world.register(*TASKS))

    async def limit(self) -> None:
        """New code with another limit becomes the current version, and then the old code again."""
        for limit in (1, 2):
            tasks = [*TASKS[:1], manifest("narrow", queue="narrow", limit=limit), *TASKS[2:]]
            self.workers.append(await self.world.register(*tasks))
            await self.workers.pop(0).leave()
            here = {worker.id for worker in self.workers}
            self.held = [(worker, run) for worker, run in self.held if worker.id in here]
            self.world.clock.move(SECOND)
