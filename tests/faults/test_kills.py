"""Kill -9 under load: nothing accepted is lost, nothing finishes twice, at most once stays at most once.

Witness is a ledger that the task bodies write outside our database. Each test also fails when it saw too
little: no victim in work, no interrupted attempt.
"""

import collections
import http.client
import json
import os
import random
import signal
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.running import Live, Process, started, until

PROJECT = Path(__file__).parent / "project"
KILLS = int(os.environ.get("HAIRTRIGGER_KILLS", "20"))
TASKS = ("steady", "steady", "threaded", "once")


class Load:
    """Triggers runs without pause, in threads of its own, and keeps the ids that were acknowledged."""

    def __init__(self, live: Live) -> None:
        self.acknowledged: dict[str, str] = {}
        self._live, self._stop = live, threading.Event()
        self._threads = [threading.Thread(target=self._trigger, args=(n,)) for n in range(4)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _trigger(self, seed: int) -> None:
        luck, number = random.Random(seed), 0
        while not self._stop.wait(0.02):
            number += 1
            task = luck.choice(TASKS)
            body = {"payload": {"seconds": luck.choice((0.0, 0.05, 0.2))}, "options": {"ttl": 0}}
            answer = self._post(f"/api/v1/tasks/{task}/trigger", body, f"{seed}-{number}")
            if answer is not None:
                self.acknowledged[answer["id"]] = task

    def _post(self, path: str, body: dict[str, Any], key: str) -> Any:
        """What a client does: repeat with the same key until there is an answer."""
        while not self._stop.is_set():
            request = urllib.request.Request(
                self._live.url + path,
                data=json.dumps(body).encode(),
                headers={
                    "Authorization": f"Bearer {self._live.dev_key}",
                    "x-trigger-request-idempotency-key": key,
                },
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return json.load(answer)
            except (OSError, http.client.HTTPException, ValueError):  # or half an answer
                self._stop.wait(0.05)
        return None


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger"
    path.touch()
    return path


@pytest.fixture
def running(tmp_path: Path, ledger: Path) -> Iterator[Live]:
    with started(tmp_path) as live:
        yield live


def worker_of(live: Live, ledger: Path) -> Process:
    words = ("--slots", "16", "--processes", "2")
    return live.start_worker(PROJECT, *words, LEDGER=str(ledger))


def busy(ledger: Path, seen: int) -> int:
    """Wait until bodies have begun since ``seen`` bytes of the ledger; gives its size."""
    return until(
        lambda: size if (size := ledger.stat().st_size) > seen else None, "work to be done"
    )


def children_of(worker: Process) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(worker.popen.pid).children()
        if "hairtrigger.worker.child" in child.cmdline()
    ]


def check(live: Live, load: Load, ledger: Path) -> dict[str, int]:
    """Wait until every accepted run is final, then compare what is stored with what was witnessed."""
    accepted = load.acknowledged
    assert len(accepted) > KILLS * 2, "too little load to prove anything"
    final: dict[str, Any] = {}

    def all_final() -> bool:
        for run_id in accepted.keys() - final.keys():
            run = live.get(f"/api/v3/runs/{run_id}?wait=5")
            if run["isCompleted"]:
                final[run_id] = run
        return len(final) == len(accepted)

    until(all_final, "all accepted runs to end", limit_s=90)
    begun, ended = collections.Counter[str](), collections.Counter[str]()
    for line in ledger.read_text().splitlines():
        what, run_id, _, _ = line.split()
        (begun if what == "begin" else ended)[run_id] += 1
    for run_id, run in final.items():
        if run["status"] == "COMPLETED":
            assert ended[run_id] >= 1, f"{run_id} is completed, but no body of it ever ended"
            assert run["output"] == run_id
        else:
            assert accepted[run_id] == "once", f"{run_id} ended {run['status']}: {run.get('error')}"
            assert run["status"] in ("CRASHED", "SYSTEM_FAILURE")
        if accepted[run_id] == "once":
            assert begun[run_id] <= 1, f"{run_id} may begin once only"
    again = sum(1 for count in begun.values() if count > 1)
    unfinished = sum(1 for run_id, count in begun.items() if count > ended[run_id])
    return {"accepted": len(accepted), "begun again": again, "interrupted": unfinished}


def kill_often(victim: Callable[[], None], ledger: Path, luck: random.Random) -> None:
    seen = 0
    for _ in range(KILLS):
        seen = busy(ledger, seen)
        threading.Event().wait(luck.uniform(0.0, 0.25))  # a random moment is the point
        victim()


@pytest.mark.acceptance("S02")
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_kill_9_of_children_loses_nothing(running: Live, ledger: Path) -> None:
    luck = random.Random(1)
    worker = worker_of(running, ledger)

    def kill_child() -> None:
        children = until(lambda: children_of(worker), "a child to kill", [worker])
        luck.choice(children).send_signal(signal.SIGKILL)

    with Load(running) as load:
        kill_often(kill_child, ledger, luck)
        busy(ledger, ledger.stat().st_size)

    seen = check(running, load, ledger)
    assert seen["interrupted"] > 0, "no child was killed in work"


@pytest.mark.acceptance("S02")
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_kill_9_of_the_worker_loses_nothing(running: Live, ledger: Path) -> None:
    luck = random.Random(2)
    workers = [worker_of(running, ledger)]

    def kill_worker() -> None:
        workers.pop().kill()
        workers.append(worker_of(running, ledger))

    with Load(running) as load:
        kill_often(kill_worker, ledger, luck)
        busy(ledger, ledger.stat().st_size)

    seen = check(running, load, ledger)
    assert seen["interrupted"] > 0, "no worker was killed in work"


@pytest.mark.acceptance("S02", "S40")
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_kill_9_of_the_server_loses_nothing(running: Live, ledger: Path) -> None:
    luck = random.Random(3)
    worker_of(running, ledger)

    def kill_server() -> None:
        assert running.server is not None
        running.server.kill()
        running.start_server()

    with Load(running) as load:
        kill_often(kill_server, ledger, luck)
        busy(ledger, ledger.stat().st_size)

    seen = check(running, load, ledger)
    assert seen["begun again"] == 0, "a worker keeps its runs while the server is away"
