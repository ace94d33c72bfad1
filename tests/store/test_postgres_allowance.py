"""Two servers and one plan: together they make no more runs, and execute no more at once, than it allows."""

import asyncio

import pytest

from hairtrigger.engine import plans, upkeep
from hairtrigger.engine import trigger as triggers
from hairtrigger.engine.verify import verify_history
from hairtrigger.rules.plans import Numbers
from tests.clock import DAY
from tests.engine.driving import Outcome, World
from tests.store.servers import Servers, beside, eventually

NUMBERS = Numbers(free_runs=30, free_concurrency=1, pro_runs=60)


async def started(servers: Servers) -> tuple[World, World]:
    a, b = await servers.start()
    await plans.open_organization(a.store, "free", NUMBERS)
    return a, b


async def ask(worlds: tuple[World, World], count: int) -> int:
    """So many callers at once, by turns at each server; answers how many runs were made."""
    asked = [worlds[n % 2].trigger_all([triggers.Item("work")]) for n in range(count)]
    return sum(isinstance(one, Outcome) for (one,) in await asyncio.gather(*asked))


@pytest.mark.acceptance("S102")
async def test_two_servers_share_the_last_runs_of_a_month_exactly(servers: Servers) -> None:
    both = await started(servers)

    assert await ask(both, 50) == 30
    assert await ask(both, 4) == 0

    assert await servers.ask("select count(*) from runs") == [(30,)]
    assert (await plans.usage(both[1].store)).runs == 30
    findings = await verify_history(both[0].store.database)
    assert [one.check.name for one in findings if not one.holds] == []


async def test_one_waits_for_the_count_of_the_other(servers: Servers) -> None:
    a, b = await started(servers)
    assert await ask((a, b), 29) == 29

    told = await servers.race(a.trigger(), (a, "commit"), b.trigger())

    assert [type(one).__name__ for one in told] == ["int", "PlanLimitReached"]


async def test_what_is_counted_without_a_limit_counts_when_there_is_one(servers: Servers) -> None:
    a, b = await started(servers)
    await plans.change(a.store, "unlimited", by="a test")
    assert await ask((a, b), 50) == 50  # each server in rows of its own

    await plans.change(b.store, "pro", by="a test")

    assert await ask((a, b), 50) == 10
    assert (await plans.usage(a.store)).runs == 60


async def test_a_rolled_back_tick_counts_nothing(servers: Servers) -> None:
    a, _ = await started(servers)

    async def broken() -> None:
        await a.outcome(tags=["\0"])

    with pytest.raises(Exception, match=r"NUL|refused"):
        await broken()

    assert (await plans.usage(a.store)).runs == 0


@pytest.mark.acceptance("S103")
@pytest.mark.acceptance("S105")
async def test_two_servers_hand_out_one_run_and_hear_of_another_plan(servers: Servers) -> None:
    a, b = await started(servers)
    first = await a.register("work")
    second = beside(await b.register("work"), b)
    assert await ask((a, b), 20) == 20
    handed = await asyncio.gather(*(worker.fetch() for worker in [first, second] * 5))
    assert sum(map(len, handed)) == 1

    waiting = asyncio.ensure_future(second.fetch())
    await plans.change(a.store, "pro", by="a test")
    rest = [*await waiting, *await second.fetch()]

    assert len(rest) == 19
    await eventually(lambda: b.store.catalog.plan.name == "pro", "the other server to know")
    await servers.check_whole()


async def test_days_that_are_over_have_one_row_however_many_connections_there_were(
    servers: Servers,
) -> None:
    both = await servers.start()
    for world in both:
        await world.trigger()
        await world.trigger()
    counts = "select count(*), cast(sum(runs) as bigint) from usage"
    shards, made = (await servers.ask(counts))[0]
    assert made == 4

    await upkeep.prune(both[0].store, retention_ms=0)
    assert await servers.ask(counts) == [(shards, 4)]
    both[0].clock.move(2 * DAY)
    await upkeep.prune(both[0].store, retention_ms=0)

    assert await servers.ask(counts) == [(1, 4)]
    findings = await verify_history(both[0].store.database)
    assert [one.check.name for one in findings if not one.holds] == []
