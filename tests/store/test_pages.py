"""Lists of runs against a brute-force reference: any filter, any page size, both directions."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hairtrigger.engine import runs, schedules
from hairtrigger.rules.run import Run
from hairtrigger.store import pages
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.store.store import Store
from hairtrigger.wire import ids, statuses
from tests.clock import MINUTE, SECOND, Clock
from tests.engine.driving import World, manifest

TAGS, TASKS, KEYS = ["red", "green", "blue"], ["a", "b", "tick", "nowhere"], [None, "k"]
START = Clock().now


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is read at a time is put back after each test."""
    monkeypatch.setattr(pages, "_FIRST_LOOK", pages._FIRST_LOOK)
    monkeypatch.setattr(pages, "_CHUNK", pages._CHUNK)


@pytest.fixture
async def world(store: Store, clock: Clock) -> World:
    """Some two hundred runs in every state, with every property that can be asked for."""
    world = await World.make(store, clock)
    await world.beside("dev").trigger("a", tags=TAGS)
    tasks = [
        manifest("a", limit=30),
        manifest("b", queue="shared"),
        manifest("tick", cron="* * * * *"),
    ]
    worker = await world.register(*tasks, content_hash="1")
    batch = await world.batch(12)
    await world.add_items(batch, range(12), "a", tags=["red"])
    for n in range(150):
        await world.trigger(
            TASKS[n % 7 % 4], tags=[tag for ix, tag in enumerate(TAGS) if n % (ix + 2) == 0], test=n % 5 == 0,
            **({"delay": "10h"} if n % 11 == 0 else {}), **({"machine": "micro"} if n % 6 == 0 else {}),
            **({"ttl": "20s"} if n % 13 == 0 else {}),
        )  # fmt: skip
        clock.move(997)
        if n % 10 == 9:
            await schedules.fire_due(store)
        if n == 70:
            worker = await world.register(*tasks, content_hash="2", worker=worker.id)
        for ix, run in enumerate(await worker.fetch(5)):
            await end(world, worker, run, (n + ix) % 9)
        await worker.hold()
        await world.look()
    return world


async def end(world: World, worker: Any, run: Any, how: int) -> None:
    """End a hand-out in one of nine ways."""
    if how in (0, 1):
        await worker.complete(run)
    elif how == 2:
        await worker.fail(run)
    elif how == 3:
        await worker.fail(run, retry_in_ms=SECOND)
    elif how == 4:
        await worker.settle(run, timed_out=True)
    elif how == 5:
        await worker.settle(run, handed_back=True)
    elif how in (6, 7):
        await runs.cancel(world.store, world.env, ids.parse("run", run.id) or 0)
        if how == 7:
            await worker.settle(run, cancelled=True)


async def everything(world: World) -> list[Run]:
    found = world.rows("select id from runs where env = ? order by id desc", world.env.id)
    return await world.store.runs(world.env.id, [row[0] for row in found])


def fits(wanted: RunFilter, run: Run) -> bool:
    """The reference: what a filter says, member by member."""
    return (
        (not wanted.statuses or run.status in wanted.statuses)
        and (not wanted.tasks or run.task in wanted.tasks)
        and (not wanted.versions or run.version in wanted.versions)
        and (not wanted.machines or run.options.machine in wanted.machines)
        and (not wanted.tags or bool(set(run.tags) & set(wanted.tags)))
        and (not wanted.queues or run.queue in wanted.queues)
        and (wanted.schedule is None or run.schedule == wanted.schedule)
        and (wanted.batch is None or run.batch == wanted.batch)
        and (wanted.is_test is None or run.options.test == wanted.is_test)
        and (wanted.created_from is None or run.created_at >= wanted.created_from)
        and (wanted.created_to is None or run.created_at <= wanted.created_to)
    )


async def walk(world: World, wanted: RunFilter, size: int) -> list[int]:
    """All pages forward; on each, the page before is asked for and must be the one that we came from."""
    found: list[int] = []
    after: int | None = None
    while True:
        listed, page = await runs.list_page(
            world.store, world.env, wanted, size=size, after=after, before=None
        )
        assert [run.id for run in listed] == page.run_ids
        assert len(page.run_ids) <= size
        if page.next is not None and pages.MAX_CANDIDATES > 1_000:
            assert len(page.run_ids) == size
        found += page.run_ids
        if after is not None and page.run_ids and page.previous is not None:
            _, back = await runs.list_page(
                world.store, world.env, wanted, size=size, after=None, before=page.previous
            )
            newer = [one for one in found if one > page.previous]
            if pages.MAX_CANDIDATES > 1_000:
                assert back.run_ids == newer[-size:]
        if page.next is None:
            return found
        assert after is None or page.next < after
        after = page.next


def some(values: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=4, unique=True)


INSTANTS = st.integers(START - MINUTE, START + 4 * MINUTE)
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "statuses": some(list(statuses.PUBLIC)),
    "tasks": some([*TASKS, "unheard of"]),
    "versions": some(["20260302.1", "20260302.2", "none"]),
    "machines": some(["micro", "large-1x"]),
    "tags": some([*TAGS, "unheard of"]),
    "queues": some(["task/a", "shared", "unheard of"]),
    "schedule": st.sampled_from([0, 1]),
    "batch": st.sampled_from([0, 1]),
    "is_test": st.booleans(),
    "created_from": INSTANTS,
    "created_to": INSTANTS,
}
FILTERS = st.lists(st.sampled_from(list(MEMBERS)), max_size=3, unique=True).flatmap(
    lambda names: st.builds(RunFilter, **{name: MEMBERS[name] for name in names})
)


def named(world: World) -> Callable[[RunFilter], RunFilter]:
    """Puts the ids of the schedule and the batch in; 0 stays an id that nobody has."""
    ((schedule,),) = world.rows("select id from schedules")
    ((batch,),) = world.rows("select id from batches")

    def put(wanted: RunFilter) -> RunFilter:
        given = asdict(wanted)
        given["schedule"] = {1: schedule}.get(given["schedule"], given["schedule"])
        given["batch"] = {1: batch}.get(given["batch"], given["batch"])
        return RunFilter(**given)

    return put


@settings(max_examples=150)
@given(
    wanted=FILTERS, size=st.sampled_from([1, 3, 10, 25, 100]), first=st.sampled_from([1, 10, 50]),
    chunk=st.sampled_from([5, 30, 500]),
)  # fmt: skip
async def test_pages_of_any_filter_are_those_of_a_full_look(
    world: World, wanted: RunFilter, size: int, first: int, chunk: int
) -> None:
    pages._FIRST_LOOK, pages._CHUNK = first, chunk
    wanted = named(world)(wanted)
    reference = [run.id for run in await everything(world) if fits(wanted, run)]

    assert await walk(world, wanted, size if len(reference) < 40 else max(size, 10)) == reference


async def test_every_status_has_runs_here(world: World) -> None:
    found = {run.status for run in await everything(world)}

    assert found >= {*statuses.PUBLIC} - {"DEQUEUED", "WAITING", "CRASHED", "SYSTEM_FAILURE"}


async def test_rare_combination_reads_a_bounded_number_and_goes_on_from_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_CANDIDATES", 20)
    monkeypatch.setattr(pages, "_CHUNK", 7)
    for wanted in (
        RunFilter(queues=["shared"], is_test=True), RunFilter(statuses=["FAILED", "EXECUTING"], is_test=True),
        RunFilter(tags=["red", "green"], machines=["micro"]),
    ):  # fmt: skip
        reference = [run.id for run in await everything(world) if fits(wanted, run)]

        assert await walk(world, wanted, 2) == reference
        assert reference


async def test_empty_pages_have_nowhere_to_go(world: World) -> None:
    wanted = RunFilter(tags=["unheard of"])

    _, page = await runs.list_page(world.store, world.env, wanted, size=5, after=None, before=None)

    assert (page.run_ids, page.next, page.previous) == ([], None, None)
