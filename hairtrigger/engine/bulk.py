"""Bulk actions: cancel or replay whatever fits a filter, in the background, newest first, page by page.

A page is walked with a cursor that is written when it is done: a server that dies leaves the action to another
one, which does at most one page again; a replay names its request, so that none is made twice.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal

import msgspec

from hairtrigger.engine import runs
from hairtrigger.errors import BadRequest, HairtriggerError, NotFound, RateLimitError
from hairtrigger.rules.project import Environment
from hairtrigger.store import pages
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, each, fetch
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.store.store import Store, one
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids
from hairtrigger.wire.options import ReplayBody

PAGE, AT_ONCE = 100, 20
LEASE_MS, LOOK_MS = 30_000, 1_000
UNDO_MS = 5_000
MAX_IDS, MAX_NAME = 500, 255
MAX_REPLAYS = 3  # of an environment at once
REQUEST_TTL_MS = 24 * 3_600_000
UNFINISHED = ("QUEUED", "DELAYED", "EXECUTING", "WAITING", "PENDING_VERSION", "REATTEMPTING")
Kind = Literal["cancel", "replay"]
Status = Literal["PENDING", "COMPLETED", "ABORTED"]
_STATUSES: tuple[Status, ...] = ("PENDING", "COMPLETED", "ABORTED")


class Chosen(msgspec.Struct, omit_defaults=True):
    """What an action is for: runs by number, or what fits a filter."""

    numbers: list[int] = []
    filter: RunFilter | None = None


class TooManyReplays(RateLimitError):
    """An environment replays as much at once as it may. Asking again at once is of no use."""

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_REPLAYS} bulk replays are under way in this environment. Wait for one to end, or abort it."
        )


_encode = msgspec.json.Encoder().encode
_chosen = msgspec.json.Decoder(Chosen)


@dataclass(frozen=True, slots=True)
class BulkAction:
    """One action. ``share`` is how far it is in time, 0 to 1; ``problem`` what went wrong first. Instants in ms."""

    id: int
    kind: Kind
    name: str
    chosen: Chosen
    status: Status
    at: int | None
    success: int
    failure: int
    problem: str | None
    created_at: int
    created_by: str
    begins_at: int
    completed_at: int | None

    @property
    def share(self) -> float:
        if self.status == "COMPLETED":
            return 1.0
        if self.at is None:
            return 0.0
        if self.chosen.filter is None:
            done = sum(1 for number in self.chosen.numbers if number >= self.at)
            return done / max(len(self.chosen.numbers), 1)
        oldest = self.chosen.filter.created_from
        span = self.created_at - (oldest if oldest is not None else 0)
        return (
            min(max((self.created_at - ids.created_at(self.at)) / span, 0.0), 1.0)
            if span > 0
            else 1.0
        )


async def create(
    store: Store,
    env: Environment,
    kind: Kind,
    chosen: Chosen,
    *,
    name: str = "",
    by: str = "",
    undo_ms: int = 0,
    request_key: str | None = None,
) -> int:
    """Begin an action, after ``undo_ms``; answers its number. A request that is repeated with its key answers the
    action that it made before.

    Raises:
        BadRequest: it names no runs, or more than 500, or a name that is too long. TooManyReplays: three go on.
    """
    if bool(chosen.numbers) == (chosen.filter is not None):
        raise BadRequest("A bulk action is for run ids, or for a filter: exactly one of them.")
    if len(chosen.numbers) > MAX_IDS:
        raise BadRequest(f"At most {MAX_IDS} runs by id; use a filter for more.")
    if len(name) > MAX_NAME:
        raise BadRequest(f"The name is longer than {MAX_NAME} characters.")
    if chosen.filter is not None:
        _bound(chosen.filter, kind, store.now())
    number = store.make_id()

    def insert(_: Catalog, now: int) -> Steps[int]:
        key = None if request_key is None else f"bulk:{request_key}"
        if key is not None and (rows := (yield fetch("request_made", env.id, key, now))):
            return int(rows[0][0])
        if kind == "replay" and (yield fetch("replays_under_way", env.id))[0][0] >= MAX_REPLAYS:
            raise TooManyReplays
        text = _encode(chosen).decode()
        yield fetch("insert_bulk", number, env.id, kind, name, text, now, by, now + undo_ms)
        if key is not None:
            row = (env.id, key, str(number), now + REQUEST_TTL_MS, now)
            yield each("remember_request", [row])
        return number

    made: int = await store.change(insert)
    if made == number:
        emit("bulk.created", bulk=ids.public("bulk", number), action=kind, env=env.slug)
    return made


def _bound(wanted: RunFilter, kind: Kind, now: int) -> None:
    """What is created later is not meant, the replays themselves least of all."""
    wanted.created_to = min(wanted.created_to if wanted.created_to is not None else now, now)
    if kind == "cancel" and not wanted.statuses:
        wanted.statuses = list(UNFINISHED)


async def retrieve(store: Store, env: Environment, number: int) -> BulkAction:
    """One action.

    Raises:
        NotFound: there is none with this id here.
    """
    rows = await store.read(one("bulk_action", number, env.id), quick=True)
    if not rows:
        raise NotFound("Bulk action not found")
    return _action(rows[0])


async def list_page(
    store: Store, env: Environment, *, size: int, after: int | None, before: int | None
) -> list[BulkAction]:
    """Actions newest first, older than ``after`` or newer than ``before``."""
    if before is not None:
        rows = await store.read(one("bulk_actions_newer", env.id, before, size), quick=True)
        return [_action(row) for row in reversed(rows)]
    start = after if after is not None else 2**63 - 1
    return [
        _action(row)
        for row in await store.read(one("bulk_actions_older", env.id, start, size), quick=True)
    ]


async def abort(store: Store, env: Environment, number: int) -> None:
    """Stop an action after the page it is at; what it did stays.

    Raises:
        NotFound: there is none with this id here. BadRequest: it is over.
    """
    if not await store.change(lambda _, now: one("abort_bulk", number, env.id, now)):
        action = await retrieve(store, env, number)
        raise BadRequest(f"This bulk action is {action.status.lower()} already.")


async def work(store: Store) -> int:
    """Do one page of the action that waits longest; answers ms until the next call."""
    following = (await store.read(one("next_bulk"), quick=True))[0][0]
    if following is None or following > store.now():
        return LOOK_MS
    rows = await store.change(lambda _, now: one("take_bulk", now, now + LEASE_MS))
    if not rows:  # another server is at it
        return LOOK_MS
    number, env_id, kind, text, at, created_at = rows[0]
    env = store.catalog.envs[env_id]
    found, onward = await _page(store, env, _chosen.decode(text), at, created_at)
    results = await _all(store, env, number, kind, found)
    problems = [str(result) for result in results if isinstance(result, HairtriggerError)]
    touched = [
        *found,
        *(result for result in results if isinstance(result, int) and kind == "replay"),
    ]

    def advance(_: Catalog, now: int) -> Steps[None]:
        yield each("insert_bulk_run", [(number, run_id) for run_id in sorted(set(touched))])
        yield fetch(
            "advance_bulk", number, onward if onward is not None else at, len(found) - len(problems), len(problems),
            problems[0] if problems else None, int(onward is None), now,
        )  # fmt: skip

    await store.change(advance)
    if onward is None:
        emit("bulk.completed", bulk=ids.public("bulk", number), action=kind)
    return 0


async def _page(
    store: Store, env: Environment, chosen: Chosen, at: int | None, created_at: int
) -> tuple[list[int], int | None]:
    """The next runs, and where to go on; None when these are the last."""
    if chosen.filter is None:
        rest = sorted((n for n in chosen.numbers if at is None or n < at), reverse=True)
        return rest[:PAGE], rest[PAGE - 1] if len(rest) > PAGE else None
    wanted = chosen.filter
    page = await store.with_catalog(
        lambda catalog: pages.page(
            catalog, env.id, wanted, size=PAGE, after=at, before=None, now=created_at
        )
    )
    return page.run_ids, page.next


async def _all(
    store: Store, env: Environment, number: int, kind: Kind, found: list[int]
) -> list[int | HairtriggerError]:
    results: list[int | HairtriggerError] = []
    for start in range(0, len(found), AT_ONCE):
        few = found[start : start + AT_ONCE]
        results += await asyncio.gather(*(_one(store, env, number, kind, run_id) for run_id in few))
    return results


async def _one(
    store: Store, env: Environment, number: int, kind: Kind, run_id: int
) -> int | HairtriggerError:
    try:
        if kind == "cancel":
            await runs.cancel(store, env, run_id)
            return run_id
        name = f"bulk\n{number}\n{run_id}"
        return (await runs.replay(store, env, run_id, ReplayBody(), request_key=name)).id
    except HairtriggerError as error:
        return error


def _action(row: Row) -> BulkAction:
    (id_, kind, name, chosen, status, at, success, failure, problem, created_at, created_by, begins_at,
     completed_at) = row  # fmt: skip
    return BulkAction(
        id_, kind, name, _chosen.decode(chosen), _STATUSES[status], at, success, failure, problem, created_at,
        created_by, begins_at, completed_at,
    )  # fmt: skip
