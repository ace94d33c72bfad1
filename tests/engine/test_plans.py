"""Plans: runs are counted exactly and refused beyond the month's, and no more execute at once than allowed."""

import asyncio
from typing import Any

import pytest

from hairtrigger.engine import batches, plans, projects, queues, runs, schedules, upkeep
from hairtrigger.engine import trigger as triggers
from hairtrigger.engine.verify import verify_history
from hairtrigger.errors import BadRequest, HairtriggerError, PlanLimitReached
from hairtrigger.rules.plans import Name, Numbers
from hairtrigger.store.asking import Call
from hairtrigger.wire.options import ReplayBody
from tests.clock import DAY, HOUR, MINUTE, ms
from tests.engine.driving import Outcome, World, manifest, options
from tests.engine.test_concurrency import slots_are_true

SMALL = Numbers(free_runs=5, free_concurrency=1, pro_runs=8, pro_concurrency=0)


async def on(world: World, plan: Name, numbers: Numbers = SMALL) -> None:
    """Put the organisation on a plan with few runs."""
    await plans.open_organization(world.store, "unlimited", numbers)
    await plans.change(world.store, plan, by="a test")


async def used(world: World) -> int:
    return (await plans.usage(world.store)).runs


async def ask(world: World, count: int) -> list[Outcome | HairtriggerError]:
    """So many callers at once, each for one run."""
    asked = [world.trigger_all([triggers.Item("work")]) for _ in range(count)]
    return [answer for (answer,) in await asyncio.gather(*asked)]


def made(answers: list[Outcome | HairtriggerError]) -> int:
    return sum(isinstance(one, Outcome) for one in answers)


async def holds(world: World) -> None:
    """What the plan counts is what there is."""
    assert [one for one in await verify_history(world.store.database) if not one.holds] == []


async def test_the_self_hosted_default_counts_and_refuses_nothing(world: World) -> None:
    await plans.open_organization(world.store, "unlimited", SMALL)
    await ask(world, 20)

    found = await plans.usage(world.store)

    assert (found.plan.name, found.runs, found.percentage, found.warning) == (
        "unlimited",
        20,
        None,
        None,
    )
    assert found.days[1] == 20  # the second of March
    await holds(world)


@pytest.mark.acceptance("S102")
async def test_of_fifty_at_once_exactly_as_many_are_made_as_the_month_has_left(
    world: World,
) -> None:
    await on(world, "free", Numbers(free_runs=100_000))
    await world.write("insert into usage values (1, ?, 9, 99977)", ms("2026-03-01"))

    answers = await ask(world, 50)

    refused = [one for one in answers if isinstance(one, PlanLimitReached)]
    assert (made(answers), len(refused)) == (23, 27)
    for word in ("plan free", "100,000", "2026-04-01"):
        assert word in str(refused[0])
    assert await used(world) == 100_000
    with pytest.raises(PlanLimitReached):
        await world.trigger()


@pytest.mark.acceptance("S102")
async def test_counting_begins_anew_on_the_first_of_the_month(world: World) -> None:
    await on(world, "free")
    assert made(await ask(world, 9)) == 5
    world.clock.now = ms("2026-03-31T23:59:59.999")
    with pytest.raises(PlanLimitReached):
        await world.trigger()

    world.clock.move(1)

    assert (await plans.usage(world.store)).runs == 0
    assert made(await ask(world, 9)) == 5
    found = await plans.usage(world.store)
    assert (found.days[0], found.month.reset) == (5, "2026-05-01")
    await holds(world)


async def test_a_run_belongs_to_the_month_that_its_number_tells(world: World) -> None:
    await on(world, "free")
    world.clock.now = ms("2026-03-31T23:59:59.999")
    items = [triggers.read_item(world.store, world.env, triggers.Item("work")) for _ in range(4)]
    world.clock.move(1)
    items += [triggers.read_item(world.store, world.env, triggers.Item("work")) for _ in range(4)]

    found = await world.store.trigger(Call(world.env.id, items))

    assert [one.error for one in found] == [None] * 8
    rows = world.rows("select day, sum(runs) from usage group by day order by day")
    assert [tuple(map(int, row)) for row in rows] == [(ms("2026-03-31"), 4), (ms("2026-04-01"), 4)]
    await holds(world)


async def test_what_makes_no_run_is_not_counted(world: World) -> None:
    await on(world, "free")
    first = await world.outcome(request_key="asked", idempotencyKey="k")

    again = await world.outcome(request_key="asked", idempotencyKey="k")
    found = await world.outcome(idempotencyKey="k")
    with pytest.raises(HairtriggerError):
        await world.trigger(parentRunId="run_0000000000000000000000ff")
    await world.trigger(debounce={"key": "d", "delay": "10m"})
    await world.trigger(debounce={"key": "d", "delay": "10m"})

    assert first.id == again.id == found.id
    assert await used(world) == 2
    await holds(world)


async def test_beyond_the_limit_what_is_there_is_still_found_and_moved(world: World) -> None:
    await on(world, "free")
    kept = await world.outcome(idempotencyKey="k")
    moved = await world.trigger(debounce={"key": "d", "delay": "10m"})
    assert made(await ask(world, 9)) == 3

    assert (await world.outcome(idempotencyKey="k")).id == kept.id
    assert await world.trigger(debounce={"key": "d", "delay": "20m"}) == moved
    with pytest.raises(PlanLimitReached):
        await world.trigger(debounce={"key": "other", "delay": "10m"})
    assert world.rows("select run_id from debounces where key = 'other'") == []
    assert await used(world) == 5


async def test_of_a_batch_what_fits_is_made_and_the_rest_fails_item_by_item(world: World) -> None:
    await on(world, "free")
    batch = await world.batch(7)

    await world.add_items(batch, range(7))

    found = await batches.retrieve(world.store, world.env, batch)
    assert len(found.run_ids) == 5
    assert [(one.index, one.code) for one in found.errors] == [
        (5, "plan_limit_reached"), (6, "plan_limit_reached"),
    ]  # fmt: skip
    await holds(world)


async def test_replays_count_and_retries_do_not(world: World) -> None:
    await on(world, "free")
    worker = await world.register("work")
    run_id = await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=0)
    await worker.complete(await worker.fetch_one())
    assert await used(world) == 1

    for _ in range(4):
        await runs.replay(world.store, world.env, run_id, ReplayBody())

    with pytest.raises(PlanLimitReached):
        await runs.replay(world.store, world.env, run_id, ReplayBody())
    assert await used(world) == 5


@pytest.mark.acceptance("S102")
async def test_a_schedule_counts_skips_what_is_refused_and_goes_on_next_month(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    await on(world, "free")
    await world.register(manifest("tick", cron="0 * * * *"))
    assert made(await ask(world, 4)) == 4

    await world.let_pass(HOUR)
    await world.let_pass(HOUR)

    assert await used(world) == 5
    refused = [facts for name, facts in told if name == "schedule.refused"]
    assert [(one["task"], one["at"]) for one in refused] == [("tick", ms("2026-03-02T14:00:00"))]
    assert "plan free" in refused[0]["error"]
    world.clock.now = ms("2026-03-31T23:30:00")
    await schedules.fire_due(world.store)  # what was missed is refused too, once
    await world.let_pass(HOUR)
    assert await used(world) == 1
    await holds(world)


@pytest.mark.acceptance("S103")
async def test_on_free_one_run_executes_at_once_and_one_that_waits_holds_no_slot(
    world: World,
) -> None:
    await on(world, "free", Numbers(free_runs=0))
    workers = [await world.register("a", manifest("b", limit=5)) for _ in range(10)]
    for number in range(20):
        await world.trigger("ab"[number % 2], concurrencyKey=f"k{number % 3}")
    at_once = 0

    for _ in range(20):
        taken = [(worker, run) for worker in workers for run in await worker.fetch(1)]
        at_once = max(at_once, len(taken))
        for worker, run in taken:
            await worker.fail(run, retry_in_ms=HOUR)
        await slots_are_true(world)

    assert at_once == 1
    assert world.rows("select count(*) from live where state = 0") == [(20,)]
    await holds(world)


@pytest.mark.acceptance("S105")
@pytest.mark.acceptance("S106")
async def test_a_change_of_plan_starts_what_waits_at_once(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    await on(world, "free", Numbers(free_runs=20))
    worker = await world.register("a", manifest("b", limit=3))
    for number in range(20):
        await world.trigger("ab"[number % 2])
    (first,) = await worker.fetch()

    await plans.change(world.store, "pro", by="ann")

    rest = await worker.fetch()
    assert len(rest) == 12  # all of a, and as many of b as its own limit allows
    assert await world.trigger("a")
    assert ("plan.changed", {"plan": "pro", "before": "free", "by": "ann"}) in told
    await plans.change(world.store, "free", by="ann")
    assert await worker.fetch() == []  # what runs goes on, nothing joins it
    for run in [first, *rest]:
        await worker.complete(run)
    assert len(await worker.fetch()) == 1
    await slots_are_true(world)
    await holds(world)


async def test_the_smaller_of_plan_and_environment_limit_counts(world: World) -> None:
    await on(world, "pro", Numbers(pro_concurrency=3))
    worker = await world.register("work")
    await ask(world, 9)

    await queues.limit_environment(world.store, world.env, 2, burst=200)
    two = await worker.fetch()
    await queues.limit_environment(world.store, world.env, None)
    third = await worker.fetch()

    assert (len(two), len(third)) == (2, 1)
    found = {one.env.slug: one for one in (await plans.usage(world.store)).executing}
    assert (found["prod"].running, found["prod"].limit) == (3, 3)
    assert (found["dev"].running, found["dev"].limit) == (0, 3)
    await slots_are_true(world)


async def test_an_environment_made_later_is_bound_too(world: World) -> None:
    await on(world, "free")
    made = await projects.create_environment(
        world.store, projects.Vault("k"), world.env.project, "staging"
    )

    assert made.env.limit.plan == 1
    assert world.store.catalog.envs[made.env.id].limit.most == 1


@pytest.mark.acceptance("S108")
async def test_usage_is_what_the_engine_counts(world: World) -> None:
    await on(world, "free")
    worker = await world.register("work")
    await ask(world, 4)
    await worker.fetch()

    found = await plans.usage(world.store)

    assert (found.runs, found.plan.runs, found.percentage) == (4, 5, 80.0)
    assert world.rows("select count(*) from runs") == [(found.runs,)]
    assert found.running == (await queues.concurrency(world.store, world.env)).running == 1
    assert found.warning == "80% of this month's runs are used: 1 are left."
    assert (found.month.begin, found.month.reset) == (ms("2026-03-01"), "2026-04-01")


async def test_numbers_are_those_of_the_server_that_started_last(world: World) -> None:
    await on(world, "free")
    await plans.open_organization(world.store, "pro", Numbers(free_runs=2, free_concurrency=4))

    assert world.store.catalog.plan.name == "free"  # the first plan is for a fresh database
    assert world.store.catalog.envs[world.env.id].limit.plan == 4
    assert made(await ask(world, 9)) == 2
    with pytest.raises(BadRequest):
        await plans.open_organization(world.store, "gold", SMALL)


async def test_a_wrong_count_is_found_and_repaired(world: World) -> None:
    await on(world, "free")
    await ask(world, 3)
    world.clock.move(40 * DAY)
    await ask(world, 4)
    await world.write("update usage set runs = runs + 2")

    found = {one.check.name: one for one in await verify_history(world.store.database)}
    kept = await verify_history(world.store.database, retention_ms=30 * DAY)
    recent = {one.check.name: one for one in kept}
    repaired = await upkeep.repair_counters(world.store)

    assert [one.subject for one in found["usage"].shown] == ["2026-03-02", "2026-04-11"]
    assert found["usage"].shown[0].text == "counts 5 runs, there are 3"
    assert [one.subject for one in recent["usage"].shown] == ["2026-04-11"]
    assert repaired == 2
    assert await used(world) == 4
    await holds(world)


async def test_a_tick_costs_one_statement_more_however_many_runs_it_makes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on(world, "pro", Numbers())
    await world.trigger()  # the task and its queue are known from now on
    names: list[str] = []
    store = world.store
    seen = store.database.write

    async def heard(transaction: Any, **rest: Any) -> Any:
        def noted(now: int) -> Any:
            steps, rows = transaction(now), None
            while True:
                try:
                    statement = steps.send(rows)
                except StopIteration as stop:
                    return stop.value
                if not statement.many or statement.params:
                    names.append(statement.name)
                rows = yield statement

        return await seen(noted, **rest)

    monkeypatch.setattr(store.database, "write", heard)
    await world.trigger_all([triggers.Item("work", options=options(delay="1h"))] * 30)
    assert [name for name in names if name.endswith("_runs")] == ["reserve_runs", "insert_runs"]
    names.clear()
    await plans.change(store, "unlimited", by="a test")
    await world.trigger_all([triggers.Item("work", options=options(delay="1h"))] * 30)

    assert [name for name in names if name.endswith("_runs")] == ["count_runs", "insert_runs"]
    world.clock.move(MINUTE)
    await holds(world)
