"""The server itself: whether it lives, who a key is, what is registered, and claims for tokens.

``/healthcheck`` answers while the process can, ``/readyz`` while it should be sent work.
"""

from importlib.metadata import version
from typing import Any

import msgspec

from hairtrigger.engine import workers as engine
from hairtrigger.errors import HairtriggerError, Unavailable
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.store import store as stores
from hairtrigger.wire import durations, ids
from hairtrigger.wire.worker import TaskManifest

VERSION = version("hairtrigger")


class Health(msgspec.Struct):
    status: str
    version: str


class WhoEnvironment(msgspec.Struct, omit_defaults=True):
    id: str
    slug: str
    type: str
    branch: str = ""


class Who(msgspec.Struct, rename="camel"):
    """What a key opens."""

    project: str
    project_name: str
    environment: WhoEnvironment
    version: str


class Claims(msgspec.Struct):
    """What a client signs a public token with, besides scopes; it merges this object first."""

    sub: str
    pub: bool = True


class TaskObject(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """A task of the environment's current version."""

    id: str
    file: str
    export: str
    queue: str
    version: str
    cron: str | None = None
    timezone: str | None = None
    description: str = ""
    payload_schema: dict[str, Any] | None = None


class Tasks(msgspec.Struct):
    data: list[TaskObject]


class WorkerObject(msgspec.Struct, rename="camel"):
    """A worker session that is alive."""

    id: str
    name: str
    version: str
    slots: int
    held: int
    lease_until: str


class Workers(msgspec.Struct):
    data: list[WorkerObject]


async def healthcheck(call: Call) -> Answer:
    """200 while the process can answer at all."""
    return answers.json(Health("ok", VERSION))


async def readiness(call: Call) -> Answer:
    """200 while the server takes requests and its database answers; else 503."""
    if not call.server.is_open:
        raise Unavailable("The server is starting or stopping.")
    try:
        await call.server.store.read(stores.one("next_tick"), quick=True)
    except HairtriggerError as error:
        raise Unavailable(f"The database does not answer ({error}).") from None
    return answers.json(Health("ready", VERSION))


async def whoami(call: Call) -> Answer:
    """The project and environment that a secret key opens."""
    env = call.server.store.catalog.envs[
        call.caller.env.id
    ]  # named by a worker since the key was cached
    where = WhoEnvironment(env.public_id, env.slug, env.type, env.branch)
    return answers.json(Who(env.project_ref, env.project_name, where, VERSION))


async def claims(call: Call) -> Answer:
    """What a client needs to sign public tokens of this environment by itself."""
    return answers.json(Claims(call.caller.env.public_id))


async def tasks(call: Call) -> Answer:
    """The tasks of the environment's current version, by id."""
    catalog = call.server.store.catalog
    current = catalog.current_of(call.caller.env.id)
    if current is None:
        return answers.json(Tasks([]))
    data = [
        _task(manifest, catalog.queue_name(manifest.id, manifest), current.name)
        for manifest in current.tasks.values()
    ]
    return answers.json(Tasks(sorted(data, key=lambda task: task.id)))


async def workers(call: Call) -> Answer:
    """The environment's worker sessions, oldest first."""
    found = await engine.list_all(call.server.store, call.caller.env)
    data = [
        WorkerObject(
            ids.public("worker", one.id), one.name, one.version, one.slots, len(one.hands),
            durations.iso(one.lease_until),
        ) for one in found
    ]  # fmt: skip
    return answers.json(Workers(data))


def _task(manifest: TaskManifest, queue: str, code: str) -> TaskObject:
    shown = TaskObject(
        id=manifest.id, file=manifest.file, export=manifest.export, queue=queue, version=code,
        description=manifest.description, payload_schema=manifest.payload_schema,
    )  # fmt: skip
    if manifest.cron is not None:
        shown.cron, shown.timezone = manifest.cron.pattern, manifest.cron.timezone
    return shown


ROUTES = (
    Route("GET", "/healthcheck", healthcheck, "anybody", rated=False, returns=Health),
    Route("GET", "/readyz", readiness, "anybody", rated=False, returns=Health),
    Route("GET", "/api/v1/whoami", whoami, "secret", trunk=True, returns=Who),
    Route("POST", "/api/v1/auth/jwt/claims", claims, "secret", returns=Claims),
    Route("GET", "/api/hairtrigger/v1/tasks", tasks, "secret", returns=Tasks),
    Route("GET", "/api/hairtrigger/v1/workers", workers, "secret", returns=Workers),
)
