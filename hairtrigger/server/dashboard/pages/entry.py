"""The way in: to the last environment, through the sign-in, or by making the first admin."""

from urllib.parse import urlsplit

from hairtrigger.errors import HairtriggerError, NotFound
from hairtrigger.rules.project import Environment
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View, base
from hairtrigger.wire import ids


async def home(view: View) -> Answer:
    """To the overview of the first environment that has been used, development first."""
    return view.go(f"{base(_first(view))}/overview")


def _first(view: View) -> Environment:
    envs = view.store.catalog.envs
    used = {task.env for task in view.store.catalog.tasks.values()}
    return min(envs.values(), key=lambda env: (env.id not in used, env.slug != "prod", env.id))


async def any_run(view: View) -> Answer:
    """From an old or a client's link to a run, wherever it is."""
    number = ids.parse("run", view.call.params["run"])
    for env in view.store.catalog.envs.values():
        if number is not None and await view.store.runs(env.id, [number], brief=True):
            return view.go(f"{base(env)}/runs/{view.call.params['run']}")
    raise NotFound(f"There is no run {view.call.params['run'][:60]} on this server.")


async def sign_in(view: View) -> Answer:
    """The form, unless somebody is signed in."""
    if view.visitor is not None:
        return view.go(_next(view))
    if await view.server.visitors.setup_path():
        return view.page("pages/setup.html", problem="", token="", given={})
    return view.page("pages/sign-in.html", problem="", email="")


async def do_sign_in(view: View) -> Answer:
    """Sign in with a password."""
    form = await view.form()
    try:
        cookie = await view.server.visitors.sign_in(
            view.call.scope, form.get("email", ""), form.get("password", "")
        )
    except HairtriggerError as error:
        return view.page(
            "pages/sign-in.html",
            status=error.status,
            headers=answers.failure(error).headers,
            problem=str(error),
            email=form.get("email", ""),
        )
    answer = view.go(_next(view))
    answer.headers.append(cookie)
    return answer


async def sign_out(view: View) -> Answer:
    """End this browser's login."""
    answer = view.go("/sign-in", say="You are signed out.")
    answer.headers.append(await view.server.visitors.sign_out(view.call.scope))
    return answer


async def setup(view: View) -> Answer:
    """The form that makes the first admin."""
    token = view.query.get("token", "")
    if not await view.server.visitors.may_set_up(token):
        return view.go("/sign-in", say="This link is no longer good." if token else "")
    return view.page("pages/setup.html", problem="", token=token, given={})


async def do_setup(view: View) -> Answer:
    """Make the first admin, and let them in."""
    form = await view.form()
    try:
        cookie = await view.server.visitors.set_up(
            view.call.scope, form.get("token", ""), email=form.get("email", ""), name=form.get("name", ""),
            password=form.get("password", ""),
        )  # fmt: skip
    except HairtriggerError as error:
        return view.page(
            "pages/setup.html",
            status=error.status,
            problem=str(error),
            token=form.get("token", ""),
            given=form,
        )
    answer = view.go("/")
    answer.headers.append(cookie)
    return answer


async def lost(view: View) -> Answer:
    """There is no such page."""
    raise NotFound(f"There is no page {view.path[:100]}.")


def _next(view: View) -> str:
    """Where somebody wanted to go: a path of ours only."""
    where = view.query.get("next", "/")
    parts = urlsplit(where)
    if parts.scheme or parts.netloc or not where.startswith("/") or where.startswith(("//", "/\\")):
        return "/"
    return where if where.isascii() and where.isprintable() else "/"


ROUTES = (
    PageRoute("GET", "/", home),
    PageRoute("GET", "/sign-in", sign_in, "anybody"),
    PageRoute("POST", "/sign-in", do_sign_in, "anybody", own=True),
    PageRoute("POST", "/sign-out", sign_out, own=True),
    PageRoute("GET", "/setup", setup, "anybody"),
    PageRoute("POST", "/setup", do_setup, "anybody", own=True),
    PageRoute("GET", "/runs/{run}", any_run),
    PageRoute("GET", "/projects/v3/{ref}/runs/{run}", any_run),
)
LOST = (
    PageRoute("GET", "/p/{project}/{env}/{rest:path}", lost),
    PageRoute("GET", "/p/{rest:path}", lost),
)
"""After all others: a path of the dashboard that no page has."""
