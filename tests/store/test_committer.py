"""Group commit: one tick for many, nobody answered before the commit, the guilty one fails alone."""

import asyncio
import errno
import sqlite3
from typing import Any

import pytest
from msgspec import Raw

from hairtrigger.engine import runs, upkeep
from hairtrigger.engine.trigger import Item
from hairtrigger.errors import BadRequest, HairtriggerError, NotFound, Unavailable
from hairtrigger.store import committer
from hairtrigger.store.asking import Call, NewRun
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from hairtrigger.telemetry import events
from tests.clock import Clock
from tests.engine.driving import World, manifest


@pytest.fixture
async def world(store: Store, clock: Clock) -> World:
    return await World.make(store, clock)


# what looks inside the driver, or makes the database itself fail
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("database", ["postgres"], indirect=True)
FULL = """
create function full_disk() returns trigger language plpgsql as
  $$ begin raise exception 'No space left on device' using errcode = 'disk_full'; end $$
"""


def poison(world: World) -> NewRun:
    """A run that the database cannot take: its number does not fit."""
    return NewRun(2**70, world.env.id, "work", world.clock.now)


async def test_calls_that_come_together_are_one_commit(world: World) -> None:
    database = world.store.database
    commits, write = 0, database.write

    async def counted(transaction: Any, **given: Any) -> Any:
        nonlocal commits
        commits += 1
        return await write(transaction, **given)

    database.write = counted  # type: ignore[method-assign]  # counts, and passes on

    await asyncio.gather(*(world.trigger() for _ in range(500)))

    assert commits == 1


async def test_nobody_is_answered_before_the_commit(world: World) -> None:
    answered: list[int] = []

    async def look() -> None:
        run_id = await world.trigger()
        stored = world.rows("select count(*) from runs where id = ?", run_id)
        answered.append(stored[0][0])

    await asyncio.gather(*(look() for _ in range(20)))

    assert answered == [1] * 20


async def test_answers_go_out_before_the_next_tick_is_written(world: World) -> None:
    happened: list[str] = []

    async def ask(name: str, then: str = "") -> None:
        def steps(catalog: Catalog, now: int) -> Steps[None]:
            happened.append(f"{name} written")
            if then and not asked:  # while this tick is written, the next one has something to do
                asked.append(asyncio.ensure_future(ask(then)))
            yield fetch("all_tasks")

        await world.store.change(steps)
        happened.append(f"{name} answered")

    asked: list[asyncio.Future[None]] = []
    await ask("first", "second")
    await asyncio.gather(*asked)

    assert happened == ["first written", "first answered", "second written", "second answered"]


async def test_one_bad_item_among_five_hundred_fails_alone(world: World) -> None:
    good = [world.store.trigger(Call(world.env.id, [_new(world)])) for _ in range(500)]
    bad = world.store.trigger(Call(world.env.id, [poison(world)]))

    *made, refused = await asyncio.gather(*good, bad, return_exceptions=True)

    assert isinstance(refused, BadRequest)
    assert all(isinstance(one, list) and one[0].id for one in made)
    assert world.rows("select count(*) from runs") == [(500,)]


def _new(world: World) -> NewRun:
    return NewRun(world.store.make_id(), world.env.id, "work", world.clock.now)


async def test_change_that_breaks_fails_alone_and_the_server_goes_on(world: World) -> None:
    def broken(_catalog: Catalog, _now: int) -> Steps[None]:
        yield fetch("insert_task", world.env.id, "half", None)
        raise KeyError("a bug")

    heard: list[str] = []
    stop = events.subscribe(lambda name, _: heard.append(name))
    results = await asyncio.gather(
        world.trigger(), world.store.change(broken), world.trigger(), return_exceptions=True
    )
    stop()

    assert isinstance(results[1], HairtriggerError)
    assert results[1].status == 500
    for made in (results[0], results[2]):
        assert isinstance(made, int)
        assert await world.status(made) == "PENDING_VERSION"
    assert world.rows("select name from tasks where name = 'half'") == []
    assert "tick.failed" in heard


async def test_catalogue_forgets_what_was_rolled_back(world: World) -> None:
    calls = [Call(world.env.id, [NewRun(1, world.env.id, "fresh", 1), poison(world)])]

    with pytest.raises(BadRequest):
        await world.store.trigger(calls[0])

    assert world.store.catalog.task(world.env.id, "fresh") is None
    run_id = await world.trigger("fresh")
    assert (await world.run(run_id)).task == "fresh"


async def test_lone_surrogate_is_the_callers_mistake_only(world: World) -> None:
    results = await asyncio.gather(
        world.trigger_all([Item("bad\ud800")]), world.trigger(), return_exceptions=True
    )

    assert isinstance(results[0], BadRequest)
    assert isinstance(results[1], int)


async def test_poison_among_reports_and_changes_fails_alone(world: World) -> None:
    worker = await world.register(manifest("work", limit=2))
    run_id = await world.trigger()
    run = await worker.fetch_one()

    results = await asyncio.gather(
        worker.complete(run), world.store.trigger(Call(world.env.id, [poison(world)])),
        runs.add_tags(world.store, world.env, run_id, "t"), upkeep.promote_due(world.store),
        return_exceptions=True,
    )  # fmt: skip

    assert isinstance(results[1], BadRequest)
    assert (results[0], results[2], results[3]) == ("ok", 1, 1_000)
    assert await world.status(run_id) == "COMPLETED"
    assert await upkeep.counter_drift(world.store) == []


async def test_waiting_worker_survives_a_tick_that_fails(world: World) -> None:
    worker = await world.register("work")
    fetching = asyncio.ensure_future(worker.fetch())
    await asyncio.gather(
        fetching, world.store.trigger(Call(world.env.id, [poison(world)])), return_exceptions=True
    )

    await world.trigger()

    assert len(await worker.fetch()) == 1


async def test_refusal_by_a_rule_fails_nobody_else(world: World) -> None:
    results = await asyncio.gather(
        world.cancel(12345), world.trigger(), runs.add_tags(world.store, world.env, 1, "t"),
        return_exceptions=True,
    )  # fmt: skip

    assert isinstance(results[0], NotFound)
    assert isinstance(results[1], int)
    assert isinstance(results[2], NotFound)


@SQLITE
async def test_full_disk_is_an_error_for_all_and_passes(world: World) -> None:
    database = world.store.database
    assert isinstance(database, SQLite)
    assert database._writer is not None
    kept = await world.trigger()
    pages = database._writer.execute("pragma page_count").fetchone()[0]
    database._writer.execute(f"pragma max_page_count = {pages}")

    large = [Item("work", Raw(b'"' + b"x" * 100_000 + b'"'))] * 5
    with pytest.raises(Unavailable):
        await world.trigger_all(large)
    database._writer.execute("pragma max_page_count = 1000000")

    assert await world.status(kept) == "PENDING_VERSION"
    assert len(await world.trigger_all(large)) == 5
    assert world.rows("pragma integrity_check") == [("ok",)]


@SQLITE
async def test_commit_that_fails_writes_nothing_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = world.store.database
    assert isinstance(database, SQLite)
    writer = database._writer

    class Failing:
        """A connection whose COMMIT finds the disk broken."""

        def __getattr__(self, name: str) -> Any:
            return getattr(writer, name)

        def execute(self, sql: str, *params: Any) -> Any:
            if sql == "commit":
                raise sqlite3.OperationalError(f"disk I/O error ({errno.EIO})")
            assert writer is not None
            return writer.execute(sql, *params)

    monkeypatch.setattr(database, "_writer", Failing())
    with pytest.raises(Unavailable):
        await world.trigger("fresh")
    monkeypatch.undo()

    assert world.rows("select count(*) from runs") == [(0,)]
    assert await world.status(await world.trigger("fresh")) == "PENDING_VERSION"


@POSTGRES
@pytest.mark.parametrize(
    "when", ["before insert on runs", "after insert on live deferrable initially deferred"],
    ids=["insert", "commit"],
)  # fmt: skip
async def test_full_disk_under_postgresql_is_an_error_for_all_and_passes(
    world: World, when: str
) -> None:
    kept = await world.trigger()
    connected = (
        "select count(*) from pg_stat_activity where datname = current_database() "
        "and application_name = 'hairtrigger'"
    )
    before = world.rows(connected)
    await world.write(FULL)
    kind = "constraint trigger" if "deferred" in when else "trigger"
    table = when.split()[3]
    await world.write(f"create {kind} filled {when} for each row execute function full_disk()")
    try:
        for _ in range(3):
            with pytest.raises(Unavailable, match="No space left"):
                await world.trigger("fresh")
            await world.store.reload()
        assert world.rows(connected) == before  # those that failed are as good as before
    finally:
        await world.write(f"drop trigger filled on {table}")
        await world.write("drop function full_disk")

    assert await world.status(kept) == "PENDING_VERSION"
    assert await world.status(await world.trigger("fresh")) == "PENDING_VERSION"
    assert world.rows("select count(*) from runs") == [(2,)]


async def test_intake_refuses_what_it_could_not_hold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "MAX_PENDING", 10)

    results = await asyncio.gather(*(world.trigger() for _ in range(15)), return_exceptions=True)

    assert sum(isinstance(one, Unavailable) for one in results) == 5
    assert isinstance(await world.trigger(), int)


async def test_intake_counts_the_bytes_of_payloads_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "MAX_PENDING", 10 * (1 + 25))
    large = "x" * 100 * 1024

    results = await asyncio.gather(
        *(world.trigger(payload=large) for _ in range(15)), return_exceptions=True
    )

    assert sum(isinstance(one, Unavailable) for one in results) == 5
    assert isinstance(await world.trigger(payload=large * 10), int)  # alone, it may be larger


async def test_more_than_a_tick_takes_is_written_in_several(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "MAX_WEIGHT", 7)

    made = await asyncio.gather(*(world.trigger_all([Item("work")] * n) for n in (1, 5, 20, 3)))

    assert [len(one) for one in made] == [1, 5, 20, 3]
    assert world.rows("select count(*) from runs") == [(29,)]


async def test_close_writes_what_is_pending_and_answers_who_waits(world: World) -> None:
    worker = await world.register("other")
    pending = [asyncio.ensure_future(world.trigger()) for _ in range(50)]
    fetching = asyncio.ensure_future(worker.fetch())
    await asyncio.sleep(0)

    await world.store.close()

    made = await asyncio.gather(*pending)
    assert len(set(made)) == 50
    await asyncio.gather(fetching, return_exceptions=True)
    assert world.rows("select count(*) from runs") == [(50,)]
