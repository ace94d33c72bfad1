"""Versions: registered without becoming current, examined, promoted, gone back from."""

from typing import Any

import pytest

from hairtrigger.engine import deployments
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.wire.statuses import LiveState
from tests.clock import MINUTE

from .driving import World, exact, manifest, number

INTEGER: dict[str, Any] = {
    "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
}  # fmt: skip
TEXT: dict[str, Any] = {
    "type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"],
}  # fmt: skip


async def test_a_version_that_is_not_to_be_promoted_gets_pinned_runs_only(world: World) -> None:
    old = await world.register("work")
    new = await world.register("work", "more", promote=False)
    plain = await world.trigger()
    pinned = await world.trigger(lockToVersion=new.registered.version)

    assert [number(run.id) for run in await new.fetch(5)] == [pinned]
    assert [number(run.id) for run in await old.fetch(5)] == [plain]
    assert await world.status(await world.trigger("more")) == "PENDING_VERSION"


async def test_the_first_version_is_current_whatever_it_says(world: World) -> None:
    worker = await world.register("work", promote=False)

    run = await world.trigger()

    assert [number(one.id) for one in await worker.fetch(1)] == [run]


async def test_promoting_a_version_hands_what_waits_to_its_workers(world: World) -> None:
    old = await world.register("work")
    new = await world.register("work", "more", promote=False)
    plain, held = await world.trigger(), await world.trigger("more")

    before, report = await deployments.promote(world.store, world.env, new.registered.version)

    assert before == old.registered.version
    assert report.changes == {"added": ["more"], "changed": [], "removed": []}
    assert await old.fetch(5) == []
    assert sorted(number(run.id) for run in await new.fetch(5)) == [plain, held]
    assert [(one.version.name, one.is_current, one.workers) for one in await listed(world)] == [
        (new.registered.version, True, 1), (before, False, 1),
    ]  # fmt: skip


async def test_payloads_that_do_not_fit_stop_a_promotion_and_are_named(world: World) -> None:
    old = await world.register(manifest("work", payload_schema=INTEGER))
    new = await world.register(manifest("work", payload_schema=TEXT), promote=False)
    name = new.registered.version
    delayed = await world.trigger(payload={"n": 1}, delay="1h")
    await world.trigger(payload={"n": "1"})
    begun = await world.trigger(payload={"n": 2})
    await world.trigger(payload={"n": 3}, lockToVersion=old.registered.version)
    await world.beside("dev").trigger(payload={"n": 4})
    (taken, *_) = [run for run in await old.fetch(9) if number(run.id) == begun]

    with pytest.raises(Unprocessable, match=r"1 of 1 waiting payloads do not fit .*: n: .*text"):
        await deployments.promote(world.store, world.env, name)

    assert taken.version == old.registered.version
    report = await deployments.examine(world.store, world.env, name)
    assert [(one.run, one.task) for one in report.told] == [(delayed, "work")]
    assert (await listed(world))[0].is_current is False
    before, _ = await deployments.promote(world.store, world.env, name, force=True)
    assert before == old.registered.version
    assert (await listed(world))[0].is_current


async def test_runs_of_a_task_that_a_version_lacks_are_counted(world: World) -> None:
    await world.register("work", "old-work")
    new = await world.register("work", promote=False)
    for _ in range(3):
        await world.trigger("old-work", {"n": 1})

    report = await deployments.examine(world.store, world.env, new.registered.version)

    assert report.stranded == {"old-work": 3}
    assert report.changes["removed"] == ["old-work"]
    assert report.is_safe


async def test_only_so_many_waiting_runs_are_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "_CHUNK", 2)
    monkeypatch.setattr(deployments, "MOST_LOOKED", 4)
    await world.register(manifest("work", payload_schema=INTEGER))
    new = await world.register(manifest("work", payload_schema=TEXT), promote=False)
    for n in range(5):
        await world.trigger(payload={"n": n})

    report = await deployments.examine(world.store, world.env, new.registered.version)

    assert (report.looked, report.misfits, report.is_whole) == (4, 4, False)


async def test_a_rollback_goes_to_the_version_that_was_current_before(world: World) -> None:
    names = []
    for tasks in (("work",), ("work", "b"), ("work", "c")):
        names.append((await world.register(*tasks)).registered.version)
        world.clock.move(MINUTE)
    catalog = world.store.catalog

    assert deployments.before_current(catalog, world.env) == names[1]
    await deployments.promote(world.store, world.env, names[1])
    world.clock.move(MINUTE)
    assert deployments.before_current(catalog, world.env) == names[2]
    await world.store.database.recall()
    assert deployments.before_current(world.store.catalog, world.env) == names[2]
    with pytest.raises(NotFound, match=r"no version 19700101\.9"):
        await deployments.promote(world.store, world.env, "19700101.9")


async def test_without_an_earlier_version_there_is_nothing_to_go_back_to(world: World) -> None:
    await world.register("work")

    with pytest.raises(Unprocessable, match="nothing to go back to"):
        deployments.before_current(world.store.catalog, world.env)


@pytest.mark.acceptance("S42")
async def test_a_retry_stays_on_its_version_whatever_is_promoted(world: World) -> None:
    again_twice = manifest("work", retry=exact(max_attempts=2))
    old = await world.register(again_twice)
    new = await world.register(again_twice, "more", promote=False)
    run = await world.trigger()
    (taken,) = await old.fetch(1)

    await deployments.promote(world.store, world.env, new.registered.version)
    await old.fail(taken, retry_in_ms=1_000)
    await world.let_pass(1_000)

    assert world.rows("select state from live where run_id = ?", run) == [(LiveState.READY,)]
    assert await new.fetch(1) == []
    (again,) = await old.fetch(1)
    assert (again.id, again.version) == (taken.id, old.registered.version)


async def listed(world: World) -> list[deployments.Deployment]:
    return await deployments.list_all(world.store, world.env)
