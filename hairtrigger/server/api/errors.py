"""Failures in groups, by fingerprint: listed, looked up, resolved, ignored and reopened. A path of our own."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, UnsetType

from hairtrigger.engine import failures as engine
from hairtrigger.engine.failures import STATUSES, Cursor, Group, GroupFilter, Status
from hairtrigger.errors import BadRequest
from hairtrigger.rules.stats import DAY_MS, HOUR_MS, floor
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import pages
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids

_BY = "an API key"
_PERIOD_MS = 7 * DAY_MS
_HOURS_KEPT_MS = 99 * DAY_MS


class ErrorGroup(msgspec.Struct, rename="camel", kw_only=True):
    """Failures that are alike. ``count`` is how many there ever were, ``firstRun`` and ``lastRun`` two of them."""

    id: str
    fingerprint: str
    task_identifier: str
    type: str
    message: str
    status: Status
    count: int
    first_seen: str
    last_seen: str
    first_run: str
    last_run: str
    first_version: str | UnsetType = UNSET
    last_version: str | UnsetType = UNSET
    resolved_at: str | UnsetType = UNSET
    resolved_in_version: str | UnsetType = UNSET
    regressed_in_version: str | UnsetType = UNSET
    ignored_until: str | UnsetType = UNSET
    ignored_until_count: int | UnsetType = UNSET
    changed_by: str | UnsetType = UNSET


class Ignore(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Until when: so long (``for``, such as 1d), or until so many ``more`` have failed; with neither, for ever."""

    for_: str | None = msgspec.field(default=None, name="for")
    more: int | None = None


_ignore = msgspec.json.Decoder(Ignore)


async def list_all(call: Call) -> Answer:
    """The environment's failures in groups, last seen first; of the last 7 days unless the query says otherwise."""
    query = call.query()
    asked = pages.asked(query)
    after, before, turn = _position(asked)
    page = await engine.list_page(
        call.server.store, call.caller.env, _wanted(query, call.server.store.now()), size=asked.size,
        after=after, before=before,
    )  # fmt: skip
    shown = pages.cursor_page(
        [_shown(one) for one in page.groups], _named(page.next, turn), _named(page.previous, turn)
    )
    return answers.json(shown)


def _wanted(query: Mapping[str, str], now: int) -> GroupFilter:
    since, until = pages.between(query, now, *_SPAN)
    end = now + 1 if until is None else until + 1
    start = max(0, since if since is not None else end - _PERIOD_MS)
    step = HOUR_MS if now - start < _HOURS_KEPT_MS else DAY_MS
    return GroupFilter(
        floor(start, step), end, step, _status(query), query.get("filter[taskIdentifier]") or None,
        query.get("filter[version]") or None, query.get("filter[search]", ""),
    )  # fmt: skip


def _status(query: Mapping[str, str]) -> Status | None:
    given = query.get("filter[status]")
    if not given:
        return None
    for status in STATUSES:
        if status == given.lower():
            return status
    raise BadRequest(f"Unknown status {given[:40]!r}. Known: {', '.join(STATUSES)}.")


def _position(asked: pages.Asked) -> tuple[Cursor | None, Cursor | None, int]:
    """As ``pages.position``: of two cursors the one of the later turn counts."""
    after, before = _cursor(asked.after), _cursor(asked.before)
    turn = 1 + max(after[1], before[1])
    if after[0] is not None and before[0] is not None:
        return (after[0], None, turn) if after[1] > before[1] else (None, before[0], turn)
    return after[0], before[0], turn


def _cursor(text: str | None) -> tuple[Cursor | None, int]:
    if text is None:
        return None, 0
    parts = text.split(".")
    if len(parts) != 3 or not all(
        one.isascii() and one.isdigit() and len(one) < 19 for one in parts
    ):
        raise BadRequest(
            f"Invalid cursor {text[:50]!r}. Take it from the pagination of another page."
        )
    at, number, turn = map(int, parts)
    return (at, number), turn


def _named(place: Cursor | None, turn: int) -> str | None:
    return None if place is None else f"{place[0]}.{place[1]}.{turn}"


async def retrieve(call: Call) -> Answer:
    """One group of failures."""
    return await _answer(call)


async def resolve(call: Call) -> Answer:
    """Say that it is mended: it comes back when a newer version fails alike."""
    await engine.resolve(call.server.store, call.caller.env, [_fingerprint(call)], by=_BY)
    return await _answer(call)


async def ignore(call: Call) -> Answer:
    """Hear no more of it, for a while or for ever."""
    body = await call.read(_ignore)
    if body.for_ is not None and body.more is not None:
        raise BadRequest("Ignore it for a time, or until more have failed: not both.")
    if body.more is not None and not 1 <= body.more <= 1_000_000_000:
        raise BadRequest("more must be a number from 1 to 1,000,000,000.")
    until = None
    if body.for_ is not None:
        until = call.server.store.now() + durations.parse(body.for_, "for")
    await engine.ignore(
        call.server.store,
        call.caller.env,
        [_fingerprint(call)],
        by=_BY,
        until=until,
        more=body.more,
    )
    return await _answer(call)


async def unresolve(call: Call) -> Answer:
    """Take back that it is resolved or ignored."""
    await engine.reopen(call.server.store, call.caller.env, [_fingerprint(call)], by=_BY)
    return await _answer(call)


def _fingerprint(call: Call) -> str:
    return call.params["fingerprint"]


async def _answer(call: Call) -> Answer:
    found = await engine.retrieve(call.server.store, call.caller.env, _fingerprint(call))
    return answers.json(_shown(found))


def _shown(one: Group) -> ErrorGroup:
    return ErrorGroup(
        id=one.fingerprint,
        fingerprint=one.fingerprint,
        task_identifier=one.task,
        type=one.type,
        message=one.message,
        status=one.status,
        count=one.runs,
        first_seen=durations.iso(one.first_at),
        last_seen=durations.iso(one.last_at),
        first_run=ids.public("run", one.first_run),
        last_run=ids.public("run", one.last_run),
        first_version=one.first_version or UNSET,
        last_version=one.last_version or UNSET,
        resolved_at=_date(one.resolved_at),
        resolved_in_version=one.resolved_version or UNSET,
        regressed_in_version=one.regressed_version or UNSET,
        ignored_until=_date(one.ignored_until),
        ignored_until_count=UNSET if one.ignored_runs is None else one.ignored_runs,
        changed_by=one.changed_by or UNSET,
    )


def _date(instant: int | None) -> str | UnsetType:
    return UNSET if instant is None else durations.iso(instant)


_SPAN = ("filter[from]", "filter[to]", "filter[period]")
_ONE = "/api/v1/errors/{fingerprint}"
ROUTES = (
    Route(
        "GET", "/api/v1/errors", list_all, "secret", returns=pages.CursorPage,
        query=("page[size]", "page[after]", "page[before]", "filter[status]", "filter[taskIdentifier]",
               "filter[version]", "filter[search]", *_SPAN),
    ),
    Route("GET", _ONE, retrieve, "secret", returns=ErrorGroup),
    Route("POST", _ONE + "/resolve", resolve, "secret", returns=ErrorGroup, audited=True),
    Route("POST", _ONE + "/ignore", ignore, "secret", body=Ignore, returns=ErrorGroup, audited=True),
    Route("POST", _ONE + "/unresolve", unresolve, "secret", returns=ErrorGroup, audited=True),
)  # fmt: skip
