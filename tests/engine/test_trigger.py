"""Triggering: states at birth, delays, ttl, priorities, idempotency keys, debounce, repeated requests."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from hairtrigger.engine import runs
from hairtrigger.engine.trigger import Item
from hairtrigger.errors import BadRequest, HairtriggerError, TooLarge, Unprocessable
from hairtrigger.wire import ids
from tests.clock import HOUR, MINUTE, SECOND
from tests.engine.driving import Outcome, World, manifest, options


async def test_run_is_handed_out_in_the_tick_that_made_it(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger(payload={"n": 1}, tags=["a"], concurrencyKey=7)

    run = await worker.fetch_one()

    assert run.id == ids.public("run", run_id)
    assert run.payload == ("application/json", '{"n":1}')
    assert (run.attempt, run.lease, run.tags, run.concurrency_key) == (1, 1, ["a"], "7")
    assert await world.status(run_id) == "EXECUTING"


async def test_run_without_a_payload_has_none(world: World) -> None:
    worker = await world.register("work")
    await world.trigger()

    assert (await worker.fetch_one()).payload is None


async def test_unknown_task_is_held_until_a_version_brings_it(world: World) -> None:
    first, second = await world.trigger("late"), await world.trigger("late")
    assert await world.statuses([first, second]) == ["PENDING_VERSION"] * 2

    worker = await world.register("late")

    assert await world.statuses([first, second]) == ["QUEUED"] * 2
    assert [run.id for run in await worker.fetch()] == [
        ids.public("run", n) for n in (first, second)
    ]


async def test_undeclared_queue_holds_a_run_until_a_version_declares_it(world: World) -> None:
    await world.register("work")
    run_id = await world.trigger(queue={"name": "special"})
    assert await world.status(run_id) == "PENDING_VERSION"

    worker = await world.register("work", manifest("other", queue="special", limit=1))

    assert (await worker.fetch_one()).queue == "special"


async def test_queue_name_is_cleaned_alike_when_declared_and_when_asked_for(world: World) -> None:
    worker = await world.register(manifest("work", queue="my queue"))

    await world.trigger()
    await world.trigger(queue={"name": "my queue"})

    assert [run.queue for run in await worker.fetch()] == ["myqueue", "myqueue"]


async def test_own_queue_of_a_task_with_an_unusual_id_can_be_named(world: World) -> None:
    worker = await world.register("my.task")

    await world.trigger("my.task", queue={"name": "task/my.task"})

    assert len(await worker.fetch()) == 1


async def test_delayed_run_is_ready_when_its_time_has_come_and_not_before(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger(delay="30s")

    await world.let_pass(30 * SECOND - 1)
    assert await world.status(run_id) == "DELAYED"
    assert await worker.fetch() == []
    await world.let_pass(1)

    assert await world.status(run_id) == "QUEUED"
    assert len(await worker.fetch()) == 1


async def test_delay_in_the_past_is_none(world: World) -> None:
    await world.register("work")

    run_id = await world.trigger(delay="2020-01-01T00:00:00Z")

    assert await world.status(run_id) == "QUEUED"


@pytest.mark.parametrize("delay", ["soon", "9999-12-31T23:59:59-12:00", "2026-13-01", "1h-", ""])
async def test_unreadable_delay_is_refused(world: World, delay: str) -> None:
    with pytest.raises(Unprocessable):
        await world.trigger(delay=delay)


async def test_delayed_run_of_an_unknown_task_is_held_when_due_and_runs_with_its_ttl(
    world: World,
) -> None:
    other = await world.register("other")
    run_id = await world.trigger("late", delay="10s", ttl="1h")
    await world.let_pass(10 * SECOND)
    assert await other.fetch() == []
    held = await world.run(run_id)
    assert (held.status, held.fence, held.started_at, held.version) == (
        "PENDING_VERSION",
        0,
        None,
        None,
    )
    assert held.expires_at == world.clock.now + HOUR

    worker = await world.register("other", "late")

    assert (await worker.fetch_one()).attempt == 1


async def test_ttl_counts_from_the_end_of_the_delay(world: World) -> None:
    await world.register("work")
    run_id = await world.trigger(delay="1m", ttl="30s")

    await world.let_pass(MINUTE)
    await world.let_pass(30 * SECOND - 1)
    assert await world.status(run_id) == "QUEUED"
    await world.let_pass(1)

    run = await world.run(run_id)
    assert (run.status, run.attempt, run.started_at) == ("EXPIRED", 0, None)
    assert run.error is not None


async def test_expired_run_is_never_handed_out_though_nobody_swept(world: World) -> None:
    worker = await world.register("work")
    await world.trigger(ttl=5)

    world.clock.move(5 * SECOND)

    assert await worker.fetch() == []


async def test_held_run_expires_too(world: World) -> None:
    run_id = await world.trigger("nowhere", ttl="5s")

    await world.let_pass(5 * SECOND)

    assert await world.status(run_id) == "EXPIRED"


async def test_ttl_ends_with_the_first_hand_out(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger(ttl="5s")
    run = await worker.fetch_one()

    await world.let_pass(6 * SECOND)
    await worker.settle(run, handed_back=True, begun=False)
    await world.let_pass(6 * SECOND)

    assert await world.status(run_id) == "QUEUED"


async def test_development_runs_expire_after_ten_minutes_unless_they_say_otherwise(
    world: World,
) -> None:
    dev = world.beside("dev")
    await dev.register("work")
    usual, never = await dev.trigger(), await dev.trigger(ttl=0)

    await dev.let_pass(10 * MINUTE)

    assert await dev.statuses([usual, never]) == ["EXPIRED", "QUEUED"]
    assert await world.status(await world.trigger()) == "PENDING_VERSION"


async def test_priority_orders_as_if_triggered_that_much_earlier(world: World) -> None:
    worker = await world.register("work")
    names = {}
    for name, priority in (("usual", 0), ("late", -5), ("early", 10)):
        names[await world.trigger(priority=priority)] = name
        world.clock.move(SECOND)
    names[await world.trigger(priority=2.5)] = "middle"

    order = [names[ids.parse("run", run.id) or 0] for run in await worker.fetch()]

    assert order == ["early", "usual", "middle", "late"]


async def test_priority_outlives_a_reschedule_and_a_debounce(world: World) -> None:
    await world.register("work")
    moved = await world.trigger(delay="10s", priority=100)
    debounced = await world.trigger(priority=100, debounce={"key": "k", "delay": "10s"})

    await runs.reschedule(world.store, world.env, moved, "20s")
    await world.trigger(debounce={"key": "k", "delay": "20s"})

    for run_id in (moved, debounced):
        assert (await world.run(run_id)).order_at == world.clock.now + 20 * SECOND - 100 * SECOND


async def test_bad_item_fails_alone(world: World) -> None:
    items = [
        Item("work"),
        Item("work", options=options(tags=["t"] * 1 + ["x" * 129])),
        Item("work"),
    ]

    good, bad, also_good = await world.trigger_all(items)

    assert isinstance(bad, BadRequest)
    assert isinstance(good, Outcome)
    assert isinstance(also_good, Outcome)
    assert world.rows("select count(*) from runs") == [(2,)]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"tags": [str(n) for n in range(11)]}, 422), ({"lockToVersion": "20200101.1"}, 422),
        ({"parentRunId": "run_" + "0" * 24}, 422), ({"parentRunId": "nonsense"}, 404),
        ({"maxAttempts": 0}, 400), ({"priority": 1e300}, 400), ({"ttl": -1}, 400), ({"ttl": "1x"}, 422),
        ({"idempotencyKey": ""}, 400), ({"idempotencyKey": "k", "idempotencyKeyTTL": "1h30m"}, 422),
        ({"queue": {"name": "!!"}}, 400), ({"concurrencyKey": ""}, 400), ({"payloadType": "x/y"}, 400),
        ({"metadata": [1]}, 400), ({"metadata": {"a": "x" * 262_145}}, 413), ({"maxDuration": -1}, 400),
    ],
)  # fmt: skip
async def test_impossible_option_is_refused_and_nothing_is_stored(
    world: World, given: dict[str, Any], status: int
) -> None:
    with pytest.raises(HairtriggerError) as refused:
        await world.trigger(**given)

    assert refused.value.status == status
    assert world.rows("select count(*) from runs") == [(0,)]


async def test_metadata_that_is_not_text_is_refused(world: World) -> None:
    for raw in (b'"\\ud800"', b'{"a": "\xff"}', b'"{"', b"1"):
        given = options()
        given.metadata = Raw(raw)

        (refused,) = await world.trigger_all([Item("work", options=given)])

        assert isinstance(refused, BadRequest), raw


async def test_payload_over_three_megabytes_is_refused(world: World) -> None:
    raw = msgspec.json.encode("é" * 1_600_000)

    (refused,) = await world.trigger_all([Item("work", Raw(raw))])

    assert isinstance(refused, TooLarge)


async def test_child_knows_its_root_and_depth(world: World) -> None:
    worker = await world.register("work")
    root = await world.trigger()
    await worker.fetch()
    child = await world.trigger(parentRunId=ids.public("run", root))
    grandchild = await world.trigger(parentRunId=ids.public("run", child))

    run = await world.run(grandchild)

    assert (run.parent, run.root, run.depth) == (child, root, 2)
    assert (await world.run(child)).root == root
    above, parent, children = await runs.relations(world.store, world.env, await world.run(child))
    assert above is not None
    assert parent is not None
    assert (above.id, parent.id, [one.id for one in children]) == (root, root, [grandchild])


async def test_parent_of_another_environment_is_refused(world: World) -> None:
    foreign = await world.beside("dev").trigger()

    with pytest.raises(Unprocessable):
        await world.trigger(parentRunId=ids.public("run", foreign))


async def test_runs_nest_a_hundred_levels_and_no_deeper(world: World) -> None:
    run_id = await world.trigger()
    for _ in range(100):
        run_id = await world.trigger(parentRunId=ids.public("run", run_id))

    with pytest.raises(Unprocessable):
        await world.trigger(parentRunId=ids.public("run", run_id))


async def test_creation_time_is_that_of_the_id(world: World) -> None:
    run_ids = [await world.trigger() for _ in range(3)]

    for run_id in run_ids:
        assert (await world.run(run_id)).created_at == ids.created_at(run_id)
