"""Schedules: declared, made, edited, switched; fired once for each tick and never before it."""

import asyncio
from typing import Any

import msgspec
import pytest

from hairtrigger.engine import schedules
from hairtrigger.engine.schedules import Schedule
from hairtrigger.errors import InvalidCron, InvalidTimezone, NotFound, Unprocessable
from hairtrigger.wire import ids, packets
from hairtrigger.wire.options import ScheduleBody
from hairtrigger.wire.worker import RunInfo
from tests.clock import DAY, HOUR, MINUTE, ms
from tests.engine.driving import Worker, World, manifest

NINE = "0 9 * * *"


async def listed(world: World) -> list[Schedule]:
    found, count = await schedules.list_page(world.store, world.env, page=1, per_page=100)
    assert len(found) == count
    return found


async def make(world: World, request_key: str | None = None, **given: Any) -> Schedule:
    body = ScheduleBody(**{"task": "tick", "cron": NINE, **given})
    return await schedules.create(world.store, world.env, body, request_key=request_key)


async def live_through(
    world: World, worker: Worker, until: str, step_ms: int
) -> list[dict[str, Any]]:
    """The payloads of the ticks until then, with a clock that moves by steps."""
    payloads = []
    while world.clock.now < ms(until):
        world.clock.move(step_ms)
        await worker.hold()
        await schedules.fire_due(world.store)
        for run in await worker.fetch():
            payloads.append({**payload(run), "at": world.clock.now})
            await worker.complete(run)
    return payloads


def payload(run: RunInfo) -> dict[str, Any]:
    assert run.payload is not None
    value = packets.decode(*run.payload)
    assert isinstance(value, dict)
    return value


@pytest.mark.acceptance("S27")
async def test_registering_makes_edits_and_removes_declared_schedules(world: World) -> None:
    await world.register(manifest("a", cron=NINE), manifest("b", cron="0 * * * *"))
    first = {one.task: one for one in await listed(world)}
    assert first["a"].next_at == ms("2026-03-03T09:00:00")
    assert first["b"].next_at == ms("2026-03-02T13:00:00")

    await world.register(manifest("a", cron="30 9 * * *", timezone="Europe/Berlin"), "b")

    (only,) = await listed(world)
    assert (only.id, only.cron, only.timezone) == (first["a"].id, "30 9 * * *", "Europe/Berlin")
    assert only.next_at == ms("2026-03-03T08:30:00")
    assert (only.declarative, only.active) == (True, True)


async def test_registering_the_same_again_moves_nothing(world: World) -> None:
    await world.register(manifest("a", cron=NINE))
    world.clock.now = ms("2026-03-04T10:00:00")

    await world.register(manifest("a", cron=NINE), "b")

    assert [one.next_at for one in await listed(world)] == [ms("2026-03-03T09:00:00")]


async def test_schedule_may_be_for_some_environments_only(world: World) -> None:
    task = manifest("a", cron=NINE, environments=["PRODUCTION"])
    dev = world.beside("dev")

    await world.register(task)
    await dev.register(task)

    assert len(await listed(world)) == 1
    assert await listed(dev) == []


@pytest.mark.acceptance("S28")
async def test_daily_schedule_fires_on_the_minute_each_day_over_ends_of_months_and_years(
    world: World,
) -> None:
    for start, end, days in (
        ("2027-12-30T00:00:00", "2028-01-02T23:00:00", 4),
        ("2028-02-27T00:00:00", "2028-03-02T00:00:00", 4),
    ):
        world.clock.now = ms(start)
        worker = await world.register(manifest("tick", cron=NINE, queue="q"))
        for one in await listed(world):
            await world.write("update schedules set next_at = ?", ms(start) + 9 * HOUR)
            assert one.cron == NINE

        fired = await live_through(world, worker, end, HOUR)

        assert len(fired) == days
        assert all(one["at"] == round(one["timestamp"].timestamp() * 1_000) for one in fired)
        await worker.leave()


@pytest.mark.acceptance("S28")
@pytest.mark.parametrize(
    ("zone", "around", "expected"),
    [("Europe/Berlin", "2026-03-29", ["28T08:00", "29T07:00", "30T07:00"]),
     ("Europe/Berlin", "2026-10-25", ["24T07:00", "25T08:00", "26T08:00"])],
)  # fmt: skip
async def test_schedule_follows_its_zone_through_clock_changes(
    world: World, zone: str, around: str, expected: list[str]
) -> None:
    world.clock.now = ms(around) - DAY
    worker = await world.register(manifest("tick", cron=NINE, timezone=zone))

    fired = await live_through(world, worker, f"{around[:8]}{int(around[8:]) + 1}T12:00", HOUR)

    assert [f"{one['timestamp']:%dT%H:%M}" for one in fired] == expected


@pytest.mark.acceptance("S29")
async def test_tick_brings_its_times_and_names(world: World) -> None:
    worker = await world.register(manifest("tick", scheduled=True), "plain")
    made = await make(world, cron="*/10 * * * *", timezone="Europe/Berlin", external_id="user-1")
    world.clock.now = ms("2026-03-02T12:10:03")
    await schedules.fire_due(world.store)
    first = await worker.fetch_one()
    world.clock.now = ms("2026-03-02T12:20:00")
    await schedules.fire_due(world.store)

    second = payload(await worker.fetch_one())

    got = payload(first)
    public = ids.public("sched", made.id)
    assert (got["scheduleId"], got["type"], got["externalId"]) == (public, "IMPERATIVE", "user-1")
    assert (got["timezone"], first.schedule) == ("Europe/Berlin", public)
    assert f"{got['timestamp']:%H:%M:%S%z}" == "12:10:00+0000"
    assert "lastTimestamp" not in got
    assert [f"{one:%H:%M}" for one in got["upcoming"]] == [
        "12:20",
        "12:30",
        "12:40",
        "12:50",
        "13:00",
    ]
    assert second["lastTimestamp"] == got["timestamp"]
    shown = msgspec.json.decode(packets.shown(*(first.payload or ("", ""))))
    assert shown["timestamp"] == "2026-03-02T12:10:00.000Z"
    run = await world.run(ids.parse("run", first.id) or 0)
    assert (run.schedule, run.options.external_id) == (made.id, "user-1")


async def test_tick_fires_once_however_often_and_from_wherever_it_is_looked_at(
    world: World,
) -> None:
    await world.register(manifest("tick", cron="* * * * *"))
    world.clock.move(MINUTE)

    await asyncio.gather(*(schedules.fire_due(world.store) for _ in range(10)))
    await schedules.fire_due(world.store)

    assert world.rows("select count(*) from runs") == [(1,)]


async def test_restored_schedule_does_not_fire_a_tick_again(world: World) -> None:
    await world.register(manifest("tick", cron="* * * * *"))
    world.clock.move(MINUTE)
    await schedules.fire_due(world.store)
    await world.write("update schedules set next_at = next_at - 60000, last_at = null")

    await schedules.fire_due(world.store)

    assert world.rows("select count(*) from runs") == [(1,)]


async def test_nothing_fires_before_its_time(world: World) -> None:
    await world.register(manifest("tick", cron="0 13 * * *"))
    world.clock.move(HOUR - 1)
    await schedules.fire_due(world.store)
    assert world.rows("select count(*) from runs") == [(0,)]

    world.clock.move(1)
    wait_ms = await schedules.fire_due(world.store)

    assert world.rows("select count(*) from runs") == [(1,)]
    assert wait_ms == 1_000


async def test_of_missed_ticks_the_latest_fires_once_with_its_own_time(world: World) -> None:
    worker = await world.register(manifest("tick", cron="*/10 * * * *"))
    world.clock.now = ms("2026-03-05T07:38:00")

    worker = await world.register(manifest("tick", cron="*/10 * * * *"), worker=worker.id)
    await schedules.fire_due(world.store)

    assert f"{payload(await worker.fetch_one())['timestamp']:%dT%H:%M}" == "05T07:30"
    assert [one.next_at for one in await listed(world)] == [ms("2026-03-05T07:40:00")]


async def test_development_fires_only_while_a_worker_is_there(world: World) -> None:
    dev = world.beside("dev")
    worker = await dev.register(manifest("tick", cron="0 * * * *"))
    await worker.leave()
    world.clock.move(3 * HOUR)

    await schedules.fire_due(world.store)
    worker = await dev.register(manifest("tick", cron="0 * * * *"))
    await schedules.fire_due(world.store)
    assert world.rows("select count(*) from runs") == [(0,)]
    world.clock.move(HOUR)
    await schedules.fire_due(world.store)

    assert len(await worker.fetch()) == 1


async def test_switched_off_schedule_neither_fires_nor_catches_up(world: World) -> None:
    await world.register(manifest("tick", scheduled=True))
    public = ids.public("sched", (await make(world, cron="0 * * * *")).id)
    off = await schedules.switch(world.store, world.env, public, active=False)
    assert (off.active, off.next_at) == (False, None)
    world.clock.move(5 * HOUR + MINUTE)
    await schedules.fire_due(world.store)

    on = await schedules.switch(world.store, world.env, public, active=True)
    await schedules.fire_due(world.store)

    assert (on.active, on.next_at) == (True, ms("2026-03-02T18:00:00"))
    assert world.rows("select count(*) from runs") == [(0,)]


async def test_editing_a_schedule_that_is_off_leaves_it_off(world: World) -> None:
    await world.register(manifest("tick", scheduled=True))
    made = await make(world, deduplication_key="d")
    public = ids.public("sched", made.id)
    await schedules.switch(world.store, world.env, public, active=False)

    again = await make(world, deduplication_key="d", cron="* * * * *")
    body = ScheduleBody("tick", "* * * * *")
    updated = await schedules.update(world.store, world.env, public, body)

    assert (again.id, again.active, again.next_at) == (made.id, False, None)
    assert (updated.active, updated.next_at) == (False, None)


async def test_switch_and_edit_at_once_end_with_a_time_of_the_new_pattern(world: World) -> None:
    await world.register(manifest("tick", scheduled=True))
    public = ids.public("sched", (await make(world)).id)
    await schedules.switch(world.store, world.env, public, active=False)

    body = ScheduleBody("tick", "30 * * * *")
    await asyncio.gather(
        schedules.switch(world.store, world.env, public, active=True),
        schedules.update(world.store, world.env, public, body),
        schedules.switch(world.store, world.env, public, active=True),
    )

    found = await schedules.retrieve(world.store, world.env, public)
    assert (found.active, found.next_at) == (True, ms("2026-03-02T12:30:00"))


async def test_edited_schedule_fires_from_then_on(world: World) -> None:
    await world.register(manifest("tick", scheduled=True))
    public = ids.public("sched", (await make(world, cron="0 13 * * *", timezone="UTC")).id)
    world.clock.move(2 * HOUR)

    body = ScheduleBody("tick", "0 13 * * *", timezone="Europe/Berlin", external_id="x")
    edited = await schedules.update(world.store, world.env, public, body)
    await schedules.fire_due(world.store)

    assert (edited.next_at, edited.external_id) == (ms("2026-03-03T12:00:00"), "x")
    assert world.rows("select count(*) from runs") == [(0,)]


async def test_deleted_schedule_is_gone(world: World) -> None:
    await world.register(manifest("tick", scheduled=True))
    public = ids.public("sched", (await make(world)).id)

    await schedules.delete(world.store, world.env, public)

    assert await listed(world) == []
    with pytest.raises(NotFound):
        await schedules.retrieve(world.store, world.env, public)


async def test_deduplication_key_finds_its_schedule_in_its_environment(world: World) -> None:
    await world.register(manifest("tick", scheduled=True))
    await world.beside("dev").register(manifest("tick", scheduled=True))
    first = await make(world, deduplication_key="d")

    second = await make(world, deduplication_key="d", cron="0 1 * * *")
    other = await make(world.beside("dev"), deduplication_key="d")
    anonymous = [await make(world, deduplication_key="") for _ in range(2)]

    assert second.id == first.id != other.id
    assert (await schedules.retrieve(world.store, world.env, "d")).cron == "0 1 * * *"
    assert anonymous[0].id != anonymous[1].id
    assert {one.id for one in await listed(world)} == {first.id, *(one.id for one in anonymous)}


async def test_repeated_request_makes_one_schedule(world: World) -> None:
    await world.register(manifest("tick", scheduled=True))

    made = [await make(world, "request") for _ in range(3)]

    assert len({one.id for one in made}) == 1


@pytest.mark.parametrize(
    ("given", "error"),
    [({"cron": "@daily"}, InvalidCron), ({"timezone": "Nowhere"}, InvalidTimezone),
     ({"task": "unknown"}, Unprocessable), ({"task": "plain"}, Unprocessable)],
)  # fmt: skip
async def test_impossible_schedule_is_refused(
    world: World, given: dict[str, str], error: type[Exception]
) -> None:
    await world.register(manifest("tick", scheduled=True), "plain")

    with pytest.raises(error):
        await make(world, **given)

    assert await listed(world) == []


async def test_declared_schedule_is_changed_in_code_only(world: World) -> None:
    await world.register(manifest("tick", cron=NINE))
    public = ids.public("sched", (await listed(world))[0].id)

    with pytest.raises(Unprocessable):
        await schedules.delete(world.store, world.env, public)
    with pytest.raises(Unprocessable):
        await schedules.update(world.store, world.env, public, ScheduleBody("tick", NINE))
    assert not (await schedules.switch(world.store, world.env, public, active=False)).active


async def test_broken_schedule_is_switched_off_and_the_others_fire(world: World) -> None:
    await world.register(*(manifest(f"t{n}", cron="* * * * *") for n in range(3)))
    await world.write(
        "update schedules set timezone = 'Mars/Olympus' where id = (select min(id) from schedules)"
    )
    world.clock.move(MINUTE)

    await schedules.fire_due(world.store)

    assert world.rows("select count(*) from runs") == [(2,)]
    assert sorted(one.active for one in await listed(world)) == [False, True, True]


async def test_hundreds_of_schedules_fire_in_a_few_looks(world: World) -> None:
    await world.register(*(manifest(f"t{n}", cron="* * * * *") for n in range(150)))
    world.clock.move(MINUTE)

    await schedules.fire_due(world.store)
    await schedules.fire_due(world.store)

    assert world.rows("select count(*), count(distinct schedule) from runs") == [(150, 150)]


async def test_schedules_are_listed_in_pages_newest_first(world: World) -> None:
    await world.register(manifest("tick", scheduled=True))
    made = [(await make(world)).id for _ in range(5)]

    pages = [
        await schedules.list_page(world.store, world.env, page=n, per_page=2) for n in (1, 2, 3)
    ]

    assert [[one.id for one in found] for found, _ in pages] == [
        [made[4], made[3]], [made[2], made[1]], [made[0]],
    ]  # fmt: skip
    assert {count for _, count in pages} == {5}
