"""Archives of versions' code: put by whoever deploys, fetched by workers. The bodies are our own."""

import msgspec

from hairtrigger.engine import archives as engine
from hairtrigger.server import answers
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route

MEDIA = "application/gzip"


class Kept(msgspec.Struct):
    """``size`` in bytes."""

    hash: str
    size: int


class Wanted(msgspec.Struct):
    """A version that workers should run, and the name of its archive."""

    version: str
    current: bool
    archive: str


class AllWanted(msgspec.Struct):
    data: list[Wanted]


async def put(call: Call) -> Answer:
    """Keep an archive under the SHA-256 of its bytes."""
    name, body = call.params["hash"], await call.body()
    await engine.put(call.server.store, call.caller.env, name, body)
    return answers.json(Kept(name, len(body)))


async def get(call: Call) -> Answer:
    """The bytes of an archive."""
    body = await engine.get(call.server.store, call.caller.env, call.params["hash"])
    return Answer(body, type=(b"content-type", MEDIA.encode()))


async def wanted(call: Call) -> Answer:
    """The versions that workers should run: the current one, and those that unfinished runs are bound to."""
    store, env = call.server.store, call.caller.env
    current = store.catalog.current.get(env.id)
    return answers.json(AllWanted([
        Wanted(one.name, one.id == current, one.archive or "") for one in await engine.wanted(store, env)
    ]))  # fmt: skip


_PATH = "/api/hairtrigger/v1/archives/{hash}"
ROUTES = (
    Route("PUT", _PATH, put, "secret", limit="packet_bytes", returns=Kept),
    Route("GET", _PATH, get, "secret"),
    Route("GET", "/api/hairtrigger/v1/versions/wanted", wanted, "secret", returns=AllWanted),
)
