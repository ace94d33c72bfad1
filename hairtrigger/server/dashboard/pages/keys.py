"""API keys: those of a project's environments, made, rotated and revoked."""

from typing import Any

from hairtrigger.engine import keys as engine
from hairtrigger.engine import projects
from hairtrigger.errors import HairtriggerError
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import lives
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View


async def show(view: View) -> Answer:
    """The keys of every environment of the project: whole for admins where that can be."""
    return await _show(view)


async def _show(view: View, *, status: int = 200, **given: Any) -> Answer:
    trunk = view.store.catalog.holder(view.env)
    envs = sorted(
        (
            one
            for one in view.store.catalog.envs.values()
            if one.project == view.env.project and one.parent is None
        ),
        key=lambda one: (one.id != trunk.id, one.slug),
    )
    roots: dict[int, str] = {}
    if view.visitor is not None and view.visitor.may("change"):
        for env in envs:
            found = await projects.sealed_keys(view.store, view.server.vault, env)
            roots[env.id] = found[0] if found else ""
    context: dict[str, Any] = {"given": {}, "problem": "", "made": "", "made_name": ""}
    return view.page(
        "pages/keys.html", status=status, keys=await engine.list_all(view.store, envs), of=envs,
        trunk=trunk, roots=roots, lives=lives.LIVES, **(context | given),
    )  # fmt: skip


async def create(view: View) -> Answer:
    """Make a key, and show it once."""
    form = await view.form()
    name, life = form.get("name", ""), lives.life_ms(form.get("life", ""))
    try:
        key, text = await engine.create(view.store, view.env, name=name, life_ms=life)
    except HairtriggerError as error:
        return await _show(view, status=error.status, given=form, problem=str(error))
    return await _show(view, made=text, made_name=key.name)


async def rotate(view: View) -> Answer:
    """Make another root key, and show it."""
    await engine.rotate(view.store, view.server.vault, view.env)
    view.server.keyring.forget()
    said = "A new root key. The one before is good for another 24 hours."
    return view.go(view.link("keys"), say=said)


async def revoke(view: View) -> Answer:
    """Let a key open nothing any more."""
    name = await engine.revoke(view.store, view.env, view.number("key", "key"))
    view.server.keyring.forget()
    return view.go(view.link("keys"), say=f"The key {name} is revoked.")


_PATH = "/p/{project}/{env}/keys"
ROUTES = (
    PageRoute("GET", _PATH, show),
    PageRoute("POST", _PATH, create, "admin"),
    PageRoute("POST", _PATH + "/rotate", rotate, "admin"),
    PageRoute("POST", _PATH + "/{key}/revoke", revoke, "admin"),
)
