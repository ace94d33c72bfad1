"""What is broken: failures in groups, listed and looked at, resolved, ignored and reopened."""

import asyncio
from typing import Any

from hairtrigger.engine import failures as engine
from hairtrigger.engine import runs
from hairtrigger.engine.failures import STATUSES, Cursor, GroupFilter, Status
from hairtrigger.errors import BadRequest
from hairtrigger.rules.stats import DAY_MS, HOUR_MS
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import charts, error_groups, frames, ranges, rows, search
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.server.dashboard.words import plural
from hairtrigger.store.narrowing import RunFilter
from hairtrigger.wire import ids

SIZE, RUNS = 50, 20
MOST_BARS = 8  # versions and tags
IGNORE = {"1h": "For 1 hour", "1d": "For 1 day", "100": "Until 100 more", "ever": "For ever"}
_FOR_MS = {"1h": HOUR_MS, "1d": DAY_MS}
_KEYS = ("task", "version")


async def show(view: View) -> Answer:
    """The list, or the parts of it that live."""
    over = ranges.read(view.query, view.store.now(), default="7d")
    wanted = GroupFilter(
        over.start, over.end, over.step, _status(view), view.query.get("task") or None,
        view.query.get("version") or None, view.query.get("q", ""),
    )  # fmt: skip
    after, before = _cursor(view, "cursor"), _cursor(view, "before")
    page, counted = await asyncio.gather(
        engine.list_page(view.store, view.env, wanted, size=SIZE, after=after, before=before),
        engine.by_status(view.store, view.env, start=over.start),
    )
    return view.page(
        "pages/errors.html",
        over=over,
        lines=await error_groups.lines(view.store, page.groups, over),
        shown=wanted.status,
        statuses=STATUSES,
        counted=counted,
        names=error_groups.WORDS,
        narrowed=[(key, view.query[key]) for key in (*_KEYS, "q") if view.query.get(key)],
        older=None if page.next is None else view.here(cursor=_text(page.next), before=None),
        newer=None
        if page.previous is None or (after is None and before is None)
        else view.here(before=_text(page.previous), cursor=None),
        short=page.next is not None and len(page.groups) < SIZE,
        ignore=IGNORE,
        periods=ranges.PERIODS,
        choices=search.choices(view.store.catalog, view.env),
    )


def _status(view: View) -> Status | None:
    """The status that is asked for: unresolved when nothing is, None for all."""
    given = view.query.get("status") or "unresolved"
    if given == "all":
        return None
    for status in STATUSES:
        if status == given:
            return status
    raise BadRequest(f"Unknown status {given[:40]!r}. Known: {', '.join(STATUSES)}, all.")


def _cursor(view: View, name: str) -> Cursor | None:
    """Where a page begins; something else than one of ours begins at the beginning."""
    at, _, number = view.query.get(name, "").partition("-")
    if not (at.isdecimal() and number.isdecimal() and len(at) < 18 and len(number) < 18):
        return None
    return int(at), int(number)


def _text(place: Cursor) -> str:
    return f"{place[0]}-{place[1]}"


async def one(view: View) -> Answer:
    """A group: what it says, where it happened, how often, under which versions, in which runs."""
    return view.page("pages/error-group.html", **await _context(view))


async def peek(view: View) -> Answer:
    """A group from the side of the list."""
    return view.page("parts/error-peek.html", **await _context(view))


async def _context(view: View) -> dict[str, Any]:
    store, env, now = view.store, view.env, view.store.now()
    group = await engine.retrieve(store, env, view.call.params["fingerprint"])
    over = ranges.read(view.query, now, default="7d")
    (line,), found, sample, (listed, more) = await asyncio.gather(
        error_groups.lines(store, [group], over),
        engine.over_time(
            store, [group], start=over.start, end=over.end, step=over.step, column=over.column
        ),
        engine.sample(store, group),
        runs.list_page(
            store, env, RunFilter(error=group.fingerprint), size=RUNS, after=None, before=None
        ),
    )
    marks = charts.deployments(store.catalog, env.id, over)
    return {
        "over": over,
        "periods": ranges.PERIODS,
        "group": group,
        "line": line,
        "chart": charts.failures(found[group.id], over, now, marks),
        "sample": sample,
        "versions": sample.versions.most_common(MOST_BARS),
        "tags": sample.tags.most_common(MOST_BARS),
        "rows": [rows.row(run, now) for run in listed],
        "has_more": more.next is not None,
        **frames.context(listed[0].error if listed else None),
        "ignore": IGNORE,
        "public": ids.public,
    }


async def change(view: View) -> Answer:
    """Resolve, ignore or reopen the groups of a form; told as JSON, for a script."""
    names = [value for name, value in await view.form_pairs() if name == "id"]
    return answers.json({"said": await _decide(view, names)})


async def change_one(view: View) -> Answer:
    """Resolve, ignore or reopen one group, and come back to it."""
    fingerprint = view.call.params["fingerprint"]
    said = await _decide(view, [fingerprint])
    return view.go(view.link(f"errors/{fingerprint}"), say=said)


async def _decide(view: View, names: list[str]) -> str:
    assert view.visitor is not None, "a route of admins"
    by = view.visitor.user.name or view.visitor.user.email
    store, env, form = view.store, view.env, await view.form()
    match view.call.params["verb"]:
        case "resolve":
            count = await engine.resolve(store, env, names, by=by)
            return f"Resolved {plural(count, 'error')}: a newer version that fails alike reopens {_it(count)}."
        case "reopen":
            return f"Reopened {plural(await engine.reopen(store, env, names, by=by), 'error')}."
        case "ignore":
            how = form.get("for", "ever")
            if how not in IGNORE:
                raise BadRequest(f"An error is ignored for one of {', '.join(IGNORE)}.")
            until = store.now() + _FOR_MS[how] if how in _FOR_MS else None
            more = int(how) if how.isdecimal() else None
            count = await engine.ignore(store, env, names, by=by, until=until, more=more)
            return f"Ignored {plural(count, 'error')} {IGNORE[how].lower()}."
        case verb:
            raise BadRequest(f"An error can be resolved, ignored or reopened, not {verb[:20]!r}.")


def _it(count: int) -> str:
    return "it" if count == 1 else "them"


_ONE = "/p/{project}/{env}/errors/{fingerprint}"
ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/errors", show),
    PageRoute("GET", _ONE, one),
    PageRoute("GET", _ONE + "/peek", peek),
    PageRoute("POST", "/p/{project}/{env}/errors/{verb}", change, "admin"),
    PageRoute("POST", _ONE + "/{verb}", change_one, "admin"),
)
