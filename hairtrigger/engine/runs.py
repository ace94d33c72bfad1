"""Runs: looked at, listed, cancelled, replayed, put off, tagged."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from hairtrigger.engine.trigger import Item, Outcome, read_item
from hairtrigger.errors import BadRequest, NotFound, Unprocessable
from hairtrigger.rules import limits
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.store import cancel as cancelling
from hairtrigger.store import pages, settle, watch
from hairtrigger.store import store as stores
from hairtrigger.store.asking import Call
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, each, fetch
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids
from hairtrigger.wire.options import MAX_TAGS, QueueOption, ReplayBody, TriggerOptions
from hairtrigger.wire.packets import STORE, TYPES

METADATA_OPEN_MS = 3_600_000  # after the end of a run
_encode = msgspec.json.Encoder().encode


async def retrieve(store: Store, env: Environment, run_id: int) -> Run:
    """One run of the environment.

    Raises:
        NotFound: there is none with this id here.
    """
    found = await store.runs(env.id, [run_id])
    if not found:
        raise NotFound("Run not found")
    return found[0]


async def relations(
    store: Store, env: Environment, run: Run
) -> tuple[Run | None, Run | None, list[Run]]:
    """A run's root (unless it is that itself), parent and children."""
    children = await store.read(stores.one("children_of", run.id), quick=True)
    wanted = [number for number in (run.root, run.parent) if number is not None]
    wanted += [row[0] for row in children]
    if not wanted:
        return None, None, []
    found = {one.id: one for one in await store.runs(env.id, wanted)}
    family = [found[row[0]] for row in children if row[0] in found]
    return found.get(run.root or 0), found.get(run.parent or 0), family


async def list_page(
    store: Store,
    env: Environment,
    wanted: RunFilter,
    *,
    size: int,
    after: int | None,
    before: int | None,
    budget_s: float | None = None,
    brief: bool = True,
) -> tuple[list[Run], pages.Page]:
    """A page of runs, newest first, when ``brief`` without their payloads and outputs; ``after`` and ``before``
    are numbers of runs. With ``budget_s`` (seconds) it looks no longer than that: a short page says where to go
    on."""
    page = await store.with_catalog(
        lambda catalog: pages.page(
            catalog,
            env.id,
            wanted,
            size=size,
            after=after,
            before=before,
            now=store.now(),
            budget_s=budget_s,
        )
    )
    return await store.runs(env.id, page.run_ids, brief=brief), page


async def list_across(
    store: Store, envs: Sequence[Environment], wanted: RunFilter, *, size: int, after: int | None,
    before: int | None,
) -> tuple[list[tuple[Run, Environment]], pages.Page]:  # fmt: skip
    """A page of the runs of several environments, newest first, each with its own."""
    runs: dict[int, tuple[Run, Environment]] = {}
    found = []
    for env in envs:
        own, page = await list_page(store, env, wanted, size=size, after=after, before=before)
        runs |= {run.id: (run, env) for run in own}
        found.append(page)
    page = pages.merged(found, size, after=after, before=before)
    return [runs[id_] for id_ in page.run_ids if id_ in runs], page


async def of_each(store: Store, env: Environment, found: Iterable[Sequence[Any]]) -> dict[int, Run]:
    """The runs of some pairs, of whatever they belong to and their number (which may be None), without payload and
    output, by what they belong to. Those that are kept no longer are left out."""
    numbers = {owner: number for owner, number in found if number is not None}
    runs = await store.runs(env.id, list(numbers.values()), brief=True)
    by_id = {run.id: run for run in runs}
    return {owner: by_id[number] for owner, number in numbers.items() if number in by_id}


async def cancel(store: Store, env: Environment, run_id: int) -> None:
    """Cancel a run and its unfinished descendants; a finished run is left as it is.

    Raises:
        NotFound: there is none with this id here.
    """
    changed, workers = await store.change(
        lambda catalog, now: cancelling.cancel(catalog, now, env=env.id, run_id=run_id),
        lanes=[env.id],
    )
    store.watch.tell([*map(watch.run, changed), *map(watch.worker, workers)])
    for number in changed:
        emit("run.canceled", run=ids.public("run", number), attempt=0)


async def replay(
    store: Store, env: Environment, run_id: int, body: ReplayBody, *, request_key: str | None = None
) -> Outcome:
    """A new run with the payload and options of an old one, except for what ``body`` says otherwise.

    Raises:
        NotFound: there is no such run here. BadRequest, Unprocessable: an override that cannot be.
    """
    run = await retrieve(store, env, run_id)
    version = None if body.version in (None, "latest") else body.version
    metadata: Raw | UnsetType = body.metadata
    if isinstance(metadata, UnsetType) and run.options.metadata is not None:
        metadata = Raw(run.options.metadata.encode())
    options = TriggerOptions(
        payload_type=body.payload_type, queue=QueueOption(body.queue) if body.queue else None,
        concurrency_key=body.concurrency_key if body.concurrency_key is not None else run.concurrency_key,
        delay=body.delay, ttl=body.ttl, tags=body.tags if body.tags is not None else run.tags,
        metadata=metadata, max_attempts=body.max_attempts, max_duration=body.max_duration,
        machine=body.machine or run.options.machine,  # type: ignore[arg-type]  # checked when it was made
        priority=body.priority, idempotency_key=body.idempotency_key,
        idempotency_key_ttl=body.idempotency_key_ttl, lock_to_version=version, test=run.options.test,
    )  # fmt: skip
    new = read_item(store, env, Item(run.task, body.payload, options))
    if body.payload is UNSET and run.payload is not None:
        new.payload, new.payload_type = run.payload[1], TYPES.index(run.payload[0])
    new.queue = new.queue or run.queue
    assert new.options is not None, "read_item sets them"
    new.options.replay_of = run.id
    made = (await store.trigger(Call(env.id, [new], request_key)))[0]
    if made.error is not None:
        raise made.error
    emit("runs.triggered", env=env.slug, count=1)
    return Outcome(made.id, made.cached)


async def reschedule(store: Store, env: Environment, run_id: int, delay: str) -> Run:
    """Put a delayed run off, or bring it forward.

    Raises:
        BadRequest: it is not delayed (any more), or the delay is in the past or unreadable.
        NotFound: there is no such run here.
    """
    try:
        until = limits.instant(delay, store.now(), "delay")
    except Unprocessable as error:
        raise BadRequest(str(error)) from None
    if until <= store.now():
        raise BadRequest("The delay lies in the past. Give one in the future.")

    def move(_: Catalog, now: int) -> Steps[bool]:
        if not (yield fetch("run_exists", run_id, env.id)):
            raise NotFound("Run not found")
        if not (yield fetch("move_delayed", run_id, until)):
            return False
        yield fetch("remember_delay", run_id, now, until)
        yield fetch("mark_changed", run_id)
        return True

    if not await store.change(move):
        raise BadRequest("Only a run that is still delayed can be rescheduled.")
    store.expect([until])
    store.watch.tell([watch.run(run_id)])
    return await retrieve(store, env, run_id)


async def add_tags(store: Store, env: Environment, run_id: int, tags: str | list[str]) -> int:
    """Add tags to a run, finished or not; answers how many are new. All or none.

    Raises:
        NotFound, BadRequest (too long), Unprocessable (more than ten).
    """
    wanted = limits.tags(tags)

    def add(_: Catalog, now: int) -> Steps[int]:
        rows = yield fetch("tags_of", run_id, env.id)
        if not rows:
            raise NotFound("Run not found")
        text = rows[0][1] or rows[0][0]
        present: list[str] = msgspec.json.decode(text) if text else []
        new = [tag for tag in wanted if tag not in present]
        if len(present) + len(new) > MAX_TAGS:
            raise Unprocessable(
                f"A run has at most {MAX_TAGS} tags: this one has {len(present)}, "
                f"and {len(new)} more would be added."
            )
        if new:
            yield fetch("change_tags", run_id, now, _encode([*present, *new]).decode(), rows[0][1])
            yield each("insert_tags", [(env.id, tag, run_id) for tag in new])
            yield fetch("mark_changed", run_id)
        return len(new)

    added: int = await store.change(add)
    store.watch.tell([watch.run(run_id)])
    return added


async def change_metadata(
    store: Store, env: Environment, run_id: int, operations: dict[str, list[dict[str, object]]]
) -> str:
    """Apply metadata operations to a run (``own``), its parent (``parent``) and its root (``root``).

    Answers the run's whole metadata afterwards, as JSON text.

    Raises:
        NotFound; BadRequest (an operation); TooLarge; Unprocessable: the run ended over an hour ago.
    """

    def change(_: Catalog, now: int) -> Steps[tuple[str, list[int]]]:
        rows = yield fetch("relatives", run_id, env.id)
        if not rows:
            raise NotFound("Run not found")
        final = yield fetch("final_of", run_id)
        if final and final[0][1] < now - METADATA_OPEN_MS:
            raise Unprocessable(
                "The metadata of a run can be changed until one hour after its end."
            )
        _, parent, root = rows[0]
        changes = [(run_id, operations.get("own", []))]
        changes += [(parent or run_id, operations["parent"])] if operations.get("parent") else []
        changes += [(root or run_id, operations["root"])] if operations.get("root") else []
        texts = yield from settle.change_metadata(changes, now)
        return texts[run_id], list(texts)

    text, changed = await store.change(change)
    store.watch.tell(map(watch.run, changed))
    return str(text)


async def events(
    store: Store, env: Environment, run_id: int, *, after: int, limit: int
) -> tuple[list[tuple[int, str]], bool]:
    """Log lines and spans of a run after a position: (position, JSON text), and whether the run is final.

    Raises:
        NotFound: there is no such run here.
    """
    run = await retrieve(store, env, run_id)
    rows: list[Row] = await store.read(stores.one("events_of", run_id, after, limit))
    return [(row[0], row[1]) for row in rows], run.is_final


async def whole(store: Store, env: Environment, packet: tuple[str, str]) -> bytes:
    """A payload or output (data type, text) in full, also when it lies apart.

    Raises:
        NotFound: it lay apart, and was kept no longer.
    """
    kind, text = packet
    if kind != STORE:
        return text.encode()
    found = await store.get_blob(env.id, text)
    if found is None:
        raise NotFound("This was stored apart, and is not kept any more.")
    return found[1]


async def failed_attempts(store: Store, env: Environment, run_id: int) -> Sequence[Row]:
    """Hand-outs of a run that did not finish it: (attempt, fence, worker, started, ended, reason, error)."""
    await retrieve(store, env, run_id)
    return await store.read(stores.one("attempts_of", run_id), quick=True)


async def reset_key(store: Store, env: Environment, key: str, task: str) -> None:
    """Free an idempotency key of a task: the next trigger with it makes a new run.

    Raises:
        NotFound: no run of the task holds it.
    """

    def reset(catalog: Catalog, now: int) -> Steps[None]:
        entry = catalog.task(env.id, task)
        rows = (yield fetch("forget_key", env.id, entry.id, key)) if entry is not None else []
        if not rows:
            raise NotFound(f"No run of {task} holds this idempotency key.")
        yield fetch("mark_key_released", rows[0][0], now)

    await store.change(reset)
