"""Groups of failures: listed, found, counted over time, and what people decide about them."""

from typing import Any

import pytest

from hairtrigger.engine import failures, stats, upkeep
from hairtrigger.engine.failures import Group, GroupFilter, GroupPage
from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.rules.stats import HOUR_MS, MINUTE_MS, floor
from hairtrigger.wire.worker import Failure
from tests.clock import DAY, HOUR, MINUTE, SECOND
from tests.engine.driving import Worker, World, exact, manifest

ONCE = exact(max_attempts=1)
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel")


async def registered(world: World, **given: Any) -> Worker:
    return await world.register(
        manifest("work", retry=ONCE, **given), manifest("other", retry=ONCE), slots=1_000
    )


async def fail(
    world: World, worker: Worker, message: str, *, task: str = "work", times: int = 1, **given: Any
) -> int:
    """Let a run fail, and group it; answers its number."""
    run_id = 0
    for _ in range(times):
        run_id = await world.trigger(task, **given)
        await worker.settle(await worker.fetch_one(), failed=Failure("ValueError", message))
    await stats.roll_up(world.store)
    return run_id


async def listed(
    world: World, *, back: int = DAY, end: int | None = None, size: int = 50, after: Any = None,
    before: Any = None, **given: Any,
) -> GroupPage:  # fmt: skip
    now = world.clock.now
    wanted = GroupFilter(
        floor(now - back, MINUTE), floor(now, MINUTE) + MINUTE if end is None else end, MINUTE_MS, **given
    )  # fmt: skip
    return await failures.list_page(
        world.store, world.env, wanted, size=size, after=after, before=before
    )


async def messages(world: World, **given: Any) -> list[str]:
    return [one.message for one in (await listed(world, **given)).groups]


async def only(world: World) -> Group:
    (group,) = (await listed(world)).groups
    return group


@pytest.mark.acceptance("S84")
async def test_groups_are_listed_page_by_page_last_seen_first_and_back(world: World) -> None:
    worker = await registered(world)
    for word in WORDS[:5]:
        await fail(world, worker, word)
        world.clock.move(SECOND)
    await fail(world, worker, "bravo")

    pages = [await listed(world, size=2)]
    while pages[-1].next is not None:
        pages.append(await listed(world, size=2, after=pages[-1].next))
    back = await listed(world, size=2, before=pages[2].previous)

    assert [[one.message for one in page.groups] for page in pages] == [
        ["bravo", "echo"], ["delta", "charlie"], ["alpha"]
    ]  # fmt: skip
    assert [one.message for one in back.groups] == ["delta", "charlie"]
    assert back.next is not None
    assert back.previous is not None
    assert pages[0].previous is None


async def test_a_list_is_narrowed_by_status_task_words_and_time(world: World) -> None:
    worker = await registered(world)
    await fail(world, worker, "Upstream timed out")
    await fail(world, worker, "no such user", task="other")
    world.clock.move(3 * HOUR)
    await worker.hold()
    worker = await registered(world)
    await fail(world, worker, "disk full")
    full = (await listed(world, text="disk")).groups[0]
    await failures.ignore(world.store, world.env, [full.fingerprint], by="Ada")

    assert await messages(world, status="ignored") == ["disk full"]
    assert await messages(world, status="unresolved") == ["no such user", "Upstream timed out"]
    assert await messages(world, task="other") == ["no such user"]
    assert await messages(world, text="TIMED valueerror") == ["Upstream timed out"]
    assert await messages(world, back=HOUR) == ["disk full"]
    assert await messages(world, text=full.fingerprint) == ["disk full"]


async def test_a_range_that_is_over_lists_what_failed_in_it(world: World) -> None:
    worker = await registered(world)
    await fail(world, worker, "twice")
    await fail(world, worker, "before")
    until = floor(world.clock.now, MINUTE) + MINUTE
    world.clock.move(HOUR)
    worker = await registered(world)
    await fail(world, worker, "twice")
    await fail(world, worker, "after")
    between = floor(world.clock.now, MINUTE) - MINUTE

    assert await messages(world, end=until) == ["twice", "before"]
    assert await messages(world, back=30 * MINUTE, end=between) == []


async def test_a_version_lists_what_failed_under_it(world: World) -> None:
    names = []
    for word, queue in (("alpha", "a"), ("bravo", "b"), ("alpha", "c")):
        worker = await registered(world, queue=queue)
        await fail(world, worker, word)
        current = world.store.catalog.current_of(world.env.id)
        assert current is not None
        names.append(current.name)

    found = [await messages(world, version=name) for name in names]

    assert found == [["alpha"], ["bravo"], ["alpha"]]
    assert await messages(world, version="never") == []
    sample = await failures.sample(world.store, (await listed(world, text="alpha")).groups[0])
    assert (sample.runs, sample.versions) == (2, {names[0]: 1, names[2]: 1})


async def test_a_page_that_looks_at_too_many_ends_early_and_says_where(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "_CHUNK", 2)
    monkeypatch.setattr(failures, "MOST_LOOKED_AT", 4)
    worker = await registered(world)
    for word in WORDS:
        await fail(world, worker, word)
        world.clock.move(SECOND)

    first = await listed(world, text="bravo")
    second = await listed(world, text="bravo", after=first.next)

    assert first.groups == []
    assert first.next is not None
    assert [one.message for one in second.groups] == ["bravo"]


async def test_failures_are_counted_over_time_in_columns(world: World) -> None:
    worker = await registered(world)
    start = floor(world.clock.now, HOUR_MS)
    await fail(world, worker, "no", times=3)
    world.clock.move(20 * MINUTE)
    worker = await registered(world)
    await fail(world, worker, "no")
    group = await only(world)

    async def counted(step: int, column: int) -> dict[int, int]:
        end = start + 2 * HOUR
        found = await failures.over_time(
            world.store, [group], start=start, end=end, step=step, column=column
        )
        return found[group.id]

    assert await counted(MINUTE_MS, 15 * MINUTE) == {start: 3, start + 15 * MINUTE: 1}
    assert await counted(MINUTE_MS, HOUR) == await counted(HOUR_MS, HOUR) == {start: 4}
    assert await failures.over_time(
        world.store, [], start=0, end=start, step=HOUR_MS, column=HOUR_MS
    ) == {}  # fmt: skip


async def test_the_group_of_a_run_is_known_from_its_end_until_it_is_forgotten(world: World) -> None:
    worker = await registered(world)
    good = await world.trigger()
    await worker.complete(await worker.fetch_one())
    run_id = await fail(world, worker, "no", tags=["red"])
    dev = world.beside("dev")

    group = await failures.of_run(world.store, world.env, run_id)

    assert group is not None
    assert (group.message, group.last_run) == ("no", run_id)
    assert await failures.retrieve(world.store, world.env, group.fingerprint) == group
    assert await failures.of_run(world.store, world.env, good) is None
    assert await failures.of_run(dev.store, dev.env, run_id) is None
    assert (await failures.sample(world.store, group)).tags == {"red": 1}
    with pytest.raises(NotFound, match=group.fingerprint):
        await failures.retrieve(dev.store, dev.env, group.fingerprint)
    world.clock.move(20 * DAY)
    await upkeep.prune(world.store, retention_ms=DAY)
    assert (await failures.sample(world.store, group)).runs == 0


@pytest.mark.acceptance("S84")
async def test_a_group_is_resolved_until_a_newer_version_fails_alike(
    world: World, told: list[tuple[str, dict[str, Any]]]
) -> None:
    worker = await registered(world)
    await fail(world, worker, "no")
    group = await only(world)

    changed = await failures.resolve(world.store, world.env, [group.fingerprint] * 2, by="Ada")
    again = await failures.resolve(world.store, world.env, [group.fingerprint], by="Bob")
    await fail(world, worker, "no")
    resolved = await only(world)
    await fail(world, await registered(world, queue="new"), "no")
    regressed = await only(world)

    assert (changed, again) == (1, 0)
    assert (resolved.status, resolved.changed_by, resolved.runs) == ("resolved", "Ada", 2)
    assert resolved.resolved_at == world.clock.now
    assert resolved.resolved_version == group.last_version
    assert (regressed.status, regressed.regressed_version) == (
        "unresolved", regressed.last_version
    )  # fmt: skip
    assert [facts["error"] for name, facts in told if name == "error.resolved"] == [
        group.fingerprint
    ]


@pytest.mark.parametrize("ended", ["time", "number"])
async def test_a_group_is_ignored_until_a_time_or_a_number_is_over(
    world: World, ended: str
) -> None:
    worker = await registered(world)
    await fail(world, worker, "no")
    name = (await only(world)).fingerprint
    until, more = (world.clock.now + HOUR, None) if ended == "time" else (None, 2)

    await failures.ignore(world.store, world.env, [name], by="Ada", until=until, more=more)
    await fail(world, worker, "no", times=2)
    quiet = await only(world)
    if ended == "time":
        world.clock.move(HOUR)
        worker = await registered(world)
    await fail(world, worker, "no")

    assert (quiet.status, quiet.changed_by) == ("ignored", "Ada")
    assert (quiet.ignored_until, quiet.ignored_runs) == (until, 3 if more else None)
    assert (await only(world)).status == "unresolved"


async def test_what_is_ignored_for_ever_stays_so_until_somebody_reopens_it(world: World) -> None:
    worker = await registered(world)
    await fail(world, worker, "no")
    name = (await only(world)).fingerprint
    await failures.ignore(world.store, world.env, [name], by="Ada")
    world.clock.move(30 * DAY)
    worker = await registered(world, queue="new")
    await fail(world, worker, "no", times=3)
    ignored = await only(world)

    reopened = await failures.reopen(world.store, world.env, [name], by="Bob")
    again = await failures.reopen(world.store, world.env, [name], by="Eve")

    assert (ignored.status, reopened, again) == ("ignored", 1, 0)
    group = await only(world)
    assert (group.status, group.changed_by, group.runs) == ("unresolved", "Bob", 4)


async def test_several_are_changed_together_or_not_at_all(world: World) -> None:
    worker = await registered(world)
    for word in WORDS[:3]:
        await fail(world, worker, word)
    names = [one.fingerprint for one in (await listed(world)).groups]
    dev = world.beside("dev")

    with pytest.raises(NotFound, match="nothing-like-it"):
        await failures.resolve(world.store, world.env, [*names, "nothing-like-it"], by="Ada")
    with pytest.raises(NotFound):
        await failures.resolve(dev.store, dev.env, names, by="Ada")
    with pytest.raises(BadRequest, match="1 to 200"):
        await failures.ignore(world.store, world.env, [], by="Ada")
    before = await failures.by_status(world.store, world.env, start=0)
    await failures.resolve(world.store, world.env, names[:2], by="Ada")
    await failures.ignore(world.store, world.env, names[2:], by="Ada")

    assert before == {"unresolved": 3, "resolved": 0, "ignored": 0}
    assert await failures.by_status(world.store, world.env, start=0) == {
        "unresolved": 0, "resolved": 2, "ignored": 1
    }  # fmt: skip
    assert await failures.by_status(world.store, world.env, start=world.clock.now + 1) == {
        "unresolved": 0, "resolved": 0, "ignored": 0
    }  # fmt: skip
