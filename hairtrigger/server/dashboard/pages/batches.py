"""Batches: groups of runs and their progress."""

from dataclasses import dataclass

from markupsafe import Markup

from hairtrigger.engine import progress as engine
from hairtrigger.engine.progress import BROKEN, FAILURES, GONE, Item, Progress
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import graphics
from hairtrigger.server.dashboard.graphics import Segment
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.server.dashboard.words import STATUS, count
from hairtrigger.wire import ids

SIZE = 20
MOST_ITEMS = 1_000  # as many as a batch has
ROWS = 50
_STATUS = {
    "PENDING": ("retry", "Items are missing"), "PROCESSING": ("run", "Processing"), "COMPLETED": ("ok", "Done"),
    "PARTIAL_FAILED": ("fail", "Done, in part"), "ABORTED": ("fail", "Aborted"),
}  # fmt: skip
_PARTS = (
    ("done", "ok", ("COMPLETED",)),
    ("failed", "fail", (*FAILURES, BROKEN)),
    ("canceled", "idle", ("CANCELED",)),
    ("running", "run", ("EXECUTING", "REATTEMPTING", "WAITING")),
    ("queued", "quiet", ("QUEUED", "DELAYED", "PENDING_VERSION")),
    ("not kept any more", "soft", (GONE,)),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Some items of a batch that stand alike: what they are called, their colour, and how many they are."""

    word: str
    colour: str
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """One batch. ``strip`` draws its parts; ``done`` is how many items are over."""

    batch: Progress
    id: str
    href: str
    colour: str
    word: str
    parts: list[Part]
    strip: Markup
    done: int


async def show(view: View) -> Answer:
    """Batches, newest first."""
    after = ids.parse("cursor", view.query.get("cursor", ""))
    before = ids.parse("cursor", view.query.get("before", ""))
    found, onward = await engine.list_page(
        view.store, view.env, size=SIZE, after=after, before=before
    )
    is_first = after is None and before is None
    return view.page(
        "pages/batches.html",
        rows=[_row(view, batch) for batch in found],
        older=None if onward is None else view.here(cursor=ids.public("cursor", onward), before=None),
        newer=None if is_first or not found
        else view.here(before=ids.public("cursor", found[0].id), cursor=None),
        is_first=is_first,
        looked_back_to=ids.created_at(onward) if onward is not None else None,
        size=SIZE,
    )  # fmt: skip


async def one(view: View) -> Answer:
    """One batch, item by item, what failed first."""
    batch = await engine.retrieve(view.store, view.env, view.number("batch", "batch"))
    items = await engine.items(view.store, batch, limit=MOST_ITEMS)
    listed = sorted(items, key=lambda item: (item.status not in _PARTS[1][2], item.index))
    return view.page(
        "pages/batch.html",
        row=_row(view, batch, width=1_000, height=8),
        items=items,
        listed=listed[:ROWS],
        look=look,
        public=ids.public,
    )


async def replay(view: View) -> Answer:
    """Run again what failed, in the background."""
    assert view.visitor is not None, "a route of admins"
    by = view.visitor.user.email or view.visitor.user.name
    number = await engine.replay_failed(view.store, view.env, view.number("batch", "batch"), by=by)
    return view.go(view.link(f"bulk-actions/{ids.public('bulk', number)}"), say="Replaying.")


def look(item: Item) -> tuple[str, str]:
    """The colour and the word of an item."""
    if item.status == BROKEN:
        return "fail", "Could not be triggered"
    if item.status == GONE:
        return "soft", "Not kept any more"
    return STATUS[item.status].colour, STATUS[item.status].word


def _row(view: View, batch: Progress, *, width: int = 220, height: int = 6) -> Row:
    parts = [
        Part(word, colour, number)
        for word, colour, names in _PARTS
        if (number := sum(batch.counts[name] for name in names))
    ]
    said = ", ".join(f"{count(part.count)} {part.word}" for part in parts)
    strip = graphics.bar(
        [Segment(part.count / max(batch.total, 1), part.colour) for part in parts],
        width=width, height=height, label=said or "nothing yet",
    )  # fmt: skip
    public = ids.public("batch", batch.id)
    colour, word = _STATUS[batch.status]
    if batch.status == "COMPLETED" and batch.failed:
        colour, word = "fail", f"{count(batch.failed)} failed"
    done = sum(part.count for part in parts if part.word in ("done", "failed", "canceled"))
    return Row(batch, public, view.link(f"batches/{public}"), colour, word, parts, strip, done)


ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/batches", show),
    PageRoute("GET", "/p/{project}/{env}/batches/{batch}", one),
    PageRoute("POST", "/p/{project}/{env}/batches/{batch}/replay", replay, "admin"),
)
