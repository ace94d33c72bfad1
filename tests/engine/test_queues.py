"""Queues: what is shown of them, pauses, limits set at run time, and limits over all keys."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from hairtrigger.engine import dequeue, queues, upkeep
from hairtrigger.engine.queues import Queue
from hairtrigger.errors import BadRequest, NotFound, Unprocessable
from hairtrigger.wire import ids
from hairtrigger.wire.rates import Rate
from hairtrigger.wire.worker import Fetch, QueueManifest, RunInfo, TaskManifest
from tests.clock import MINUTE, SECOND
from tests.engine.driving import Worker, World, manifest


async def queue(world: World, name: str = "task/work", **given: Any) -> Queue:
    return await queues.retrieve(world.store, world.env, name, **given)


async def page(world: World, number: int = 1, size: int = 100) -> list[str]:
    found, _ = await queues.list_page(world.store, world.env, page=number, per_page=size)
    return [one.name for one in found]


async def limit(world: World, to: int, name: str = "task/work") -> Queue:
    return await queues.override_limit(world.store, world.env, name, to)


async def no_drift(world: World) -> None:
    assert await upkeep.counter_drift(world.store) == []


async def complete_all(worker: Worker) -> int:
    """Run everything that may start, until nothing more does."""
    count = 0
    while runs := await worker.fetch():
        for run in runs:
            await worker.complete(run)
        count += len(runs)
    return count


async def held(world: World, worker: Worker) -> list[RunInfo]:
    """A fetch that waits for the first run."""
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    body = Fetch(worker.id, 10)
    return await dequeue.fetch(world.store, world.known, world.env, body, wait_s=30, stop=stop)


async def complete_all_of(worker: Worker, runs: list[RunInfo]) -> None:
    for run in runs:
        await worker.complete(run)


def with_queue(task: TaskManifest, declared: QueueManifest) -> TaskManifest:
    return replace(task, queue=declared)


async def test_page_lists_the_queues_of_the_current_version_by_name(world: World) -> None:
    await world.register(manifest("gone", queue="left-over"), "old")
    tasks = [manifest("zebra"), manifest("mail", queue="emails"), manifest("ant", queue="emails")]
    await world.register(*tasks, manifest("beta", limit=2))
    await world.trigger("unknown")

    found, count = await queues.list_page(world.store, world.env, page=1, per_page=2)

    assert [(one.name, one.type) for one in found] == [("beta", "task"), ("emails", "custom")]
    assert count == 3
    assert await page(world, 2, 2) == ["zebra"]
    assert await page(world, 3, 2) == []


async def test_environment_without_code_has_an_empty_page(world: World) -> None:
    assert await queues.list_page(world.store, world.env, page=1, per_page=20) == ([], 0)


@pytest.mark.parametrize("declared", [None, 2])
async def test_running_and_queued_count_a_queue_over_all_its_keys(
    world: World, declared: int | None
) -> None:
    worker = await world.register(manifest("work", limit=declared), "other")
    for key in ("a", "a", "b", "b", "b"):
        await world.trigger(concurrencyKey=key)
    await world.trigger()
    await world.trigger(delay="1m")
    await world.trigger("other")

    running = await worker.fetch(3)

    found, _ = await queues.list_page(world.store, world.env, page=1, per_page=20)
    counts = {one.name: (one.running, one.queued) for one in found}
    mine = sum(run.task == "work" for run in running)
    assert len(running) == 3
    assert counts == {"work": (mine, 6 - mine), "other": (3 - mine, 1 - (3 - mine))}


async def test_runs_from_before_a_limit_are_counted_with_those_since(world: World) -> None:
    worker = await world.register("work")
    for _ in range(5):
        await world.trigger()
    await worker.fetch(2)

    await limit(world, 10)
    await world.trigger()

    found = await queue(world)
    assert (found.running, found.queued) == (2, 4)


async def test_queue_is_found_by_id_by_its_task_and_by_its_name(world: World) -> None:
    await world.register(manifest("work", limit=3), manifest("mail", queue="my mails!"))
    own = await queue(world, "work", kind="task")
    custom = await queue(world, "mymails")

    assert (own.name, own.type, own.limit) == ("work", "task", 3)
    assert await queue(world, ids.public("queue", own.id), kind="id") == own
    assert await queue(world, "task/work") == own
    assert (custom.name, custom.type, custom.limit) == ("mymails", "custom", None)
    assert await queue(world, "my mails!") == custom


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [("emails", "custom", "emails"), ("nobody", "task", "No task"), ("mail", "task", "'mails'"),
     ("queue_000000000000000000000001", "id", "queue_"), ("work", "id", "work"), ("work", "custom", "work")],
)  # fmt: skip
async def test_queue_that_is_not_there_is_not_found(
    world: World, name: str, kind: queues.Kind, says: str
) -> None:
    await world.register("work", manifest("mail", queue="mails"))

    with pytest.raises(NotFound, match=says):
        await queue(world, name, kind=kind)


async def test_queue_of_another_environment_is_not_found(world: World) -> None:
    await world.register("work")
    public = ids.public("queue", (await queue(world)).id)
    dev = world.beside("dev")

    for name, kind in ((public, "id"), ("work", "task"), ("task/work", "custom")):
        with pytest.raises(NotFound):
            await queue(dev, name, kind=kind)
        with pytest.raises(NotFound):
            await queues.pause(dev.store, dev.env, name, kind=kind)  # type: ignore[arg-type]  # as above


async def test_resuming_a_queue_hands_its_runs_to_whoever_waits(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    worker = await world.register("work")
    paused = await queues.pause(world.store, world.env, "work", kind="task")
    await world.trigger()
    assert await worker.fetch() == []
    waiting = asyncio.ensure_future(held(world, worker))

    resumed = await queues.pause(world.store, world.env, "work", kind="task", paused=False)

    assert (paused.paused, resumed.paused) == (True, False)
    assert len(await waiting) == 1
    facts = {"queue": "task/work", "env": "prod"}
    assert [event for event in told if event[0].startswith("queue.")] == [
        ("queue.paused", facts), ("queue.resumed", facts),
    ]  # fmt: skip


async def test_limit_set_at_run_time_stands_before_that_of_the_code(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    worker = await world.register(manifest("work", limit=1))
    for _ in range(8):
        await world.trigger()
    await worker.fetch()

    raised = await limit(world, 4)

    assert (raised.limit, raised.base, raised.override) == (4, 1, 4)
    assert raised.overridden_at == world.clock.now
    assert len(await worker.fetch()) == 3
    assert ("queue.limited", {"queue": "task/work", "env": "prod", "limit": 4}) in told
    await no_drift(world)


async def test_limit_set_at_run_time_survives_new_versions_and_restarts(world: World) -> None:
    await world.register(manifest("work", limit=1))
    await limit(world, 3)

    worker = await world.register(manifest("work", limit=2, description="new"))
    await world.store.reload()  # as a server that starts
    for _ in range(5):
        await world.trigger()

    found = await queue(world)
    assert (found.limit, found.base, found.override) == (3, 2, 3)
    assert len(await worker.fetch()) == 3


async def test_reset_lets_the_newest_limit_of_the_code_apply(world: World) -> None:
    worker = await world.register(manifest("work", limit=5))
    await limit(world, 1)
    worker = await world.register(manifest("work", limit=2), worker=worker.id)
    for _ in range(4):
        await world.trigger()
    assert len(await worker.fetch()) == 1

    reset = await queues.reset_limit(world.store, world.env, "task/work")

    assert (reset.limit, reset.base, reset.override, reset.overridden_at) == (2, 2, None, None)
    assert len(await worker.fetch()) == 1
    await no_drift(world)


async def test_reset_of_what_was_never_set_is_refused(world: World) -> None:
    await world.register("work")

    with pytest.raises(BadRequest, match="not overridden"):
        await queues.reset_limit(world.store, world.env, "task/work")


@pytest.mark.parametrize("wrong", [-1, 100_001])
async def test_limit_out_of_range_is_refused(world: World, wrong: int) -> None:
    await world.register("work")

    with pytest.raises(BadRequest, match="between 0 and 100000"):
        await limit(world, wrong)
    assert (await queue(world)).override is None


async def test_unlimited_queue_can_be_limited_and_let_go_again(world: World) -> None:
    worker = await world.register("work")
    for n in range(6):
        await world.trigger(concurrencyKey=f"k{n % 2}")
    running = await worker.fetch(3)

    await limit(world, 2)
    assert [len(await worker.fetch()), (await queue(world)).running] == [1, 4]
    await complete_all_of(worker, running)
    await queues.reset_limit(world.store, world.env, "task/work")

    assert len(await worker.fetch()) == 2
    assert (await queue(world)).queued == 0
    await no_drift(world)


async def test_limit_of_zero_stops_a_queue_until_it_is_raised(world: World) -> None:
    worker = await world.register("work")
    await limit(world, 0)
    await world.trigger()
    assert await worker.fetch() == []

    await limit(world, 1)

    assert len(await worker.fetch()) == 1


async def test_limits_over_all_keys_are_declared_merged_changed_and_dropped(world: World) -> None:
    full = QueueManifest("q", 2, 5, Rate(100, MINUTE))
    naming = manifest("b", queue="q")

    await world.register(with_queue(manifest("a"), full), naming)
    merged = await queue(world, "q")
    await world.register(with_queue(manifest("a"), QueueManifest("q", None, 6)), naming)
    changed = await queue(world, "q")
    await world.register(manifest("a"), naming)
    dropped = await queue(world, "q")

    assert [(one.base, one.total_limit, one.rate) for one in (merged, changed, dropped)] == [
        (2, 5, Rate(100, MINUTE)), (None, 6, None), (None, None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "error"),
    [(QueueManifest("q", -1), BadRequest), (QueueManifest("q", 1, 100_001), BadRequest),
     (QueueManifest("!"), BadRequest), (QueueManifest("q", rate=Rate(0, 1_000)), Unprocessable),
     (QueueManifest("q", rate=Rate(1, 10)), Unprocessable)],
)  # fmt: skip
async def test_queue_that_cannot_be_is_refused_when_it_is_declared(
    world: World, declared: QueueManifest, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await world.register(with_queue(manifest("a"), declared))
    assert await page(world) == []


async def test_total_limit_counts_all_keys_and_what_ran_before_it_was_declared(
    world: World,
) -> None:
    worker = await world.register(manifest("work", queue="q", limit=2))
    for key in "abcdefgh":
        await world.trigger(concurrencyKey=key)
    running = await worker.fetch(2)

    total = with_queue(manifest("work"), QueueManifest("q", 2, 3))
    worker = await world.register(total, worker=worker.id)

    assert len(await worker.fetch()) == 1
    await worker.complete(running[0])
    assert len(await worker.fetch()) == 1
    assert world.rows("select running from slots") == [(3,)]
    await no_drift(world)


async def test_total_limit_that_is_dropped_and_declared_again_counts_anew(world: World) -> None:
    total = with_queue(manifest("work"), QueueManifest("q", None, 2))
    other = with_queue(manifest("other"), QueueManifest("other", None, 2))  # keeps slots counted
    worker = await world.register(total, other)
    for _ in range(9):
        await world.trigger()
    first = await worker.fetch()
    worker = await world.register(manifest("work", queue="q"), other, worker=worker.id)
    more = await worker.fetch(3)
    await complete_all_of(worker, [*first, more[0]])

    worker = await world.register(total, other, worker=worker.id)

    assert await worker.fetch() == []
    await complete_all_of(worker, more[1:])
    assert len(await worker.fetch()) == 2


async def test_held_back_run_takes_no_place_of_a_total_limit(world: World) -> None:
    total = with_queue(manifest("work"), QueueManifest("q", None, 1))
    await world.register(total)
    await world.trigger()
    less = await world.register(with_queue(manifest("other"), QueueManifest("q", None, 1)))

    assert await less.fetch() == []

    assert world.rows("select coalesce(sum(running), 0) from slots") == [(0,)]
    worker = await world.register(total)
    assert len(await worker.fetch()) == 1


async def test_rate_lets_so_many_start_and_then_as_they_become_due(world: World) -> None:
    rated = with_queue(manifest("work"), QueueManifest("q", rate=Rate(2, 10 * SECOND)))
    worker = await world.register(rated)
    for _ in range(9):
        await world.trigger()

    assert await complete_all(worker) == 2
    world.clock.move(4_990)
    assert await complete_all(worker) == 0
    world.clock.move(10)
    assert await complete_all(worker) == 1
    world.clock.move(MINUTE)
    assert await complete_all(worker) == 2


async def test_a_pause_says_since_when_by_whom_and_why(world: World) -> None:
    await world.register("work")
    began = world.clock.now

    await queues.pause(world.store, world.env, "task/work", by="Ada", note="Provider is down")
    world.clock.move(MINUTE)
    again = await queues.pause(world.store, world.env, "task/work")

    assert again.pause == queues.Pause(began, "Ada", "Provider is down")
    await world.store.reload()
    assert (await queue(world)).pause == again.pause
    other = await queues.pause(world.store, world.env, "task/work", by="Bob", note="Still is")
    assert other.pause == queues.Pause(began, "Bob", "Still is")
    resumed = await queues.pause(world.store, world.env, "task/work", paused=False)
    assert resumed.pause is None
    assert world.rows("select paused_at, paused_by, paused_note from queues") == [
        (None, None, None)
    ]


async def test_a_note_has_its_length(world: World) -> None:
    await world.register("work")

    with pytest.raises(Unprocessable, match="501"):
        await queues.pause(world.store, world.env, "task/work", note="x" * 501)


async def test_all_queues_are_listed_those_of_the_current_version_first(world: World) -> None:
    await world.register(manifest("old", queue="left-over"))
    await world.register(manifest("zebra"), manifest("mail", queue="Emails"))
    await world.trigger("unknown")

    async def names(**given: Any) -> tuple[list[tuple[str, bool]], int]:
        found, count = await queues.list_all(world.store, world.env, per_page=3, **given)
        return [(one.full_name, one.is_current) for one in found], count

    assert await names(page=1) == (
        [("Emails", True), ("task/zebra", True), ("left-over", False)],
        4,
    )
    assert await names(page=2) == ([("task/unknown", False)], 4)
    assert await names(page=1, text="MAIL") == ([("Emails", True)], 1)
