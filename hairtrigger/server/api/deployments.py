"""Deployments: the versions of the code that workers brought, listed. Making one current is in ``promotions``.

A version is there once it is complete, so all of them are DEPLOYED. Source: Trigger.dev's ``deployments``.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec
from msgspec import UNSET, UnsetType

from hairtrigger.errors import BadRequest, NotFound
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.api import pages
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.store.catalog import VersionEntry
from hairtrigger.wire import durations, ids

PAGE_SIZE = 20
Status = Literal["PENDING", "BUILDING", "DEPLOYING", "DEPLOYED", "FAILED", "CANCELED", "TIMED_OUT"]


class DeploymentObject(msgspec.Struct, rename="camel", kw_only=True):
    """A deployment. ``runtimeVersion`` is null: each worker has its own Python."""

    id: str
    created_at: str
    short_code: str
    version: str
    status: Status = "DEPLOYED"
    runtime: str | None = "python"
    runtime_version: str | None = None
    deployed_at: str | UnsetType = UNSET


async def list_all(call: Call) -> Answer:
    """The environment's deployments, newest first."""
    query = call.query()
    asked = pages.asked(query, PAGE_SIZE)
    after, before, turn = pages.position(asked, "deployment")
    fitting = _fitting(call, query)
    if before is not None:
        near = [one for one in fitting if one.id > before][-(asked.size + 1) :]
    else:
        near = [one for one in fitting if after is None or one.id < after][: asked.size + 1]
    numbers, following, previous = pages.cut(
        [one.id for one in near], asked.size, after=after, before=before
    )
    by_id: dict[int, Any] = {one.id: _shown(one) for one in near}
    page = pages.cursor_page(
        [by_id[number] for number in numbers],
        pages.named(following, turn, "deployment"), pages.named(previous, turn, "deployment"),
    )  # fmt: skip
    return answers.json(page)


async def current(call: Call) -> Answer:
    """The deployment that new runs use."""
    found = call.server.store.catalog.current_of(call.caller.env.id)
    if found is None:
        raise NotFound("No version of the code is deployed in this environment: start a worker.")
    return answers.json(_shown(found))


def _fitting(call: Call, query: Mapping[str, str]) -> list[VersionEntry]:
    """The versions that a query's filters leave, newest first."""
    status = query.get("status") or "DEPLOYED"
    if status not in get_args(Status):
        raise BadRequest(f"Unknown status {status[:50]!r}. Known: {', '.join(get_args(Status))}.")
    since, until = pages.between(query, call.server.store.now(), "from", "to", "period")
    env = call.caller.env.id
    found = [
        one for one in call.server.store.catalog.versions.values()
        if one.env == env and status == "DEPLOYED"
        and (since is None or one.created_at >= since) and (until is None or one.created_at <= until)
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.id, reverse=True)


def _shown(version: VersionEntry) -> DeploymentObject:
    at = durations.iso(version.created_at)
    return DeploymentObject(
        id=ids.public("deployment", version.id), created_at=at, deployed_at=at,
        short_code=version.content_hash[:8], version=version.name,
    )  # fmt: skip


ROUTES = (
    Route(
        "GET", "/api/v1/deployments", list_all, "secret", returns=pages.CursorPage,
        query=("page[size]", "page[after]", "page[before]", "status", "from", "to", "period"),
    ),
    Route("GET", "/api/v1/deployments/current", current, "secret", returns=DeploymentObject),
)  # fmt: skip
