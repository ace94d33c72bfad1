"""Bulk actions: cancel or replay what a filter or a list of ids names, in the background.

Source: Trigger.dev's ``runs.bulk``. The members of a filter are those of ``runs.list``, each one value or a list.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from hairtrigger.engine import bulk as engine
from hairtrigger.engine.bulk import BulkAction, Chosen, TooManyReplays
from hairtrigger.errors import BadRequest
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import lists, pages
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.wire import durations, ids

Texts = str | list[str]


class QueueName(msgspec.Struct):
    """A queue: that of a task by the task's id, or one with a name of its own."""

    name: str
    type: Literal["task", "custom"] = "custom"

    @property
    def stored(self) -> str:
        return f"task/{self.name}" if self.type == "task" else self.name


class BulkFilter(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which runs are meant. Unknown members are refused: they would widen what is touched."""

    status: Texts | None = None
    task_identifier: Texts | None = None
    version: Texts | None = None
    from_: int | float | str | None = msgspec.field(default=None, name="from")
    to: int | float | str | None = None
    period: str | None = None
    bulk_action: str | None = None
    tag: Texts | None = None
    schedule: str | None = None
    is_test: bool | None = None
    batch: str | None = None
    queue: QueueName | list[QueueName] | None = None
    machine: Texts | None = None
    region: Texts | None = None


class CreateBulk(msgspec.Struct, rename="camel"):
    """Exactly one of ``filter`` and ``runIds``."""

    action: Literal["cancel", "replay"]
    filter: BulkFilter | None = None
    run_ids: list[str] | None = None
    name: str | None = None
    target_region: str | None = None


class BulkId(msgspec.Struct):
    id: str


class Counts(msgspec.Struct):
    total: int
    success: int
    failure: int


class BulkObject(msgspec.Struct, rename="camel", kw_only=True):
    """A bulk action; ``counts.total`` grows until it has looked at all."""

    id: str
    name: str | UnsetType = UNSET
    type: str
    status: str
    counts: Counts
    created_at: str
    completed_at: str | UnsetType = UNSET


_create = msgspec.json.Decoder(CreateBulk)
_members = {field.encode_name: field.name for field in msgspec.structs.fields(BulkFilter)}


async def create(call: Call) -> Answer:
    """Begin to cancel or replay many runs; what is created later is not meant."""
    body = await call.read(_create)
    if body.target_region is not None and body.action == "cancel":
        raise BadRequest("targetRegion is for a replay.")
    if (body.filter is None) == (body.run_ids is None):
        raise BadRequest("A bulk action is for runIds, or for a filter: exactly one of them.")
    store, env = call.server.store, call.caller.env
    try:
        number = await engine.create(
            store, env, body.action, _chosen(body, store.now()), name=body.name or "",
            request_key=call.request_key(),
        )  # fmt: skip
    except TooManyReplays as error:
        answer = answers.failure(error)
        answer.headers.append((b"x-should-retry", b"false"))
        return answer
    return answers.json(BulkId(ids.public("bulk", number)), 202)


def _chosen(body: CreateBulk, now: int) -> Chosen:
    if body.filter is not None:
        return Chosen(filter=_filter(body.filter, now))
    numbers = []
    for text in body.run_ids or []:
        number = ids.parse("run", text)
        if number is None:
            raise BadRequest(f"{text[:50]!r} in runIds is no id of a run.")
        numbers.append(number)
    return Chosen(numbers=list(dict.fromkeys(numbers)))


def _filter(given: BulkFilter, now: int) -> RunFilter:
    """The same filter as the query of a list makes of these members."""
    query = _query(given)
    if not query:
        raise BadRequest("The filter is empty: it needs at least one member that says something.")
    if "filter[region]" in query:
        raise BadRequest("There are no regions here: leave region out of the filter.")
    found = lists.narrowed(query, pages.names(query, "filter[taskIdentifier]"), now)
    if found is None:
        raise BadRequest(
            "The filter names a schedule, batch or bulk action by what is no id of one."
        )
    return found


def _query(given: BulkFilter) -> Mapping[str, str]:
    query: dict[str, str] = {}
    for shown, name in _members.items():
        text = _text(getattr(given, name))
        if text:
            inner = f"createdAt][{shown}" if shown in ("from", "to", "period") else shown
            query[f"filter[{inner}]"] = text
    return query


def _text(value: Any) -> str:
    """A member of the filter as a query has it; empty for one that says nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, QueueName):
        return value.stored
    if isinstance(value, float):
        return str(int(value))
    if isinstance(value, list):
        return ",".join(filter(None, map(_text, value)))
    return str(value).strip()


async def retrieve(call: Call) -> Answer:
    """A bulk action: how far it is."""
    found = await engine.retrieve(call.server.store, call.caller.env, call.number("bulk", "action"))
    return answers.json(_shown(found))


async def list_all(call: Call) -> Answer:
    """The environment's bulk actions, newest first."""
    asked = pages.asked(call.query())
    after, before, turn = pages.position(asked, "bulk")
    found = await engine.list_page(
        call.server.store, call.caller.env, size=asked.size + 1, after=after, before=before
    )
    by_id = {one.id: _shown(one) for one in found}
    numbers, following, previous = pages.cut([*by_id], asked.size, after=after, before=before)
    page = pages.cursor_page(
        [by_id[number] for number in numbers],
        pages.named(following, turn, "bulk"), pages.named(previous, turn, "bulk"),
    )  # fmt: skip
    return answers.json(page)


async def abort(call: Call) -> Answer:
    """Stop a bulk action after the page that it is at; what it did stays."""
    number = call.number("bulk", "action")
    await engine.abort(call.server.store, call.caller.env, number)
    return answers.json(BulkId(ids.public("bulk", number)))


def _shown(one: BulkAction) -> BulkObject:
    total = one.success + one.failure
    if one.chosen.filter is None:
        total = len(one.chosen.numbers)
    ended = UNSET if one.completed_at is None else durations.iso(one.completed_at)
    return BulkObject(
        id=ids.public("bulk", one.id), name=one.name or UNSET, type=one.kind.upper(), status=one.status,
        counts=Counts(total, one.success, one.failure), created_at=durations.iso(one.created_at),
        completed_at=ended,
    )  # fmt: skip


_ALL, _ONE = "/api/v1/bulk-actions", "/api/v1/bulk-actions/{action}"
_PAGE = ("page[size]", "page[after]", "page[before]")
ROUTES = (
    Route(
        "POST", _ALL, create, "secret", body=CreateBulk, returns=BulkId, status=202, audited=True
    ),
    Route("GET", _ALL, list_all, "secret", returns=pages.CursorPage, query=_PAGE),
    Route("GET", _ONE, retrieve, "secret", returns=BulkObject),
    Route("POST", _ONE + "/abort", abort, "secret", returns=BulkId, audited=True),
)
