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


async def test_run_now_makes_the_run_that_the_clock_would_make_and_moves_no_time(
    world: World,
) -> None:
    worker = await world.register(manifest("tick", cron=NINE, timezone="Europe/Berlin"))
    (before,) = await listed(world)

    number = await schedules.run_now(world.store, world.env, ids.public("sched", before.id))

    (run,) = await worker.fetch()
    found = await world.run(number)
    assert (ids.public("run", number), found.schedule, found.options.test) == (
        run.id,
        before.id,
        False,
    )
    given = payload(run)
    assert round(given["timestamp"].timestamp() * 1_000) == ids.created_at(number)
    assert (given["scheduleId"], given["timezone"]) == (run.schedule, "Europe/Berlin")
    assert next(one.timestamp() * 1_000 for one in given["upcoming"]) == before.next_at
    assert await listed(world) == [before]
    assert [
        one.id for one in (await schedules.last_runs(world.store, world.env, [before])).values()
    ] == [number]
    with pytest.raises(NotFound):
        await schedules.run_now(
            world.store, world.beside("dev").env, ids.public("sched", before.id)
        )


async def test_run_now_of_a_schedule_that_is_off_runs_it_all_the_same(world: World) -> None:
    await world.register(manifest("tick", cron=NINE))
    (one,) = await listed(world)
    name = ids.public("sched", one.id)
    await schedules.switch(world.store, world.env, name, active=False)

    number = await schedules.run_now(world.store, world.env, name)

    assert await world.status(number) == "QUEUED"


async def test_schedules_are_listed_by_their_next_time_and_found_by_task_and_external_id(
    world: World,
) -> None:
    await world.register(manifest("a", cron="0 15 * * *"), manifest("tick", scheduled=True))
    late = await make(world, cron="0 20 * * *", external_id="User_1%", deduplication_key="k1")
    soon = await make(world, cron="0 13 * * *", external_id="user_12", deduplication_key="k2")
    off = await make(world, cron="0 14 * * *", deduplication_key="off-peak")
    await schedules.switch(world.store, world.env, ids.public("sched", off.id), active=False)

    async def names(**narrow: Any) -> list[str | None]:
        found, count = await schedules.listed(world.store, world.env, page=1, per_page=10, **narrow)
        assert count == len(found)
        return [one.external_id or one.dedup for one in found]

    assert await names() == [soon.external_id, None, late.external_id, "off-peak"]
    assert await names(task=world.store.catalog.task_ids[world.env.id, "a"]) == [None]
    assert await names(text="user_1") == ["user_12", "User_1%"]
    assert await names(text="_1%") == ["User_1%"]
    assert await names(text="PEAK") == ["off-peak"]
    second, count = await schedules.listed(world.store, world.env, page=2, per_page=3)
    assert ([one.dedup for one in second], count) == (["off-peak"], 4)


async def test_coming_schedules_are_those_that_fire_up_to_an_instant_and_say_when_there_are_more(
    world: World,
) -> None:
    await world.register(manifest("tick", scheduled=True))
    for hour in (20, 13, 16):
        await make(world, cron=f"0 {hour} * * *", deduplication_key=str(hour))

    async def coming(until: str, most: int) -> tuple[list[str | None], bool]:
        found, more = await schedules.coming(world.store, world.env, until=ms(until), most=most)
        return [one.dedup for one in found], more

    assert await coming("2026-03-02T16:00:00", 5) == (["13", "16"], False)
    assert await coming("2026-03-03T12:00:00", 2) == (["13", "16"], True)


@pytest.mark.parametrize("declared", [True, False])
async def test_sample_is_what_the_task_would_receive_from_its_schedule(
    world: World, declared: bool
) -> None:
    await world.register(manifest("tick", cron=NINE))
    found = (await listed(world))[0] if declared else None

    text = schedules.sample(
        found, ms("2026-03-02T10:00:00"), timezone="Europe/Berlin", external_id="user_7",
        last_at=ms("2026-03-01T10:00:00"),
    )  # fmt: skip

    value = packets.decode(packets.SUPER_JSON, text)
    assert value["timestamp"].isoformat() == "2026-03-02T10:00:00+00:00"
    assert value["lastTimestamp"].isoformat() == "2026-03-01T10:00:00+00:00"
    assert (value["externalId"], value["timezone"]) == ("user_7", "Europe/Berlin")
    assert len(value["upcoming"]) == (5 if declared else 0)
    with pytest.raises(InvalidTimezone):
        schedules.sample(found, 0, timezone="Mars/Base")
