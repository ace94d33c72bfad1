"""An alert is told although the server that was to tell it is killed: kill -9, on both databases."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.running import Live, until

WORKER = "/api/hairtrigger/v1/worker"
ALERTS = "/api/hairtrigger/v1/alerts"


@pytest.fixture
def hook() -> Iterator[tuple[str, list[Any]]]:
    """A web server of this machine, and what it was sent."""
    seen: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append((self.headers["webhook-id"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", seen
    server.shutdown()
    server.server_close()


@pytest.mark.acceptance("S94")
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_failure_that_was_acknowledged_is_told_after_kill_9(
    tmp_path: Path, hook: tuple[str, list[Any]], kind: str, request: pytest.FixtureRequest
) -> None:
    url, seen = hook
    live = Live(tmp_path)
    database = (
        databases.made(request.getfixturevalue("postgres_server"))
        if kind == "postgres"
        else contextlib.nullcontext("")
    )
    with database as live.database:
        told_after_kill(live, url, seen)


def told_after_kill(live: Live, url: str, seen: list[Any]) -> None:
    try:
        server = live.start_server(HAIRTRIGGER_ALERTS_ALLOW_PRIVATE="1")
        to = {"type": "run.failed", "channel": "webhook", "to": url}
        live.post(ALERTS, {"name": "ops", **to})
        task = {"id": "greet", "file": "t.py", "export": "greet", "retry": {"maxAttempts": 1}}
        worker = live.post(
            f"{WORKER}/register",
            {"name": "w", "version": "", "tasks": [task], "slots": 9, "protocol": [1]},
        )["worker"]
        run = live.post("/api/v1/tasks/greet/trigger", {})["id"]
        (handed,) = live.post(f"{WORKER}/fetch", {"worker": worker, "want": 1})["runs"]
        failed = {"name": "ValueError", "message": "no"}
        result = {"id": run, "lease": handed["lease"], "failed": failed}
        live.post(f"{WORKER}/report", {"worker": worker, "results": [result]})

        server.kill()
        live.start_server(HAIRTRIGGER_ALERTS_ALLOW_PRIVATE="1")

        until(lambda: seen, "the message", list(live.servers.values()))
        (one,) = until(lambda: told(live, "sent"), "what became of it")
        live.stop()
    finally:
        live.kill()
    assert {name for name, _ in seen} == {one["id"]}
    assert one["failures"] == 1
    assert seen[0][1]["data"]["lastRun"] == run


def told(live: Live, state: str) -> list[Any]:
    """The messages of the only alert that are in this state."""
    (alert,) = live.get(ALERTS)["data"]
    return [one for one in alert["deliveries"] if one["state"] == state]
