"""A run's trace: itself, its attempts, their spans and the runs that it triggered, as a tree, in flat pages, and
span by span. Log lines are at the run's events. Source: Trigger.dev's run traces.

Ids of spans are ``run_…`` for a run, ``run_….2`` for its second hand-out and ``run_….2.17`` for what that wrote.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hairtrigger.engine import traces
from hairtrigger.engine.traces import Trace
from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.rules.tree import NOT_BEGUN, HandOut, Member, Written
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import pages
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids

MAX_PAGE, MAX_DEPTH = 10_000, 200


class SpanData(msgspec.Struct, rename="camel", kw_only=True):
    """``duration`` in ms; ``isPartial`` while it goes on. The version, queue and tags of a run are at the run."""

    message: str
    task_slug: str
    start_time: str
    duration: float
    is_error: bool
    is_partial: bool
    is_cancelled: bool
    level: str = "TRACE"
    properties: dict[str, Any] | UnsetType = UNSET


class Span(msgspec.Struct, rename="camel", kw_only=True):
    id: str
    parent_id: str | UnsetType = UNSET
    run_id: str
    data: SpanData
    children: "list[Span]"


class Tree(msgspec.Struct, rename="camel"):
    trace_id: str
    root_span: Span


class TraceObject(msgspec.Struct):
    """``truncated``: some runs or spans, the deepest ones, were left out."""

    trace: Tree
    truncated: bool


class FlatSpan(msgspec.Struct, rename="camel", kw_only=True):
    """A span without its properties; parents stand before their children."""

    id: str
    parent_id: str | UnsetType = UNSET
    run_id: str
    message: str
    start_time: str
    duration: float
    is_error: bool
    is_partial: bool
    is_cancelled: bool
    level: str = "TRACE"
    attempt_number: int | UnsetType = UNSET


class AttemptFailure(msgspec.Struct, rename="camel"):
    span_id: str
    attempt_number: int
    run_id: str


class FlatCursors(msgspec.Struct):
    next: str | UnsetType = UNSET
    truncated: bool | UnsetType = UNSET


class FlatPage(msgspec.Struct, rename="camel"):
    """With ``page[size]``: the spans in the order of the tree."""

    data: list[FlatSpan]
    attempt_failures: list[AttemptFailure]
    pagination: FlatCursors


class TriggeredRun(msgspec.Struct, rename="camel"):
    run_id: str
    task_identifier: str
    status: str
    created_at: str


class SpanDetail(msgspec.Struct, rename="camel", kw_only=True):
    """One span; ``triggeredRuns`` are those that were triggered in it."""

    span_id: str
    parent_id: str | None
    run_id: str
    message: str
    is_error: bool
    is_partial: bool
    is_cancelled: bool
    level: str = "TRACE"
    start_time: str
    duration_ms: float
    properties: dict[str, Any] | UnsetType = UNSET
    triggered_runs: list[TriggeredRun] | UnsetType = UNSET


@dataclass(slots=True)
class _Node:
    """A span in the making. Instants in ms; ``end`` is None while it goes on."""

    id: str
    run: Member
    message: str
    start: int
    end: float | None
    is_error: bool = False
    is_canceled: bool = False
    attempt: int | None = None
    properties: dict[str, Any] | None = None
    parent: "_Node | None" = None
    children: "list[_Node]" = field(default_factory=list)

    def add(self, child: "_Node") -> None:
        child.parent = self
        self.children.append(child)


async def trace(call: Call) -> Answer:
    """A run's trace as a tree; with `page[size]`, its spans in flat pages."""
    query = call.query()
    found = await traces.trace(call.server.store, call.caller.env, call.number("run", "run"))
    root = _tree(found)
    if "page[size]" in query or "page[after]" in query:
        size = pages.whole(query, "page[size]", MAX_PAGE, 1, MAX_PAGE)
        return answers.json(_page(found, root, size, query.get("page[after]") or None))
    tree = Tree(_trace_id(found.runs[0]), _span(root, found.now))
    return answers.json(TraceObject(tree, found.truncated))


async def span(call: Call) -> Answer:
    """One span of a run's trace, with its properties and the runs that were triggered in it."""
    found = await traces.trace(call.server.store, call.caller.env, call.number("run", "run"))
    wanted = call.params["span"]
    node = next((one for one in _walk(_tree(found)) if one.id == wanted), None)
    if node is None:
        raise NotFound("There is no such span in this run's trace.")
    triggered = [
        TriggeredRun(child.id, child.run.task, child.run.status, durations.iso(child.run.created_at))
        for child in node.children if child.run is not node.run
    ]  # fmt: skip
    detail = SpanDetail(
        span_id=node.id, parent_id=None if node.parent is None else node.parent.id,
        run_id=_public(node.run), message=node.message, is_error=node.is_error,
        is_partial=node.end is None, is_cancelled=node.is_canceled, start_time=durations.iso(node.start),
        duration_ms=_duration(node, found.now), properties=node.properties or UNSET,
        triggered_runs=triggered or UNSET,
    )  # fmt: skip
    return answers.json(detail)


def _page(found: Trace, root: _Node, size: int, after: str | None) -> FlatPage:
    nodes = [*_walk(root)]
    first = 0
    if after is not None:
        place = next((place for place, one in enumerate(nodes) if one.id == after), None)
        if place is None:
            raise BadRequest(
                f"Invalid cursor {after[:50]!r}. Take it from the pagination of another page."
            )
        first = place + 1
    shown = nodes[first : first + size]
    failures = [
        AttemptFailure(one.id, one.attempt, _public(one.run))
        for one in shown if one.attempt is not None and one.is_error
    ]  # fmt: skip
    following = shown[-1].id if len(nodes) > first + size else UNSET
    cursors = FlatCursors(following, found.truncated or UNSET)
    return FlatPage([_flat(one, found.now) for one in shown], failures, cursors)


def _tree(found: Trace) -> _Node:
    """The root's node with all others below it."""
    by_id = {one.id: one for one in found.runs}
    nodes: dict[int, _Node] = {}
    attempts: dict[tuple[int, int], _Node] = {}
    written = {(one.run, one.fence) for one in found.spans}
    for one in found.runs:
        nodes[one.id] = node = _of_run(one)
        for out in one.hand_outs:
            if out.reason != NOT_BEGUN or (one.id, out.fence) in written:
                attempts[one.id, out.fence] = _of_attempt(one, out)
                node.add(attempts[one.id, out.fence])
    for one in found.runs[1:]:
        parent = by_id.get(one.parent or 0)
        if parent is not None:
            _under(parent, one.created_at, nodes, attempts).add(nodes[one.id])
    _add_spans(found.spans, by_id, nodes, attempts)
    root = nodes[found.runs[0].id]
    for node in _walk(root):
        node.children.sort(key=lambda child: child.start)
    return root


def _under(
    parent: Member, at: int, nodes: dict[int, _Node], attempts: dict[tuple[int, int], _Node]
) -> _Node:
    """The attempt that a run was in at an instant; the run itself when it was in none."""
    begun = [out for out in parent.hand_outs if out.began_at <= at]
    node = attempts.get((parent.id, begun[-1].fence)) if begun else None
    return node or nodes[parent.id]


def _add_spans(
    spans: list[Written], by_id: dict[int, Member], nodes: dict[int, _Node],
    attempts: dict[tuple[int, int], _Node],
) -> None:  # fmt: skip
    """Each span under its parent, or under its attempt while that goes on (and is not written yet)."""
    made: dict[tuple[int, int, str], _Node] = {}
    for run, fence, seq, event in spans:
        made[run, fence, event.span or ""] = _Node(
            f"{_public(by_id[run])}.{fence}.{seq}", by_id[run], event.message, event.at,
            event.at + (event.duration_ms or 0), event.error, properties=event.attributes,
        )  # fmt: skip
    for run, fence, _, event in spans:
        node = made[run, fence, event.span or ""]
        above = made.get((run, fence, event.parent or "")) if event.parent else None
        if above is None or above is node:
            above = attempts.get((run, fence)) or nodes[run]
        if node.parent is None:
            above.add(node)


def _of_run(one: Member) -> _Node:
    return _Node(
        _public(one),
        one,
        one.task,
        one.created_at,
        one.ended_at,
        one.is_bad,
        one.status == "CANCELED",
    )


def _of_attempt(one: Member, out: HandOut) -> _Node:
    return _Node(
        f"{_public(one)}.{out.fence}", one, f"Attempt {out.attempt}", out.began_at, out.ended_at, out.is_bad,
        attempt=out.attempt, properties={"reason": out.reason} if out.reason else None,
    )  # fmt: skip


def _walk(root: _Node) -> Iterator[_Node]:
    """The nodes in the order of the tree, parents first."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.children)


def _span(node: _Node, now: int) -> Span:
    """A node with all below it. What nests deeper than ``MAX_DEPTH`` stands beside its parent: JSON is read and
    written by recursion."""
    made: dict[str, tuple[Span, int]] = {}
    below: dict[str, list[Span]] = {}
    for one in _walk(node):
        data = SpanData(
            message=one.message, task_slug=one.run.task, start_time=durations.iso(one.start),
            duration=_duration(one, now), is_error=one.is_error, is_partial=one.end is None,
            is_cancelled=one.is_canceled, properties=one.properties or UNSET,
        )  # fmt: skip
        above = one.parent
        shown = Span(
            id=one.id, parent_id=UNSET if above is None else above.id, run_id=_public(one.run), data=data,
            children=[],
        )  # fmt: skip
        depth = 0 if above is None else made[above.id][1] + 1
        made[one.id] = shown, depth
        below[one.id] = shown.children if above is None or depth < MAX_DEPTH else below[above.id]
        if above is not None:
            below[above.id].append(shown)
    return made[node.id][0]


def _flat(one: _Node, now: int) -> FlatSpan:
    return FlatSpan(
        id=one.id, parent_id=UNSET if one.parent is None else one.parent.id, run_id=_public(one.run),
        message=one.message, start_time=durations.iso(one.start), duration=_duration(one, now),
        is_error=one.is_error, is_partial=one.end is None, is_cancelled=one.is_canceled,
        attempt_number=UNSET if one.attempt is None else one.attempt,
    )  # fmt: skip


def _duration(one: _Node, now: int) -> float:
    return max(0.0, (now if one.end is None else one.end) - one.start)


def _public(one: Member) -> str:
    return ids.public("run", one.id)


def _trace_id(root: Member) -> str:
    """32 hexadecimal digits that are the same for every look at this run."""
    return _public(root).removeprefix("run_").rjust(32, "0")


_RUN = "/api/v1/runs/{run}"
ROUTES = (
    Route(
        "GET", _RUN + "/trace", trace, "secret", returns=(TraceObject, FlatPage),
        query=("page[size]", "page[after]"),
    ),
    Route("GET", _RUN + "/spans/{span}", span, "secret", returns=SpanDetail),
)  # fmt: skip
