"""Lists of runs, newest first, page by page.

The narrowest index that a filter has leads; what else it asks is checked on the candidates, of which one
page reads a bounded number: a rare combination answers a short page with a cursor to go on from, never a
walk through all of history.
"""

import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass

from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.narrowing import Candidate, RunFilter, matches
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import FINAL, FinalStatus, LiveState

MAX_CANDIDATES = 20_000
_FIRST_LOOK, _CHUNK = 50, 500  # most lists are answered by the first look
_END = 2**63 - 1
_LIVE_STATES = {
    "DELAYED": [LiveState.DELAYED],
    "QUEUED": [LiveState.READY],
    "EXECUTING": [LiveState.RUNNING, LiveState.DELAYED],
    "REATTEMPTING": [LiveState.DELAYED],
    "DEQUEUED": [],
    "WAITING": [LiveState.WAITING, LiveState.RESUMABLE],
    "PENDING_VERSION": [LiveState.HELD],
}


@dataclass(slots=True)
class Page:
    """Ids of one page, newest first, and where to go on (numbers of runs)."""

    run_ids: list[int]
    next: int | None = None
    previous: int | None = None


def page(
    catalog: Catalog,
    env: int,
    wanted: RunFilter,
    *,
    size: int,
    after: int | None,
    before: int | None,
    now: int,
    budget_s: float | None = None,
) -> Steps[Page]:
    """A page of ``size`` runs older than ``after``, or newer than ``before``; after ``budget_s`` seconds as far
    as it has come, with a cursor to go on from."""
    until = float("inf") if budget_s is None else time.monotonic() + budget_s
    newer = before is not None
    newest = _END if wanted.created_to is None else ids.first_at(wanted.created_to + 1)
    oldest = 0 if wanted.created_from is None else ids.first_at(wanted.created_from)
    start = (
        max(before or 0, oldest - 1) if newer else min(after if after is not None else _END, newest)
    )
    found, last = yield from _search(
        catalog,
        env,
        wanted,
        size + 1,
        start,
        newer=newer,
        now=now,
        until=until,
        stop=newest if newer else oldest,
    )
    more = len(found) > size
    found = found[:size]
    onward = (found[-1] if more else last) if more or last is not None else None
    if newer:
        found.reverse()
        return Page(found, next=found[-1] if found else before, previous=onward)
    return Page(
        found, next=onward, previous=None if after is None else found[0] if found else after
    )


def merged(found: Sequence[Page], size: int, *, after: int | None, before: int | None) -> Page:
    """One page of several lists, from the same page of each. What lies beyond a page that may go on is left for
    later: that list may have something before it."""
    run_ids = sorted((id_ for one in found for id_ in one.run_ids), reverse=True)
    if before is not None:
        ends = [one.previous for one in found if one.previous is not None]
        run_ids = [id_ for id_ in run_ids if id_ <= min(ends, default=_END)]
        cut = run_ids[-size:]
        onward = cut[0] if len(run_ids) > size else min(ends, default=None)
        return Page(cut, next=cut[-1] if cut else before, previous=onward)
    ends = [one.next for one in found if one.next is not None]
    run_ids = [id_ for id_ in run_ids if id_ >= max(ends, default=0)]
    cut = run_ids[:size]
    onward = cut[-1] if len(run_ids) > size else max(ends, default=None)
    return Page(cut, next=onward, previous=None if after is None else cut[0] if cut else after)


def _search(
    catalog: Catalog,
    env: int,
    wanted: RunFilter,
    want: int,
    start: int,
    *,
    newer: bool,
    stop: int,
    now: int,
    until: float,
) -> Steps[tuple[list[int], int | None]]:
    """Matching ids, and the candidate to go on from when the bound was reached before the end."""
    sources = _sources(catalog, wanted)
    direction = "newer" if newer else "older"
    found: list[int] = []
    read, chunk = 0, max(want, _FIRST_LOOK)
    while read < MAX_CANDIDATES and (not read or time.monotonic() < until):
        lists = []
        for name, value in sources:
            params = (env, start, chunk) if value is None else (env, start, chunk, value)
            lists.append([row[0] for row in (yield fetch(f"{name}_{direction}", *params))])
        merged = list(dict.fromkeys(heapq.merge(*lists, reverse=not newer)))
        full = len(merged) > chunk or any(len(one) == chunk for one in lists)
        merged = merged[:chunk]
        candidates = [id_ for id_ in merged if (id_ < stop if newer else id_ >= stop)]
        if candidates:
            found += yield from _matching(catalog, env, wanted, candidates, now)
        if len(found) >= want or not full or len(candidates) < len(merged):
            return found[:want], None
        start = merged[-1]
        read, chunk = read + len(merged), _CHUNK
    return found[:want], start


def _sources(catalog: Catalog, wanted: RunFilter) -> list[tuple[str, object]]:
    """The statements that lead, each with its value."""
    if wanted.bulk is not None:
        return [("ids_of_bulk", wanted.bulk)]
    if wanted.error is not None:
        return [("ids_of_error", wanted.error)]
    if wanted.schedule is not None:
        return [("ids_of_schedule", wanted.schedule)]
    if wanted.batch is not None:
        return [("ids_of_batch", wanted.batch)]
    if wanted.tags:
        return [("ids_of_tag", tag) for tag in wanted.tags]
    if wanted.statuses and "COMPLETED" not in wanted.statuses:
        states = sorted({state for name in wanted.statuses for state in _LIVE_STATES.get(name, [])})
        if "CANCELED" in wanted.statuses:  # some of them are still being stopped
            states.append(LiveState.RUNNING)
        finals = [("ids_of_status", int(FinalStatus[n])) for n in wanted.statuses if n in FINAL]
        return [*finals, ("ids_of_live", [int(state) for state in states])]
    if wanted.tasks:
        known = [task.id for task in catalog.tasks.values() if task.name in wanted.tasks]
        return [("ids_of_task", task) for task in known]
    return [("ids_of_env", None)]


def _matching(
    catalog: Catalog, env: int, wanted: RunFilter, candidates: list[int], now: int
) -> Steps[list[int]]:
    found = {row[0]: Candidate(*row) for row in (yield fetch("briefs", candidates, env))}
    if wanted.reads_inside:
        for row in (yield fetch("searched", candidates, env)):
            found[row[0]].inside = row
    tagged: set[int] | None = None
    if wanted.tags:
        tagged = set()
        for tag in wanted.tags:
            tagged |= {row[0] for row in (yield fetch("tagged", env, tag, candidates))}
    return [
        id_ for id_ in candidates
        if id_ in found and (tagged is None or id_ in tagged) and matches(catalog, wanted, found[id_], now)
    ]  # fmt: skip
