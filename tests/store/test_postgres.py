"""Several servers on one PostgreSQL, all at once: one truth, whoever is asked."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from hairtrigger.engine import queues, runs, schedules, upkeep
from hairtrigger.engine import trigger as triggers
from hairtrigger.errors import BadRequest, Unprocessable
from hairtrigger.store.asking import Call, NewRun, OneTime
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.wire import ids
from hairtrigger.wire.worker import RunInfo
from tests.clock import MINUTE, SECOND
from tests.engine.driving import Worker, World, exact, manifest, number, options
from tests.store.servers import Servers, beside, once

KEYS = 40


async def test_same_key_on_three_servers_is_one_run_and_all_are_told_its_id(
    servers: Servers,
) -> None:
    worlds = await servers.start(3)

    told = await asyncio.gather(
        *(world.outcome(idempotencyKey=f"k{n}") for n in range(KEYS) for world in worlds)
    )

    by_key = [told[3 * n : 3 * n + 3] for n in range(KEYS)]
    assert all(once([one.id for one in three]) for three in by_key)
    assert all(sum(not one.cached for one in three) == 1 for three in by_key)
    assert await servers.ask("select count(*) from runs") == [(KEYS,)]


async def test_same_keys_in_opposite_order_do_not_block_each_other_for_ever(
    servers: Servers,
) -> None:
    worlds = await servers.start(3)
    await worlds[0].trigger()

    def items(turn: int) -> list[triggers.Item]:
        names = [f"k{n}" for n in range(KEYS)][:: 1 if turn % 2 else -1]
        return [triggers.Item("work", options=options(idempotencyKey=name)) for name in names]

    told = await asyncio.gather(*(world.trigger_all(items(n)) for n, world in enumerate(worlds)))

    for made, turn in zip(told, range(3), strict=True):
        assert _ids(made)[:: 1 if turn % 2 else -1] == _ids(told[1])
    assert await servers.ask("select count(*) from runs") == [(KEYS + 1,)]


def _ids(made: list[Any]) -> list[int]:
    return [one.id for one in made]


async def test_same_request_on_three_servers_makes_its_runs_once(servers: Servers) -> None:
    worlds = await servers.start(3)

    told = await asyncio.gather(
        *(
            world.trigger_all([triggers.Item("work")] * 3, f"r{n}")
            for n in range(KEYS)
            for world in worlds
        )
    )

    assert all(once([tuple(_ids(made)) for made in told[3 * n : 3 * n + 3]]) for n in range(KEYS))
    assert await servers.ask("select count(*) from runs") == [(3 * KEYS,)]


async def test_same_debounce_on_three_servers_is_one_run(servers: Servers) -> None:
    worlds = await servers.start(3)

    told = await asyncio.gather(
        *(
            world.trigger(debounce={"key": f"d{n}", "delay": "10s"})
            for n in range(KEYS)
            for world in worlds
        )
    )

    assert all(once(told[3 * n : 3 * n + 3]) for n in range(KEYS))
    assert await servers.ask("select count(*) from runs") == [(KEYS,)]


async def test_one_time_token_on_three_servers_triggers_once(servers: Servers) -> None:
    worlds = await servers.start(3)

    async def use(world: World, token: int) -> bool:
        spent = OneTime(f"hash {token}", servers.clock.now + MINUTE)
        items = [triggers.Item("work")]
        (made,) = await triggers.trigger(world.store, world.env, items, one_time=spent)
        if isinstance(made, Unprocessable):
            return False
        assert isinstance(made, triggers.Outcome)
        return True

    used = await asyncio.gather(*(use(world, n) for n in range(KEYS) for world in worlds))

    assert [sum(used[3 * n : 3 * n + 3]) for n in range(KEYS)] == [1] * KEYS
    assert await servers.ask("select count(*) from runs") == [(KEYS,)]


async def claim_all(workers: list[Worker], want: int = 20) -> list[RunInfo]:
    """Everything that is ready, by all at once."""

    async def fetch(worker: Worker) -> list[RunInfo]:
        found: list[RunInfo] = []
        while got := await worker.fetch(want):
            found += got
        return found

    return [run for got in await asyncio.gather(*map(fetch, workers)) for run in got]


@pytest.mark.parametrize("limit", [None, 10_000], ids=["free", "limited"])
async def test_no_run_is_handed_out_twice(servers: Servers, limit: int | None) -> None:
    worlds = await servers.start(3)
    worker = await worlds[0].register(manifest("work", limit=limit))
    made = await asyncio.gather(
        *(world.trigger_all([triggers.Item("work")] * 50) for world in worlds for _ in range(4))
    )

    got = await claim_all([beside(worker, world) for world in worlds])

    assert Counter(number(run.id) for run in got) == Counter(_ids([o for m in made for o in m]))
    assert await servers.ask("select distinct fence from live") == [(1,)]
    await servers.check_whole()


async def test_limit_holds_over_all_servers_while_runs_come_and_go(servers: Servers) -> None:
    worlds = await servers.start(3)
    workers = [beside(await worlds[0].register(manifest("work", limit=4)), w) for w in worlds]
    running, most, done = set[str](), 0, 0

    async def work(worker: Worker) -> None:
        nonlocal most, done
        while done < 150:
            for run in await worker.fetch(3):
                running.add(run.id)  # before it is reported, and after it was handed out
                most = max(most, len(running))
                running.remove(run.id)
                assert await worker.complete(run) == "ok"
                done += 1

    await asyncio.gather(
        *(work(worker) for worker in workers for _ in range(2)),
        *(w.trigger_all([triggers.Item("work")] * 10) for w in worlds for _ in range(5)),
        watch_limit(servers, 4, lambda: done >= 150),
    )

    await servers.check_whole()


async def watch_limit(servers: Servers, limit: int, over: Any) -> None:
    """What the rows say, again and again: never more than the limit, and the limit is reached."""
    most = 0
    while not over():
        ((running,),) = await servers.ask("select count(*) from live where state = 2")
        assert running <= limit
        most = max(most, running)
    assert most == limit


async def test_a_thousand_keys_of_limit_one_are_shared_by_three_servers(servers: Servers) -> None:
    worlds = await servers.start(3)
    worker = await worlds[0].register(manifest("work", limit=1))
    workers = [beside(worker, world) for world in worlds]
    calls = [
        Call(w.env.id, [NewRun(w.store.make_id(), w.env.id, "work", w.clock.now, ckey=f"k{n}")])
        for n in range(1_000)
        for w in worlds[:2]
    ]
    await asyncio.gather(
        *(w.store.trigger(c) for c, w in zip(calls, worlds[:2] * 1_000, strict=True))
    )

    for left in (1_000, 0):
        got = await claim_all(workers, 100)

        assert len({run.concurrency_key for run in got}) == len(got) == 1_000
        assert await servers.ask("select sum(queued), max(running) from lanes") == [(left, 1)]
        await asyncio.gather(*(workers[n % 3].complete(run) for n, run in enumerate(got)))
    await servers.check_whole()


async def test_claims_race_with_the_end_of_their_session(servers: Servers) -> None:
    a, b = await servers.start()
    for _ in range(20):
        worker = await a.register(manifest("work", retry=exact(max_attempts=2)))
        await a.trigger_all([triggers.Item("work")] * 5)

        await asyncio.gather(
            beside(worker, b).fetch(), worker.fetch(2), worker.leave(), return_exceptions=True
        )

        assert await servers.ask("select count(*) from live where state = 2") == [(0,)]
        await servers.check_whole()


async def test_tags_and_metadata_from_three_servers_all_arrive(servers: Servers) -> None:
    worlds = await servers.start(3)
    run_id = await worlds[0].trigger()
    add: list[dict[str, object]] = [{"type": "increment", "key": "n", "value": 1}]

    await asyncio.gather(
        *(
            runs.change_metadata(world.store, world.env, run_id, {"own": add})
            for world in worlds
            for _ in range(10)
        ),
        *(
            runs.add_tags(world.store, world.env, run_id, f"t{n}{place}")
            for place, world in enumerate(worlds)
            for n in range(3)
        ),
    )

    run = await worlds[1].run(run_id)
    assert msgspec.json.decode(run.metadata or "") == {"n": 30}
    assert len(run.tags) == 9
    assert await servers.ask("select count(*) from run_tags") == [(9,)]


async def test_batch_is_filled_on_three_servers_and_each_index_is_there_once(
    servers: Servers,
) -> None:
    worlds = await servers.start(3)
    batch = await worlds[0].batch(60)

    added = await asyncio.gather(
        *(world.add_items(batch, range(n, n + 30)) for world in worlds for n in (0, 10, 30))
    )

    assert sum(one.accepted for one in added) == 60
    found = "select count(*), count(distinct ix), count(distinct run_id) from batch_items"
    assert await servers.ask(found) == [(60, 60, 60)]
    assert await servers.ask("select made, open, sealed from batches") == [(60, 60, 1)]
    worker = await worlds[0].register("work")
    got = await claim_all([beside(worker, world) for world in worlds])
    await asyncio.gather(*(beside(worker, worlds[n % 3]).complete(r) for n, r in enumerate(got)))
    assert await servers.ask("select open, finished_at is not null from batches") == [(0, True)]


async def test_schedule_that_is_due_fires_once(servers: Servers) -> None:
    worlds = await servers.start(3)
    tasks = [manifest(f"tick{n}", cron="* * * * *") for n in range(10)]
    await worlds[0].register(*tasks)
    for minute in range(1, 6):
        servers.clock.move(MINUTE)

        await asyncio.gather(*(schedules.fire_due(w.store) for w in worlds for _ in range(2)))

        assert await servers.ask("select count(*) from runs") == [(10 * minute,)]


async def test_due_runs_are_promoted_and_expired_once(servers: Servers) -> None:
    worlds = await servers.start(3)
    await worlds[0].register(manifest("work", limit=5))
    await asyncio.gather(
        *(w.trigger(delay="1m") for w in worlds for _ in range(20)),
        *(w.trigger(ttl=30) for w in worlds for _ in range(20)),
    )
    servers.clock.move(MINUTE)

    await asyncio.gather(
        *(verb(w.store) for w in worlds for verb in (upkeep.promote_due, upkeep.expire))
    )

    assert await servers.ask("select state, count(*) from live group by 1") == [(1, 60)]
    assert await servers.ask("select status, count(*) from results group by 1") == [(5, 60)]
    await servers.check_whole()


async def test_pause_on_one_server_holds_on_the_other_with_its_commit(servers: Servers) -> None:
    a, b = await servers.start()
    for limit in (None, 3):
        worker = beside(await a.register(manifest("work", limit=limit)), b)
        await b.trigger()

        await a.pause("task/work")
        assert await worker.fetch() == []
        await a.pause("task/work", paused=False)

        (run,) = await worker.fetch()
        await worker.complete(run)


async def test_limit_set_on_one_server_holds_on_the_other_with_its_commit(servers: Servers) -> None:
    a, b = await servers.start()
    worker = beside(await a.register("work"), b)
    await b.trigger_all([triggers.Item("work")] * 6)
    held = await worker.fetch(1)

    for limit in (2, 3, 1):
        await queues.override_limit(a.store, a.env, "task/work", limit)
        held += await worker.fetch()
        assert len(held) == max(2, min(limit, 3), len(held))
        await servers.check_whole()
    assert len(held) == 3
    await queues.reset_limit(a.store, a.env, "task/work")

    assert len(await worker.fetch()) == 3
    with pytest.raises(BadRequest):
        await queues.reset_limit(b.store, b.env, "task/work")
    await servers.check_whole()


async def test_task_and_queue_named_first_on_all_servers_at_once_are_there_once(
    servers: Servers,
) -> None:
    worlds = await servers.start(3)

    await asyncio.gather(
        *(w.trigger(f"t{n}", queue={"name": f"q{n}"}) for n in range(10) for w in worlds)
    )

    assert await servers.ask("select count(*) from tasks") == [(10,)]
    assert await servers.ask("select count(*) from queues") == [(10,)]
    for world in worlds:
        page, _ = await runs.list_page(
            world.store, world.env, RunFilter(), size=100, after=None, before=None
        )
        assert Counter(run.task for run in page) == {f"t{n}": 3 for n in range(10)}


async def test_run_of_a_task_that_only_another_server_knows_can_be_read(servers: Servers) -> None:
    a, b = await servers.start(hear=False)
    worker = await a.register("new", version="v1")
    run_id = await a.trigger("new", Raw(b"1"), tags=["t"])
    run = await worker.fetch_one()

    found = await b.run(run_id)

    assert (found.task, found.queue, found.version) == ("new", "task/new", "v1")
    assert await beside(worker, b).complete(run) == "ok"


async def test_same_version_registered_on_all_servers_at_once_is_one(servers: Servers) -> None:
    worlds = await servers.start(3)
    tasks = [manifest("a", limit=3), manifest("tick", cron="* * * * *")]

    workers = await asyncio.gather(*(w.register(*tasks) for w in worlds for _ in range(3)))

    assert len({worker.registered.version for worker in workers}) == 1
    assert await servers.ask("select count(*) from versions") == [(1,)]
    assert await servers.ask("select count(*) from schedules") == [(1,)]


async def test_one_poison_row_among_five_hundred_fails_alone(servers: Servers) -> None:
    a, b = await servers.start()
    poison = NewRun(2**70, a.env.id, "work", a.clock.now)
    surrogate = NewRun(a.store.make_id(), a.env.id, "work", a.clock.now, payload="\ud800")
    nul = NewRun(a.store.make_id(), a.env.id, "work", a.clock.now, payload="\0")
    good = [NewRun(a.store.make_id(), a.env.id, "work", a.clock.now) for _ in range(500)]
    good[100:100], good[300:300], good[400:400] = [poison], [surrogate], [nul]

    told = await asyncio.gather(
        *(a.store.trigger(Call(a.env.id, [run])) for run in good), b.trigger(),
        return_exceptions=True,
    )  # fmt: skip

    assert [ix for ix, one in enumerate(told) if isinstance(one, BaseException)] == [100, 300, 400]
    assert all(isinstance(told[ix], BadRequest) for ix in (100, 300, 400))
    assert await servers.ask("select count(*) from runs") == [(501,)]
    await servers.check_whole()


async def test_run_is_finished_by_any_server_and_a_repeat_is_told_so_by_any_other(
    servers: Servers,
) -> None:
    a, b = await servers.start()
    worker = await a.register("work")
    run_id = await b.trigger()
    run = await worker.fetch_one()
    servers.clock.move(5 * SECOND)

    told = await asyncio.gather(worker.complete(run), beside(worker, b).complete(run))

    assert list(told) == ["ok", "ok"]
    assert await servers.ask("select run_id from results") == [(run_id,)]
    assert ids.public("run", run_id) == run.id
