"""Counts of finished runs: equal to the rows, at every moment and after every roll-up; failures in groups."""

import asyncio
from typing import Any

import pytest

from hairtrigger.engine import runs, stats, upkeep
from hairtrigger.rules.stats import DAY_MS, HOUR_MS, MINUTE_MS, STEPS, Stat, floor, percentile
from hairtrigger.wire.statuses import FinalStatus
from hairtrigger.wire.worker import Failure, RunInfo
from tests.clock import DAY, HOUR, MINUTE, SECOND
from tests.engine.driving import Worker, World, exact, manifest


async def counted(world: World, *, step: int = MINUTE_MS, days: int = 1) -> Stat:
    """Everything created in the last days."""
    end = floor(world.clock.now, DAY_MS) + DAY_MS
    return await stats.total(
        world.store, world.env.id, start=end - days * DAY_MS, end=end, step=step
    )


async def fail(worker: Worker, run: RunInfo, message: str, name: str = "ValueError") -> None:
    await worker.settle(run, failed=Failure(name, message))


def groups(world: World, *columns: str) -> list[Any]:
    return sorted(world.rows(f"select {', '.join(columns)} from errors"))


@pytest.mark.acceptance("S82", "S83")
async def test_counts_are_those_of_the_rows_before_and_after_they_are_rolled_up(
    world: World,
) -> None:
    worker = await world.register(manifest("work", retry=exact(max_attempts=1)), "other")
    made = [await world.trigger() for _ in range(6)] + [await world.trigger("other")]
    await world.cancel(made[0])
    await world.trigger(ttl="10s")
    world.clock.move(2 * SECOND)
    handed = await worker.fetch(5)
    world.clock.move(3 * SECOND)
    for run in handed[:3]:
        await worker.complete(run)
    await fail(worker, handed[3], "no")
    await worker.settle(handed[4], timed_out=True)
    await world.let_pass(30 * SECOND)

    before = [await counted(world, step=step) for step in STEPS]
    while await stats.roll_up(world.store) == 0:
        pass
    after = [await counted(world, step=step) for step in STEPS]

    assert before == after
    rows = world.rows("select status, count(*) from results group by status")
    assert after[0].outcomes == dict(rows)
    assert after[0].outcomes[FinalStatus.EXPIRED] == after[0].canceled == 1
    assert percentile(after[0].took, 0.5) == pytest.approx(3 * SECOND, rel=0.04)
    assert percentile(after[0].waited, 0.95) == pytest.approx(2 * SECOND, rel=0.04)
    assert (after[0].mean_ms, after[0].mean_wait_ms) == (3 * SECOND, 2 * SECOND)
    assert world.rows("select count(*) from stat_deltas") == [(0,)]


async def test_a_run_is_counted_when_it_was_created_and_for_its_task(world: World) -> None:
    await world.trigger()
    created = floor(world.clock.now, MINUTE)
    await world.let_pass(3 * HOUR)
    worker = await world.register("work", "other")
    await worker.complete(await worker.fetch_one())
    await world.trigger("other")
    await worker.complete(await worker.fetch_one())
    await stats.roll_up(world.store)

    env, end = world.env.id, created + DAY
    minutes = await stats.over_time(world.store, env, start=0, end=end, step=MINUTE_MS)
    hours = await stats.over_time(world.store, env, start=0, end=end, step=HOUR_MS)
    tasks = await stats.by_task(world.store, env, start=0, end=end, step=DAY_MS)

    assert {at: stat.runs for at, stat in minutes.items()} == {created: 1, created + 3 * HOUR: 1}
    assert list(hours) == [floor(created, HOUR_MS), floor(created, HOUR_MS) + 3 * HOUR]
    runs_of = {task: [stat.runs for stat in of.values()] for task, of in tasks.items()}
    names = {task.name: runs_of[task.id] for task in world.store.catalog.tasks.values()}
    assert (names["work"], names["other"]) == ([1], [1])


async def test_a_wait_counts_from_when_a_run_was_due_and_never_after_a_retry(world: World) -> None:
    await world.trigger(delay="1h")
    await world.let_pass(HOUR)
    worker = await world.register(
        manifest("work", retry=exact(max_attempts=2, min_timeout_in_ms=1))
    )
    world.clock.move(7 * SECOND)
    await worker.complete(await worker.fetch_one())
    await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=1)
    await world.let_pass(SECOND)
    await worker.complete(await worker.fetch_one())

    total = await counted(world)

    assert (total.runs, sum(total.waited.values())) == (2, 1)
    assert percentile(total.waited, 1) == pytest.approx(7 * SECOND, rel=0.04)


async def test_environments_are_counted_apart(world: World) -> None:
    dev = world.beside("dev")
    worker = await dev.register("work")
    await dev.trigger()
    await worker.complete(await worker.fetch_one())
    await stats.roll_up(world.store)

    assert ((await counted(dev)).runs, (await counted(world)).runs) == (1, 0)


async def test_two_that_roll_up_at_once_count_everything_once(world: World) -> None:
    worker = await world.register("work")
    for _ in range(20):
        await world.trigger()
        await worker.complete(await worker.fetch_one())

    await asyncio.gather(*(stats.roll_up(world.store) for _ in range(4)))
    await stats.roll_up(world.store)

    assert (await counted(world, step=DAY_MS)).runs == 20


async def test_counts_outlive_the_runs_and_minutes_go_before_days(world: World) -> None:
    worker = await world.register("work")
    await world.trigger()
    await worker.complete(await worker.fetch_one())
    await stats.roll_up(world.store)

    world.clock.move(20 * DAY)
    await upkeep.prune(world.store, retention_ms=DAY)

    assert world.rows("select count(*) from runs") == [(0,)]
    found = [(await counted(world, step=step, days=30)).runs for step in STEPS]
    assert found == [0, 1, 1]


@pytest.mark.acceptance("S84")
async def test_failures_that_are_alike_are_one_group(world: World) -> None:
    once = exact(max_attempts=1)
    worker = await world.register(manifest("work", retry=once), manifest("other", retry=once))
    for task, message in (
        ("work", "user 'a'"),
        ("work", "user 'b'"),
        ("work", "file 7"),
        ("other", "user 'a'"),
    ):
        await world.trigger(task)
        world.clock.move(SECOND)
        await fail(worker, await worker.fetch_one(), message)
    await stats.roll_up(world.store)

    assert groups(world, "message", "runs", "last_at - first_at") == [
        ("file 7", 1, 0), ("user 'a'", 1, 0), ("user 'b'", 2, SECOND)
    ]  # fmt: skip
    assert world.rows("select count(*) from error_runs") == [(4,)]
    assert world.rows("select sum(runs) from error_counts where step = ?", HOUR_MS) == [(4,)]


async def test_only_the_end_of_a_run_is_a_failure(world: World) -> None:
    worker = await world.register(
        manifest("work", retry=exact(max_attempts=2, min_timeout_in_ms=1))
    )
    run_id = await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=1)
    await world.let_pass(SECOND)
    await worker.complete(await worker.fetch_one())
    await world.cancel(await world.trigger())
    await stats.roll_up(world.store)

    assert groups(world, "id") == []
    assert (await runs.retrieve(world.store, world.env, run_id)).status == "COMPLETED"


async def test_a_resolved_group_comes_back_with_a_newer_version_only(world: World) -> None:
    task = manifest("work", retry=exact(max_attempts=1))
    worker = await world.register(task)
    await world.trigger()
    await fail(worker, await worker.fetch_one(), "no")
    await stats.roll_up(world.store)
    await world.write("update errors set status = 1, resolved_version = last_version")

    await world.trigger()
    await fail(worker, await worker.fetch_one(), "no")
    await stats.roll_up(world.store)
    same = groups(world, "status", "runs", "regressed_version")
    newer = await world.register(manifest("work", retry=exact(max_attempts=1), queue="another"))
    await world.trigger()
    await fail(newer, await newer.fetch_one(), "no")
    await stats.roll_up(world.store)

    assert same == [(1, 2, None)]
    ((status, count, version, last),) = groups(
        world, "status", "runs", "regressed_version", "last_version"
    )
    assert (status, count) == (0, 3)
    assert version == last is not None


@pytest.mark.parametrize(("column", "value"), [("ignored_runs", 2), ("ignored_until", 1)])
async def test_an_ignored_group_comes_back_when_it_was_said_to(
    world: World, column: str, value: int
) -> None:
    worker = await world.register(manifest("work", retry=exact(max_attempts=1)))
    statuses = []
    for _ in range(3):
        await world.trigger()
        await fail(worker, await worker.fetch_one(), "no")
        await stats.roll_up(world.store)
        statuses += groups(world, "status")
        if len(statuses) == 1:
            await world.write(f"update errors set status = 2, {column} = {value}")

    assert statuses == [(0,), (2,) if column == "ignored_runs" else (0,), (0,)]


async def test_a_storm_of_failures_is_grouped_piece_by_piece(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hairtrigger.store.stats.MOST", 3)
    worker = await world.register(manifest("work", retry=exact(max_attempts=1)))
    for n in range(8):
        await world.trigger()
        await fail(worker, await worker.fetch_one(), f"number {n}")

    rounds = 1
    while await stats.roll_up(world.store) == 0:
        rounds += 1

    assert (rounds, groups(world, "runs")) == (3, [(8,)])
