"""Who asks, for which environment, and whether they may.

A secret key may do everything in its environment. A public token may do what one of its scopes says, on
routes that take public tokens at all; which those are, and what they need, is data (the rules below, named
by ``routes``). The environment comes from the credential and from nothing else; only on paths that name a project and
an environment may a person come, by a personal access token, and do there what their role allows.
Source: Trigger.dev's keys, public access tokens, scopes and personal access tokens.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hairtrigger.engine import branches as opened
from hairtrigger.engine import personal
from hairtrigger.errors import BadRequest, Forbidden, NotFound, Unauthorized
from hairtrigger.rules import accounts, branches
from hairtrigger.rules.accounts import Action, User
from hairtrigger.rules.project import Environment
from hairtrigger.server import tokens
from hairtrigger.server.server import Server
from hairtrigger.server.tokens import PublicToken
from hairtrigger.store.asking import OneTime

Rule = tuple[tuple[str, str], ...]  # (action, type of thing): any of them is enough

TRIGGER: Rule = (("trigger", "tasks"),)
CREATE_BATCH: Rule = (("batchTrigger", "tasks"),)
CREATE_ANY_BATCH: Rule = (("batchTrigger", "tasks"), ("batchTrigger", "batch"))
ADD_ITEMS: Rule = (("write", "batch"),)
READ_RUN: Rule = (("read", "runs"), ("read", "tasks"), ("read", "tags"), ("read", "batch"))
LIST_RUNS: Rule = (("read", "runs"), ("read", "tasks"))
CANCEL_RUN: Rule = (("write", "runs"), ("write", "tasks"))
READ_BATCH: Rule = (("read", "batch"), ("read", "runs"))
RESET_KEY: Rule = (("write", "runs"),)
READ_QUEUE: Rule = (("read", "queues"),)
READ_PACKET: Rule = (("read", "runs"),)

SLUGS = {"stg": "staging"}  # other names of environments in paths
_BRANCHLESS = ("", "default")
_NO_IDS: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an environment, by its secret key or by a public token; or a person on its behalf."""

    env: Environment
    token: PublicToken | None = None
    user: User | None = None

    @property
    def one_time(self) -> OneTime | None:
        """The token, when it makes something once only."""
        if self.token is None or not self.token.one_time:
            return None
        return OneTime(self.token.text_hash, self.token.expires_at)

    def may(self, rule: Rule, ids: Mapping[str, Iterable[str]]) -> bool:
        """Whether a rule is met. ``ids`` names the things concerned, by type."""
        if self.token is None:
            return True
        return any(
            _grants(scope, action, kind, ids.get(kind, _NO_IDS))
            for scope in self.token.scopes
            for action, kind in rule
        )

    def demand(self, rule: Rule, **ids: Iterable[str]) -> None:
        """Go on only when a rule is met.

        Args:
            ids: The things concerned by type, such as ``runs=[id], tags=run.tags``.
        Raises:
            Forbidden: naming scopes that would do.
        """
        if not self.may(rule, ids):
            wanted = " or ".join(
                ":".join((action, kind, *list(ids.get(kind, _NO_IDS))[:1])) for action, kind in rule
            )
            raise Forbidden(
                f"The public access token does not allow this. It needs the scope {wanted}."
            )


def _grants(scope: str, action: str, kind: str, ids: Iterable[str]) -> bool:
    """Whether one scope allows an action on a thing. Ids are compared whole: they may contain colons."""
    if scope == "admin":
        return True
    given, _, rest = scope.partition(":")
    if given not in (action, "*") and not (
        given == "write" and action in ("trigger", "batchTrigger")
    ):
        return False
    of, colon, id_ = rest.partition(":")
    return of in (kind, "all") and (not colon or id_ in ids)


async def identify(
    server: Server, headers: Mapping[bytes, bytes], *, public: bool, branchless: bool = False
) -> Caller:
    """Who sends these headers.

    Args:
        public: Whether the route takes public tokens.
        branchless: Whether it is also for a preview environment as a whole.
    Raises:
        Unauthorized: no credential, an unknown one, one of the wrong kind; the sentence says which.
    """
    text = _credential(headers)
    if tokens.is_jwt(text):
        if not public:
            raise Unauthorized(
                "This needs a secret key (tr_...); a public access token is not enough."
            )
        return await _token_holder(server, text)
    env = await server.keyring.environment(text)
    if env is None:
        raise Unauthorized(_unknown(text))
    return Caller(_branch(server, env, headers, branchless=branchless))


async def person(server: Server, headers: Mapping[bytes, bytes]) -> User:
    """Who sends these headers: somebody with a personal access token.

    Raises:
        Unauthorized: it is none, or opens nothing any more.
    """
    text = _credential(headers)
    if not text.startswith(personal.PREFIX):
        raise Unauthorized(
            "This needs a personal access token (tr_pat_...): `hairtrigger login`, or the page of your account."
        )
    user = await server.keyring.person(text)
    if user is None:
        raise Unauthorized(
            "The personal access token is unknown, revoked or over. Sign in again: `hairtrigger login`."
        )
    return user


async def member(
    server: Server, headers: Mapping[bytes, bytes], params: Mapping[str, str], action: Action
) -> Caller:
    """Who sends these headers, on a path that names a project and an environment: that environment's secret key,
    or a person who may do this.

    Raises:
        Unauthorized: the credential is none. Forbidden: the person may not, or the key is another project's.
        BadRequest: it is another environment's. NotFound: there is no such project or environment.
    """
    slug = params["env"]
    if not _credential(headers).startswith(personal.PREFIX):
        caller = await identify(server, headers, public=False, branchless=True)
        if params["project"] != caller.env.project_ref:
            raise Forbidden("The key is of another project.")
        if SLUGS.get(slug, slug) not in (caller.env.slug, caller.env.kind):
            raise BadRequest(
                f"The key is of {caller.env.slug}, not of {slug[:40]}: use that environment's."
            )
        return caller
    user = await person(server, headers)
    accounts.demand(user.role, action)
    env = environment(server, params["project"], slug)
    return Caller(_branch(server, env, headers, branchless=True), user=user)


def environments(server: Server, project: str) -> list[Environment]:
    """Those of a project, by its reference.

    Raises:
        NotFound: there is none.
    """
    found = [env for env in server.store.catalog.envs.values() if env.project_ref == project]
    if not found:
        raise NotFound("Project not found")
    return found


def environment(server: Server, project: str, slug: str) -> Environment:
    """One of them, by what it is called in paths.

    Raises:
        NotFound: there is none.
    """
    for env in environments(server, project):
        if env.slug == SLUGS.get(slug, slug):
            return env
    raise NotFound(f"The project has no environment {slug[:40]}")


async def _token_holder(server: Server, text: str) -> Caller:
    public_id = tokens.subject(text)
    env = server.keyring.by_public_id(public_id)
    if env is None:
        raise Unauthorized("The public access token belongs to no environment of this server.")
    token = tokens.verify(text, await server.keyring.root_keys(env))
    return Caller(env, token)


def _credential(headers: Mapping[bytes, bytes]) -> str:
    header = headers.get(b"authorization", b"").decode("latin-1")
    scheme, _, text = header.partition(" ")
    text = text.strip()
    if not text or scheme.lower() != "bearer":
        raise Unauthorized(
            "No API key. Send it as `Authorization: Bearer tr_dev_...` (TRIGGER_SECRET_KEY in the clients)."
        )
    return text


def _unknown(text: str) -> str:
    if text.startswith(personal.PREFIX):
        return "Personal access tokens are not accepted here. Use the environment's secret key."
    return (
        "Invalid API key. Check TRIGGER_SECRET_KEY and TRIGGER_API_URL: keys belong to one server."
    )


def _branch(
    server: Server, env: Environment, headers: Mapping[bytes, bytes], *, branchless: bool
) -> Environment:
    """The branch that is asked for, or the environment itself. Staging and production ignore the header: on Vercel
    every request carries it.

    Raises:
        Unauthorized: there is no such branch, or a preview environment is asked for none.
    """
    if env.type not in branches.PARENTS:
        return env
    name = headers.get(b"x-trigger-branch", b"").decode("utf-8", "replace").strip()
    if name in _BRANCHLESS and env.is_development:
        return env
    if not name:
        if branchless:
            return env
        raise Unauthorized(
            "A key of a preview environment opens one of its branches: name it in x-trigger-branch "
            "(TRIGGER_PREVIEW_BRANCH in the clients)."
        )
    try:
        return opened.find(server.store.catalog, env, name)
    except NotFound:
        raise Unauthorized(
            f"Unknown branch {name[:100]!r} in x-trigger-branch. Open it: `hairtrigger branches open NAME`."
        ) from None
