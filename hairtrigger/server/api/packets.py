"""Large payloads stored apart: a signed URL to put one, a signed URL to read it.

The bytes lie in the database under a name that cannot be guessed and belong to one environment. A URL is
its own credential, for one name, one direction and a few minutes.
Source: Trigger.dev's packets and presigned URLs.
"""

import time
from typing import Any, Literal

import jwt
import msgspec

from hairtrigger.engine import runs
from hairtrigger.errors import BadRequest, Forbidden, NotFound
from hairtrigger.rules.project import Environment
from hairtrigger.server import answers, auth
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.store import store as stores
from hairtrigger.wire import ids, packets

PUT_S, GET_S = 900, 3_600
_PREFIX = "/api/hairtrigger/v1/packets/"
_path = msgspec.json.Decoder(str)


class Upload(msgspec.Struct, rename="camel"):
    """Where to put a packet, and what to trigger with afterwards."""

    presigned_url: str
    storage_path: str


class Download(msgspec.Struct, rename="camel"):
    presigned_url: str


async def prepare(call: Call) -> Answer:
    """A URL to upload one large payload to. The name given is a wish; the path answered counts."""
    path = packets.new_path()
    return answers.json(Upload(_url(call, call.caller.env, path, "put", PUT_S), path))


async def locate(call: Call) -> Answer:
    """A URL to read a stored packet from."""
    call.caller.demand(auth.READ_PACKET)
    path, env = call.params["name"], call.caller.env
    if not await call.server.store.read(stores.one("blob_exists", env.id, path), quick=True):
        raise NotFound("Packet not found")
    return answers.json(Download(download_url(call, env, path)))


async def locate_of_run(call: Call) -> Answer:
    """A URL to read the stored payload or output of a run from."""
    run = await runs.retrieve(call.server.store, call.caller.env, call.number("run", "run"))
    batch = () if run.batch is None else (ids.public("batch", run.batch),)
    call.caller.demand(
        auth.READ_RUN, runs=(call.params["run"],), tasks=(run.task,), tags=run.tags, batch=batch
    )
    fields = {"payload": run.payload, "output": run.output}
    packet = fields.get(call.params["field"])
    if packet is None or packet[0] != packets.STORE:
        raise NotFound("This is not stored apart: the run itself has it.")
    return answers.json(Download(download_url(call, call.caller.env, packet[1])))


async def upload(call: Call) -> Answer:
    """Store a packet under a signed URL; sent again, it replaces what was there."""
    env, path = _signed_for(call, "put")
    kind = call.headers.get(b"content-type", b"").partition(b";")[0].strip().decode("latin-1")
    if kind not in packets.TYPES or kind == packets.STORE:
        kind = packets.JSON
    body = await call.body()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadRequest("The packet is not UTF-8 text.") from None
    if kind != packets.TEXT:
        packets.check_json(text)
    await call.server.store.put_blob(env, path, kind, body)
    return answers.text("stored")


async def download(call: Call) -> Answer:
    """Read a packet under a signed URL, with its data type as content type."""
    env, path = _signed_for(call, "get")
    found = await call.server.store.get_blob(env, path)
    if found is None:
        raise NotFound("Packet not found")
    kind, body = found
    return Answer(body, type=(b"content-type", kind.encode()))


def download_url(call: Call, env: Environment, path: str) -> str:
    """A URL to read a packet from, for an hour."""
    return _url(call, env, path, "get", GET_S)


def _url(call: Call, env: Environment, path: str, way: Literal["put", "get"], seconds: int) -> str:
    return call.base_url() + signed(call, env, path, way, seconds)


def signed(
    call: Call, env: Environment, path: str, way: Literal["put", "get"], seconds: int
) -> str:
    """What a URL is without the server's address, for those who know one."""
    claims = {"env": env.id, "path": path, "way": way, "exp": int(time.time()) + seconds}
    return _PREFIX + jwt.encode(claims, call.server.url_secret, algorithm="HS256")


def _signed_for(call: Call, way: Literal["put", "get"]) -> tuple[int, str]:
    """The environment and path that a signed URL is for."""
    try:
        claims: dict[str, Any] = jwt.decode(
            call.params["signature"], call.server.url_secret, algorithms=["HS256"],
            options={"require": ["exp"]},
        )  # fmt: skip
    except jwt.ExpiredSignatureError:
        raise Forbidden("This URL has expired. Ask for a new one.") from None
    except (jwt.InvalidTokenError, ValueError):
        raise Forbidden("This URL is not one of ours.") from None
    if claims.get("way") != way:
        raise Forbidden(f"This URL is not for {way.upper()}.")
    return int(claims["env"]), str(claims["path"])


_SIGNED = _PREFIX + "{signature}"
ROUTES = (
    Route("PUT", "/api/v2/packets/{name:path}", prepare, "secret", returns=Upload),
    Route(
        "GET", "/api/v1/packets/{name:path}", locate, "token", (auth.READ_PACKET,), browsers=True,
        returns=Download,
    ),
    Route(
        "GET", "/api/v1/runs/{run}/packets/{field}", locate_of_run, "token", (auth.READ_RUN,),
        browsers=True, returns=Download,
    ),
    Route("PUT", _SIGNED, upload, "anybody", limit="packet_bytes", browsers=True, rated=False),
    Route("GET", _SIGNED, download, "anybody", browsers=True, rated=False),
)  # fmt: skip
