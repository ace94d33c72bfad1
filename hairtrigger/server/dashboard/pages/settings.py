"""The project, its limits and keys; the people who may look; and what the server was told."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hairtrigger.engine import accounts, audit, branches, projects
from hairtrigger.engine import queues as limits
from hairtrigger.errors import HairtriggerError, NotFound
from hairtrigger.rules import accounts as rules
from hairtrigger.rules.branches import PARENTS
from hairtrigger.rules.stats import DAY_MS
from hairtrigger.server import settings as server_settings
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import words
from hairtrigger.server.dashboard.pages.queues import whole
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View, base
from hairtrigger.server.settings import Settings
from hairtrigger.wire import durations, ids

TABS = ("", "members", "server", "audit")
_SHOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("What is kept", ("retention_ms", "database")),
    ("Signing in", ("login", "session_ms", "public_url", "trusted_proxies", "proxy_user_header")),
    ("Workers", ("lease_ms", "hold_ms")),
    ("Requests", ("rate_limit", "rate_refill", "max_connections", "max_held")),
    ("Sizes", ("trigger_bytes", "batch_bytes", "metadata_bytes", "packet_bytes", "worker_bytes")),
)
_FOR_ADMINS = frozenset({"database", "trusted_proxies", "proxy_user_header"})
_ZERO = {"retention_ms": "for ever", "rate_limit": "no limit"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting of the server in words: ``changed`` from its default."""

    variable: str
    value: str
    doc: str
    changed: bool


async def show(view: View) -> Answer:
    """Everything that is set here, or elsewhere for here."""
    return await _show(view, view.query.get("tab", ""))


async def _show(
    view: View, tab: str, *, status: int = 200, given: Mapping[str, str] | None = None,
    form: str = "", problem: str = "",
) -> Answer:  # fmt: skip
    tab = tab if tab in TABS else ""
    context: dict[str, Any] = {
        "members": [], "more": [], "concurrency": None, "groups": [], "trunk": None, "branches": [],
        "entries": [], "older": None, "places": view.store.catalog.envs,
    }  # fmt: skip
    mode = view.server.settings.login
    admin = view.visitor is not None and view.visitor.may("change")
    if tab == "members" and admin and mode != "none":
        context["members"] = await accounts.users(view.store)
    elif tab == "audit" and admin:
        before = ids.parse("audit", view.query.get("before", ""))
        context["entries"], following = await audit.page(view.store, before=before)
        context["older"] = (
            None if following is None else view.here(before=ids.public("audit", following))
        )
    elif tab == "server":
        context["groups"] = _groups(view.server.settings, admin=admin)
    elif tab == "":
        have = {
            one.slug for one in view.store.catalog.envs.values() if one.project == view.env.project
        }
        context["more"] = [slug for slug in projects.KINDS if slug not in have]
        trunk = view.store.catalog.holder(view.env)
        if trunk.type in PARENTS:
            context |= {"trunk": trunk, "branches": branches.of(view.store.catalog, trunk)}
        context["concurrency"] = await limits.concurrency(view.store, view.env)
    return view.page(
        "pages/settings.html",
        status=status,
        tab=tab,
        mode=mode,
        given=given or {},
        wrong_form=form,
        problem=problem,
        roles=rules.ROLES,
        shortest=rules.SHORTEST,
        retention=_worded("retention_ms", view.server.settings.retention_ms),
        **context,
    )


async def limit(view: View) -> Answer:
    """Let so many runs of the environment execute at once."""
    form = await view.form()
    try:
        text = form.get("limit", "").strip()
        number = whole(text, "The limit") if text else None
        burst = whole(form.get("burst", "") or "100", "The burst")
        await limits.limit_environment(view.store, view.env, number, burst=burst)
    except HairtriggerError as error:
        return await _show(
            view, "", status=error.status, given=form, form="limit", problem=str(error)
        )
    said = "No limit any more." if number is None else f"{number:,} at once in {view.env.slug}."
    return view.go(view.link("settings"), say=said)


async def add_project(view: View) -> Answer:
    """Make another project, and go there."""
    form = await view.form()
    try:
        made = await projects.create_project(
            view.store, view.server.vault, name=form.get("name", "")
        )
    except HairtriggerError as error:
        return await _show(
            view, "", status=error.status, given=form, form="project", problem=str(error)
        )
    env = made[-1].env
    return view.go(f"{base(env)}/settings", say=f"{env.project_name} is made.")


async def add_environment(view: View) -> Answer:
    """Give the project another environment, and go there."""
    slug = (await view.form()).get("slug", "")
    made = await projects.create_environment(view.store, view.server.vault, view.env.project, slug)
    return view.go(f"{base(made.env)}/settings", say=f"{slug} is made.")


async def open_branch(view: View) -> Answer:
    """Open a branch, or open it again, and go there."""
    form, trunk = await view.form(), view.store.catalog.holder(view.env)
    try:
        made, _ = await branches.open_branch(view.store, trunk, form.get("branch", ""))
    except HairtriggerError as error:
        return await _show(
            view, "", status=error.status, given=form, form="branch", problem=str(error)
        )
    return view.go(f"{base(made)}/settings", say=f"{made.branch} is open.")


async def archive_branch(view: View) -> Answer:
    """Give a branch up."""
    name, trunk = (await view.form()).get("branch", ""), view.store.catalog.holder(view.env)
    await branches.archive(view.store, trunk, name)
    view.server.keyring.forget()
    return view.go(f"{base(trunk)}/settings", say=f"{name} is archived.")


async def add_member(view: View) -> Answer:
    """Let somebody in."""
    form = await view.form()
    try:
        _check_members(view)
        password = form.get("password", "") if view.server.settings.login == "password" else None
        user = await accounts.add_user(
            view.store, email=form.get("email", ""), name=form.get("name", ""),
            role=rules.check_role(form.get("role", "viewer")), password=password,
        )  # fmt: skip
    except HairtriggerError as error:
        return await _show(
            view, "members", status=error.status, given=form, form="add", problem=str(error)
        )
    return _members(view, f"{user.name} may look now.")


async def change_role(view: View) -> Answer:
    """Let somebody do more, or less."""
    role = (await view.form()).get("role", "")

    async def change(number: int) -> None:
        await accounts.change_role(view.store, number, rules.check_role(role))

    return await _of_member(view, change, "The role is changed.")


async def remove_member(view: View) -> Answer:
    """Forget somebody."""
    return await _of_member(view, lambda user: accounts.remove_user(view.store, user), "Removed.")


async def _of_member(view: View, deed: Callable[[int], Awaitable[None]], said: str) -> Answer:
    """Do something with a member; what cannot be done is said at their row."""
    try:
        _check_members(view)
        await deed(ids.parse("user", view.call.params["user"]) or 0)
    except NotFound:
        raise
    except HairtriggerError as error:
        return await _show(
            view, "members", status=error.status, form=view.call.params["user"], problem=str(error)
        )
    return _members(view, said)


def _check_members(view: View) -> None:
    if view.server.settings.login == "none":
        raise NotFound("Nobody signs in here, so there are no members: HAIRTRIGGER_LOGIN is none.")


def _members(view: View, said: str) -> Answer:
    view.server.visitors.forget()
    return view.go(view.link("settings", tab="members"), say=said)


def _groups(settings: Settings, *, admin: bool) -> list[tuple[str, list[Shown]]]:
    fields = {one.name: one for one in dataclasses.fields(Settings)}
    found = []
    for title, names in _SHOWN:
        shown = [
            _shown(settings, fields[name]) for name in names if admin or name not in _FOR_ADMINS
        ]
        found.append((title, shown))
    return found


def _shown(settings: Settings, field: "dataclasses.Field[Any]") -> Shown:
    value = getattr(settings, field.name)
    text = settings.shown_database() if field.name == "database" else _worded(field.name, value)
    return Shown(
        server_settings.variable(field.name), text, field.metadata["doc"], value != field.default
    )


def _worded(name: str, value: Any) -> str:
    if value == 0 and name in _ZERO:
        return _ZERO[name]
    if name.endswith("_ms"):
        days, rest = divmod(value, DAY_MS)
        return words.plural(days, "day") if days and not rest else durations.to_text(value)
    if name.endswith("_bytes"):
        return words.size(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


_PATH = "/p/{project}/{env}/settings"
ROUTES = (
    PageRoute("GET", _PATH, show),
    PageRoute("POST", _PATH + "/limit", limit, "admin"),
    PageRoute("POST", _PATH + "/projects", add_project, "admin"),
    PageRoute("POST", _PATH + "/environments", add_environment, "admin"),
    PageRoute("POST", _PATH + "/branches", open_branch, "admin"),
    PageRoute("POST", _PATH + "/branches/archive", archive_branch, "admin"),
    PageRoute("POST", _PATH + "/members", add_member, "admin"),
    PageRoute("POST", _PATH + "/members/{user}/role", change_role, "admin"),
    PageRoute("POST", _PATH + "/members/{user}/remove", remove_member, "admin"),
)
