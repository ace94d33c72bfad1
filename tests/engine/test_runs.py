"""What is done to runs: cancel, replay, reschedule, tags, metadata."""

import asyncio
from typing import Any

import msgspec
import pytest

from hairtrigger.engine import runs, upkeep
from hairtrigger.errors import BadRequest, HairtriggerError, NotFound, TooLarge, Unprocessable
from hairtrigger.store.narrowing import Inside, Pattern, RunFilter
from hairtrigger.wire import ids
from hairtrigger.wire.options import ReplayBody
from tests.clock import HOUR, MINUTE, SECOND, Clock
from tests.engine.driving import World, manifest, number


async def replay(world: World, run_id: int, request_key: str | None = None, **given: Any) -> int:
    body = msgspec.json.decode(msgspec.json.encode(given), type=ReplayBody)
    outcome = await runs.replay(world.store, world.env, run_id, body, request_key=request_key)
    return outcome.id


async def change(world: World, run_id: int, *own: dict[str, Any], **others: Any) -> Any:
    text = await runs.change_metadata(world.store, world.env, run_id, {"own": list(own), **others})
    return msgspec.json.decode(text)


@pytest.mark.acceptance("S98")
async def test_run_of_another_environment_is_not_there(world: World) -> None:
    run_id, dev = await world.trigger(delay="1h"), world.beside("dev")

    for asked in (
        dev.run(run_id), dev.cancel(run_id), replay(dev, run_id), change(dev, run_id),
        runs.reschedule(dev.store, dev.env, run_id, "1m"), runs.add_tags(dev.store, dev.env, run_id, "t"),
        runs.events(dev.store, dev.env, run_id, after=0, limit=1),
        runs.failed_attempts(dev.store, dev.env, run_id),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await asked

    assert await world.status(run_id) == "DELAYED"


async def test_run_that_has_not_started_is_over_at_once_when_cancelled(world: World) -> None:
    worker = await world.register(manifest("work", limit=1), "free")
    made = [
        await world.trigger(), await world.trigger("free"), await world.trigger(delay="1m"),
        await world.trigger("nowhere"),
    ]  # fmt: skip

    for run_id in made:
        await world.cancel(run_id)

    for run_id in made:
        run = await world.run(run_id)
        assert (run.status, run.is_final, run.attempt) == ("CANCELED", True, 0)
    await world.let_pass(MINUTE - 1)
    worker = await world.register(manifest("work", limit=1), "free", "nowhere")
    assert await worker.fetch() == []
    assert await upkeep.counter_drift(world.store) == []


async def test_running_run_is_cancelled_at_once_and_over_when_its_code_is(world: World) -> None:
    worker = await world.register(manifest("work", limit=1))
    run_id = await world.trigger()
    await world.trigger()
    run = await worker.fetch_one()

    await world.cancel(run_id)

    assert await world.status(run_id) == "CANCELED"
    assert await worker.fetch() == []
    assert await worker.settle(run, cancelled=True) == "ok"
    found = await world.run(run_id)
    assert found.error is not None
    assert (found.status, found.error.failure.message) == ("CANCELED", "Canceled by user")
    assert len(await worker.fetch()) == 1


async def test_run_that_waits_for_its_retry_is_over_when_cancelled(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=SECOND)

    await world.cancel(run_id)
    await world.let_pass(SECOND)

    assert (await world.run(run_id)).attempt == 1
    assert await worker.fetch() == []


async def test_finished_run_stays_as_it_is_when_cancelled(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    await worker.complete(await worker.fetch_one())

    await world.cancel(run_id)

    assert await world.status(run_id) == "COMPLETED"


async def test_cancel_reaches_every_unfinished_descendant(world: World) -> None:
    worker = await world.register("work")
    root = await world.trigger()
    (root_run,) = await worker.fetch()
    child = await world.trigger(parentRunId=root_run.id)
    (child_run,) = await worker.fetch()
    running = await world.trigger(parentRunId=child_run.id)
    await worker.fetch()
    waiting = await world.trigger(parentRunId=ids.public("run", running))
    delayed = await world.trigger(parentRunId=child_run.id, delay="1h")
    await worker.complete(child_run)
    stranger = await world.trigger()

    await world.cancel(root)

    assert await world.statuses([root, running, waiting, delayed]) == ["CANCELED"] * 4
    assert await world.statuses([child, stranger]) == ["COMPLETED", "QUEUED"]
    with pytest.raises(Unprocessable):
        await world.trigger(parentRunId=root_run.id)
    with pytest.raises(Unprocessable):
        await world.trigger(parentRunId=ids.public("run", running))


async def test_cancelling_a_finished_run_leaves_its_children_alone(world: World) -> None:
    worker = await world.register("work")
    root = await world.trigger()
    (run,) = await worker.fetch()
    child = await world.trigger(parentRunId=run.id)
    await worker.complete(run)

    await world.cancel(root)

    assert await world.status(child) == "QUEUED"


async def test_cancel_and_completion_at_the_same_instant_agree_on_one_end(world: World) -> None:
    worker = await world.register(manifest("work", limit=3))
    for _ in range(20):
        run_id = await world.trigger()
        run = await worker.fetch_one()
        await asyncio.gather(world.cancel(run_id), worker.complete(run), world.cancel(run_id))
        ended = await world.run(run_id)
        assert ended.is_final
        await world.cancel(run_id)
        assert (await world.run(run_id)).status == ended.status
    assert await upkeep.counter_drift(world.store) == []


async def test_replay_takes_what_was_asked_for_and_none_of_the_rest(world: World) -> None:
    worker = await world.register(manifest("my.task", limit=5))
    run_id = await world.trigger(
        "my.task", {"n": 1}, tags=["a"], concurrencyKey="k", test=True, metadata={"m": 1}, machine="micro",
        idempotencyKey="key", maxAttempts=9, maxDuration=100, priority=5, ttl="1h",
    )  # fmt: skip
    await change(world, run_id, {"type": "set", "key": "later", "value": 1})
    await runs.add_tags(world.store, world.env, run_id, "b")
    await worker.fetch()

    again = await world.run(await replay(world, run_id))

    assert again.id != run_id
    assert (again.task, again.payload, again.tags) == (
        "my.task",
        ("application/json", '{"n":1}'),
        ["a", "b"],
    )
    assert (again.queue, again.concurrency_key, again.status) == ("task/my.task", "k", "QUEUED")
    assert (again.options.test, again.options.machine, again.metadata) == (True, "micro", '{"m":1}')
    assert (again.options.replay_of, again.options.idempotency_key) == (run_id, None)
    assert (again.max_attempts, again.max_duration_ms, again.options.priority_ms, again.ttl_ms) == (
        3, None, 0, None,
    )  # fmt: skip


async def test_replay_can_say_otherwise(world: World) -> None:
    await world.register("work", manifest("other", queue="q"))
    run_id = await world.trigger(payload=1, tags=["a"], metadata={"m": 1}, concurrencyKey="k")

    again = await world.run(
        await replay(
            world, run_id, payload='{"json":2}', payloadType="application/super+json", tags=[], delay="1h",
            metadata={"m": 2}, queue="q", concurrencyKey="l", maxAttempts=1,
        )
    )  # fmt: skip

    assert again.payload == ("application/super+json", '{"json":2}')
    assert (again.tags, again.metadata, again.queue) == ([], '{"m":2}', "q")
    assert (again.concurrency_key, again.max_attempts, again.status) == ("l", 1, "DELAYED")


async def test_repeated_replay_request_makes_one_run(world: World) -> None:
    run_id = await world.trigger()

    made = [await replay(world, run_id, "request") for _ in range(3)]

    assert len(set(made)) == 1
    with pytest.raises(Unprocessable):
        await replay(world, run_id, version="20000101.1")


async def test_a_delay_counts_from_the_creation_that_the_run_shows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "__call__", lambda clock: (clock.move(1) + 0.5) / 1_000)

    run = await world.run(await world.trigger(delay="5s"))

    assert run.delayed_until is not None
    assert run.delayed_until - run.created_at >= 5 * SECOND


async def test_delayed_run_can_be_put_off_and_brought_forward(world: World) -> None:
    await world.register(manifest("work", limit=1))
    run_id = await world.trigger(delay="1h")

    run = await runs.reschedule(world.store, world.env, run_id, "2h")
    await world.let_pass(HOUR + MINUTE)
    assert await world.status(run_id) == "DELAYED"
    assert run.delayed_until == run.due_at == ids.created_at(run_id) + 2 * HOUR
    await runs.reschedule(world.store, world.env, run_id, "10s")
    await world.let_pass(10 * SECOND)

    assert await world.status(run_id) == "QUEUED"
    assert await upkeep.counter_drift(world.store) == []


@pytest.mark.parametrize("delay", ["2020-01-01", "0s", "soon", ""])
async def test_reschedule_into_the_past_or_nonsense_is_refused(world: World, delay: str) -> None:
    run_id = await world.trigger(delay="1h")

    with pytest.raises(BadRequest):
        await runs.reschedule(world.store, world.env, run_id, delay)


async def test_only_a_run_that_never_started_and_is_delayed_can_be_rescheduled(
    world: World,
) -> None:
    worker = await world.register("work")
    retried = await world.trigger()
    await worker.fail(await worker.fetch_one(), retry_in_ms=HOUR)
    queued, held = await world.trigger(), await world.trigger("nowhere")

    for run_id in (retried, queued, held):
        with pytest.raises(BadRequest):
            await runs.reschedule(world.store, world.env, run_id, "1m")


async def test_reschedule_races_with_the_promotion_and_one_of_them_wins(world: World) -> None:
    await world.register(manifest("work", limit=1))
    for _ in range(10):
        run_id = await world.trigger(delay="1s")
        world.clock.move(SECOND)
        moved, _ = await asyncio.gather(
            runs.reschedule(world.store, world.env, run_id, "1m"), upkeep.promote_due(world.store),
            return_exceptions=True,
        )  # fmt: skip
        expected = "QUEUED" if isinstance(moved, HairtriggerError) else "DELAYED"
        assert await world.status(run_id) == expected
    assert await upkeep.counter_drift(world.store) == []


async def test_tags_are_added_to_runs_in_any_state_up_to_ten(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger(tags=["a", "b"])
    await worker.complete(await worker.fetch_one())

    added = await runs.add_tags(world.store, world.env, run_id, ["b", "c", " ", "c"])
    with pytest.raises(Unprocessable):
        await runs.add_tags(world.store, world.env, run_id, [str(n) for n in range(8)])

    assert added == 1
    assert (await world.run(run_id)).tags == ["a", "b", "c"]
    assert len(world.rows("select * from run_tags")) == 3


async def test_metadata_operations_reach_the_run_its_parent_and_its_root(world: World) -> None:
    worker = await world.register("work")
    root = await world.trigger()
    parent = await world.trigger(parentRunId=ids.public("run", root))
    child = await world.trigger(parentRunId=ids.public("run", parent), metadata={"a": 1})
    one = [{"type": "increment", "key": "n", "value": 1}]

    await asyncio.gather(*(change(world, child, *one, parent=one, root=one) for _ in range(10)))

    assert await change(world, child) == {"a": 1, "n": 10}
    assert await change(world, parent) == await change(world, root) == {"n": 10}
    assert await change(world, root, root=one, parent=one) == {"n": 12}
    assert {bytes(run.metadata or b"") for run in await worker.fetch()} == {
        b'{"n":12}', b'{"n":10}', b'{"a":1,"n":10}',
    }  # fmt: skip


async def test_metadata_stays_open_for_an_hour_after_the_end(world: World) -> None:
    worker = await world.register("work")
    run_id = await world.trigger()
    await worker.complete(await worker.fetch_one())
    world.clock.move(HOUR)
    await change(world, run_id, {"type": "set", "key": "a", "value": 1})

    world.clock.move(1)

    with pytest.raises(Unprocessable):
        await change(world, run_id, {"type": "set", "key": "a", "value": 2})


async def test_refused_metadata_changes_nothing(world: World) -> None:
    run_id = await world.trigger(metadata={"a": 1})
    large = {"type": "set", "key": "b", "value": "x" * 262_144}

    with pytest.raises(TooLarge):
        await change(world, run_id, large)
    with pytest.raises(BadRequest):
        await change(world, run_id, {"type": "set", "key": "a", "value": 2}, {"type": "nonsense"})

    assert await change(world, run_id) == {"a": 1}


async def test_number_of_a_run_is_its_public_id(world: World) -> None:
    run_id = await world.trigger()

    assert number(ids.public("run", run_id)) == run_id


async def test_a_search_that_has_no_time_left_says_where_to_go_on_and_misses_nothing(
    world: World,
) -> None:
    rare = await world.trigger(payload={"word": "needle"})
    for _ in range(130):
        await world.trigger(payload={"word": "hay"})
    wanted, after, found, pages = RunFilter(text=["needle"]), None, [], 0
    while pages == 0 or after is not None:
        listed, page = await runs.list_page(
            world.store, world.env, wanted, size=10, after=after, before=None, budget_s=0
        )
        found += [run.id for run in listed]
        after, pages = page.next, pages + 1

    assert found == [rare]
    assert pages > 2


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (RunFilter(text=["u_1"]), True), (RunFilter(text=["u_1", "nothing"]), False), (RunFilter(text=["TAG"]), True),
        (RunFilter(inside=[Inside("payload", "user.id", "u_*")]), True),
        (RunFilter(inside=[Inside("payload", "user.id", "u_*", negative=True)]), False),
        (RunFilter(inside=[Inside("payload", "list.1", "7")]), True),
        (RunFilter(inside=[Inside("payload", "user.name", "u_1")]), False),
        (RunFilter(inside=[Inside("metadata", "step", "3")]), True),
        (RunFilter(patterns=[Pattern("task", "w*k")]), True), (RunFilter(patterns=[Pattern("key", "k")]), True),
        (RunFilter(patterns=[Pattern("tag", "t*", negative=True)]), False), (RunFilter(root_only=True), True),
        (RunFilter(attempts=(2, None)), False), (RunFilter(took_ms=(None, 10)), False),
        (RunFilter(statuses=["PENDING_VERSION"], tasks=["work"]), True), (RunFilter(error="none"), False),
    ],
)  # fmt: skip
async def test_a_list_is_narrowed_by_what_is_inside_its_runs(
    world: World, wanted: RunFilter, matches: bool
) -> None:
    run_id = await world.trigger(
        payload={"user": {"id": "u_1"}, "list": [5, 7]},
        tags=["tag"],
        concurrencyKey="k",
        metadata={"step": 3},
    )

    listed, _ = await runs.list_page(
        world.store, world.env, wanted, size=10, after=None, before=None
    )

    assert [run.id for run in listed] == ([run_id] if matches else [])
