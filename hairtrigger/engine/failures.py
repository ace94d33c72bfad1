"""Failures in groups: what failed alike, how often, since when and since which version; and what people
decide about them: a group is unresolved, resolved until a newer version fails alike, or ignored for a while.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import msgspec

from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.rules import fingerprints
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import RunError
from hairtrigger.rules.stats import DAY_MS, STEPS, floor
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, each, fetch, gather
from hairtrigger.store.store import Store, one
from hairtrigger.telemetry.events import emit
from hairtrigger.wire.worker import Failure

Status = Literal["unresolved", "resolved", "ignored"]
STATUSES: tuple[Status, ...] = get_args(Status)  # by their numbers in the database
Cursor = tuple[int, int]
"""A place in a list: when a group was last seen (ms), and its number."""
MOST_AT_ONCE = 200  # groups that are changed together
MOST_LOOKED_AT = 5_000  # groups that one page looks at
SAMPLE = 1_000  # runs of a group that are looked at for what they have in common
_CHUNK = 200
_END: Cursor = (2**62, 2**62)
_tags = msgspec.json.Decoder(list[str])
_error = msgspec.json.Decoder(RunError)
_UNKNOWN = RunError(Failure("Error", ""))


@dataclass(frozen=True, slots=True)
class Seen:
    """Some failures that are alike, of one call of ``group``. ``before`` is the number of their group's status
    then, None when there was none; ``last_run`` and ``at`` (ms) are those of the last one."""

    env: int
    task: str
    fingerprint: str
    type: str
    message: str
    runs: int
    last_run: int
    first_at: int
    at: int
    before: int | None = None
    after: int = 0


def group(catalog: Catalog, run_ids: Sequence[int], *, tell: bool = False) -> Steps[list[Seen]]:
    """Put runs that have failed into their groups; each run once. With ``tell``, answers what was seen."""
    rows = (yield fetch("failures_of", list(run_ids))) if run_ids else []
    members: dict[tuple[int, str], list[Row]] = defaultdict(list)
    shown: dict[tuple[int, str], fingerprints.Fingerprint] = {}
    for row in rows:
        error = _error.decode(row[5]) if row[5] else _UNKNOWN
        found = fingerprints.of(catalog.tasks[row[2]].name, error)
        members[row[1], found.text].append(row)
        shown[row[1], found.text] = found
    named = [_seen(shown[key], sorted(members[key], key=_finished)) for key in sorted(members)]
    before = (yield from _statuses(named)) if tell and named else {}
    ids = {(env, text): id_ for env, text, id_ in (yield gather("put_error", named))}
    counts = Counter(
        (ids[key], step, floor(_finished(row), step))
        for key, of in members.items()
        for row in of
        for step in STEPS
    )
    yield each("count_error", [(*place, n) for place, n in sorted(counts.items())])
    yield each(
        "insert_error_run", sorted((ids[key], row[0]) for key, of in members.items() for row in of)
    )
    after = (yield from _statuses(named)) if tell and named else {}
    return [
        Seen(
            row[0], catalog.tasks[row[2]].name, row[1], row[3], row[4], row[11], row[8], row[5], row[6],
            before.get((row[0], row[1])), after[row[0], row[1]],
        )
        for row in named if tell
    ]  # fmt: skip


def _statuses(named: Sequence[Row]) -> Steps[dict[tuple[int, str], int]]:
    rows = yield gather("error_status", [(row[0], row[1]) for row in named])
    return {(env, text): status for env, text, status in rows}


def _seen(found: fingerprints.Fingerprint, rows: list[Row]) -> Row:
    """A row of ``errors`` that counts some failures, which come in the order of their end."""
    (first, env, task, version, first_at, _), (last, _, _, last_version, last_at, _) = (
        rows[0],
        rows[-1],
    )
    return (
        env, found.text, task, found.type, found.message, first_at, last_at, first, last, version,
        last_version, len(rows),
    )  # fmt: skip


def _finished(row: Row) -> int:
    at: int = row[4]
    return at


async def count_new(store: Store, env: int) -> int:
    """How many unresolved groups came up within a day; at most 1,000."""
    rows = await store.read(one("new_errors", env, store.now() - DAY_MS), quick=True)
    count: int = rows[0][0]
    return count


@dataclass(frozen=True, slots=True)
class Group:
    """Failures that are alike. Instants in ms; ``runs`` is how many there ever were.

    ``regressed_version`` is the one whose failure opened the group again after it was resolved. An ignored
    group comes back with the first failure after ``ignored_until``, or beyond ``ignored_runs`` of them; with
    neither it stays ignored. ``changed_by`` names who resolved, ignored or reopened it last.
    """

    id: int
    fingerprint: str
    task: str
    type: str
    message: str
    status: Status
    first_at: int
    last_at: int
    first_run: int
    last_run: int
    first_version: str | None
    last_version: str | None
    runs: int
    resolved_at: int | None
    resolved_version: str | None
    regressed_version: str | None
    ignored_until: int | None
    ignored_runs: int | None
    changed_by: str | None


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Which groups a list has: those that failed from ``start`` to before ``end`` (ms, at the beginning of a
    ``step``), and all of what else is given. ``text`` is looked for in type, message, task and fingerprint;
    ``version`` asks for a failure under it, of the last ``SAMPLE`` of a group."""

    start: int
    end: int
    step: int
    status: Status | None = None
    task: str | None = None
    version: str | None = None
    text: str = ""


@dataclass(slots=True)
class GroupPage:
    """Groups, last seen first, and where to go on; ``next`` is there too when a page was given up early."""

    groups: list[Group]
    next: Cursor | None = None
    previous: Cursor | None = None


@dataclass(slots=True)
class Sample:
    """What the last failures of a group have in common: how many of ``runs`` by version and by tag."""

    runs: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)


async def list_page(
    store: Store, env: Environment, wanted: GroupFilter, *, size: int,
    after: Cursor | None = None, before: Cursor | None = None,
) -> GroupPage:  # fmt: skip
    """A page of groups seen before ``after``, or after ``before``. It looks at no more than
    ``MOST_LOOKED_AT``, and may be short for that."""
    newer = before is not None
    start = before or after or _END
    found, onward = await store.with_catalog(
        lambda catalog: _search(catalog, env.id, wanted, size + 1, start, newer=newer)
    )
    if len(found) > size:
        found = found[:size]
        onward = _place(found[-1])
    if newer:
        found.reverse()
        return GroupPage(found, _place(found[-1]) if found else before, onward)
    return GroupPage(found, onward, None if after is None else _place(found[0]) if found else after)


def _search(
    catalog: Catalog, env: int, wanted: GroupFilter, want: int, place: Cursor, *, newer: bool
) -> Steps[tuple[list[Group], Cursor | None]]:
    """Groups that fit, and the place to go on from when the bound was reached before the end."""
    statement = "errors_newer" if newer else "errors_older"
    found: list[Group] = []
    for _ in range(MOST_LOOKED_AT // _CHUNK):
        rows = yield fetch(statement, env, *place, _CHUNK)
        groups = [_group(catalog, row) for row in rows]
        fitting = [one for one in groups if _fits(wanted, one)]
        late = [one.id for one in fitting if one.last_at >= wanted.end]
        if late:  # whether they failed before, too
            totals = yield fetch("error_totals", late, wanted.step, wanted.start, wanted.end)
            gone = set(late) - {row[0] for row in totals}
            fitting = [one for one in fitting if one.id not in gone]
        for fit in fitting:
            if len(found) < want and (yield from _had_version(catalog, env, wanted.version, fit)):
                found.append(fit)
        if len(found) >= want or len(groups) < _CHUNK:
            return found, None
        place = _place(groups[-1])
        if not newer and place[0] < wanted.start:
            return found, None
    return found, place


def _fits(wanted: GroupFilter, one: Group) -> bool:
    text = "\n".join((one.type, one.message, one.task, one.fingerprint)).casefold()
    return (
        one.last_at >= wanted.start
        and one.first_at < wanted.end
        and wanted.status in (None, one.status)
        and wanted.task in (None, one.task)
        and all(word in text for word in wanted.text.casefold().split())
    )


def _had_version(catalog: Catalog, env: int, name: str | None, one: Group) -> Steps[bool]:
    if name is None or name in (one.first_version, one.last_version):
        return True
    version = catalog.version(env, name)
    if version is None:
        return False
    last = yield from _last_runs(one.id)
    return bool((yield fetch("ended_under", last, version.id)))


def _last_runs(number: int) -> Steps[list[int]]:
    return [row[0] for row in (yield fetch("error_run_ids", number, SAMPLE))]


def _place(one: Group) -> Cursor:
    return one.last_at, one.id


def _group(catalog: Catalog, row: Row) -> Group:
    (id_, text, task, type_, message, status, first_at, last_at, first_run, last_run, first_version,
     last_version, runs, resolved_at, resolved_version, regressed, until, most, by) = row  # fmt: skip
    first, last, resolved, again = (
        catalog.versions[number].name if number else None
        for number in (first_version, last_version, resolved_version, regressed)
    )
    return Group(
        id_, text, catalog.tasks[task].name, type_, message, STATUSES[status], first_at, last_at, first_run,
        last_run, first, last, runs, resolved_at, resolved, again, until, most, by,
    )  # fmt: skip


def _groups(catalog: Catalog, name: str, *params: Any) -> Steps[list[Group]]:
    return [_group(catalog, row) for row in (yield fetch(name, *params))]


async def retrieve(store: Store, env: Environment, fingerprint: str) -> Group:
    """One group.

    Raises:
        NotFound: nothing failed like that here.
    """
    found = await store.with_catalog(
        lambda catalog: _groups(catalog, "error_group", env.id, fingerprint), quick=True
    )
    if not found:
        raise NotFound(f"There is no error {fingerprint[:60]} in this environment.")
    return found[0]


async def of_run(store: Store, env: Environment, run_id: int) -> Group | None:
    """The group of a run that has failed; None when it has not, or is not grouped yet."""
    found = await store.with_catalog(
        lambda catalog: _groups(catalog, "error_of_run", env.id, run_id), quick=True
    )
    return found[0] if found else None


async def over_time(
    store: Store, groups: Iterable[Group], *, start: int, end: int, step: int, column: int
) -> dict[int, dict[int, int]]:
    """How often groups failed from ``start`` to before ``end`` (ms), by number of the group and beginning of
    a column.

    Args:
        start: The beginning of a step; columns count from there.
        step: One of ``rules.stats.STEPS``, in ms.
        column: Several steps, in ms.
    """
    found: dict[int, dict[int, int]] = {one.id: {} for one in groups}
    for group_, at, runs in await store.read(
        one("error_columns", list(found), step, start, end, column)
    ):
        found[group_][at] = runs
    return found


async def by_status(store: Store, env: Environment, *, start: int) -> dict[Status, int]:
    """How many groups failed since an instant (ms); of 10,000 at most."""
    rows = await store.read(one("count_errors", env.id, start))
    counted: dict[int, int] = dict(rows)
    return {status: counted.get(number, 0) for number, status in enumerate(STATUSES)}


async def sample(store: Store, group_: Group) -> Sample:
    """What the last failures of a group have in common, as far as their runs are kept."""
    found = Sample()
    rows = await store.with_catalog(lambda catalog: _sampled(catalog, group_.id))
    for version, tags in rows:
        found.runs += 1
        found.versions[version] += 1
        found.tags.update(tags)
    return found


def _sampled(catalog: Catalog, number: int) -> Steps[list[tuple[str, list[str]]]]:
    last = yield from _last_runs(number)
    rows = yield fetch("error_sample", last)
    return [
        (catalog.versions[version].name if version else "", _tags.decode(tags) if tags else [])
        for version, tags in rows
    ]


async def resolve(store: Store, env: Environment, names: Sequence[str], *, by: str) -> int:
    """Say that these groups (fingerprints) are mended: each comes back when a newer version than the last
    that it was seen in fails alike. Answers how many were not resolved before.

    Raises:
        NotFound: one of them is not there; nothing was changed. BadRequest: none, or more than 200.
    """
    return await _decide(store, env, names, "error.resolved", ("resolve_error", by))


async def ignore(
    store: Store, env: Environment, names: Sequence[str], *, by: str,
    until: int | None = None, more: int | None = None,
) -> int:  # fmt: skip
    """Hear no more of these groups (fingerprints) until an instant (ms), or until so many more have failed;
    with neither, for ever. Answers how many there are.

    Raises:
        NotFound: one of them is not there; nothing was changed. BadRequest: none, or more than 200.
    """
    return await _decide(store, env, names, "error.ignored", ("ignore_error", by, until, more))


async def reopen(store: Store, env: Environment, names: Sequence[str], *, by: str) -> int:
    """Take back that these groups (fingerprints) are resolved or ignored. Answers how many were.

    Raises:
        NotFound: one of them is not there; nothing was changed. BadRequest: none, or more than 200.
    """
    return await _decide(store, env, names, "error.reopened", ("reopen_error", by))


async def _decide(
    store: Store, env: Environment, names: Sequence[str],
    event: Literal["error.resolved", "error.ignored", "error.reopened"], statement: tuple[Any, ...],
) -> int:  # fmt: skip
    wanted = list(dict.fromkeys(names))
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        raise BadRequest(f"Name 1 to {MOST_AT_ONCE} errors, not {len(wanted)}.")
    name, *params = statement

    def change(_: Catalog, now: int) -> Steps[list[str]]:
        for text in wanted:  # all of them before the first is changed
            if not (yield fetch("error_group", env.id, text)):
                raise NotFound(f"There is no error {text[:60]} in this environment.")
        changed = []
        for text in wanted:
            if (yield fetch(name, env.id, text, now, *params)):
                changed.append(text)
        return changed

    changed: list[str] = await store.change(change)
    for text in changed:
        emit(event, error=text, env=env.slug)
    return len(changed)
