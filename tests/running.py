"""A server and workers as people run them: processes of their own, started and ended by the test.

``tests/conftest.py`` offers ``live``, one server for the whole session; a test that wants to kill things
starts a ``Live`` of its own with ``started``.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
PROGRAM = (sys.executable, "-m", "hairtrigger")
START_S, STOP_S = 30.0, 20.0
STOPPED = 143  # the exit code of what was stopped by SIGTERM and came to its end


@dataclass
class Process:
    """One process of ours and the file that its output goes to."""

    role: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def output(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="replace")

    def stop(self) -> int:
        """End it as an operator would, with SIGTERM; gives its exit code, which should be ``STOPPED``."""
        if self.is_alive:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"The {self.role} did not stop in {STOP_S:g} s:\n{self.output()}"
            ) from None

    def kill(self) -> None:
        """End it as a power cut would."""
        self.popen.kill()
        self.popen.wait()


@dataclass
class Live:
    """Servers on a database of their own, and the workers that were started for them.

    Args:
        database: Its URL; a SQLite file in the directory when left out.
        door: The port of what stands before the servers; workers are told it instead of the server's.
    """

    directory: Path
    port: int = field(default_factory=lambda: free_port())
    dev_key: str = field(default_factory=lambda: "tr_dev_" + secrets.token_hex(16))
    prod_key: str = field(default_factory=lambda: "tr_prod_" + secrets.token_hex(16))
    database: str = ""
    door: int = 0
    servers: dict[int, Process] = field(default_factory=dict)
    workers: list[Process] = field(default_factory=list)

    @property
    def server(self) -> Process | None:
        """The server at ``url``: the only one, unless a test starts more."""
        return self.servers.get(self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs to be told to reach the development environment."""
        url = f"http://127.0.0.1:{self.door}" if self.door else self.url
        return {"TRIGGER_API_URL": url, "TRIGGER_SECRET_KEY": self.dev_key}

    def start_server(self, port: int = 0, **env: str) -> Process:
        """Start a server, or start it again on the same database; returns when it takes requests.

        Args:
            port: Another one than ``self.port``, for a further server on the same PostgreSQL.
        """
        port = port or self.port
        keys = {"HAIRTRIGGER_DEV_KEY": self.dev_key, "HAIRTRIGGER_PROD_KEY": self.prod_key}
        database = self.database or f"sqlite:///{self.directory}/hairtrigger.db"
        words = ("server", "--host", "127.0.0.1", "--port", str(port), "--database", database)
        self.servers[port] = server = self._start("server", words, self.directory, keys | env)
        until(lambda: self.answers("/readyz", port), "the server to be ready", [server])
        return server

    def start_worker(self, project: Path, *words: str, **env: str) -> Process:
        """Start a worker in a project's directory; returns when the server knows it.

        Args:
            words: More words of the command, such as ``--slots``, ``4``.
            env: More environment variables.
        """
        before = {one["id"] for one in self.get("/api/hairtrigger/v1/workers")["data"]}
        worker = self._start("worker", ("worker", *words), project, self.environ | env)
        self.workers.append(worker)

        def is_known() -> bool:
            now = {one["id"] for one in self.get("/api/hairtrigger/v1/workers")["data"]}
            return bool(now - before)

        until(is_known, "the worker to register", [worker])
        return worker

    def get(self, path: str) -> Any:
        """The JSON that the server has at a path."""
        key = {"Authorization": f"Bearer {self.dev_key}"}
        request = urllib.request.Request(self.url + path, headers=key)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        """What the server answers to a body of JSON."""
        headers = {"Authorization": f"Bearer {self.dev_key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """The log lines and spans of a run that are stored by now."""
        found: list[dict[str, Any]] = self.get(f"/api/v1/runs/{run_id}/events?limit=1000")["events"]
        return found

    def until_logged(self, run_id: str, message: str) -> dict[str, Any]:
        """The first line of a run's log with this message, once it is there."""

        def found() -> dict[str, Any] | None:
            return next((e for e in self.events(run_id) if e["message"] == message), None)

        return until(found, f"{message!r} in the log of {run_id}")

    def stop(self) -> None:
        """End everything; what did not end well fails the test."""
        codes = {f"{one.role} {one.popen.pid}": one.stop() for one in self.workers if one.is_alive}
        self.workers.clear()
        for port, server in self.servers.items():
            if server.is_alive:
                codes[f"server {port}"] = server.stop()
        assert set(codes.values()) <= {STOPPED}, f"Exit codes: {codes}"

    def kill(self) -> None:
        """End everything at once."""
        for one in [*self.workers, *self.servers.values()]:
            one.kill()

    def _start(
        self, role: str, words: tuple[str, ...], directory: Path, env: Mapping[str, str]
    ) -> Process:
        log = self.directory / f"{role}-{secrets.token_hex(4)}.log"
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("TRIGGER_", "HAIRTRIGGER_"))
        }
        told = {"XDG_STATE_HOME": str(self.directory / "state"), "PYTHONUNBUFFERED": "1"}
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [*PROGRAM, *words],
                cwd=directory,
                env=inherited | told | dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return Process(role, popen, log)

    def answers(self, path: str, port: int = 0) -> bool:
        """Whether a server, by default that at ``url``, answers 200 there."""
        url = f"http://127.0.0.1:{port or self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


@contextlib.contextmanager
def started(directory: Path) -> Iterator[Live]:
    """A server on a fresh database in a directory, ended afterwards together with its workers."""
    live = Live(directory)
    try:
        live.start_server()
        yield live
        live.stop()
    finally:
        live.kill()


def until(
    found: Callable[[], T | None],
    what: str,
    alive: list[Process] | None = None,
    *,
    limit_s: float = START_S,
) -> T:
    """What ``found`` gives, as soon as it is something; these processes must live until then."""
    deadline = time.monotonic() + limit_s
    while not (result := found()):
        for one in alive or []:
            assert one.is_alive, f"The {one.role} ended while waiting for {what}:\n{one.output()}"
        said = "".join(one.output() for one in alive or [])
        assert time.monotonic() < deadline, f"Waited {limit_s:g} s for {what}.\n{said}"
        time.sleep(0.01)
    return result


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
