"""Why a run is not running, why it ran again and how it ended: planted, and named."""

import pytest

from hairtrigger.engine import explain
from hairtrigger.engine.explain import Explanation
from hairtrigger.wire import ids
from tests.clock import SECOND
from tests.engine.causes import AGAIN, ENDS, WAITS, Case
from tests.engine.driving import LEASE_MS, World, number


def named(case: Case) -> str:
    return case.plant.__name__


async def explained(world: World, run: int) -> Explanation:
    return await explain.of_run(world.store, world.env, await world.run(run))


@pytest.mark.parametrize("case", [*WAITS, *AGAIN, *ENDS], ids=named)
async def test_each_planted_cause_is_named(world: World, case: Case) -> None:
    run = await case.plant(world)

    found = await explained(world, run)

    among = [found.reason] if case.among == "reason" else getattr(found, case.among)
    assert case.code in [one.code for one in among], among
    line = next(one.line for one in among if one.code == case.code)
    assert [part for part in case.says if part not in line] == [], line


@pytest.mark.parametrize("case", WAITS, ids=named)
async def test_the_runs_page_says_the_same_line(world: World, case: Case) -> None:
    run = await case.plant(world)

    said = await explain.why_waiting(world.store, world.env, await world.run(run))

    expected = "" if case.code == "canceling" else (await explained(world, run)).reason.line
    assert said == expected


async def test_a_run_that_was_executed_three_times_says_why_each_time(world: World) -> None:
    worker = await world.register("work")
    run = await world.trigger(maxAttempts=5)
    await worker.fail(await worker.fetch_one(), retry_in_ms=0)
    await worker.fetch(1)
    await world.let_pass(LEASE_MS + SECOND)
    again = await world.register("work")
    taken = await again.fetch_one()

    found = await explained(world, run)

    assert [one.code for one in found.repeats] == ["failed", "lost"]
    assert found.reason.code == "executing"
    assert again.id in found.reason.message
    assert number(taken.id) == run


async def test_a_child_that_was_canceled_with_its_parent_says_so(world: World) -> None:
    worker = await world.register("work", "child")
    parent = await world.trigger()
    taken = await worker.fetch_one()
    child = await world.trigger("child", parentRunId=ids.public("run", parent))
    await world.cancel(parent)
    await worker.complete(taken)

    found = await explained(world, child)

    assert found.reason.code == "canceled_before_start"
    assert f"triggered it, {ids.public('run', parent)}" in found.reason.message


def test_at_least_twenty_causes_are_planted() -> None:
    codes = {case.code for case in [*WAITS, *AGAIN, *ENDS]}

    assert len(codes) >= 20
