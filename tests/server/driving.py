"""Driving the application without a socket: requests in, answers out, bodies in any pieces."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jwt
import msgspec
from msgspec import UNSET

from hairtrigger.server.app import App

DEV_KEY = "tr_dev_" + "d" * 40
PROD_KEY = "tr_prod_" + "p" * 40
Headers = dict[str, str]


@dataclass
class Reply:
    status: int
    headers: Headers
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> str:
        """The sentence of an error, which must be there."""
        assert self.status >= 400, self.body
        return str(self.json()["error"])


class Api:
    """The application as a client with one key sees it."""

    def __init__(self, app: App, key: str | None) -> None:
        self.app, self.key = app, key

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.call("GET", path, headers=headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        return await self.call("POST", path, body, headers=headers)

    async def put(self, path: str, body: Any = None, **headers: str) -> Reply:
        return await self.call("PUT", path, body, headers=headers)

    async def delete(self, path: str) -> Reply:
        return await self.call("DELETE", path)

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: Headers | None = None
    ) -> Reply:
        """Send a request; a body that is not bytes goes as JSON. Underscores in header names are hyphens."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        )
        given = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.key is not None:
            given.setdefault("authorization", f"Bearer {self.key}")
        given.setdefault("content-type", "application/json")
        return await drive(self.app, method, path, [raw], given)

    async def trigger(self, task: str = "greet", payload: Any = UNSET, **options: Any) -> str:
        """Trigger a task and answer its run's id."""
        body = (
            {"options": options} if payload is UNSET else {"payload": payload, "options": options}
        )
        reply = await self.post(f"/api/v1/tasks/{task}/trigger", body)
        assert reply.status == 200, reply.body
        return str(reply.json()["id"])

    async def run(self, run_id: str) -> Any:
        reply = await self.get(f"/api/v3/runs/{run_id}")
        assert reply.status == 200, reply.body
        return reply.json()

    async def count_runs(self) -> int:
        """How many runs the environment has: proof that a refused request wrote nothing."""
        return len((await self.get("/api/v1/runs?page%5Bsize%5D=100")).json()["data"])

    async def work(self, *tasks: str, slots: int = 10, **manifest: Any) -> "Worker":
        """Register a worker that knows these tasks."""
        listed = [{"id": task, "file": "t.py", "export": task, **manifest} for task in tasks]
        reply = await self.post(
            "/api/hairtrigger/v1/worker/register",
            {"name": "w", "version": "", "tasks": listed, "slots": slots, "protocol": [1]},
        )
        assert reply.status == 200, reply.body
        return Worker(self, reply.json()["worker"])

    def token(self, *scopes: str, key: str | None = None, **claims: Any) -> str:
        """A public token for this environment, as a client signs it."""
        env = self.app.server.keyring.by_public_id(claims["sub"]) if "sub" in claims else None
        found = env or next(
            env for env in self.app.server.store.catalog.envs.values()
            if (self.key or DEV_KEY).startswith(f"tr_{env.slug}_")
        )  # fmt: skip
        return signed(
            key or self.key or DEV_KEY, sub=found.public_id, scopes=list(scopes), **claims
        )

    def bearing(self, *scopes: str, **claims: Any) -> "Api":
        """The same environment, asked with a public token."""
        return Api(self.app, self.token(*scopes, **claims))


class Worker:
    """A worker session driven by hand."""

    def __init__(self, api: Api, id: str) -> None:
        self.api, self.id = api, id

    async def fetch(self, want: int = 10) -> list[dict[str, Any]]:
        reply = await self.call("fetch", {"want": want})
        assert reply.status == 200, reply.body
        return list(reply.json()["runs"])

    async def report(self, *results: dict[str, Any], want: int = 0, events: Any = ()) -> Any:
        body = {"results": list(results), "want": want, "events": list(events)}
        reply = await self.call("report", body)
        assert reply.status == 200, reply.body
        return reply.json()

    async def complete(self, output: str | None = None) -> str:
        """Fetch one run and complete it; answers its id."""
        (run,) = await self.fetch(1)
        done = ["application/json", output] if output is not None else True
        await self.report({"id": run["id"], "lease": run["lease"], "done": done})
        return str(run["id"])

    async def call(self, name: str, body: dict[str, Any]) -> Reply:
        return await self.api.post(
            f"/api/hairtrigger/v1/worker/{name}", {"worker": self.id, **body}
        )


def signed(
    key: str, *, algorithm: str = "HS256", without: Iterable[str] = (), **claims: Any
) -> str:
    """A public token with the usual claims, changed as wanted."""
    now = int(time.time())
    usual = {
        "iss": "https://id.trigger.dev", "aud": "https://api.trigger.dev", "pub": True, "iat": now,
        "exp": now + 900,
    }  # fmt: skip
    merged = {name: value for name, value in (usual | claims).items() if name not in set(without)}
    return jwt.encode(merged, key, algorithm=algorithm)


async def drive(
    app: App, method: str, path: str, chunks: Iterable[bytes], headers: Headers, *,
    broken: bool = False, gate: asyncio.Event | None = None,
) -> Reply:  # fmt: skip
    """One request in pieces. ``broken`` ends the connection after them; ``gate`` holds the last one."""
    raw_path, _, query = path.encode().partition(b"?")
    scope = {
        "type": "http", "method": method, "raw_path": raw_path, "path": raw_path.decode("latin-1"),
        "query_string": query, "root_path": "", "http_version": "1.1", "scheme": "http",
        "client": ("127.0.0.1", 40_000),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
    }  # fmt: skip
    pieces = list(chunks)
    sent: list[dict[str, Any]] = []
    done = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if pieces:
            piece = pieces.pop(0)
            if gate is not None and not pieces:
                await gate.wait()
            return {"type": "http.request", "body": piece, "more_body": bool(pieces) or broken}
        if not broken:
            await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    done.set()
    if not sent:
        return Reply(0, {}, b"")
    start, *bodies = sent
    names = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Reply(start["status"], names, b"".join(part["body"] for part in bodies))
