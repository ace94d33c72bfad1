"""People and their tools: who a personal access token is, which projects there are and the keys of their
environments, and how a tool is signed in.

Source: what Trigger.dev's command line calls.
"""

import re
from typing import Any

import msgspec

from hairtrigger.engine import personal, plans
from hairtrigger.errors import Forbidden, NotFound
from hairtrigger.rules import accounts as rules
from hairtrigger.rules.accounts import User
from hairtrigger.rules.project import Environment
from hairtrigger.server import answers, auth
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids

_EMAIL = re.compile(r"[^@\s]+@[\w.-]+\.[a-zA-Z]{2,}")  # what the official client takes for one


class PersonProject(msgspec.Struct, rename="camel"):
    name: str
    url: str
    org_title: str


class Person(msgspec.Struct, rename="camel"):
    """Whose a token is; ``project`` is the one that was asked for."""

    user_id: str
    email: str
    dashboard_url: str
    name: str
    role: str
    project: Any = msgspec.UNSET


class Organization(msgspec.Struct, rename="camel"):
    id: str
    title: str
    slug: str
    created_at: str


class ProjectObject(msgspec.Struct, rename="camel"):
    """``externalRef`` is what configurations name a project by."""

    id: str
    external_ref: str
    name: str
    slug: str
    created_at: str
    organization: Organization
    environments: list[str]


class EnvironmentKey(msgspec.Struct, rename="camel"):
    """The key that opens an environment, and where."""

    api_key: str
    name: str
    api_url: str
    project_id: str


class AskToken(msgspec.Struct, rename="camel"):
    """What a tool that wants to be let in says of itself; ``name`` is shown to whoever lets it in."""

    name: str = ""
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    callback_port: int | None = None


class AskedToken(msgspec.Struct, rename="camel"):
    """``url`` is the page on which to let the tool in."""

    authorization_code: str
    url: str


class CollectToken(msgspec.Struct, rename="camel"):
    authorization_code: str


class GivenToken(msgspec.Struct, rename="camel"):
    token: str
    obfuscated_token: str


class Collected(msgspec.Struct):
    """``token`` is null while nobody has let the tool in."""

    token: GivenToken | None


class Revoked(msgspec.Struct):
    revoked: bool = True


_ask = msgspec.json.Decoder(AskToken)
_collect = msgspec.json.Decoder(CollectToken)


async def whoami(call: Call) -> Answer:
    """Whose personal access token this is."""
    user, url = call.user, call.base_url()
    found = Person(user.public_id, _email(user), url, user.name, user.role)
    if ref := call.query().get("projectRef"):
        envs = auth.environments(call.server, ref)
        where = f"{url}/p/{ref}/{envs[0].slug}/overview"
        found.project = PersonProject(envs[0].project_name, where, plans.TITLE)
    return answers.json(found)


async def list_projects(call: Call) -> Answer:
    """The installation's projects, oldest first."""
    return answers.json([_project(envs) for envs in _projects(call)])


async def retrieve_project(call: Call) -> Answer:
    """One project, by its reference."""
    return answers.json(_project(auth.environments(call.server, call.params["project"])))


async def environment_key(call: Call) -> Answer:
    """The root key of an environment, for those who may change things there."""
    rules.demand(call.user.role, "change")
    env = auth.environment(call.server, call.params["project"], call.params["env"])
    root = (await call.server.keyring.root_keys(env))[0]
    return answers.json(EnvironmentKey(root, env.project_name, call.base_url(), env.project_ref))


async def ask(call: Call) -> Answer:
    """A code for a tool that wants a personal access token, and the page on which to let it in."""
    if call.server.settings.login == "none":
        raise Forbidden(
            "Nobody signs in on this server (HAIRTRIGGER_LOGIN is none), so there are no personal access "
            "tokens. Use an environment's key: `hairtrigger dev` keeps one in .hairtrigger/dev.env."
        )
    body = await call.read(_ask)
    agent = call.headers.get(b"user-agent", b"").decode("latin-1")
    address = call.server.visitors.peers.address(call.scope)
    code = await personal.ask(call.server.store, name=body.name, agent=agent, address=address)
    return answers.json(AskedToken(code, f"{call.base_url()}/authorize/{code}"))


async def collect(call: Call) -> Answer:
    """The token of a tool that has been let in, told once; null while nobody has decided."""
    body = await call.read(_collect)
    text = await personal.collect(call.server.store, body.authorization_code)
    given = None if text is None else GivenToken(text, f"{personal.PREFIX}…{text[-4:]}")
    return answers.json(Collected(given))


async def sign_out(call: Call) -> Answer:
    """Let the token that asks open nothing any more."""
    text = call.headers[b"authorization"].decode("latin-1").partition(" ")[2].strip()
    found = await personal.find(call.server.store, text)
    if found is None:
        raise NotFound("The token is over already.")
    await personal.revoke(call.server.store, call.user.id, found[0])
    return answers.json(Revoked())


def _projects(call: Call) -> list[list[Environment]]:
    found: dict[int, list[Environment]] = {}
    for env in call.server.store.catalog.envs.values():
        found.setdefault(env.project, []).append(env)
    return [found[number] for number in sorted(found)]


def _project(envs: list[Environment]) -> ProjectObject:
    one = envs[0]
    at = durations.iso(ids.created_at(one.project))
    organization = Organization("org_1", plans.TITLE, "default", at)
    slug = re.sub(r"\W+", "-", one.project_name.lower()).strip("-") or one.project_ref
    return ProjectObject(
        ids.public("project", one.project), one.project_ref, one.project_name, slug, at, organization,
        [env.slug for env in envs],
    )  # fmt: skip


def _email(user: User) -> str:
    """Their address, or one that leads nowhere: a proxy may know people by another name."""
    return user.email if _EMAIL.fullmatch(user.email) else f"{user.public_id}@users.invalid"


_PROJECT = "/api/v1/projects/{project}"
ROUTES = (
    Route("GET", "/api/v2/whoami", whoami, "person", returns=Person, query=("projectRef",)),
    Route("GET", "/api/v1/projects", list_projects, "person", returns=list[ProjectObject]),
    Route("GET", _PROJECT, retrieve_project, "person", returns=ProjectObject),
    Route(
        "GET", _PROJECT + "/{env}", environment_key, "person", returns=EnvironmentKey, audited=True
    ),
    Route("POST", "/api/v1/authorization-code", ask, "anybody", body=AskToken, returns=AskedToken),
    Route("POST", "/api/v1/token", collect, "anybody", body=CollectToken, returns=Collected),
    Route(
        "DELETE",
        "/api/hairtrigger/v1/tokens/current",
        sign_out,
        "person",
        returns=Revoked,
        audited=True,
    ),
)
