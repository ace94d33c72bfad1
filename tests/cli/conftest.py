"""A project made by ``init``, a server and a worker for it, and the program called as people call it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hairtrigger.cli.init import set_up
from hairtrigger.cli.main import root
from tests.running import Live, free_port, started

Ask = Callable[..., Result]
PROGRAM = (sys.executable, "-m", "hairtrigger")
TASKS = """
from typing import TypedDict

from hairtrigger import AbortTaskRunError, logger, schedules, task


class Welcome(TypedDict):
    userId: str
    email: str


@task(id="send-welcome-email")
async def send_welcome_email(payload: Welcome) -> dict[str, object]:
    logger.info("Sending", email=payload["email"])
    return {"success": True, "userId": payload["userId"]}


@task(id="always-fails")
async def always_fails() -> None:
    raise AbortTaskRunError("no use")


@task(id="echo")
async def echo(payload: object) -> object:
    return payload


@schedules.task(id="daily-digest", cron="0 9 * * *")
async def daily_digest() -> None:
    pass
"""


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of whoever runs the tests; a directory of its own; nothing left in the environment."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("TRIGGER_", "HAIRTRIGGER_")) or name in (
            "CI",
            "NO_COLOR",
            "FORCE_COLOR",
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _environment_put_back() -> Iterator[None]:
    """Commands put ``.env`` files into the environment of their process, which here is ours."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def ht() -> Ask:
    """Call the program in this process."""

    def ask(*words: str, input: str | None = None) -> Result:
        return CliRunner().invoke(root, list(words), input=input)

    return ask


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as ``init`` makes it."""
    directory = tmp_path / "jobs"
    set_up(directory, force=False)
    return directory


@pytest.fixture(scope="session")
def _working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a worker that has ``TASKS``; not the session's, whose current code others change."""
    directory = tmp_path_factory.mktemp("cli-project")
    (directory / "trigger").mkdir()
    (directory / "trigger" / "tasks.py").write_text(TASKS)
    (directory / "trigger_config.py").write_text(
        "from hairtrigger import define_config\n\nconfig = define_config()\n"
    )
    with started(tmp_path_factory.mktemp("cli-server")) as running:
        running.start_worker(directory, "--processes", "1")
        yield running


@pytest.fixture
def served(_working: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A server and a worker, with the environment of this process pointing at them."""
    for name, value in _working.environ.items():
        monkeypatch.setenv(name, value)
    return _working


def program(*words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Call the program in a process of its own."""
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def port(project: Path) -> int:
    """The port that the project's ``.env`` names."""
    port = free_port()
    env = project / ".env"
    env.write_text(env.read_text().replace("3030", str(port)))
    return port


@pytest.fixture
def dev(project: Path, port: int) -> Iterator[Callable[..., object]]:
    """Start ``dev`` in the project, on a terminal; give it more words of the command if you like."""
    from tests.cli.terminal import Terminal

    begun: list[Terminal] = []

    def start(*words: str) -> Terminal:
        begun.append(Terminal(project, *words))
        return begun[-1]

    yield start
    for terminal in begun:
        terminal.child.close(force=True)
