"""Branches of development and preview environments. Those of ``/api/v1`` are what Trigger.dev's command line calls."""

from typing import Any, Literal

import msgspec

from hairtrigger.engine import branches as engine
from hairtrigger.rules import accounts
from hairtrigger.rules.project import Environment
from hairtrigger.server import answers, auth
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations

_KINDS = {"development": "dev", "preview": "preview"}


class BranchObject(msgspec.Struct, rename="camel"):
    """``environment`` is what the branch is called in paths."""

    id: str
    branch: str
    environment: str
    archived_at: Any = msgspec.UNSET


class Branches(msgspec.Struct):
    data: list[BranchObject]


class OpenBranch(msgspec.Struct):
    branch: str


class UpsertBranch(msgspec.Struct):
    """``git`` is taken from Trigger.dev's tools and means nothing here."""

    branch: str
    env: Literal["preview", "development"] = "preview"
    git: Any = None


class BranchId(msgspec.Struct):
    id: str


_open = msgspec.json.Decoder(OpenBranch)
_upsert = msgspec.json.Decoder(UpsertBranch)


async def list_branches(call: Call) -> Answer:
    """The branches of an environment by name, archived ones too."""
    catalog = call.server.store.catalog
    found = engine.of(catalog, catalog.holder(call.caller.env))
    return answers.json(Branches([_shown(one) for one in found]))


async def open_branch(call: Call) -> Answer:
    """Open a branch; one that is open already stays as it is, one that is archived comes back."""
    store = call.server.store
    body = await call.read(_open)
    env, _ = await engine.open_branch(store, store.catalog.holder(call.caller.env), body.branch)
    return answers.json(_shown(env))


async def archive(call: Call) -> Answer:
    """Give a branch up: what is unfinished is canceled, its schedules end, its history stays."""
    store = call.server.store
    parent = store.catalog.holder(call.caller.env)
    return answers.json(_shown(await engine.archive(store, parent, call.params["branch"])))


async def upsert(call: Call) -> Answer:
    """The same as opening one, for a person's tools."""
    accounts.demand(call.user.role, "change")
    body = await call.read(_upsert)
    parent = auth.environment(call.server, call.params["project"], _KINDS[body.env])
    env, _ = await engine.open_branch(call.server.store, parent, body.branch)
    return answers.json(BranchId(env.public_id))


def _shown(env: Environment) -> BranchObject:
    at = msgspec.UNSET if env.archived_at is None else durations.iso(env.archived_at)
    return BranchObject(env.public_id, env.branch, env.slug, at)


_PATH = "/api/hairtrigger/v1/branches"
ROUTES = (
    Route("GET", _PATH, list_branches, "secret", trunk=True, returns=Branches),
    Route("POST", _PATH, open_branch, "secret", trunk=True, body=OpenBranch, returns=BranchObject, audited=True),
    Route("DELETE", _PATH + "/{branch}", archive, "secret", trunk=True, returns=BranchObject, audited=True),
    Route(
        "POST", "/api/v1/projects/{project}/branches", upsert, "person", body=UpsertBranch,
        returns=BranchId, audited=True,
    ),
)  # fmt: skip
