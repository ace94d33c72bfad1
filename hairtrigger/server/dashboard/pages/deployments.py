"""Deployments: the versions of the code, which one is current, and what making another one so would mean."""

from hairtrigger.engine import deployments as engine
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.wire import ids

SIZE = 50


async def show(view: View) -> Answer:
    """All versions, newest first."""
    found = await engine.list_all(view.store, view.env)
    page = view.page_number
    return view.page(
        "pages/deployments.html",
        found=found[(page - 1) * SIZE : page * SIZE],
        count=len(found),
        **view.turns(len(found), SIZE),
    )


async def one(view: View) -> Answer:
    """One version: its tasks, and what promoting it would mean."""
    return await _one(view)


async def _one(view: View, *, status: int = 200, problem: str = "") -> Answer:
    name = view.call.params["version"]
    found = {one.version.name: one for one in await engine.list_all(view.store, view.env)}
    if name not in found:
        raise NotFound(f"There is no version {name} in {view.env.slug}.")
    deployment = found[name]
    report = None
    if not deployment.is_current:
        report = await engine.examine(view.store, view.env, name)
    return view.page(
        "pages/deployment.html", status=status, one=deployment, report=report, problem=problem,
        current=next((each.version.name for each in found.values() if each.is_current), None),
        public=ids.public,
    )  # fmt: skip


async def promote(view: View) -> Answer:
    """Make the version current, by force when that was ticked."""
    name = view.call.params["version"]
    force = bool((await view.form()).get("force"))
    try:
        before, _ = await engine.promote(view.store, view.env, name, force=force)
    except Unprocessable as error:
        return await _one(view, status=error.status, problem=str(error))
    said = f"{name} is current" + (f", {before} was." if before not in (None, name) else ".")
    return view.go(view.link("deployments"), say=said)


_PATH = "/p/{project}/{env}/deployments"
ROUTES = (
    PageRoute("GET", _PATH, show),
    PageRoute("GET", _PATH + "/{version}", one),
    PageRoute("POST", _PATH + "/{version}/promote", promote, "admin"),
)
