"""Lines across runs: in which order, how many are looked at, what is left out."""

from typing import Any

import pytest

from hairtrigger.engine import logs
from hairtrigger.engine.logs import LogPage, Place, Wanted
from hairtrigger.errors import BadRequest
from hairtrigger.store.narrowing import Pattern, RunFilter
from hairtrigger.wire import ids
from hairtrigger.wire.worker import Event
from tests.clock import HOUR, MINUTE, SECOND
from tests.engine.driving import Worker, World, number


def wanted(world: World, **given: Any) -> Wanted:
    now = world.clock.now
    return Wanted(given.pop("runs", RunFilter()), now - HOUR, now + 1, **given)


async def page(
    world: World, *, after: Place | None = None, limit: int = 200, **given: Any
) -> LogPage:
    return await logs.page(world.store, world.env, wanted(world, **given), after=after, limit=limit)


async def said(world: World, worker: Worker, *lines: tuple[str, str], task: str = "work") -> int:
    """A run that says these (level, message), one a second, and ends; its number."""
    await world.trigger(task)
    run = await worker.fetch_one()
    events = []
    for n, (level, message) in enumerate(lines):
        events.append(
            Event(run.id, run.lease, world.clock.move(SECOND), n, level, message, {"n": n})
        )
    span = Event(run.id, run.lease, world.clock.now, 999, "span", "a span", None, "a1", None, 3.0)
    await worker.report(events=[*events, span])
    await worker.complete(run)
    return number(run.id)


def texts(found: LogPage) -> list[str]:
    return [line.said.message for line in found.lines]


async def test_lines_of_all_runs_come_newest_first_without_spans(world: World) -> None:
    worker = await world.register("work", "other")
    first = await said(world, worker, ("info", "one"), ("warn", "two"))
    second = await said(world, worker, ("error", "three"), task="other")

    found = await page(world)

    assert texts(found) == ["three", "two", "one"]
    assert {run: one.task for run, one in found.runs.items()} == {first: "work", second: "other"}
    assert found.next is None
    assert (found.of_runs, found.looked) == (2, 5 + 2)


async def test_lines_are_told_apart_by_level_words_task_run_and_time(world: World) -> None:
    worker = await world.register("work", "fetch-api")
    first = await said(world, worker, ("info", "Slow Query of 7"), ("error", "slow"))
    await said(world, worker, ("error", "query"), task="fetch-api")

    assert texts(await page(world, levels=frozenset({"error"}))) == ["query", "slow"]
    assert texts(await page(world, words=("slow", "query"))) == ["Slow Query of 7"]
    assert texts(await page(world, words=('"n":1',))) == ["slow"]
    assert texts(await page(world, runs=RunFilter(tasks=["fetch-api"]))) == ["query"]
    stars = RunFilter(patterns=[Pattern("task", "fetch-*", negative=True)])
    assert texts(await page(world, runs=stars)) == ["slow", "Slow Query of 7"]
    assert texts(await page(world, run=first)) == ["slow", "Slow Query of 7"]
    world.clock.move(2 * HOUR)
    assert texts(await page(world)) == []
    dev = world.beside("dev")
    assert (await logs.page(world.store, dev.env, wanted(world, run=first), limit=9)).lines == []


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7])
async def test_pages_together_have_every_line_once(world: World, limit: int) -> None:
    worker = await world.register("work")
    for n in range(4):
        await said(world, worker, *((("info", f"{n}.{line}")) for line in range(n + 1)))

    everything, after = [], None
    for _ in range(20):
        found = await page(world, after=after, limit=limit)
        assert len(found.lines) <= limit
        everything += texts(found)
        if found.next is None:
            break
        after = logs.place(found.next.text())

    assert everything == [f"{n}.{line}" for n in (3, 2, 1, 0) for line in reversed(range(n + 1))]


async def test_a_run_that_says_much_is_read_piece_by_piece(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_OF_EACH", 5)
    monkeypatch.setattr(logs, "_OF_ONE", 4)
    worker = await world.register("work")
    await said(world, worker, ("error", "before"))
    await said(world, worker, *(("debug", f"{n}") for n in range(30)), ("info", "end"))
    await said(world, worker, ("error", "after"))

    found = await page(world)
    errors = await page(world, levels=frozenset({"error"}))

    assert texts(found) == ["after", "end", *(f"{n}" for n in reversed(range(30))), "before"]
    assert texts(errors) == ["after", "before"]
    assert errors.next is None


async def test_a_page_looks_no_longer_than_its_patience_and_goes_on_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "PLAIN_SECONDS", 0)
    worker = await world.register("work")
    for n in range(logs._FEW + 2):
        await said(world, worker, *([("info", f"line {n}")] if n < 2 else []))
        world.clock.move(MINUTE)

    first = await page(world)
    again = await page(world, after=first.next)

    assert (first.lines, first.of_runs) == ([], logs._FEW)
    assert (texts(again), again.next) == (["line 1", "line 0"], None)


async def test_a_page_looks_at_so_many_rows_and_says_how_far_it_came(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_LOOKED", 12)
    worker = await world.register("work")
    runs = []
    for n in range(10):
        runs.append(await said(world, worker, ("info", f"line {n}"), ("info", "more")))
        world.clock.move(MINUTE)

    found = await page(world, words=("line 0",))

    assert found.lines == []
    assert 12 <= found.looked <= 15
    assert found.next is not None
    assert found.back_to == ids.created_at(found.next.run) == ids.created_at(runs[-found.of_runs])
    seen, at = 0, found.next
    for _ in range(20):
        later = await page(world, words=("line 0",), after=at)
        seen += len(later.lines)
        if later.next is None:
            break
        at = later.next
    assert seen == 1


async def test_lines_of_a_run_that_still_executes_are_there(world: World) -> None:
    worker = await world.register("work")
    await world.trigger()
    run = await worker.fetch_one()
    await worker.report(events=[Event(run.id, run.lease, world.clock.now, 1, "info", "now", None)])

    found = await page(world)

    assert texts(found) == ["now"]
    assert found.runs[number(run.id)].status == "EXECUTING"


@pytest.mark.parametrize("text", ["x", "cursor_1.2", "run_1", f"{ids.public('cursor', 5)}.zz"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        logs.place(text)
