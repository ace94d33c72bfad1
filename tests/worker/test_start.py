import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from hairtrigger.worker.health import answer_health
from hairtrigger.worker.start import start_worker
from tests.worker.conftest import PROJECT
from tests.worker.protocol_server import ProtocolServer, serving


@pytest.fixture(autouse=True)
def environment(server: ProtocolServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIGGER_API_URL", server.url)
    monkeypatch.setenv("TRIGGER_SECRET_KEY", "tr_dev_test")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


async def _is_gone(pid: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(0.02)
                continue
        return True
    return False


@pytest.mark.acceptance("S101")
async def test_a_worker_beside_an_application_runs_its_tasks_and_drains_with_it(
    server: ProtocolServer,
) -> None:
    async with start_worker(PROJECT, processes=1) as worker:
        run = server.add("echo", {"n": 1})
        assert (await server.result(run)).done == ("application/json", '{"n":1}')

    assert server.left == ["worker_1"]
    assert not psutil.pid_exists(worker.pid)


async def test_task_code_and_what_it_started_die_with_a_killed_supervisor(
    server: ProtocolServer, tmp_path: Path
) -> None:
    worker = start_worker(PROJECT, processes=1)
    note = tmp_path / "pids"
    server.add("start-grandchild", {"file": str(note)})
    deadline = time.monotonic() + 10
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    child, grandchild = map(int, note.read_text().split())

    os.kill(worker.pid, signal.SIGKILL)

    assert await _is_gone(child, 2)
    assert await _is_gone(grandchild, 2)
    worker.stop()


async def test_a_worker_that_was_frozen_beyond_its_lease_stops_its_runs_when_it_wakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(lease_ms=900, hold_ms=300) as server:
        monkeypatch.setenv("TRIGGER_API_URL", server.url)
        worker = start_worker(PROJECT, processes=1)
        run = server.add("sleep-async")
        await server.line(run, "begun")
        os.kill(worker.pid, signal.SIGSTOP)
        await asyncio.sleep(1.5)  # longer than the lease

        os.kill(worker.pid, signal.SIGCONT)

        assert (await server.result(run, 3)).handed_back
        await asyncio.to_thread(worker.stop)


async def test_health_is_answered_while_connected() -> None:
    well = True
    async with answer_health(0, lambda: well) as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/healthcheck"

        async with session.get(url) as answer:
            assert answer.status == 200
        well = False
        async with session.get(url) as answer:
            assert answer.status == 503
