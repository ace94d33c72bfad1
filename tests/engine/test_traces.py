"""Traces: a run's tree with its spans, and its lines, whole and as they grow."""

import dataclasses

import pytest

from hairtrigger.engine import traces
from hairtrigger.engine.traces import Lines, Trace
from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.rules.reading import SLACK_MS
from hairtrigger.rules.tree import short
from hairtrigger.wire import ids
from hairtrigger.wire.worker import Event, RunInfo
from tests.clock import SECOND
from tests.engine.driving import Worker, World, exact, manifest, number


class Teller:
    """Reports of a worker, with the places of lines counted."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.clock, self.seq = worker, worker.world.clock, 0

    def event(self, run: RunInfo, level: str, message: str, **more: object) -> Event:
        self.seq += 1
        event = Event(run.id, run.lease, self.clock.now, self.seq, level, message)
        for name, value in more.items():
            setattr(event, name, value)
        return event

    async def span(self, run: RunInfo, name: str, **more: object) -> None:
        given = {"span": f"{self.seq:016x}", "duration_ms": 5.0, **more}
        await self.worker.report(events=[self.event(run, "span", name, **given)])

    async def line(self, run: RunInfo, message: str, level: str = "info", **more: object) -> None:
        await self.worker.report(events=[self.event(run, level, message, **more)])


async def begun(world: World) -> tuple[Worker, Teller, RunInfo]:
    """A run that a worker has."""
    worker = await world.register(manifest("work", retry=exact(max_attempts=3)), "child")
    await world.trigger()
    return worker, Teller(worker), await worker.fetch_one()


async def look(world: World, run: RunInfo, after: str = "") -> Trace:
    return await traces.trace(world.store, world.env, number(run.id), after=after)


def names(found: Trace) -> list[str]:
    return [span.event.message for span in found.spans]


def said(found: Lines) -> list[str]:
    return [line.said.message for line in found.lines]


async def test_trace_has_the_hand_outs_and_spans_of_a_run(world: World) -> None:
    worker, tell, first = await begun(world)
    await tell.span(first, "one")
    world.clock.move(SECOND)
    await worker.fail(first, retry_in_ms=SECOND)
    await world.let_pass(SECOND)
    second = await worker.fetch_one()
    await tell.span(second, "two")
    await tell.line(second, "careful", "warn")
    await tell.line(second, "nothing of interest")
    world.clock.move(SECOND)
    await worker.complete(second)

    found = await look(world, first)

    (run,) = found.runs
    outs = [
        (out.attempt, out.ended_at and out.ended_at - out.began_at, out.is_bad)
        for out in run.hand_outs
    ]
    assert outs == [(1, SECOND, True), (2, SECOND, False)]
    assert [(one.event.message, one.fence) for one in found.spans] == [("one", 1), ("two", 2)]
    assert [one.event.message for one in found.marks] == ["careful"]
    assert (run.status, found.is_live, found.truncated) == ("COMPLETED", False, False)


async def test_trace_holds_descendants_parents_first(world: World) -> None:
    worker, tell, root = await begun(world)
    await world.trigger("child", parentRunId=root.id, tags=["red"])
    (child,) = await worker.fetch()
    await world.trigger("child", parentRunId=child.id)
    (grandchild,) = await worker.fetch()
    batch = await world.batch(2, parent_run_id=root.id)
    await world.add_items(batch, [0, 1], "child")
    await tell.span(grandchild, "deep")
    await worker.complete(child)

    found = await look(world, root)

    deep = number(grandchild.id)
    assert [one.id for one in found.runs][:2] == [number(root.id), number(child.id)]
    assert found.runs[-1].id == deep
    assert found.runs[1].tags == ["red"]
    assert {one.batch_index for one in found.runs if one.batch == batch} == {0, 1}
    assert [one.run for one in found.spans] == [deep]
    assert found.is_live


async def test_trace_of_a_child_begins_with_it(world: World) -> None:
    worker, tell, root = await begun(world)
    await world.trigger("child", parentRunId=root.id)
    (child,) = await worker.fetch()
    await tell.span(root, "not here")

    found = await look(world, child)

    assert [one.id for one in found.runs] == [number(child.id)]
    assert found.spans == []


async def test_run_of_another_environment_has_no_trace(world: World) -> None:
    _, _, run = await begun(world)
    dev = world.beside("dev")

    for asked in (traces.trace, traces.lines):
        with pytest.raises(NotFound):
            await asked(dev.store, dev.env, number(run.id))
    span = traces.reach(f"{run.id}.1")
    with pytest.raises(NotFound):
        await traces.lines(dev.store, dev.env, number(run.id), span=span)


async def test_cursor_leaves_only_what_is_new(world: World) -> None:
    worker, tell, root = await begun(world)
    await world.trigger("child", parentRunId=root.id)
    (child,) = await worker.fetch()
    await tell.span(root, "a")
    await tell.span(child, "b")
    first = await look(world, root)

    nothing = await look(world, root, first.cursor)
    await tell.span(child, "c")
    await world.trigger("child", parentRunId=root.id)
    (late,) = await worker.fetch()
    await tell.span(late, "d")
    more = await look(world, root, nothing.cursor)

    assert (names(first), names(nothing), names(more)) == (["a", "b"], [], ["c", "d"])
    assert number(late.id) in more.is_new
    assert len(more.runs) == 3


async def test_run_that_ended_long_ago_is_not_read_again(world: World) -> None:
    worker, tell, root = await begun(world)
    await world.trigger("child", parentRunId=root.id)
    (child,) = await worker.fetch()
    await tell.span(child, "done")
    await worker.complete(child)
    await tell.span(root, "goes on")
    world.clock.move(SLACK_MS + 1)
    first = await look(world, root)

    more = await look(world, root, first.cursor)

    assert sorted(names(first)) == ["done", "goes on"]
    assert (more.spans, more.is_new) == ([], set())


async def test_run_that_just_ended_is_told_again_and_its_spans_are_not(world: World) -> None:
    worker, tell, root = await begun(world)
    await tell.span(root, "one")
    first = await look(world, root)
    await worker.complete(root)

    more = await look(world, root, first.cursor)

    assert (more.is_new, more.spans, more.is_live) == ({number(root.id)}, [], False)


async def test_deepest_is_left_out_of_a_trace_that_is_too_large(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, tell, root = await begun(world)
    for _ in range(3):
        await world.trigger("child", parentRunId=root.id)
    children = await worker.fetch()
    await world.trigger("child", parentRunId=children[0].id)
    await tell.span(children[0], "below")
    await tell.span(root, "top")
    monkeypatch.setattr(traces, "MAX_RUNS", 3)
    few_runs = await look(world, root)
    monkeypatch.setattr(traces, "MAX_RUNS", 100)
    monkeypatch.setattr(traces, "MAX_SPANS", 1)

    few_spans = await look(world, root)

    assert [one.id for one in few_runs.runs] == [
        number(root.id), number(children[0].id), number(children[1].id)
    ]  # fmt: skip
    assert few_runs.truncated
    assert few_spans.truncated
    assert names(few_spans) == ["top"]


async def test_lines_come_in_pages_that_miss_nothing(world: World) -> None:
    worker, tell, root = await begun(world)
    for _ in range(2):
        await world.trigger("child", parentRunId=root.id)
    children = await worker.fetch()
    for place in range(4):
        for run in (root, *children):
            await tell.line(run, f"{run.id} {place}")
        await tell.span(root, "not a line")
    pages: list[Lines] = []
    after = ""
    while not pages or pages[-1].more:
        pages.append(
            await traces.lines(world.store, world.env, number(root.id), after=after, limit=3)
        )
        after = pages[-1].cursor
        if len(pages) == 2:
            await tell.line(root, "meanwhile")

    found = [message for page in pages for message in said(page)]

    expected = [f"{run.id} {place}" for run in (root, *children) for place in range(4)]
    assert sorted(found) == sorted([*expected, "meanwhile"])
    assert all(len(page.lines) <= 3 for page in pages)
    await tell.line(children[0], "later")
    last = await traces.lines(world.store, world.env, number(root.id), after=after)
    assert (said(last), last.more) == (["later"], False)


async def test_lines_are_filtered_by_level_text_and_span(world: World) -> None:
    worker, tell, root = await begun(world)
    await world.trigger("child", parentRunId=root.id)
    (child,) = await worker.fetch()
    await tell.line(root, 'said "Hello"', "info", span="aaaaaaaabbbbbbbb")
    await tell.line(root, "printed", "log")
    await tell.line(root, "bad", "error", attributes={"who": "Zoë"})
    await tell.line(child, "hello from below", "debug")

    async def lines(**given: object) -> list[str]:
        top = number(root.id)
        return said(await traces.lines(world.store, world.env, top, **given))  # type: ignore[arg-type]

    assert await lines(levels=["error", "log"]) == ["printed", "bad"]
    assert await lines(text='"hELLO"') == ['said "Hello"']
    assert await lines(text="ZOË") == ["bad"]
    assert await lines(span=traces.reach(child.id)) == ["hello from below"]
    assert await lines(span=traces.reach(f"{root.id}.1.{short('aaaaaaaabbbbbbbb')},other")) == [
        'said "Hello"'
    ]
    assert await lines(span=traces.reach(f"{root.id}.1"), text="pri") == ["printed"]


async def test_filter_that_leaves_little_looks_no_further_than_its_bound(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, tell, root = await begun(world)
    for _ in range(5):
        await tell.line(root, "hay")
    await tell.line(root, "needle")
    monkeypatch.setattr(traces, "MAX_LOOKED", 4)
    top = number(root.id)

    first = await traces.lines(world.store, world.env, top, text="needle")
    second = await traces.lines(world.store, world.env, top, text="needle", after=first.cursor)

    assert (said(first), first.more, first.looked) == ([], True, 4)
    assert (said(second), second.more) == (["needle"], False)


async def test_line_that_talks_of_spans_is_none(world: World) -> None:
    _, tell, root = await begun(world)
    await tell.line(root, "x", attributes={"a": ["b", "span", "error", "c"]})

    found = await look(world, root)
    lines = await traces.lines(world.store, world.env, number(root.id))

    assert (found.spans, found.marks) == ([], [])
    assert said(lines) == ["x"]


@pytest.mark.parametrize(
    "text", ["", ".", "x", "5.5", "5.1.2", "5..1.2.3.4", "5.." + "f" * 40 + ".1.1"]
)
async def test_cursor_that_is_none_is_refused_or_harmless(world: World, text: str) -> None:
    _, tell, root = await begun(world)
    await tell.span(root, "one")

    try:
        found = await look(world, root, text)
    except BadRequest:
        return

    assert set(names(found)) <= {"one"}


@pytest.mark.parametrize("text", ["", "run_1", "batch_1.1", "run_x.1"])
def test_reach_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        traces.reach(text)


def test_reach_names_a_run_a_hand_out_or_spans() -> None:
    run = ids.public("run", 7)

    assert dataclasses.astuple(traces.reach(run)) == (7, None, frozenset())
    assert dataclasses.astuple(traces.reach(f"{run}.3.ab,cd")) == (7, 3, frozenset({"ab", "cd"}))
    with pytest.raises(BadRequest):
        traces.reach(f"{run}.x")
