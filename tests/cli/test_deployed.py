"""``deploy`` sends code, and ``worker --deployed`` runs it: every version with its own, as long as a run needs it."""

import json
import os
import signal
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.cli.conftest import program
from tests.cli.test_deployments import TASK
from tests.running import STOPPED, Live, Process, until

CONFIG = "from hairtrigger import define_config\n\nconfig = define_config()\n"
GREET = """
import asyncio
from pathlib import Path

import greeting
from hairtrigger import task

from trigger.words import END


@task
async def greet(payload: str) -> str:
    while payload and not Path(payload).exists():
        await asyncio.sleep(0.01)
    return greeting.HELLO + END
"""


def project(directory: Path, files: dict[str, str]) -> Path:
    for name, text in {"trigger_config.py": CONFIG, **files}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def wheel(directory: Path, number: int) -> Path:
    """A package ``greeting`` of that version, as a file that pip and uv install."""
    path = directory / f"greeting-{number}.0-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    info = f"greeting-{number}.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("greeting.py", f"HELLO = 'hello {number}'\n")
        file.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: greeting\nVersion: {number}.0\n"
        )
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return path


def greets(directory: Path, number: int, end: str = "!") -> Path:
    found = wheel(directory / "wheels", number)
    return project(
        directory,
        {
            "trigger/tasks.py": GREET, "trigger/words.py": f"END = {end!r}\n", "trigger/__init__.py": "",
            "requirements.txt": f"./wheels/{found.name}\n",
        },
    )  # fmt: skip


class Site:
    """A server, and what is deployed to it."""

    def __init__(self, live: Live, directory: Path) -> None:
        self.live, self.directory = live, directory
        (directory / "empty").mkdir()

    def deploy(self, code: Path, *words: str) -> dict[str, Any]:
        """What the deployment of a directory's code was answered."""
        wheels = os.pathsep.join(map(str, (code / "wheels").glob("*.whl")))
        done = program(
            "deploy", str(code), "--json", *words, cwd=None, **self.live.environ, PYTHONPATH=wheels
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def follow(self) -> Process:
        """A worker of whatever is deployed, in a directory without any code."""
        return self.live.start_worker(
            self.directory / "empty", "--deployed", "--cache", str(self.directory / "cache"), "--processes", "1"
        )  # fmt: skip

    def trigger(self, task: str, payload: Any) -> str:
        made = self.live.post(f"/api/v1/tasks/{task}/trigger", {"payload": payload})
        return str(made["id"])

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.live.get(f"/api/v3/runs/{run}")
        return found

    def ended(self, run: str, follower: Process) -> dict[str, Any]:
        return until(
            lambda: found if (found := self.run(run))["isCompleted"] else None, f"the end of {run}", [follower]
        )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A server on each database."""
    if request.param == "sqlite":
        yield from _site(tmp_path, "")
        return
    with databases.made(request.getfixturevalue("postgres_server")) as url:
        yield from _site(tmp_path, url)


def _site(directory: Path, url: str) -> Iterator[Site]:
    live = Live(directory, database=url)
    try:
        live.start_server()
        yield Site(live, directory)
        live.stop()
    finally:
        live.kill()


@pytest.mark.acceptance("S42")
def test_each_version_runs_its_own_code_and_packages_for_as_long_as_a_run_needs_it(
    site: Site, tmp_path: Path
) -> None:
    first = site.deploy(greets(tmp_path / "one", 1))["version"]
    follower = site.follow()
    go = tmp_path / "go"
    held = site.trigger("greet", str(go))
    until(lambda: site.run(held)["status"] == "EXECUTING", "the first run to begin", [follower])

    second = site.deploy(greets(tmp_path / "two", 2, "?"))["version"]
    later = site.ended(site.trigger("greet", ""), follower)
    go.touch()
    earlier = site.ended(held, follower)

    assert (earlier["version"], earlier["output"]) == (first, "hello 1!")
    assert (later["version"], later["output"]) == (second, "hello 2?")
    until(lambda: f"Nothing needs {first} any more" in follower.output(), "the first to retire")
    assert site.ended(site.trigger("greet", ""), follower)["output"] == "hello 2?"
    assert follower.stop() == STOPPED


def test_a_killed_follower_takes_its_workers_with_it_and_the_next_one_installs_nothing(
    site: Site, tmp_path: Path
) -> None:
    site.deploy(greets(tmp_path / "one", 1))
    follower = site.follow()
    assert site.ended(site.trigger("greet", ""), follower)["output"] == "hello 1!"
    made = {path: path.stat().st_mtime for path in (tmp_path / "cache").rglob(".complete")}
    (before,) = site.live.get("/api/hairtrigger/v1/workers")["data"]

    follower.popen.send_signal(signal.SIGKILL)
    until(lambda: not site.live.get("/api/hairtrigger/v1/workers")["data"], "its worker to leave")
    follower = site.follow()

    assert site.ended(site.trigger("greet", ""), follower)["output"] == "hello 1!"
    (after,) = site.live.get("/api/hairtrigger/v1/workers")["data"]
    assert after["id"] != before["id"]
    assert {path: path.stat().st_mtime for path in (tmp_path / "cache").rglob(".complete")} == made


def test_what_cannot_be_installed_is_told_and_leaves_the_version_before_at_work(
    site: Site, tmp_path: Path
) -> None:
    site.deploy(greets(tmp_path / "one", 1), "--version", "20300101.1")
    follower = site.follow()
    broken = greets(tmp_path / "two", 2)
    (broken / "requirements.txt").write_text("./wheels/nothing-1.0-py3-none-any.whl\n")

    site.deploy(broken, "--version", "20300101.2")
    until(lambda: "20300101.2 cannot be run" in follower.output(), "the refusal", [follower])
    waiting = site.trigger("greet", "")
    program("promote", "20300101.1", cwd=None, **site.live.environ)

    assert "What the project needs cannot be installed" in follower.output()
    assert site.ended(waiting, follower)["output"] == "hello 1!"


def test_rolling_deployment_under_load_fails_and_drops_no_run(site: Site, tmp_path: Path) -> None:
    kinds = ["int", "int | str", "str | int | None", "int | str | float"]
    codes = [
        project(tmp_path / f"v{n}", {"trigger/tasks.py": TASK.format(type=kind, answer=f"v{n}")})
        for n, kind in enumerate(kinds)
    ]
    site.deploy(codes[0])
    follower = site.follow()
    made: list[str] = []
    texts, stop = threading.Event(), threading.Event()

    def load() -> None:
        while not stop.is_set():
            made.append(site.trigger("mail", {"to": len(made)}))
            if texts.is_set():  # from the second version on
                made.append(site.trigger("mail", {"to": "ada"}))
            stop.wait(0.005)

    loading = threading.Thread(target=load)
    loading.start()
    try:
        for n, code in enumerate(codes[1:], 1):
            site.deploy(code)
            ran = site.ended(site.trigger("mail", {"to": n}), follower)
            assert ran["output"] == f"v{n}"
            texts.set()
    finally:
        stop.set()
        loading.join()

    ends = [site.ended(run, follower) for run in made]
    assert {end["status"] for end in ends} == {"COMPLETED"}
    assert {end["attemptCount"] for end in ends} == {1}
    assert {end["output"] for end in ends} >= {"v0", "v3"}
    assert len(ends) > 100
