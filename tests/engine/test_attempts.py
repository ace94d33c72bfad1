"""The end of hand-outs: success, failure, crashes, cancels, repeats, reports that come too late."""

import asyncio
from typing import Any

import pytest

from hairtrigger.engine import runs, upkeep
from hairtrigger.wire.worker import Failure, Result
from tests.clock import MINUTE, SECOND
from tests.engine.driving import World, exact, manifest, number

Told = list[tuple[str, dict[str, Any]]]


@pytest.mark.acceptance("S30")
async def test_completed_run_shows_its_output_as_it_was_sent(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    run = await worker.fetch_one()

    verdict = await worker.settle(run, done=("application/json", '{"a": 1.0}'), used_ms=12)

    found = await world.run(run_id)
    assert verdict == "ok"
    assert (found.status, found.attempt, found.usage_ms) == ("COMPLETED", 1, 12)
    assert found.output == ("application/json", '{"a": 1.0}')
    assert found.error is None
    assert world.rows("select count(*) from live") == [(0,)]


async def test_run_can_complete_without_an_output(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()

    await worker.complete(await worker.fetch_one())

    assert (await world.run(run_id)).output is None


@pytest.mark.acceptance("S34", "S37", "S41")
async def test_failing_run_has_its_attempts_and_no_more(world: World) -> None:
    worker = await world.register(manifest("work", retry=exact(max_attempts=3)))
    run_id = await world.trigger()
    seen = []
    for _ in range(3):
        run = await worker.fetch_one()
        seen.append(run.attempt)
        await worker.fail(run, retry_in_ms=SECOND)
        await world.let_pass(SECOND)

    found = await world.run(run_id)
    assert (seen, found.status, found.attempt) == ([1, 2, 3], "FAILED", 3)
    assert found.error is not None
    assert found.error.failure.message == "attempt 3"
    failed = await runs.failed_attempts(world.store, world.env, run_id)
    assert [(row[0], row[5]) for row in failed] == [(1, "failed"), (2, "failed")]
    assert await worker.fetch() == []


@pytest.mark.acceptance("S34", "S38")
async def test_run_shows_when_it_will_be_tried_again_and_starts_then(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=2 * SECOND)

    waiting = await world.run(run_id)
    assert (waiting.status, waiting.attempt) == ("EXECUTING", 1)
    assert waiting.due_at == world.clock.now + 2 * SECOND
    await world.let_pass(2 * SECOND - 1)
    assert await worker.fetch() == []
    await world.let_pass(1)

    run = await worker.fetch_one()
    assert (run.attempt, run.lease, run.started_at) == (2, 2, waiting.started_at)


@pytest.mark.acceptance("S37")
async def test_one_attempt_means_one(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger(maxAttempts=1)

    await worker.fail(await worker.fetch_one(), retry_in_ms=0)

    assert await world.status(run_id) == "FAILED"


async def test_failure_for_good_uses_no_more_attempts(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()

    await worker.fail(await worker.fetch_one())

    assert await world.status(run_id) == "FAILED"


async def test_attempts_are_those_of_the_version_that_runs_it(world: World) -> None:
    old = await world.register(manifest("work", retry=exact(max_attempts=5)))
    run_id = await world.trigger()
    run = await old.fetch_one()
    await world.register(manifest("work", retry=exact(max_attempts=1)))

    await old.fail(run, retry_in_ms=0)

    assert run.max_attempts == 5
    assert await world.status(run_id) == "QUEUED"


async def test_repeated_report_is_ok_and_changes_nothing(world: World) -> None:
    worker = await world.register("work")
    done, retried = await world.trigger(), await world.trigger()
    first, second = await worker.fetch(2)
    results = [
        Result(first.id, first.lease, done=("application/json", "1")),
        Result(second.id, second.lease, failed=Failure("E", "m"), retry_in_ms=5_000),
    ]

    verdicts = [(await worker.report(*results)).verdicts for _ in range(2)]
    in_one = (await worker.report(*results, *results)).verdicts

    assert verdicts == [["ok", "ok"]] * 2
    assert in_one == ["ok"] * 4
    assert (await world.run(done)).output == ("application/json", "1")
    assert (await world.run(retried)).attempt == 1


async def test_same_report_twice_in_one_tick_settles_once(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    await world.trigger()
    run = await worker.fetch_one()

    verdicts = await asyncio.gather(worker.complete(run), worker.complete(run))

    assert list(verdicts) == ["ok", "ok"]
    assert await upkeep.counter_drift(world.store) == []


async def test_report_with_another_fence_or_session_is_refused(world: World, told: Told) -> None:
    worker, other = await world.register("work"), await world.register("work")
    run_id = await world.trigger()
    run = await worker.fetch_one()

    verdicts = (
        await worker.report(
            Result(run.id, run.lease + 1, done=True), Result("run_" + "0" * 24, 1, done=True),
            Result("nonsense", 1, done=True),
        )
    ).verdicts  # fmt: skip
    verdicts.append(await other.complete(run))

    assert verdicts == ["lost"] * 4
    assert await world.status(run_id) == "EXECUTING"
    assert [name for name, _ in told].count("report.refused") == 4


@pytest.mark.acceptance("S02", "S95")
async def test_report_of_a_worker_that_was_given_up_is_refused(world: World, told: Told) -> None:
    zombie, other = await world.register("work"), await world.register("work")
    run_id = await world.trigger()
    stale = await zombie.fetch_one()
    await world.let_pass(20 * SECOND)
    await other.hold()
    await world.let_pass(15 * SECOND)
    fresh = await other.fetch_one()

    zombies = await zombie.complete(stale, '"zombie"')
    others = await other.complete(fresh, '"right"')
    again = await zombie.complete(stale, '"zombie"')

    assert (zombies, others, again) == ("lost", "ok", "lost")
    assert (await world.run(run_id)).output == ("application/json", '"right"')
    assert ("report.refused", {}) in told


async def test_late_report_on_a_run_that_ended_with_its_worker_is_refused(world: World) -> None:
    zombie = await world.register("work")
    run_id = await world.trigger(maxAttempts=1)
    run = await zombie.fetch_one()
    await world.let_pass(MINUTE)

    assert await zombie.complete(run) == "lost"
    assert await world.status(run_id) == "SYSTEM_FAILURE"


async def test_cancel_wins_over_every_report(world: World) -> None:
    worker = await world.register("work")
    outcomes: list[dict[str, Any]] = [
        {"done": ("application/json", "1")}, {"failed": Failure("E", "m"), "retry_in_ms": 0},
        {"cancelled": True}, {"handed_back": True}, {"handed_back": True, "begun": False},
        {"crashed": Failure("E", "m")}, {"crashed": Failure("E", "m"), "alone": False}, {"timed_out": True},
    ]  # fmt: skip
    for outcome in outcomes:
        run_id = await world.trigger()
        run = await worker.fetch_one()
        await world.cancel(run_id)
        assert await world.status(run_id) == "CANCELED"

        assert await worker.settle(run, **outcome) == "ok"

        found = await world.run(run_id)
        assert (found.status, found.output, found.is_final) == ("CANCELED", None, True)
    assert await worker.fetch() == []


async def test_crash_alone_uses_an_attempt_and_follows_the_policy(world: World) -> None:
    worker = await world.register(
        manifest("work", retry=exact(max_attempts=2, min_timeout_in_ms=3_000))
    )
    run_id = await world.trigger()
    await worker.crash(await worker.fetch_one())
    assert (await world.run(run_id)).due_at == world.clock.now + 3_000
    await world.let_pass(3_000)

    await worker.crash(await worker.fetch_one())

    found = await world.run(run_id)
    assert (found.status, found.attempt) == ("CRASHED", 2)


async def test_crash_among_others_makes_suspects_that_run_alone(world: World) -> None:
    worker = await world.register(manifest("work", retry=exact(max_attempts=2)))
    run_id = await world.trigger()
    await worker.crash(await worker.fetch_one(), alone=False)

    suspect = await worker.fetch_one()
    assert (suspect.attempt, suspect.isolated) == (1, True)
    await worker.crash(suspect, alone=False)
    await world.let_pass(SECOND)
    last = await worker.fetch_one()
    assert (last.attempt, last.isolated) == (2, True)
    await worker.crash(last)
    assert await world.status(run_id) == "CRASHED"


async def test_single_attempt_that_crashes_is_over_whoever_was_near(world: World) -> None:
    worker = await world.register("work")
    made = [await world.trigger(maxAttempts=1) for _ in range(2)]
    first, second = await worker.fetch(2)

    await worker.crash(first, alone=False)
    await worker.crash(second)

    assert await world.statuses(made) == ["CRASHED", "CRASHED"]


async def test_drained_body_starts_again_without_losing_an_attempt(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    await worker.settle(await worker.fetch_one(), handed_back=True)

    run = await worker.fetch_one()

    assert (number(run.id), run.attempt, run.lease) == (run_id, 1, 2)


async def test_single_attempt_that_was_drained_is_not_begun_again(world: World) -> None:
    worker = await world.register("work")
    begun, not_begun = [await world.trigger(maxAttempts=1) for _ in range(2)]
    first, second = await worker.fetch(2)

    await worker.settle(first, handed_back=True, begun=True)
    await worker.settle(second, handed_back=True, begun=False)

    assert await world.statuses([begun, not_begun]) == ["SYSTEM_FAILURE", "QUEUED"]
    error = (await world.run(begun)).error
    assert error is not None
    assert error.failure.name == "DRAIN_TIMEOUT"


async def test_run_that_is_handed_out_again_and_again_for_nothing_is_given_up(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    count = 0
    while runs_ := await worker.fetch():
        count += 1
        await worker.settle(runs_[0], handed_back=True, begun=False)

    assert count == 21
    assert await world.status(run_id) == "SYSTEM_FAILURE"


async def test_run_over_its_time_is_never_tried_again(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger(maxDuration=5)

    await worker.settle(await worker.fetch_one(), timed_out=True)

    assert await world.status(run_id) == "TIMED_OUT"


async def test_worker_that_does_not_stop_a_run_in_time_loses_it(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger(maxDuration=10)
    run = await worker.fetch_one()
    for _ in range(2):
        await world.let_pass(15 * SECOND)
        await worker.hold(run)
        assert await world.status(run_id) == "EXECUTING"

    await world.let_pass(SECOND)

    assert await world.status(run_id) == "TIMED_OUT"
    assert (await world.run(run_id)).usage_ms == 31 * SECOND


async def test_time_of_earlier_attempts_counts(world: World) -> None:
    worker = await world.register("work")
    await world.trigger(maxDuration=10)
    run = await worker.fetch_one()
    await worker.settle(run, failed=Failure("E", "m"), retry_in_ms=0, used_ms=4_000)

    assert (await worker.fetch_one()).used_ms == 4_000
