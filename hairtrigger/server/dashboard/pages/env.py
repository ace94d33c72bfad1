"""Environment variables: what an environment's workers get when they start."""

from typing import Any

from hairtrigger.engine import variables as engine
from hairtrigger.errors import HairtriggerError
from hairtrigger.rules import variables as rules
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import words
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View


async def show(view: View) -> Answer:
    """All of them by name; the values for admins, and none of a secret."""
    return await _show(view)


async def _show(view: View, *, status: int = 200, **given: Any) -> Answer:
    context: dict[str, Any] = {"given": {}, "form": "", "problem": ""}
    found = await engine.list_all(view.store, view.server.vault, view.env)
    may_read = view.visitor is not None and view.visitor.may("change")
    return view.page(
        "pages/env.html", status=status, found=found, may_read=may_read, **(context | given)
    )


async def put(view: View) -> Answer:
    """Set one."""
    form = await view.form()
    name, value = form.get("name", "").strip(), form.get("value", "")
    return await _set(view, "one", {name: value}, override=True)


async def paste(view: View) -> Answer:
    """Set all that a .env file sets, or nothing."""
    form = await view.form()
    try:
        given = rules.parse(form.get("text", ""))
    except HairtriggerError as error:
        return await _show(view, status=error.status, given=form, form="many", problem=str(error))
    return await _set(view, "many", given, override=bool(form.get("override")))


async def _set(view: View, name: str, given: dict[str, str], *, override: bool) -> Answer:
    form = await view.form()
    try:
        done = await engine.put(
            view.store, view.server.vault, view.env, given, secret=bool(form.get("secret")) or None,
            override=override,
        )  # fmt: skip
    except HairtriggerError as error:
        return await _show(view, status=error.status, given=form, form=name, problem=str(error))
    said = f"Set {words.plural(len(done), 'variable')}. Workers get them at their next start."
    return view.go(view.link("env"), say=said)


async def delete(view: View) -> Answer:
    """Forget one."""
    name = view.call.params["name"]
    await engine.delete(view.store, view.env, name)
    return view.go(view.link("env"), say=f"{name} is forgotten.")


_PATH = "/p/{project}/{env}/env"
ROUTES = (
    PageRoute("GET", _PATH, show),
    PageRoute("POST", _PATH, put, "admin"),
    PageRoute("POST", _PATH + "/paste", paste, "admin"),
    PageRoute("POST", _PATH + "/{name}/delete", delete, "admin"),
)
