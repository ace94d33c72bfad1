"""Worker sessions: registering, holding, lost answers, silence, leaving."""

import asyncio
from functools import partial

import pytest

from hairtrigger.engine import sessions, upkeep
from hairtrigger.errors import (
    BadRequest,
    Forbidden,
    InvalidCron,
    InvalidTimezone,
    UnknownWorker,
    Unprocessable,
)
from hairtrigger.store import sessions as stored
from hairtrigger.store import watch
from hairtrigger.wire.worker import Hold, Register
from tests.clock import HOUR, MINUTE, SECOND
from tests.engine.driving import LEASE_MS, World, exact, manifest, number


@pytest.mark.acceptance("S101")
async def test_same_code_is_the_same_version_from_any_number_of_processes(world: World) -> None:
    workers = await asyncio.gather(
        *(world.register("a", manifest("b", limit=1)) for _ in range(10))
    )

    assert {worker.registered.version for worker in workers} == {"20260302.1"}
    assert len({worker.id for worker in workers}) == 10
    assert world.rows("select count(*) from queues") == [(2,)]


@pytest.mark.acceptance("S100")
async def test_changes_against_the_version_before_are_told(world: World) -> None:
    first = await world.register("a", "b")

    second = await world.register("b", manifest("a", limit=2), "c")
    third = await world.register("c")

    assert first.registered.changes == {"added": ["a", "b"], "changed": [], "removed": []}
    assert second.registered.changes == {"added": ["c"], "changed": ["a"], "removed": []}
    assert third.registered.changes == {"added": [], "changed": [], "removed": ["a", "b"]}
    assert [w.registered.version for w in (first, second, third)] == [
        "20260302.1", "20260302.2", "20260302.3",
    ]  # fmt: skip


async def test_content_hash_makes_a_version_though_the_tasks_are_alike(world: World) -> None:
    first = await world.register("a", content_hash="1")
    second = await world.register("a", content_hash="2")
    again = await world.register("a", content_hash="1")

    assert first.registered.version == again.registered.version != second.registered.version


@pytest.mark.acceptance("S98")
async def test_version_numbers_and_tasks_belong_to_their_environment(world: World) -> None:
    await world.register("a")
    dev = await world.beside("dev").register("b")

    assert (dev.registered.version, dev.registered.environment) == ("20260302.1", "dev")
    assert await world.status(await world.trigger("b")) == "PENDING_VERSION"


@pytest.mark.parametrize(
    ("given", "error"),
    [({"protocol": [2]}, Unprocessable), ({"project": "proj_other"}, Forbidden), ({"slots": 0}, BadRequest),
     ({"slots": 10_001}, BadRequest)],
)  # fmt: skip
async def test_worker_that_does_not_fit_is_refused(
    world: World, given: dict[str, object], error: type[Exception]
) -> None:
    usual: dict[str, object] = {
        "name": "w",
        "version": "",
        "tasks": [],
        "slots": 1,
        "protocol": [1],
    }
    body = Register(**{**usual, **given})  # type: ignore[arg-type]  # of the right types by their names

    with pytest.raises(error):
        await sessions.register(
            world.store, world.known, world.env, body, lease_ms=LEASE_MS, hold_ms=1
        )


async def test_registration_that_is_refused_changes_nothing(world: World) -> None:
    dead = await world.register("work")
    run_id = await world.trigger()
    await dead.fetch_one()
    bad = [
        (manifest("x", cron="61 * * * *"), InvalidCron),
        (manifest("x", cron="* * * * *", timezone="Mars/Olympus"), InvalidTimezone),
        (manifest("x", queue="!!!"), BadRequest),
    ]

    for task, error in bad:
        with pytest.raises(error):
            await world.register(task, "fresh", replaces=[dead.id])

    assert await world.status(run_id) == "EXECUTING"
    assert await world.status(await world.trigger("fresh")) == "PENDING_VERSION"
    assert world.rows("select count(*) from versions") == [(1,)]
    assert (await dead.hold()).lost == []


async def test_hold_renews_the_lease(world: World) -> None:
    worker = await world.register(manifest("work", retry=exact(max_attempts=1)))
    run_id = await world.trigger()
    run = await worker.fetch_one()

    for _ in range(6):
        await world.let_pass(LEASE_MS - 1)
        assert await worker.hold(run) == await worker.hold(run)

    assert await world.status(run_id) == "EXECUTING"


async def test_held_call_waits_and_is_answered_by_a_cancel(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    run = await worker.fetch_one()
    holding = asyncio.ensure_future(worker.hold(run, wait_s=30))
    await worker.fetch()

    await world.cancel(run_id)

    held = await asyncio.wait_for(holding, 5)
    assert [(notice.run, notice.cancel) for notice in held.notices] == [(run.id, True)]
    assert (await worker.hold(run, seen=1)).notices == []


async def test_hold_that_wakes_does_not_take_away_what_was_handed_out_meanwhile(
    world: World,
) -> None:
    worker = await world.register("work")
    first = await world.trigger()
    run = await worker.fetch_one()
    holding = asyncio.ensure_future(worker.hold(run, quiet=True, wait_s=30))
    await worker.fetch()
    # a hold that is written late takes what is of its own millisecond for missed
    world.clock.move(1)
    second = await world.trigger()
    later = await worker.fetch_one()
    world.clock.move(20 * SECOND)

    await world.cancel(first)
    await asyncio.wait_for(holding, 5)

    assert number(later.id) == second
    assert await worker.complete(later) == "ok"


async def test_run_handed_out_in_a_lost_answer_goes_back_at_once_when_it_is_missed(
    world: World,
) -> None:
    worker = await world.register(manifest("work", limit=1, retry=exact(max_attempts=1)))
    run_id = await world.trigger()
    lost = await worker.fetch_one()

    held = await worker.hold(quiet=True)

    assert held.lost == []
    again = await worker.fetch_one()
    assert (number(again.id), again.attempt, again.lease) == (run_id, 1, 2)
    assert await worker.complete(lost) == "lost"
    assert await worker.complete(again) == "ok"
    assert await upkeep.counter_drift(world.store) == []


@pytest.mark.parametrize("quiet", [True, False])
async def test_list_that_is_written_late_gives_back_nothing_that_was_handed_out_after_it(
    world: World, quiet: bool
) -> None:
    worker = await world.register("work")
    listed_at = world.clock.now
    world.clock.move(1)
    await world.trigger()
    run = await worker.fetch_one()
    world.clock.move(20 * SECOND)

    answered, returned = await world.store.change(
        partial(
            stored.renew, worker=worker.number, hold=Hold(worker.id, [], quiet),
            lease_ms=LEASE_MS, listed_at=listed_at,
        )
    )  # fmt: skip

    assert (answered.lost, returned) == ([], [])
    assert await worker.complete(run) == "ok"


async def test_run_may_still_be_on_its_way_while_the_worker_is_not_quiet(world: World) -> None:
    worker = await world.register("work")
    await world.trigger()
    run = await worker.fetch_one()

    world.clock.move(10 * SECOND)
    await worker.hold()
    assert await worker.hold(run) == await worker.hold(run)
    world.clock.move(1)
    await worker.hold()

    assert await worker.complete(run) == "lost"


async def test_cancelled_run_in_a_lost_answer_is_over(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    await worker.fetch_one()
    await world.cancel(run_id)
    waiting = world.store.watch.listen(watch.run(run_id))

    await worker.hold(quiet=True)

    assert (await world.run(run_id)).is_final
    assert await world.status(run_id) == "CANCELED"
    assert waiting.done()
    assert await worker.fetch() == []


async def test_hold_names_what_is_not_the_sessions_any_more(world: World) -> None:
    worker, other = await world.register("work"), await world.register("work")
    await world.trigger()
    await world.trigger()
    mine, theirs = await worker.fetch_one(), await other.fetch_one()

    held = await worker.hold(mine, theirs)

    assert held.lost == [theirs.id]


@pytest.mark.acceptance("S02", "S95")
async def test_silent_worker_loses_its_runs_when_its_lease_ends(world: World) -> None:
    silent = await world.register(manifest("work", limit=2, retry=exact(max_attempts=2)))
    run_id = await world.trigger()
    await silent.fetch_one()
    await world.let_pass(LEASE_MS)
    assert await world.status(run_id) == "EXECUTING"

    await world.let_pass(1)

    assert await world.status(run_id) == "QUEUED"
    with pytest.raises(UnknownWorker):
        await silent.hold()
    other = await world.register(manifest("work", limit=2, retry=exact(max_attempts=2)))
    run = await other.fetch_one()
    assert (run.attempt, run.lease) == (2, 2)
    await world.let_pass(LEASE_MS + 1)
    found = await world.run(run_id)
    assert (found.status, found.attempt) == ("SYSTEM_FAILURE", 2)
    assert await upkeep.counter_drift(world.store) == []


async def test_single_attempt_of_a_silent_worker_is_not_begun_again(world: World) -> None:
    silent = await world.register("work")
    run_id = await world.trigger(maxAttempts=1)
    await silent.fetch_one()

    await world.let_pass(LEASE_MS + 1)

    assert await world.status(run_id) == "SYSTEM_FAILURE"


async def test_cancelled_run_of_a_silent_worker_is_over(world: World) -> None:
    silent = await world.register("work")
    run_id = await world.trigger()
    await silent.fetch_one()
    await world.cancel(run_id)

    await world.let_pass(LEASE_MS + 1)

    assert (await world.run(run_id)).is_final
    assert await world.status(run_id) == "CANCELED"


async def test_session_that_leaves_hands_back_what_it_did_not_begin(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    await world.trigger()
    await worker.fetch_one()

    await worker.leave()

    other = await world.register(manifest("work", limit=1))
    assert (await other.fetch_one()).attempt == 1
    with pytest.raises(UnknownWorker):
        await worker.fetch()


async def test_replaced_sessions_are_lost_at_once(world: World) -> None:
    dead = await world.register("work")
    run_id = await world.trigger()
    await dead.fetch_one()

    alive = await world.register("work", replaces=[dead.id, "nonsense"])

    run = await alive.fetch_one()
    assert (number(run.id), run.attempt) == (run_id, 2)
    with pytest.raises(UnknownWorker):
        await dead.fetch()


async def test_session_of_another_environment_can_be_neither_replaced_nor_taken_over(
    world: World,
) -> None:
    theirs = await world.register("work")
    run_id = await world.trigger()
    await theirs.fetch_one()
    dev = world.beside("dev")

    await dev.register("work", replaces=[theirs.id])
    with pytest.raises(UnknownWorker):
        await dev.register("evil", worker=theirs.id)

    assert await world.status(run_id) == "EXECUTING"
    assert (await theirs.hold()).lost == []


async def test_session_goes_on_after_the_server_forgot_it(world: World) -> None:
    worker = await world.register("work", content_hash="1")
    newer = await world.register("work", content_hash="2")
    run_id = await world.trigger()
    await world.let_pass(LEASE_MS + 1)

    back = await world.register("work", content_hash="1", worker=worker.id)

    assert back.id == worker.id
    assert await back.fetch() == []
    again = await world.register("work", content_hash="2", worker=newer.id)
    assert number((await again.fetch_one()).id) == run_id


async def test_reloaded_session_keeps_what_it_runs_and_makes_its_code_current(world: World) -> None:
    worker = await world.register("work", content_hash="1")
    await world.trigger()
    running = await worker.fetch_one()

    reloaded = await world.register("work", "fresh", content_hash="2", worker=worker.id)

    await world.trigger("fresh")
    run = await reloaded.fetch_one()
    assert (run.task, run.version) == ("fresh", reloaded.registered.version)
    assert await reloaded.complete(running) == "ok"


async def test_old_code_can_become_current_again(world: World) -> None:
    first = await world.register("work", content_hash="1")
    await world.register("work", "gone", content_hash="2")

    back = await world.register("work", content_hash="1")

    assert back.registered.version == first.registered.version
    assert back.registered.changes["removed"] == ["gone"]
    await world.trigger()
    assert len(await back.fetch()) == 1


async def test_restart_gives_every_session_a_full_lease(world: World) -> None:
    worker = await world.register("work")
    await world.trigger(maxAttempts=1)
    run = await worker.fetch_one()
    world.clock.move(HOUR)

    await upkeep.give_full_leases(world.store, lease_ms=LEASE_MS)
    await world.let_pass(LEASE_MS - 1)

    assert await worker.complete(run) == "ok"


async def test_jump_of_the_clock_takes_no_run_from_its_worker(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger(maxAttempts=1)
    await worker.fetch_one()
    clock = upkeep.Clock(world.store)

    for jump in (2 * HOUR, -2 * HOUR):
        world.clock.move(jump)
        await upkeep.rescue_lost(world.store, clock, lease_ms=LEASE_MS)
        await upkeep.rescue_lost(world.store, clock, lease_ms=LEASE_MS)

    assert await world.status(run_id) == "EXECUTING"


async def test_hundreds_of_silent_workers_are_swept(world: World) -> None:
    for _ in range(130):
        await world.register("work")

    await world.let_pass(LEASE_MS + 1)
    await world.look()

    assert world.rows("select count(*) from workers") == [(0,)]


async def test_hold_of_an_unknown_session_is_refused(world: World) -> None:
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with pytest.raises(UnknownWorker):
        await sessions.hold(
            world.store, world.known, world.env, Hold("worker_" + "0" * 24, []), lease_ms=LEASE_MS,
            wait_s=0, stop=stop,
        )  # fmt: skip


async def test_retry_in_the_back_off_survives_the_end_of_its_worker(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=5 * MINUTE)

    await world.let_pass(LEASE_MS + 1)
    other = await world.register("work")
    await world.let_pass(5 * MINUTE)
    other = await world.register("work", worker=other.id)

    run = await other.fetch_one()
    assert (number(run.id), run.attempt) == (run_id, 2)
