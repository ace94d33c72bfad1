"""Bulk actions: asked for from a list, watched, stopped."""

from hairtrigger.engine import bulk as engine
from hairtrigger.engine.bulk import Chosen, Kind
from hairtrigger.errors import BadRequest
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import ranges, search
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import ids

SIZE = 50
_KINDS: dict[str, Kind] = {"cancel": "cancel", "replay": "replay"}
_LIST = ("q", "period", "from", "to", *search.KEYS)  # what of a list's query says which runs


async def create(view: View) -> Answer:
    """Begin an action on all runs of a list's query; told as JSON, for a script that offers to undo it."""
    form = await view.form()
    kind = _KINDS.get(form.get("action", ""))
    if kind is None:
        raise BadRequest("The action must be cancel or replay.")
    now = view.store.now()
    query = {name: value for name in _LIST if (value := form.get(name))}
    asked = search.read(query, view.store.catalog, view.env)
    wanted = asked.filter(ranges.read(query, now), now)
    assert view.visitor is not None, "a route of admins"
    by = view.visitor.user.email or view.visitor.user.name
    number = await engine.create(
        view.store, view.env, kind, Chosen(filter=wanted), name=form.get("name", ""), by=by,
        undo_ms=engine.UNDO_MS,
    )  # fmt: skip
    href = view.link(f"bulk-actions/{ids.public('bulk', number)}")
    words = "Canceling" if kind == "cancel" else "Replaying"
    return answers.json({"said": f"{words} all runs of this list in 5 s.", "href": href})


async def list_all(view: View) -> Answer:
    """What was asked for lately."""
    after = ids.parse("bulk", view.query.get("cursor", ""))
    found = await engine.list_page(view.store, view.env, size=SIZE + 1, after=after, before=None)
    older = view.here(cursor=ids.public("bulk", found[SIZE - 1].id)) if len(found) > SIZE else None
    return view.page(
        "pages/bulk-actions.html", actions=found[:SIZE], older=older, public=ids.public
    )


async def show(view: View) -> Answer:
    """One action and how far it is."""
    action = await engine.retrieve(view.store, view.env, view.number("bulk", "action"))
    return view.page("pages/bulk-action.html", action=action, public=ids.public)


async def abort(view: View) -> Answer:
    """Stop it."""
    await engine.abort(view.store, view.env, view.number("bulk", "action"))
    if b"application/json" in view.call.headers.get(b"accept", b""):
        return answers.json({"said": "Undone: nothing was touched, or no more will be."})
    return view.go(view.link(f"bulk-actions/{view.call.params['action']}"), say="Stopped.")


ROUTES = (
    PageRoute("POST", "/p/{project}/{env}/bulk-actions", create, "admin"),
    PageRoute("GET", "/p/{project}/{env}/bulk-actions", list_all),
    PageRoute("GET", "/p/{project}/{env}/bulk-actions/{action}", show),
    PageRoute("POST", "/p/{project}/{env}/bulk-actions/{action}/abort", abort, "admin"),
)
