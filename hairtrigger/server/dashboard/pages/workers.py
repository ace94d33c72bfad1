"""Workers: who is there, how loaded, and which runs each has in its hands."""

from collections import Counter
from dataclasses import dataclass

from hairtrigger.engine import workers as engine
from hairtrigger.engine.workers import InHand, Session
from hairtrigger.errors import NotFound
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import rows
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import ids

SIZE = 50  # workers of a page
SQUARES, LARGE_SQUARES = (
    64,
    1_000,
)  # slots that are drawn one by one, in the list and on a worker's page
ROWS = 100


@dataclass(frozen=True, slots=True)
class Card:
    """One worker. ``heard_at`` is when (ms) it was heard of last; ``free`` and ``more`` slots are drawn empty,
    or not at all."""

    session: Session
    id: str
    href: str
    state: str
    word: str
    heard_at: int
    busy: list[InHand]
    free: int
    more: int


async def show(view: View) -> Answer:
    """All workers of the environment, by name."""
    found = await engine.list_all(view.store, view.env)
    found.sort(key=lambda one: (one.name, one.id))
    page = view.page_number
    shown = found[(page - 1) * SIZE : page * SIZE]
    versions = Counter(one.version for one in found)
    return view.page(
        "pages/workers.html",
        cards=[_card(view, one, SQUARES) for one in shown],
        count=len(found),
        slots=sum(one.slots for one in found),
        busy=sum(len(one.hands) for one in found),
        public=ids.public,
        versions=versions.most_common(),
        current=next((one.version for one in found if one.is_current), None),
        **view.turns(len(found), SIZE),
    )  # fmt: skip


async def one(view: View) -> Answer:
    """One worker, and the runs in its hands."""
    try:
        session = await engine.retrieve(view.store, view.env, view.number("worker", "worker"))
    except NotFound:
        if not view.parts:
            raise
        return view.page("pages/worker.html", card=None)  # it has gone while somebody looked
    now = view.store.now()
    held = session.hands[:ROWS]
    runs = await view.store.runs(view.env.id, [hand.run for hand in held], brief=True)
    found = {run.id: rows.row(run, now) for run in runs}
    return view.page(
        "pages/worker.html",
        card=_card(view, session, LARGE_SQUARES),
        public=ids.public,
        held=[(found[hand.run], hand) for hand in held if hand.run in found],
    )


def _card(view: View, session: Session, squares: int) -> Card:
    now, lease = view.store.now(), view.server.settings.lease_ms
    state, word = "ok", "Online"
    if session.lease_until <= now:
        state, word = "fail", "Not heard of"
    elif session.lease_until - now < lease // 3:
        state, word = "retry", "Late"
    public, held = ids.public("worker", session.id), len(session.hands)
    drawn = min(max(session.slots, held), squares)
    busy = session.hands[:drawn]
    return Card(
        session, public, view.link(f"workers/{public}"), state, word, min(session.lease_until - lease, now),
        busy, drawn - len(busy), max(session.slots, held) - drawn,
    )  # fmt: skip


ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/workers", show),
    PageRoute("GET", "/p/{project}/{env}/workers/{worker}", one),
)
