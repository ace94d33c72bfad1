"""``login``, ``logout`` and ``switch``: who one is on a server, and where commands act."""

import os
import platform
import time
from typing import Any

import click

from hairtrigger.cli import profiles
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.problems import NOT_ALLOWED, NOT_FOUND, TIMED_OUT, USAGE, CommandError
from hairtrigger.cli.profiles import Profile, Profiles
from hairtrigger.cli.state import State, pass_state
from hairtrigger.cli.tables import Column
from hairtrigger.errors import HairtriggerError, Unauthorized
from hairtrigger.sdk.settings import DEFAULT_URL

_ASK_S = 1.0  # between two questions whether one was let in
_WAIT_S = 600.0
_COLUMNS = (Column("PROJECT", 100), Column("NAME", 90), Column("ENVIRONMENTS", 80))


@make_command("login")
@click.option(
    "--token", metavar="TOKEN", help="A personal access token; else TRIGGER_ACCESS_TOKEN."
)
@click.option("--no-browser", is_flag=True, help="Print the page, do not open it.")
@pass_state
def command(state: State, token: str | None, no_browser: bool) -> None:
    """Sign in to a server (--api-url) in the browser; with --token, without one."""
    name = state.given.get("profile") or profiles.DEFAULT
    before = profiles.load().profiles.get(name)
    url = _url(state, before)
    text = token or os.environ.get("TRIGGER_ACCESS_TOKEN") or ""
    if token and not token.startswith(profiles.PERSONAL):
        raise CommandError(
            "That is no personal access token",
            f"They begin with {profiles.PERSONAL}.",
            exit_code=USAGE,
        )
    if not text.startswith(profiles.PERSONAL):
        text = _from_browser(state, url, opens=not no_browser)
    profile = Profile(url, text)
    who = profile.ask("GET", "/api/v2/whoami")
    same = before is not None and before.url == url
    chosen = (before.project, before.environment) if same and before is not None else ("", "")
    profile.project, profile.environment = chosen if all(chosen) else _first(profile)

    def keep(found: Profiles) -> None:
        found.profiles[name], found.current = profile, name

    profiles.change(keep)
    if state.out.is_json:
        state.out.json({"profile": name, "email": who["email"], **_where(profile)})
        return
    state.out.done(f"Signed in to {url} as {who['email']} ({who['role']})")
    if profile.project:
        state.out.say(f"  Commands act on {profile.environment} of {profile.project}.")
        state.out.hint("Another one:  hairtrigger switch PROJECT ENVIRONMENT")
    else:
        state.out.hint("Choose where commands act:  hairtrigger switch PROJECT ENVIRONMENT")


@make_command("logout")
@pass_state
def logout(state: State) -> None:
    """Sign out: the token is revoked, and the profile forgotten."""
    name, profile = _signed_in(state)
    told = True
    try:
        profile.ask("DELETE", "/api/hairtrigger/v1/tokens/current")
    except Unauthorized:
        pass  # it was over
    except HairtriggerError as error:
        told = False
        state.out.warn(f"{profile.url} could not be told ({error}): revoke the token there.")

    def forget(found: Profiles) -> None:
        found.profiles.pop(name, None)
        if found.current == name:
            found.current = next(iter(found.profiles), profiles.DEFAULT)

    profiles.change(forget)
    if state.out.is_json:
        state.out.json({"profile": name, "revoked": told})
    else:
        state.out.done(f"Signed out of {profile.url}")


@make_command("switch")
@click.argument("named", metavar="[PROJECT]", required=False)
@click.argument("environment", required=False)
@pass_state
def switch(state: State, named: str | None, environment: str | None) -> None:
    """Act on PROJECT (its reference or name) and ENVIRONMENT from now on; without them, list what there is. With
    --profile, on that server."""
    name, profile = _signed_in(state)
    projects = profile.ask("GET", "/api/v1/projects")
    if named is None:
        _list(state, name, profile, projects)
        return
    project, environment = _chosen(projects, named, environment, profile)

    def turn(found: Profiles) -> None:
        kept = found.profiles[name]
        kept.project, kept.environment, found.current = project["externalRef"], environment, name

    profiles.change(turn)
    if state.out.is_json:
        now = Profile(profile.url, "", project["externalRef"], environment)
        state.out.json({"profile": name, **_where(now)})
    else:
        state.out.done(f"Commands act on {environment} of {project['name']} ({profile.url})")


def _from_browser(state: State, url: str, *, opens: bool) -> str:
    """A token, once somebody has let us in."""
    nobody = Profile(url, "")
    asked = nobody.ask("POST", "/api/v1/authorization-code", {"name": _name()})
    code, page = asked["authorizationCode"], asked["url"]
    state.out.say(f"Let this terminal in on {state.out.link(page, page)}")
    state.out.say(f"  The page names the request it is about: it ends with {code[-6:]}")
    if opens and not state.out.in_ci:
        click.launch(page)
    until = time.monotonic() + (state.timeout_s(_WAIT_S) or _WAIT_S)
    while time.monotonic() < until:
        try:
            given = nobody.ask("POST", "/api/v1/token", {"authorizationCode": code})["token"]
        except HairtriggerError as error:
            if getattr(error, "status", 0) == 404:
                raise CommandError(
                    "This terminal was not let in", str(error), exit_code=NOT_ALLOWED
                ) from None
            raise
        if given is not None:
            return str(given["token"])
        time.sleep(_ASK_S)
    raise CommandError(
        "Nobody has let this terminal in",
        "The page is worth nothing any more.",
        exit_code=TIMED_OUT,
    )


def _name() -> str:
    """What this terminal is called where it is let in."""
    return f"hairtrigger on {platform.node() or 'a machine without a name'}"[:60]


def _url(state: State, before: Profile | None) -> str:
    state.load_environment()
    given = state.given.get("api_url") or os.environ.get("TRIGGER_API_URL")
    return (given or (before.url if before is not None else DEFAULT_URL)).rstrip("/")


def _first(profile: Profile) -> tuple[str, str]:
    """Where commands act at first: in the only project there is, by the environment that breaks least."""
    projects = profile.ask("GET", "/api/v1/projects")
    if len(projects) != 1:
        return "", ""
    return projects[0]["externalRef"], projects[0]["environments"][0]


def _signed_in(state: State) -> tuple[str, Profile]:
    found = profiles.find(state.profile_name)
    if found is None:
        raise CommandError(
            "You are not signed in", "There is no profile yet.",
            fixes=(("Sign in", "hairtrigger login --api-url URL"),), exit_code=NOT_ALLOWED,
        )  # fmt: skip
    return found


def _chosen(
    projects: list[dict[str, Any]], named: str, environment: str | None, profile: Profile
) -> tuple[dict[str, Any], str]:
    for one in projects:
        if named in (one["externalRef"], one["name"]):
            break
    else:
        known = ", ".join(one["externalRef"] for one in projects)
        raise CommandError(f"There is no project {named}", f"Known: {known}.", exit_code=NOT_FOUND)
    there: list[str] = one["environments"]
    wanted = environment or (profile.environment if profile.environment in there else there[0])
    if wanted not in there:
        known = ", ".join(there)
        raise CommandError(
            f"{one['name']} has no environment {wanted}", f"It has {known}.", exit_code=NOT_FOUND
        )
    return one, wanted


def _list(state: State, name: str, profile: Profile, projects: list[dict[str, Any]]) -> None:
    if state.out.is_json:
        state.out.json({"profile": name, **_where(profile), "data": projects})
        return

    def marked(project: dict[str, Any], slug: str) -> str:
        here = (project["externalRef"], slug) == (profile.project, profile.environment)
        return f"[{slug}]" if here else slug

    rows = [
        [one["externalRef"], one["name"], " ".join(marked(one, slug) for slug in one["environments"])]
        for one in projects
    ]  # fmt: skip
    state.out.table(_COLUMNS, rows)
    state.out.hint("Change it:  hairtrigger switch PROJECT ENVIRONMENT")


def _where(profile: Profile) -> dict[str, str]:
    return {
        "url": profile.url, "project": profile.project, "environment": profile.environment
    }  # fmt: skip
