"""Versions of the code: made known, and made the current one. The bodies are our own."""

from typing import Any

import msgspec

from hairtrigger.engine import deployments as engine
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations, ids
from hairtrigger.wire.worker import Register, TaskManifest


class Promote(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    dry_run: bool = False
    force: bool = False


class Deploy(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Code as its worker would introduce it. Without a ``version`` the server names it; ``archive`` is the SHA-256
    of the one that was uploaded of it."""

    tasks: list[TaskManifest]
    content_hash: str = ""
    project: str = ""
    version: str = ""
    archive: str = ""
    promote: bool = True
    dry_run: bool = False
    force: bool = False


class Unfit(msgspec.Struct, rename="camel"):
    run: str
    task: str
    why: str


class Version(msgspec.Struct, rename="camel"):
    """``promotedAt`` is left out for a version that was never current, ``workers`` are those online."""

    version: str
    current: bool
    created_at: str
    tasks: list[str]
    workers: int
    promoted_at: Any = msgspec.UNSET


class Versions(msgspec.Struct):
    data: list[Version]


class Promoted(msgspec.Struct, rename="camel"):
    """``new`` says that the version was not known before; ``previous`` is left out when none was current;
    ``stranded`` counts runs by task."""

    version: str
    promoted: bool
    new: bool
    changes: dict[str, list[str]]
    looked: int
    misfits: int
    unfit: list[Unfit]
    stranded: dict[str, int]
    whole: bool
    previous: Any = msgspec.UNSET


_promote = msgspec.json.Decoder(Promote)
_deploy = msgspec.json.Decoder(Deploy)


async def list_versions(call: Call) -> Answer:
    """The versions of the environment's code, newest first, with their tasks and workers."""
    found = await engine.list_all(call.server.store, call.caller.env)
    return answers.json(Versions([_version(one) for one in found]))


def _version(one: engine.Deployment) -> Version:
    entry = one.version
    promoted = msgspec.UNSET if entry.promoted_at is None else durations.iso(entry.promoted_at)
    return Version(
        entry.name, one.is_current, durations.iso(entry.created_at), sorted(entry.tasks), one.workers,
        promoted,
    )  # fmt: skip


async def promote(call: Call) -> Answer:
    """Make a version the current one, if the payloads that wait fit it; `dryRun` only tells."""
    return await _promoted(call, call.params["version"], await call.read(_promote))


async def deploy(call: Call) -> Answer:
    """Make a version of the code known, and the current one, before its workers come."""
    body = await call.read(_deploy)
    call.only_asks = body.dry_run
    code = Register("", body.version, body.tasks, 1, [], body.project, body.content_hash)
    done = await engine.deploy(
        call.server.store, call.caller.env, code, archive=body.archive, promotes=body.promote,
        force=body.force, dry=body.dry_run,
    )  # fmt: skip
    promoted = done.is_current and not body.dry_run
    return answers.json(
        _told(done.name, done.before, done.report, promoted=promoted, new=done.is_new)
    )


async def roll_back(call: Call) -> Answer:
    """Make the version current again that was before the one that is."""
    body = await call.read(_promote)
    name = engine.before_current(call.server.store.catalog, call.caller.env)
    return await _promoted(call, name, body)


async def _promoted(call: Call, name: str, body: Promote) -> Answer:
    store, env = call.server.store, call.caller.env
    call.only_asks = body.dry_run
    current = store.catalog.current_of(env.id)
    before = None if current is None else current.name
    if body.dry_run:
        report = await engine.examine(store, env, name)
    else:
        before, report = await engine.promote(store, env, name, force=body.force)
    return answers.json(_told(name, before, report, promoted=not body.dry_run, new=False))


def _told(
    name: str, before: str | None, report: engine.Report, *, promoted: bool, new: bool
) -> Promoted:
    return Promoted(
        version=name,
        promoted=promoted,
        new=new,
        changes=report.changes,
        looked=report.looked,
        misfits=report.misfits,
        unfit=[Unfit(ids.public("run", one.run), one.task, one.why) for one in report.told],
        stranded=report.stranded,
        whole=report.is_whole,
        previous=msgspec.UNSET if before is None else before,
    )


ROUTES = (
    Route("GET", "/api/hairtrigger/v1/versions", list_versions, "secret", returns=Versions),
    Route(
        "POST", "/api/v1/deployments", deploy, "secret", limit="worker_bytes", body=Deploy,
        returns=Promoted, audited=True,
    ),
    Route("POST", "/api/v1/deployments/rollback", roll_back, "secret", body=Promote, returns=Promoted, audited=True),
    Route(
        "POST", "/api/v1/deployments/{version}/promote", promote, "secret", body=Promote,
        returns=Promoted, audited=True,
    ),
)  # fmt: skip
