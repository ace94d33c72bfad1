"""Worker sessions as people see them: who is there, what each has in its hands. All of it reads only."""

from dataclasses import dataclass, field

import msgspec

from hairtrigger.errors import NotFound
from hairtrigger.rules.project import Environment
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.claim import decode_queues
from hairtrigger.store.database import Row, Steps, fetch
from hairtrigger.store.store import Store
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import CANCEL_REQUESTED

MOST_IN_HAND = 10_000  # runs that are read at once, of all workers that are asked for


class _Info(msgspec.Struct):
    name: str
    sdk: str = ""
    runtime: str = ""


_info = msgspec.json.Decoder(_Info)


@dataclass(frozen=True, slots=True)
class InHand:
    """A run that a worker has. ``since`` is when (ms) it got it; ``task`` is empty when nobody remembers."""

    run: int
    task: str
    since: int | None
    attempt: int
    is_canceled: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A worker session. Instants in ms: ``lease_until`` is when it is given up unless it is heard of.

    ``queues`` are those that it serves, None for all. ``hands`` are its runs, the longest held first, in the
    order in which it got them.
    """

    id: int
    name: str
    sdk: str
    runtime: str
    version: str
    is_current: bool
    slots: int
    lease_until: int
    queues: list[str] | None
    hands: list[InHand] = field(default_factory=list)

    @property
    def started_at(self) -> int:
        """When the session began."""
        return ids.created_at(self.id)


async def list_all(store: Store, env: Environment) -> list[Session]:
    """The environment's sessions, oldest first. Costs an entry of an index for each run in their hands."""
    return await store.with_catalog(lambda catalog: _sessions(catalog, env))


async def retrieve(store: Store, env: Environment, worker_id: int) -> Session:
    """One session.

    Raises:
        NotFound: there is none with this id here; those that have ended are forgotten.
    """
    found = await store.with_catalog(lambda catalog: _sessions(catalog, env, worker_id), quick=True)
    if not found:
        raise NotFound("There is no such worker here (any more): its session has ended.")
    return found[0]


def _sessions(catalog: Catalog, env: Environment, only: int = 0) -> Steps[list[Session]]:
    rows = yield fetch("worker", only) if only else fetch("workers_of_env", env.id)
    rows = [row for row in rows if row[1] == env.id]
    if not rows:
        return []
    found = {row[0]: _session(catalog, row) for row in rows}
    for worker, run, task, since, attempt, flags in (
        yield fetch("hands_of", list(found), MOST_IN_HAND)
    ):
        known = catalog.tasks.get(task)
        found[worker].hands.append(
            InHand(run, known.name if known else "", since, attempt, bool(flags & CANCEL_REQUESTED))
        )
    return list(found.values())


def _session(catalog: Catalog, row: Row) -> Session:
    id_, env, version, lease_until, slots, queues, text = row
    info, named = _info.decode(text), decode_queues(queues)
    return Session(
        id_, info.name, info.sdk, info.runtime, catalog.versions[version].name,
        catalog.current.get(env) == version, slots, lease_until,
        None if named is None else sorted(named),
    )  # fmt: skip
