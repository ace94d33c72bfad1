"""Tasks as their list shows them: which there are, what runs, what ran last, and what they were given."""

import pytest

from hairtrigger.engine import tasks, templates
from hairtrigger.errors import NotFound, TooLarge, Unprocessable
from hairtrigger.wire import packets
from tests.clock import DAY
from tests.engine.driving import World, manifest


async def test_tasks_of_the_current_version_come_first_and_those_of_old_ones_are_told_apart(
    world: World,
) -> None:
    await world.register("old", "kept")
    await world.register("kept", manifest("added", queue="shared"))
    await world.trigger("never-declared")
    await world.beside("dev").trigger("elsewhere")

    found = tasks.all_of(world.store, world.env)

    assert [(task.name, task.is_current) for task in found] == [
        ("added", True), ("kept", True), ("never-declared", False), ("old", False),
    ]  # fmt: skip
    assert (found[0].queue, found[1].queue, found[2].manifest) == ("shared", "kept", None)
    assert len(tasks.versions_of(world.store, world.env, "kept")) == 2
    with pytest.raises(NotFound, match="no task elsewhere"):
        tasks.find(world.store, world.env, "elsewhere")


async def test_what_runs_now_and_what_ran_last_is_known_for_each_task(world: World) -> None:
    dev = world.beside("dev")
    worker, other = await world.register("a", "b", "idle"), await dev.register("a")
    first = await world.trigger("b")
    await worker.complete(await worker.fetch_one())
    world.clock.move(31 * DAY)
    await worker.leave()
    worker = await world.register("a", "b", "idle")
    newest = [await world.trigger("a") for _ in range(3)][-1]
    await dev.trigger("a")
    await worker.fetch(2)
    await other.fetch()

    numbers = {task.name: task.id for task in tasks.all_of(world.store, world.env)}
    last = await tasks.last_runs(world.store, world.env, list(numbers.values()))

    assert await tasks.running(world.store, world.env) == {numbers["a"]: 2}
    assert {task: run.id for task, run in last.items()} == {numbers["a"]: newest}
    assert first not in {run.id for run in last.values()}, "more than thirty days ago"
    assert await tasks.last_runs(world.store, world.env, []) == {}


async def test_recent_payloads_are_the_last_ten_that_differ_and_are_not_large(world: World) -> None:
    await world.register("work")
    for n in range(12):
        await world.trigger(payload={"n": n})
    again = await world.trigger(payload={"n": 11})
    await world.trigger(payload={"n": "x" * 30_000})
    await world.trigger(payload={"n": "x" * 200_000})
    await world.trigger()
    task = tasks.find(world.store, world.env, "work")

    found = await tasks.recent_payloads(world.store, world.env, task)

    assert [one.text for one in found] == [f'{{"n":{n}}}' for n in range(11, 1, -1)]
    assert (found[0].run_id, found[0].kind) == (again, packets.JSON)


async def test_template_is_kept_replaced_by_its_name_and_deleted(world: World) -> None:
    await world.register("work", "other")
    task = tasks.find(world.store, world.env, "work")
    await templates.save(
        world.store, world.env, task, name=" Big order ", payload='{"n": 1}', options="{}"
    )
    world.clock.move(1)
    await templates.save(
        world.store, world.env, task, name="Big order", payload="[2]", options='{"queue":"q"}'
    )

    (kept,) = await templates.all_of(world.store, world.env, task)

    assert (kept.name, kept.payload, kept.options) == ("Big order", "[2]", '{"queue":"q"}')
    assert kept.created_at == world.clock.now
    other = tasks.find(world.store, world.env, "other")
    assert await templates.all_of(world.store, world.env, other) == []
    with pytest.raises(NotFound):
        await templates.delete(world.store, world.env, other, kept.id)
    assert await templates.delete(world.store, world.env, task, kept.id) == "Big order"
    assert await templates.all_of(world.store, world.env, task) == []


async def test_templates_are_bounded_in_name_size_and_number(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.register("work")
    task = tasks.find(world.store, world.env, "work")

    async def save(name: str, payload: str = "1") -> None:
        await templates.save(world.store, world.env, task, name=name, payload=payload, options="{}")

    for name in (" ", "n" * 81):
        with pytest.raises(Unprocessable, match="1 to 80 characters"):
            await save(name)
    with pytest.raises(TooLarge):
        await save("large", "x" * 100_000)
    monkeypatch.setattr(templates, "MOST", 2)
    await save("a")
    await save("b")
    with pytest.raises(Unprocessable, match="at most 2 templates"):
        await save("c")
    await save("b", "2")

    assert [one.payload for one in await templates.all_of(world.store, world.env, task)] == [
        "1",
        "2",
    ]
