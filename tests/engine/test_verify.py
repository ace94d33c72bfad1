"""Verify: a history in order is found in order, and each thing that can be wrong by its own check."""

from typing import Any

import pytest

from hairtrigger.engine import upkeep, verify
from hairtrigger.engine.verify import Finding
from hairtrigger.errors import Unavailable
from hairtrigger.rules.verify import CHECKS
from hairtrigger.store.database import Database
from hairtrigger.store.postgres import Postgres
from hairtrigger.store.postgres_reader import PostgresReader
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import one
from hairtrigger.wire import ids
from hairtrigger.wire.rates import Rate
from hairtrigger.wire.worker import QueueManifest
from tests.clock import DAY, HOUR, MINUTE, SECOND
from tests.engine import histories
from tests.engine.driving import Worker, World, manifest
from tests.engine.test_queues import with_queue

# What is planted, by statements with the numbers of histories.small, and which check must say what of whom.
PLANTED: list[tuple[str, str, str, list[str]]] = [
    ("places", "delayed", "lost", ["delete from live where run_id = {delayed}"]),
    ("places", "done", "unfinished and COMPLETED at once", [
        ("insert into live (run_id, env, lane, state, tracked, order_at) select id, env, -queue, 1, 0, 1 "
         "from runs where id = {done}")]),
    ("results", "canceled", "never handed out", [
        "update results set status = 1 where run_id = {canceled}"]),
    ("results", "done", "without a report", ["update results set flags = 0 where run_id = {done}"]),
    ("results", "done", "expired after", ["update results set status = 5 where run_id = {done}"]),
    ("results", "done", "does not exist", ["update results set status = 9 where run_id = {done}"]),
    ("hand-outs", "retried", "hand-out 1 ended twice: failed, then COMPLETED", [
        "update results set fence = 1 where run_id = {retried}"]),
    ("hand-outs", "done", "hand-out 1 ended twice: lost, then COMPLETED", [
        ("insert into attempts (run_id, attempt, fence, started_at, ended_at, reason) "
         "select run_id, 1, 1, started_at, finished_at, 'lost' from results where run_id = {done}")]),
    ("hand-outs", "retried", "hand-out 1 is missing before hand-out 2", [
        "delete from attempts where run_id = {retried}"]),
    ("hand-outs", "retried", "2 times by its own count, 1 are recorded", [
        "update results set claimed_at = null, attempt = 1 where run_id = {retried}"]),
    ("attempts", "retried", "hand-out 2 is attempt 3, due was 2", [
        "update results set attempt = 3 where run_id = {retried}"]),
    ("attempts", "retried", "hand-out 2 is attempt 2, due was 1", [
        "update attempts set reason = 'handed back' where run_id = {retried}"]),
    ("attempts", "delayed", "stands at attempt 2, due is 1", [
        "update live set attempt = 2 where run_id = {delayed}"]),
    ("attempts", "retried", "began attempt 2 of at most 1", [
        "update runs set max_attempts = 1 where id = {retried}"]),
    ("overlaps", "retried", "hand-out 2 began 1 ms before", [
        ("update results set claimed_at = (select ended_at - 1 from attempts where run_id = {retried}) "
         "where run_id = {retried}")]),
    ("overlaps", "retried", "did not start with its first", [
        "update results set started_at = started_at + 1 where run_id = {retried}"]),
    ("limits", "running", "2 of queue narrow went on already; the limit is 2", [
        # two that are over are made to have gone on until now
        ("update runs set queue = (select queue from runs where id = {running}) "
         "where id in ({child}, {retried})"),
        ("update results set finished_at = (select claimed_at from live where run_id = {running}) + 1 "
         "where run_id in ({child}, {retried})")]),
    ("counters", "narrow", "counts 2 running, its rows are 1", [
        "update lanes set running = running + 1"]),
    ("counters", "narrow", "counts 0 queued, its rows are 1", [
        "update lanes set queued = 0"]),
    ("counters", "narrow", "counts 7 running over all keys, its rows are 1", [
        "update queues set total_limit = 9 where name = 'narrow'",
        "insert into slots (owner, running) select id, 7 from queues where name = 'narrow'"]),
    ("usage", "2026-03-02", "counts 77 runs, there are", [
        "update usage set runs = 77"]),
    ("lanes", "ready", "by no lane, although", [
        ("update live set tracked = 0, lane = -(select queue from runs where id = {ready}) "
         "where run_id = {ready}")]),
    ("lanes", "delayed", "the lane of another queue", [
        "update live set lane = lane - 1 where run_id = {delayed}"]),
    ("lanes", "ready", "a lane that is not there", ["update live set lane = 999 where run_id = {ready}"]),
    ("holders", "running", "running without a session", [
        "update live set worker = null where run_id = {running}"]),
    ("holders", "running", "a session that is not there", ["delete from workers where id = {worker}"]),
    ("holders", "ready", "not running, but held", [
        "update live set worker = {worker} where run_id = {ready}"]),
    ("batches", "batch", "counts 2 unfinished runs, there are 0", [
        "update batches set open = 2 where id = {batch}"]),
    ("batches", "batch", "says it has 3 items, there are 2", [
        "update batches set made = 3 where id = {batch}"]),
    ("batches", "batch", "not sealed with 2 of 2", ["update batches set sealed = 0 where id = {batch}"]),
    ("batches", "item", "which does not list it", [
        "delete from batch_items where run_id = {item}"]),
    ("batches", "batch", "has 1 items beyond its count", [
        "update batch_items set ix = 5 where batch = {batch} and ix = 1"]),
    ("batches", "batch", "with a run that does not exist", [
        "update batch_items set run_id = {done} + 1 where batch = {batch} and ix = 1"]),
    ("waits", "ready", "waits for 1, of which 0 are open", [
        "update live set waits = 1 where run_id = {ready}"]),
    ("waits", "ready", "is in state 3 and waits for 0", [
        "update live set state = 3 where run_id = {ready}"]),
    ("keys", "failed", "has released, but is still named by, the key 'freed'", [
        ("insert into idempotency (env, task, key, run_id, expires_at) "
         "select env, task, 'freed', id, created_at + 999999999 from runs where id = {failed}")]),
    ("keys", "delayed", "was not triggered with the key 'held'", [
        "update idempotency set run_id = {delayed} where key = 'held'"]),
    ("keys", "tick", "not of the schedule", [
        "update idempotency set key = 'schedule:7@1' where run_id = {tick}"]),
    ("ticks", "second_tick", "is the second run of", [
        "update runs set payload = (select payload from runs where id = {tick}) where id = {second_tick}"]),
    ("ticks", "tick", "before its time", ["update runs set created_at = 0 where id = {tick}"]),
    ("environments", "done", "its result is of another environment", [
        "update results set env = {other_env} where run_id = {done}"]),
    ("environments", "delayed", "its unfinished row is of another environment", [
        "update live set env = {other_env} where run_id = {delayed}"]),
    ("environments", "done", "its task is not there", ["update runs set task = 99 where id = {done}"]),
    ("environments", "item", "its batch is of another environment", [
        "update batches set env = {other_env} where id = {batch}"]),
    ("relatives", "child", "does not exist", [
        "update runs set parent = {child} + 7, root = {child} + 7 where id = {child}"]),
    ("relatives", "child", "has another root than its parent", [
        "update runs set root = {done} where id = {child}"]),
    ("relatives", "child", "is 5 deep, its parent 0", ["update runs set depth = 5 where id = {child}"]),
    ("tags", "retried", "which it does not have", [
        "insert into run_tags (env, tag, run_id) values ({env}, 'blue', {retried})"]),
    ("tags", "nobody", "but does not exist", [
        "insert into run_tags (env, tag, run_id) values ({env}, 'red', {nobody})"]),
    ("strays", "nobody", "has a row in results", [
        ("insert into results (run_id, env, status, attempt, fence, finished_at, claimed_at) "
         "values ({nobody}, {env}, 2, 0, 0, 1, null)")]),
    ("strays", "nobody", "has a row in live", [
        ("insert into live (run_id, env, lane, state, tracked, order_at) "
         "values ({nobody}, {env}, -1, 1, 0, 1)")]),
    ("due", "delayed", "its time was over 1h2m1s ago", [
        "update live set at = at - 10800000 where run_id = {delayed}"]),
]  # fmt: skip


async def found(world: World, **given: Any) -> dict[str, Finding]:
    """What verify finds, by check."""
    findings = await verify.verify_history(world.store.database, **given)
    return {finding.check.name: finding for finding in findings}


def wrong(findings: dict[str, Finding]) -> dict[str, list[str]]:
    """The checks that do not hold, with what they say."""
    return {
        name: [f"{one.subject} {one.text}" for one in finding.shown]
        for name, finding in findings.items()
        if not finding.holds
    }


async def test_history_in_order_is_found_in_order_and_every_check_saw_something(
    world: World,
) -> None:
    await histories.small(world)

    findings = await found(world)

    assert wrong(findings) == {}
    assert list(findings) == [check.name for check in CHECKS]
    assert [name for name, finding in findings.items() if not finding.rows] == []


@pytest.mark.parametrize("seed", range(8))
async def test_random_history_is_found_in_order(world: World, seed: int) -> None:
    await histories.Life(world, seed).live(150)
    world.clock.move(SECOND)

    findings = await found(world)

    assert wrong(findings) == {}
    assert findings["hand-outs"].rows > 40
    assert findings["limits"].rows > 10


@pytest.mark.parametrize(
    ("check", "subject", "said", "statements"), PLANTED, ids=lambda value: str(value)[:40]
)
async def test_planted_violation_is_found_by_its_check_and_named(
    world: World, check: str, subject: str, said: str, statements: list[str]
) -> None:
    numbers = await histories.small(world)
    numbers["nobody"] = max(numbers.values()) + 12_345

    for statement in statements:
        await world.write(statement.format(**numbers))
    findings = await found(world)

    prefix = {"batch": "batch"}.get(subject, "run")
    name = ids.public(prefix, numbers[subject]) if subject in numbers else subject
    told = wrong(findings)[check]
    assert any(line.startswith(name) and said in line for line in told), told


def test_every_check_has_a_violation_that_is_planted() -> None:
    assert {check.name for check in CHECKS} == {check for check, *_ in PLANTED}


async def running(world: World, worker: Worker, n: int) -> list[Any]:
    for _ in range(n):
        await world.trigger("narrow")
    return await worker.fetch()


async def test_limit_that_was_lowered_drains_and_does_not_accuse_what_ran_before(
    world: World,
) -> None:
    worker = await world.register(manifest("narrow", queue="narrow", limit=3))
    runs = await running(world, worker, 3)
    world.clock.move(SECOND)

    await world.register(manifest("narrow", queue="narrow", limit=1))
    world.clock.move(SECOND)

    findings = await found(world)
    assert len(runs) == findings["limits"].rows == 3
    assert wrong(findings) == {}


async def test_limit_over_all_keys_and_that_of_the_environment_are_swept_too(world: World) -> None:
    worker = await world.register(manifest("narrow", queue="narrow"))
    world.clock.move(SECOND)
    await running(world, worker, 3)
    world.clock.move(SECOND)

    await world.write("update queues set total_limit = 2 where name = 'narrow'")
    await world.write(f"update envs set lim = 1, burst = 200 where id = {world.env.id}")

    told = wrong(await found(world))["limits"]
    assert sum("of queue narrow" in line and "the limit is 1" in line for line in told) == 2
    assert sum("of environment prod" in line and "the limit is 2" in line for line in told) == 1


async def test_rate_is_kept_and_who_began_too_fast_for_it_is_named(world: World) -> None:
    paced = QueueManifest("narrow", rate=Rate(2, MINUTE))
    worker = await world.register(with_queue(manifest("narrow"), paced))
    world.clock.move(SECOND)
    started = len(await running(world, worker, 5))
    for _ in range(3):
        world.clock.move(30 * SECOND)
        started += len(await worker.fetch())

    findings = await found(world)
    assert started == findings["limits"].rows == 5
    assert wrong(findings) == {}

    await world.write("update queues set rate_limit = 1 where name = 'narrow'")

    told = wrong(await found(world))["limits"]
    assert len(told) == 3
    assert all("queue narrow had started as many as it may; the rate is 1/m" in one for one in told)


async def test_walk_in_many_chunks_finds_what_one_finds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await histories.Life(world, 99).live(120)
    await world.write("update lanes set running = running + 1")
    whole = await found(world)

    monkeypatch.setattr(verify, "CHUNK", 7)
    counts: list[int] = []
    pieces = await found(world, on_runs=counts.append)

    assert max(counts) == 7
    assert sum(counts) == pieces["places"].rows
    assert {name: one.rows for name, one in pieces.items()} == {
        name: one.rows for name, one in whole.items()
    }
    assert wrong(pieces) == wrong(whole)


async def test_limit_that_is_broken_across_chunks_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await world.register(manifest("narrow", queue="narrow", limit=2))
    first = (await running(world, worker, 1))[0]
    for _ in range(30):
        world.clock.move(SECOND)
        await worker.complete((await running(world, worker, 1))[0])
    last = (await running(world, worker, 1))[0]
    world.clock.move(HOUR)
    await world.write("update queues set lim = 1")
    monkeypatch.setattr(verify, "CHUNK", 5)

    told = wrong(await found(world))["limits"]

    assert len(told) == 20  # shown, of the 31 that began beside the first
    assert (await found(world))["limits"].found == 31
    assert not any(line.startswith(first.id) for line in told)
    assert last.id not in told


def reader(world: World) -> Database:
    """The world's database as somebody beside its server opens it."""
    database = world.store.database
    if isinstance(database, SQLite):
        return SQLite(database.path, world.clock, read_only=True)
    assert isinstance(database, Postgres)
    return PostgresReader(database.url, world.clock)


async def test_reader_beside_the_server_finds_the_same_and_can_write_nothing(world: World) -> None:
    await histories.Life(world, 5).live(60)
    await world.write("update lanes set running = running + 1")
    mine = await found(world)

    other = reader(world)
    await other.open()
    try:
        theirs = await verify.verify_history(other)
        with pytest.raises(Unavailable):
            await other.read(one("set_counters", 1, 0, 0, 0))
    finally:
        await other.close()

    assert {finding.check.name: finding for finding in theirs} == mine
    assert "counters" in wrong(mine)


async def test_since_leaves_out_what_is_older(world: World) -> None:
    await world.register("work")
    old = await world.trigger()
    world.clock.move(DAY)
    await world.trigger()
    await world.write(f"delete from live where run_id = {old}")

    assert (await found(world, since_ms=HOUR))["places"].rows == 1
    assert wrong(await found(world, since_ms=HOUR)) == {}
    assert list(wrong(await found(world, since_ms=2 * DAY))) == ["places"]


async def test_parent_that_retention_may_have_forgotten_is_not_missed(world: World) -> None:
    worker = await world.register("work")
    await world.trigger()
    parent = await worker.fetch_one()
    await worker.complete(parent)
    world.clock.move(20 * DAY)
    await world.trigger(parentRunId=parent.id)
    await upkeep.prune(world.store, retention_ms=DAY)

    assert world.rows("select count(*) from runs") == [(1,)]
    assert wrong(await found(world, retention_ms=DAY)) == {}
    assert list(wrong(await found(world, retention_ms=30 * DAY))) == ["usage", "relatives"]


async def test_results_of_before_the_claim_was_recorded_are_believed(world: World) -> None:
    await histories.small(world)

    await world.write("update results set claimed_at = -1")

    assert wrong(await found(world)) == {}


async def test_due_rows_are_nobodys_fault_while_no_session_lives(world: World) -> None:
    await world.register("work")
    await world.trigger(delay="1m")
    world.clock.move(HOUR)

    assert wrong(await found(world)) == {}


async def test_repaired_counters_equal_their_rows_and_are_told(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    numbers = await histories.small(world)
    await world.write("update lanes set running = 5, queued = 0, runs = 9")
    await world.write("update queues set total_limit = 9 where name = 'narrow'")

    assert await upkeep.repair_counters(world.store) == 2

    assert ("counters.repaired", {"count": 2}) in told
    assert wrong(await found(world)) == {}
    rows = world.rows("select running, queued, runs from lanes where runs > 0")
    assert rows == [(1, 1, 2)], numbers
    assert await upkeep.repair_counters(world.store) == 0


async def test_minute_of_a_walk_beside_a_busy_server_accuses_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs are finished and handed out between two chunks of one walk."""
    worker = await world.register(manifest("narrow", queue="narrow", limit=1))
    runs = await running(world, worker, 6)
    world.clock.move(MINUTE)
    monkeypatch.setattr(verify, "CHUNK", 1)
    walk = verify._Walk(world.store.database, world.clock.now, world.store.catalog, 0)
    await walk.limits()

    async for _ in walk.runs(-1):
        world.clock.move(SECOND)
        await worker.complete(runs[0])
        runs = await worker.fetch()

    assert walk.tally.findings["hand-outs"].rows >= 1
    assert [one.check.name for one in walk.tally.findings.values() if not one.holds] == []
