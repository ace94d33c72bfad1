"""Worker sessions: they register their version, prove that they live, and leave."""

import asyncio
import time
from functools import partial

import msgspec

from hairtrigger.engine import attempts, declarations, projects
from hairtrigger.engine.dequeue import Sessions
from hairtrigger.errors import BadRequest, UnknownWorker, Unprocessable
from hairtrigger.rules.project import Environment
from hairtrigger.store import sessions, watch
from hairtrigger.store.catalog import Catalog, VersionEntry
from hairtrigger.store.claim import Demand
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.settle import Settled
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids
from hairtrigger.wire.worker import PROTOCOL, Held, Hold, Register, Registered

MAX_SLOTS = 10_000


async def register(
    store: Store, known: Sessions, env: Environment, body: Register, *, lease_ms: int, hold_ms: int
) -> Registered:
    """Open a session for a worker and make its code known; the same code again is the same version.

    A fresh start, or a session that comes with new code, makes its version the environment's current one,
    unless it is told to leave that to ``promote``; a worker that only comes back to a server which forgot it
    does not.

    Raises:
        Unprocessable: no protocol in common. Forbidden: the project is not the key's. BadRequest: slots, or
        the name of a queue. InvalidCron, InvalidTimezone: a schedule that can never fire. UnknownWorker: the
        session is another environment's. Nothing is registered then.
    """
    _check(body)
    given = ids.parse("worker", body.worker) if body.worker else None
    number = given if given is not None else store.make_id()
    replaced = [
        one for one in (ids.parse("worker", text) for text in body.replaces) if one is not None
    ]

    def open_session(
        catalog: Catalog, now: int
    ) -> Steps[tuple[VersionEntry, dict[str, list[str]], list[Settled]]]:
        outcome: list[Settled] = []
        mine = yield fetch("worker", number)
        if mine and mine[0][1] != env.id:
            raise UnknownWorker("No such worker session in this environment.")
        yield from projects.belongs(catalog, env, body.project)
        for worker in replaced:
            rows = yield fetch("worker", worker)
            if worker != number and rows and rows[0][1] == env.id:
                outcome += yield from sessions.end_session(catalog, now, worker=worker, silent=True)
        before = catalog.current_of(env.id)
        version = yield from declarations.need_version(
            catalog, env, body, now, make_id=store.make_id
        )
        changes: dict[str, list[str]] = {}
        reloaded = bool(mine) and mine[0][2] != version.id
        if before is None or (body.promote and (given is None or reloaded)):
            changes = declarations.compare(before, version)
            yield from declarations.make_current(catalog, env, version, now, make_id=store.make_id)
        info = msgspec.json.encode(
            {"name": body.name, "sdk": body.sdk, "runtime": body.runtime}
        ).decode()
        queues = msgspec.json.encode(body.queues).decode() if body.queues else None
        yield fetch(
            "insert_worker", number, env.id, version.id, now + lease_ms, body.slots, queues, info
        )
        return version, changes, outcome

    version, changes, outcome = await store.change(open_session, lanes=[env.id])
    attempts.tell(store, outcome)
    public_id = ids.public("worker", number)
    queues = frozenset(body.queues) if body.queues else None
    known.learn(public_id, Demand(env.id, number, version.id, 0, queues))
    emit("worker.registered", worker=public_id, env=env.slug, version=version.name, host=body.name)
    return Registered(public_id, version.name, lease_ms, hold_ms, PROTOCOL, env.slug, changes)


def _check(body: Register) -> None:
    if PROTOCOL not in body.protocol:
        raise Unprocessable(
            f"This server speaks worker protocol {PROTOCOL}, the worker {body.protocol}. "
            "Install the same version of hairtrigger on both sides."
        )
    if not 1 <= body.slots <= MAX_SLOTS:
        raise BadRequest(f"A worker has 1 to {MAX_SLOTS} slots, not {body.slots}.")
    declarations.check(body.tasks)


async def hold(
    store: Store, known: Sessions, env: Environment, body: Hold, *, lease_ms: int, wait_s: float,
    stop: asyncio.Future[None],
) -> Held:  # fmt: skip
    """Renew a session's lease, and tell it of cancels as soon as there are any.

    Where that can be written apart, the lease is renewed at once: a session must not become silent because ticks
    take long. What could not be compared in a third of it then is compared all the same, and told by a later hold.

    Raises:
        UnknownWorker: the session has ended.
    """
    demand = await known.demand(store, env, body.worker, 0)
    came_at = time.monotonic()
    deadline, late_at = came_at + wait_s, came_at + lease_ms / 3_000
    key = watch.worker(demand.worker)
    listed_at: int | None = store.now()
    renewal = fetch("renew_worker", demand.worker, store.now() + lease_ms)
    is_renewed = bool(await store.database.write_apart(renewal))
    while True:
        notice = store.watch.listen(key)
        try:
            comparing = asyncio.create_task(_compare(store, demand, body, lease_ms, listed_at))
            try:
                if is_renewed and not await _within(comparing, late_at):
                    return Held(late=True)
                answer = await comparing
            except BaseException:
                known.forget(body.worker)
                raise
            listed_at = None
            left = deadline - time.monotonic() if body.wait else 0
            if answer.lost or answer.notices or left <= 0 or stop.done():
                return answer
            either: list[asyncio.Future[None]] = [notice, stop]
            await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not notice.done():
                return answer
        finally:
            store.watch.forget(key, notice)


async def _within(comparing: asyncio.Task[Held], until: float) -> bool:
    """Whether it is done by an instant (monotonic seconds); else it goes on, and nobody hears what came of it."""
    done, _ = await asyncio.wait({comparing}, timeout=max(0.0, until - time.monotonic()))
    if not done:
        comparing.add_done_callback(lambda late: late.cancelled() or late.exception())
    return bool(done)


async def _compare(
    store: Store, demand: Demand, body: Hold, lease_ms: int, listed_at: int | None
) -> Held:
    """What a session is to be told of what it holds; what it never got goes back."""
    renew = partial(
        sessions.renew, worker=demand.worker, hold=body, lease_ms=lease_ms, listed_at=listed_at
    )
    answer: Held
    answer, returned = await store.change(renew, lanes=[demand.env])
    attempts.tell(store, returned)
    return answer


async def leave(store: Store, known: Sessions, env: Environment, public_id: str) -> None:
    """End a session in order; what it still held goes back at once."""
    demand = await known.demand(store, env, public_id, 0)
    known.forget(public_id)
    settled: list[Settled] = await store.change(
        lambda catalog, now: sessions.end_session(catalog, now, worker=demand.worker, silent=False),
        lanes=[env.id],
    )
    attempts.tell(store, settled)
    emit("worker.left", worker=public_id, held=len(settled))
