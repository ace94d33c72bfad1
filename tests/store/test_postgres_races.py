"""Two servers and one run: one stops in the middle of its transaction, the other does its own, both go on."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from hairtrigger.engine import runs, sessions
from hairtrigger.errors import UnknownWorker, Unprocessable
from hairtrigger.store.database import Row, Statement, Steps, fetch
from hairtrigger.wire import ids
from hairtrigger.wire.worker import RunInfo
from tests.engine.driving import Worker, exact, manifest, number
from tests.store.servers import Servers, beside, postgres

Verb = Callable[[Worker, RunInfo], Awaitable[Any]]


async def complete(worker: Worker, run: RunInfo) -> str:
    return await worker.complete(run)


async def fail(worker: Worker, run: RunInfo) -> str:
    return await worker.fail(run, retry_in_ms=0)


async def give_back(worker: Worker, run: RunInfo) -> str:
    return await worker.settle(run, handed_back=True, begun=False)


async def cancel(worker: Worker, run: RunInfo) -> None:
    await worker.world.cancel(number(run.id))


async def child(worker: Worker, run: RunInfo) -> int:
    return await worker.world.trigger("work", parentRunId=run.id)


async def tag(worker: Worker, run: RunInfo) -> int:
    return await runs.add_tags(worker.world.store, worker.world.env, number(run.id), "mine")


async def other_tag(worker: Worker, run: RunInfo) -> int:
    return await runs.add_tags(worker.world.store, worker.world.env, number(run.id), "yours")


async def count(worker: Worker, run: RunInfo) -> str:
    operations: list[dict[str, object]] = [{"type": "increment", "key": "n", "value": 1}]
    return await runs.change_metadata(
        worker.world.store, worker.world.env, number(run.id), {"own": operations}
    )


async def leave(worker: Worker, run: RunInfo) -> None:
    await worker.leave()


VERBS: list[Verb] = [complete, fail, give_back, cancel, child, tag, other_tag, count, leave]
HALF_WAY: list[tuple[Verb, str]] = [
    (complete, "complete"), (complete, "commit"),
    (fail, "send_back"), (fail, "commit"),
    (give_back, "send_back"),
    (cancel, "request_cancel"), (cancel, "children_to_cancel"), (cancel, "commit"),
    (child, "insert_runs"), (child, "mark_parents"), (child, "commit"),
    (tag, "change_tags"), (tag, "commit"),
    (count, "change_metadata"), (count, "commit"),
    (leave, "delete_worker"), (leave, "handed_out_to"), (leave, "delete_live"), (leave, "commit"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "statement"), HALF_WAY, ids=lambda one: getattr(one, "__name__", one)
)
async def test_two_servers_change_a_running_run_at_once(
    servers: Servers, first: Verb, statement: str
) -> None:
    a, b = await servers.start()
    for second in VERBS:
        worker = await a.register(manifest("work", retry=exact(max_attempts=2)))
        run_id = await a.trigger("work", tags=["first"])
        kept = await a.trigger("work", parentRunId=ids.public("run", run_id), delay="1d")
        run = await worker.fetch_one()
        before: list[tuple[Verb, Any]] = []
        if first is leave and statement == "delete_live":  # only then does it end there
            await cancel(worker, run)
            before = [(cancel, None)]

        told = await servers.race(
            first(worker, run), (a, statement), second(beside(worker, b), run)
        )

        await check_outcome(servers, run, kept, [*before, (first, told[0]), (second, told[1])])
        await settle_all(servers)


async def check_outcome(
    servers: Servers, run: RunInfo, kept: int, done: list[tuple[Verb, Any]]
) -> None:
    """What was told is what is stored, whoever was first."""
    told, verbs = dict(done), [verb for verb, _ in done]
    context = {verb.__name__: answer for verb, answer in done}
    for verb, answer in done:
        fine = not isinstance(answer, BaseException)
        fine = fine or (verb is child and isinstance(answer, Unprocessable))
        assert fine or (leave in told and isinstance(answer, UnknownWorker)), context
    await servers.check_whole()
    world = servers.worlds[1]
    stored = await world.run(number(run.id))
    tags = [text for verb, text in ((tag, "mine"), (other_tag, "yours")) if verb in told]
    assert (stored.tags[0], sorted(stored.tags[1:])) == ("first", tags), context
    counted = msgspec.json.decode(stored.metadata or "{}").get("n", 0)
    assert counted == verbs.count(count), context
    if cancel in told and (told.get(complete) != "ok" or stored.status != "COMPLETED"):
        assert stored.status == "CANCELED", context
        assert await world.status(kept) == "CANCELED", context
        if isinstance(told.get(child), int):
            assert await world.status(told[child]) == "CANCELED", context
    elif told.get(complete) == "ok" and told.keys().isdisjoint({fail, give_back}):
        # of a worker that says two things, either counts
        assert stored.status == "COMPLETED", context


async def settle_all(servers: Servers) -> None:
    """End whatever is left, so that the next pair begins with nothing."""
    world = servers.worlds[0]
    for (run_id,) in await servers.ask("select run_id from live"):
        await world.cancel(run_id)
    for (worker,) in await servers.ask("select id from workers"):
        await sessions.leave(world.store, world.known, world.env, ids.public("worker", worker))
    assert await servers.ask("select run_id from live") == []
    await servers.check_whole()


async def test_request_that_comes_again_is_met_by_writing_it_and_looked_up_from_then_on(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world,) = await servers.start(1)
    await world.outcome()  # the task is known from here on
    execution, asked = postgres(world)._execution, list[str]()
    run = execution.run

    async def noting(connection: Any, statement: Statement) -> list[Row]:
        asked.append(statement.name)
        return await run(connection, statement)

    monkeypatch.setattr(execution, "run", noting)
    first = await world.outcome(request_key="r")
    assert "request_made" not in asked
    assert (await world.outcome(request_key="r")).id == first.id
    assert "request_made" in asked

    asked.clear()
    other = await world.outcome(request_key="s")

    assert other.id != first.id
    assert asked.count("request_made") == 1


async def test_nothing_is_built_on_a_change_of_the_catalogue_that_is_rolled_back(
    servers: Servers,
) -> None:
    (world,) = await servers.start(1)
    catalog, env = world.store.catalog, world.env.id

    def failing(_: int) -> Steps[None]:
        yield from catalog.need_task(env, "fresh")
        yield fetch("session_lives", 1)
        raise Unprocessable("no")

    def building(_: int) -> Steps[int]:
        task = yield from catalog.need_task(env, "fresh")
        return task.id

    write = postgres(world).write
    failed, built = await servers.race(write(failing), (world, "session_lives"), write(building))

    assert isinstance(failed, Unprocessable)
    assert await servers.ask("select id from tasks where name = 'fresh'") == [(built,)]
