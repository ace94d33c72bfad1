"""The example project on a real server with a real worker, once for the session."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hairtrigger.sdk import client
from hairtrigger.sdk.settings import KEY_NAMES
from tests.examples.outside import Outside
from tests.running import Live, started

PROJECT = Path(__file__).parents[2] / "examples" / "orion"
sys.path.insert(0, str(PROJECT))


class Mail(msgspec.Struct):
    """A mail as the fake mailer writes it down."""

    to: str
    subject: str
    body: str
    attachment: str


@dataclass
class Orion:
    """The example project, running. ``live`` is its server."""

    live: Live
    outbox: Path

    def mails(self, to: str) -> list[Mail]:
        """The mails that somebody got so far."""
        if not self.outbox.exists():
            return []
        lines = self.outbox.read_text().splitlines()
        return [mail for line in lines if (mail := msgspec.json.decode(line, type=Mail)).to == to]

    def run(self, run_id: str) -> dict[str, Any]:
        """A run as the API shows it."""
        found: dict[str, Any] = self.live.get(f"/api/v3/runs/{run_id}")
        return found

    def finished(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The run that a view has answered, once it is finished."""
        assert answer["status"] == "triggered"
        found: dict[str, Any] = self.live.get(f"/api/v3/runs/{answer['jobId']}?wait=20")
        assert found["isSuccess"]
        return found


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orion]:
    """A server of its own: a worker with other code would make its version the current one."""
    directory = tmp_path_factory.mktemp("orion")
    env = {
        "ORION_DATABASE_URL": f"sqlite:///{directory}/orion.db",
        "ORION_OUTBOX": f"{directory}/outbox.jsonl",
    }
    os.environ.update(env)  # the tests read and write the application's database too
    with started(directory) as live:
        live.start_worker(PROJECT, "--processes", "1", **env)
        yield Orion(live, directory / "outbox.jsonl")


@pytest.fixture
def orion(running: Orion, monkeypatch: pytest.MonkeyPatch) -> Orion:
    """The example project, with the environment set so that this process triggers there."""
    for name in KEY_NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in running.live.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(client, "_default", None)
    return running


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Somebody else's API."""
    with Outside() as api:
        yield api
