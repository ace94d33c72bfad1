"""Whoever looks: their name, password, tokens, logins, and how they like the pages."""

import re
from dataclasses import dataclass
from typing import Any

from hairtrigger.engine import accounts, personal
from hairtrigger.errors import Forbidden, HairtriggerError, Unauthorized
from hairtrigger.rules import accounts as rules
from hairtrigger.rules.accounts import Login
from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import lives
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.view import View
from hairtrigger.server.visitors import Visitor

_BROWSERS = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ("curl/", "curl"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which somebody is signed in; ``here``: this one."""

    login: Login
    browser: str
    here: bool


async def show(view: View) -> Answer:
    """The own account."""
    return await _show(view)


async def _show(
    view: View, *, status: int = 200, form: str = "", problem: str = "", **given: Any
) -> Answer:
    visitor = _visitor(view)
    mode = view.server.settings.login
    logins = await accounts.logins_of(view.store, visitor.user.id) if mode == "password" else []
    tokens = await personal.list_all(view.store, visitor.user.id) if mode != "none" else []
    context: dict[str, Any] = {"given": {}, "made": "", "made_name": ""}
    return view.page(
        "pages/account.html",
        status=status,
        mode=mode,
        wrong_form=form,
        problem=problem,
        sessions=[Session(one, browser(one.agent), one.hash == visitor.login) for one in logins],
        shortest=rules.SHORTEST,
        tokens=tokens,
        lives=lives.LIVES,
        **(context | given),
    )


async def rename(view: View) -> Answer:
    """Be called by another name."""
    if view.server.settings.login != "password":
        raise Forbidden("Names come from elsewhere here: HAIRTRIGGER_LOGIN says so.")
    name = (await view.form()).get("name", "")
    called = await accounts.rename(view.store, _visitor(view).user.id, name)
    view.server.visitors.forget()
    return view.go(view.link("account"), say=f"You are {called} now.")


async def password(view: View) -> Answer:
    """Take another password; all other browsers are signed out."""
    form = await view.form()
    try:
        await view.server.visitors.change_password(
            view.call.scope, _visitor(view), form.get("old", ""), form.get("new", "")
        )
    except HairtriggerError as error:
        wrong = isinstance(error, Unauthorized)  # who they are is not in doubt: 401 would say so
        return await _show(
            view, status=422 if wrong else error.status, form="old" if wrong else "new",
            problem=str(error),
        )  # fmt: skip
    return view.go(
        view.link("account"), say="The password is changed. Other browsers are signed out."
    )


async def end(view: View) -> Answer:
    """Sign another browser out, or (without a name) all others."""
    visitor, login = _visitor(view), (await view.form()).get("login", "")
    if login:
        await accounts.end_login(view.store, visitor.user.id, login)
    else:
        await accounts.end_other_logins(view.store, visitor.user.id, visitor.login)
    view.server.visitors.forget()
    return view.go(view.link("account"), say="Signed out there.")


async def make_token(view: View) -> Answer:
    """Make a personal access token, and show it once."""
    form = await view.form()
    name, life = form.get("name", ""), lives.life_ms(form.get("life", ""))
    try:
        token, text = await personal.create(
            view.store, _visitor(view).user.id, name=name, life_ms=life
        )
    except HairtriggerError as error:
        return await _show(view, status=error.status, form="token", problem=str(error), given=form)
    return await _show(view, made=text, made_name=token.name)


async def revoke_token(view: View) -> Answer:
    """Let one of one's own tokens open nothing any more."""
    name = await personal.revoke(view.store, _visitor(view).user.id, view.number("token", "token"))
    return view.go(view.link("account"), say=f"The token {name} is revoked.")


async def ask(view: View) -> Answer:
    """Whether to let a tool in, which has sent its owner here."""
    tool = await personal.waiting(view.store, view.call.params["code"])
    return view.page("pages/authorize.html", tool=tool, code=view.call.params["code"], answer="")


async def decide(view: View) -> Answer:
    """Let a tool in, or not."""
    code, user = view.call.params["code"], _visitor(view).user
    tool = await personal.waiting(view.store, code)
    is_yes = (await view.form()).get("answer") == "yes"
    if is_yes:
        await personal.approve(view.store, code, user.id)
    else:
        await personal.deny(view.store, code)
    answer = "yes" if is_yes else "no"
    return view.page("pages/authorize.html", tool=tool, code=code, answer=answer)


def browser(agent: str) -> str:
    """What a browser says of itself, in two words: ``Firefox on Linux``."""
    name = next((word for sign, word in _BROWSERS if sign in agent), "")
    system = next((word for sign, word in _SYSTEMS if sign in agent), "")
    if not name:
        return " ".join(re.findall(r"[\w.-]+", agent)[:3]) or "An unnamed browser"
    return f"{name} on {system}" if system else name


def _visitor(view: View) -> Visitor:
    assert view.visitor is not None, "a route of visitors"
    return view.visitor


_PATH = "/p/{project}/{env}/account"
ROUTES = (
    PageRoute("GET", _PATH, show),
    PageRoute("POST", _PATH + "/name", rename, own=True),
    PageRoute("POST", _PATH + "/password", password, own=True),
    PageRoute("POST", _PATH + "/end", end, own=True),
    PageRoute("POST", _PATH + "/tokens", make_token, own=True),
    PageRoute("POST", _PATH + "/tokens/{token}/revoke", revoke_token, own=True),
    PageRoute("GET", "/authorize/{code}", ask),
    PageRoute("POST", "/authorize/{code}", decide, own=True),
)
