"""The server on a real socket: starting, refusing to start, and stopping with calls held."""

import asyncio
import dataclasses
import io
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hairtrigger.errors import ConfigError
from hairtrigger.server.app import App
from hairtrigger.server.serve import serve, url
from hairtrigger.server.settings import Settings

from .driving import DEV_KEY

AUTH = {"authorization": f"Bearer {DEV_KEY}"}


@asynccontextmanager
async def running(
    settings: Settings,
) -> AsyncIterator[tuple[str, asyncio.Event, asyncio.Task[None]]]:
    """A server on a free port: its URL, the event that stops it, and its task."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    settings = dataclasses.replace(settings, port=0)
    task = asyncio.create_task(serve(settings, on_ready=ready.set_result, stop=stop))
    either: list[asyncio.Future[Any]] = [ready, task]
    await asyncio.wait(either, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield (await ready).replace("localhost", "127.0.0.1"), stop, task
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def test_a_server_answers_on_its_socket_and_ends_when_told(settings: Settings) -> None:
    async with running(settings) as (base, stop, task), aiohttp.ClientSession(headers=AUTH) as http:
        async with http.post(base + "/api/v1/tasks/a%2Fb/trigger", json={"payload": 1}) as answer:
            run = (await answer.json())["id"]
        async with http.get(f"{base}/api/v3/runs/{run}") as answer:
            shown = await answer.json()
        stop.set()
        await asyncio.wait_for(task, 10)

    assert (shown["taskIdentifier"], shown["payload"]) == ("a/b", 1)


async def test_too_many_connections_are_told_to_come_back_but_workers_are_not(
    settings: Settings,
) -> None:
    settings = dataclasses.replace(settings, max_connections=2)
    async with running(settings) as (base, _, _), aiohttp.ClientSession(headers=AUTH) as http:
        port = int(base.rpartition(":")[2])
        idle = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(2)]
        async with asyncio.timeout(10):
            while await _status(http, "GET", base + "/") != 503:  # until they are accepted
                continue

        async with http.post(base + "/api/v1/tasks/a/trigger", json={}) as refused:
            error = await refused.json()

        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert error["code"] == "unavailable"
        assert await _status(http, "GET", base + "/healthcheck") == 200
        hold = await _status(http, "POST", base + "/api/hairtrigger/v1/worker/hold")
        assert hold == 400, "a worker's call is read, whoever else is there"
        for one in idle:
            one.close()


async def _status(http: aiohttp.ClientSession, method: str, url: str) -> int:
    async with http.request(method, url) as answer:
        return answer.status


async def test_stopping_answers_waiting_calls_at_once(settings: Settings) -> None:
    async with running(settings) as (base, stop, task), aiohttp.ClientSession(headers=AUTH) as http:
        async with http.post(base + "/api/v1/tasks/a/trigger", json={}) as answer:
            run = (await answer.json())["id"]
        waiting = asyncio.create_task(http.get(f"{base}/api/v3/runs/{run}?wait=20"))
        async with http.get(base + "/readyz") as ready:  # on another connection: the first is taken
            assert ready.status == 200
        stop.set()
        answer = await asyncio.wait_for(waiting, 5)
        assert (await answer.json())["status"] == "PENDING_VERSION"
        await asyncio.wait_for(task, 10)


async def test_what_was_triggered_is_there_after_a_restart(settings: Settings) -> None:
    async with running(settings) as (base, _, _), aiohttp.ClientSession(base, headers=AUTH) as http:
        run = (await (await http.post("/api/v1/tasks/a/trigger", json={})).json())["id"]

    async with running(settings) as (base, _, _), aiohttp.ClientSession(base, headers=AUTH) as http:
        answer = await http.get(f"/api/v3/runs/{run}")

        assert answer.status == 200


async def test_a_taken_port_is_told_with_what_to_do(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=f"{port}.*HAIRTRIGGER_PORT"):
            await serve(dataclasses.replace(settings, port=port))


async def test_a_database_in_use_is_told_and_the_port_given_back(settings: Settings) -> None:
    async with running(settings):
        with pytest.raises(ConfigError, match="in use"):
            await serve(dataclasses.replace(settings, port=0))


async def test_a_large_body_is_refused_on_a_socket_too(settings: Settings) -> None:
    async with running(settings) as (base, _, _), aiohttp.ClientSession(headers=AUTH) as http:
        body = b'{"payload":"' + b"x" * 4_000_000 + b'"}'
        async with http.post(base + "/api/v1/tasks/a/trigger", data=io.BytesIO(body)) as answer:
            assert (answer.status, (await answer.json())["code"]) == (413, "too_large")


async def test_keys_are_made_and_sealed_under_a_key_that_only_the_owner_reads(
    settings: Settings, tmp_path: Path
) -> None:
    settings = dataclasses.replace(settings, master_key="", dev_key="", prod_key="")

    app = App(settings)
    await app.server.open()
    envs = app.server.store.catalog.envs.values()
    keys = [(await app.server.keyring.root_keys(env))[0] for env in envs]
    await app.server.close()

    secret = tmp_path / "hairtrigger.db.key"
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert {key[:7] for key in keys} == {"tr_dev_", "tr_prod"}
    assert not any(key.encode() in everything for key in keys)


def test_a_url_is_one_that_opens_on_this_machine() -> None:
    assert url("0.0.0.0", 3030) == "http://localhost:3030"
    assert url("10.0.0.5", 80) == "http://10.0.0.5:80"
    assert url("fe80::1", 80) == "http://[fe80::1]:80"


async def test_the_application_opens_and_closes_in_another_asgi_server(settings: Settings) -> None:
    app = App(settings)
    told: list[str] = []
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, str]:
        return {"type": next(messages)}

    async def send(message: dict[str, str]) -> None:
        told.append(message["type"])

    await app({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]  # narrower than ASGI's

    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
