"""Saved views: lists of runs under a name, in the sidebar and above the list."""

from urllib.parse import parse_qsl, urlencode

from hairtrigger.engine import views as engine
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View

_PLACE = ("cursor", "before")  # where one is in a list is no part of what it asks


async def listed(view: View) -> Answer:
    """The views of who looks, for the sidebar."""
    return view.page("parts/views.html", views=await of_visitor(view))


async def of_visitor(view: View) -> list[engine.SavedView]:
    """Those that who looks may open."""
    return await engine.all_for(view.store, view.env, _user(view))


async def save(view: View) -> Answer:
    """Keep what a list asks for, for oneself or for everybody."""
    given = await view.form()
    owner = _user(view)
    if given.get("shared"):
        assert view.visitor is not None, "the route's role"
        view.visitor.demand("change")
        owner = engine.EVERYBODY
    query = kept(given.get("query", ""))
    name = await engine.save(view.store, view.env, owner, name=given.get("name", ""), query=query)
    return view.go(view.link("runs") + (f"?{query}" if query else ""), say=f"Kept as {name}.")


async def delete(view: View) -> Answer:
    """Forget one."""
    assert view.visitor is not None, "the route's role"
    name = await engine.delete(
        view.store, view.env, view.call.params["view"], user=_user(view),
        may_share=view.visitor.may("change"),
    )  # fmt: skip
    return view.go(view.link("runs"), say=f"Deleted {name}.")


def kept(query: str) -> str:
    """What of an address's query belongs to a view."""
    return urlencode([(name, value) for name, value in parse_qsl(query) if name not in _PLACE])


def _user(view: View) -> int:
    return view.visitor.user.id if view.visitor is not None else engine.EVERYBODY


ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/views", listed),
    PageRoute("POST", "/p/{project}/{env}/views", save),
    PageRoute("POST", "/p/{project}/{env}/views/{view}/delete", delete),
)
