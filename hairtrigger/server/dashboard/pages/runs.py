"""The list of runs: live, filtered, page by page."""

from dataclasses import dataclass
from typing import Any

from hairtrigger.engine import runs as engine
from hairtrigger.engine import stats
from hairtrigger.engine.numbers import Numbers
from hairtrigger.rules.stats import ALL_TASKS, Stat, merged, percentile
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import as_code, columns, counts, ranges, rows, search
from hairtrigger.server.dashboard.pages import views
from hairtrigger.server.dashboard.ranges import Range
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import FINAL, FinalStatus

SIZE = 50
BUDGET_S = 0.2  # of looking for what is rare: then the page says how far it looked
_LIVE = {
    "QUEUED": "queued", "EXECUTING": "running", "WAITING": "waiting", "REATTEMPTING": "retrying",
    "DELAYED": "delayed", "PENDING_VERSION": "held",
}  # fmt: skip
_ALWAYS = ("QUEUED", "EXECUTING", "COMPLETED", "FAILED")
_ORDER = (
    "QUEUED", "EXECUTING", "WAITING", "REATTEMPTING", "COMPLETED", "FAILED", "TIMED_OUT", "CRASHED",
    "SYSTEM_FAILURE", "CANCELED", "EXPIRED", "DELAYED", "PENDING_VERSION",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of statuses; ``count`` is None where nobody has counted."""

    status: str
    count: int | None
    href: str
    here: bool


async def show(view: View) -> Answer:
    """The page, or the parts of it that live."""
    now = view.store.now()
    over = ranges.read(view.query, now)
    asked = search.read(view.query, view.store.catalog, view.env)
    wanted = asked.filter(over, now)
    chosen = columns.read(view.query.get("columns", ""))
    after = ids.parse("cursor", view.query.get("cursor", "")) if view.query.get("cursor") else None
    before = ids.parse("cursor", view.query.get("before", "")) if view.query.get("before") else None
    found, page = await engine.list_page(
        view.store, view.env, wanted, size=SIZE, after=after, before=before, budget_s=BUDGET_S,
        brief=not any(one.startswith(("payload.", "output.")) for one in chosen),
    )  # fmt: skip
    pulse = await view.server.pulses.of(view.env.id).fresh()
    drawn, total = await _finished(view, over, asked.task_id or ALL_TASKS)
    listed = [rows.row(run, now) for run in found]
    return view.page(
        "pages/runs.html",
        over=over,
        asked=asked,
        rows=listed,
        older=None if page.next is None else view.here(cursor=ids.public("cursor", page.next), before=None),
        newer=None if page.previous is None or (after is None and before is None)
        else view.here(before=ids.public("cursor", page.previous), cursor=None),
        is_first=after is None and before is None,
        short=page.next is not None and len(found) < SIZE,
        looked_back_to=ids.created_at(page.next) if page.next is not None else None,
        total=total,
        p50=percentile(total.took, 0.5),
        p95=percentile(total.took, 0.95),
        drawn=counts.outcomes(drawn, over, now),
        columns=columns,
        chosen=chosen,
        views=[] if view.parts else await views.of_visitor(view),
        asks=views.kept(view.call.scope["query_string"].decode("latin-1")),
        tabs=_tabs(view, asked, pulse.numbers, total),
        snippets=as_code.of_list(asked, over.period, view.call.base_url()),
        periods=ranges.PERIODS,
        choices=search.choices(view.store.catalog, view.env),
    )  # fmt: skip


async def _finished(view: View, over: Range, task: int) -> tuple[dict[int, Stat], Stat]:
    found = await stats.over_time(
        view.store, view.env.id, start=over.start, end=over.end, step=over.step, task=task
    )
    return counts.by_column(found, over), merged(found.values())


def _tabs(view: View, asked: search.Search, now: Numbers, total: Stat) -> list[Tab]:
    """The statuses that occur, with their counts where those are known without counting history."""
    known: dict[str, int | None] = {
        name: total.outcomes.get(FinalStatus[name], 0) for name in FINAL
    }
    known |= {name: getattr(now, member) for name, member in _LIVE.items()}
    if asked.is_narrowed:  # what is counted is not what is listed
        known = dict.fromkeys(known) if not asked.task_id else {
            name: number if name in FINAL else None for name, number in known.items()
        }  # fmt: skip
    here = asked.statuses
    tabs = [
        Tab(
            "",
            _sum(known) if not asked.is_narrowed else None,
            view.here(status=None, cursor=None, before=None),
            not here,
        )
    ]
    for name in _ORDER:
        if known[name] or name in _ALWAYS or name in here:
            href = view.here(status=name, cursor=None, before=None)
            tabs.append(Tab(name, known[name], href, here == [name]))
    return tabs


def _sum(known: dict[str, Any]) -> int:
    return sum(known.values())


ROUTES = (PageRoute("GET", "/p/{project}/{env}/runs", show),)
