"""A worker with real processes against a small real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hairtrigger.worker.settings import WorkerSettings
from hairtrigger.worker.supervisor import Supervisor
from tests.worker.protocol_server import ProtocolServer, serving

PROJECT = Path(__file__).parent / "project"


@dataclass
class Working:
    """A running worker: its supervisor, and the task that ends when it does."""

    supervisor: Supervisor
    task: "asyncio.Task[None]"

    async def stopped(self, timeout_s: float = 15) -> None:
        """Drain it and wait for its end."""
        self.supervisor.drain()
        await asyncio.wait_for(self.task, timeout_s)


Start = Callable[..., Awaitable[Working]]


@pytest.fixture
async def server() -> AsyncIterator[ProtocolServer]:
    async with serving() as running:
        yield running


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start a worker for a server; it is killed when the test ends."""
    working: list[Working] = []

    async def start(server: ProtocolServer, **changes: Any) -> Working:
        given: dict[str, Any] = {
            "url": server.url, "key": "tr_dev_test", "project_dir": PROJECT, "processes": 1,
            "kill_grace_s": 1.0, "drain_timeout_s": 5.0, "state_dir": tmp_path / "state", "echo": False,
        }  # fmt: skip
        supervisor = Supervisor(WorkerSettings(**(given | changes)))
        worker = Working(supervisor, asyncio.create_task(supervisor.run()))
        working.append(worker)
        until = asyncio.create_task(server.until(lambda: server.registrations))
        await asyncio.wait([until, worker.task], return_when=asyncio.FIRST_COMPLETED)
        until.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await until
        return worker

    yield start
    for worker in working:
        worker.supervisor.kill()
    for worker in working:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(worker.task, 15)
