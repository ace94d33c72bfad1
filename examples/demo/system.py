"""A server and a worker on a fresh database, and an API outside that is not always there."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1] / "orion"
HAIRTRIGGER = (sys.executable, "-m", "hairtrigger")
READY_S, STOP_S = 30.0, 45.0


class System:
    """What the demonstration runs on. ``url`` is the server's; logs and data are in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = _free_port()
        self.url = f"http://localhost:{self.port}"
        self.key = "tr_dev_" + secrets.token_hex(16)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        os.environ.update(
            TRIGGER_API_URL=self.url,
            TRIGGER_SECRET_KEY=self.key,
            HAIRTRIGGER_DEV_KEY=self.key,
            ORION_DATABASE_URL=f"sqlite:///{directory}/orion.db",
            ORION_OUTBOX=f"{directory}/outbox.jsonl",
        )

    def start_server(self) -> float:
        """Start the server, again on the same file after a kill; gives the seconds until it is ready."""
        database = f"sqlite:///{self.directory}/hairtrigger.db"
        self._start("server", "--port", str(self.port), "--database", database)
        return self._until("/readyz", lambda _: True)

    def start_worker(self) -> float:
        """Start the worker; gives the seconds until the server knows it."""
        self._start("worker")
        return self._until("/api/hairtrigger/v1/workers", lambda found: bool(found["data"]))

    def kill_server(self) -> None:
        """End the server as a power cut would."""
        self.processes["server"].kill()
        self.processes["server"].wait()

    def stop(self) -> None:
        """End everything, the worker first."""
        for role in ("worker", "server"):
            process = self.processes.get(role)
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _start(self, role: str, *words: str) -> None:
        with (self.directory / f"{role}.log").open("ab") as log:
            self.processes[role] = subprocess.Popen(
                [*HAIRTRIGGER, role, *words],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we end them
            )

    def _until(self, path: str, is_there: Any) -> float:
        started = time.monotonic()
        request = urllib.request.Request(
            self.url + path, headers={"Authorization": f"Bearer {self.key}"}
        )
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    if is_there(json.load(answer)):
                        return time.monotonic() - started
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            ended = [role for role, one in self.processes.items() if one.poll() is not None]
            if ended or time.monotonic() > started + READY_S:
                said = (self.directory / f"{(ended or ['server'])[0]}.log").read_text()
                raise SystemExit(f"It did not start:\n{said}")
            time.sleep(0.02)


class Outside:
    """An API that answers 503 twice, and then 200."""

    def __init__(self) -> None:
        self.asked = 0
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outside.asked += 1
                body = json.dumps({"rate": 1.08}).encode()
                self.send_response(503 if outside.asked < 3 else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
