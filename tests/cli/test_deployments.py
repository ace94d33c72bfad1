"""``deploy``, ``deployments``, ``promote`` and ``rollback`` beside a server and workers of two versions."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ask, program
from tests.running import Live, started, until

VERSIONS = "/api/hairtrigger/v1/versions"
TASK = """
from typing import TypedDict

from hairtrigger import task


class Mail(TypedDict):
    to: {type}


@task
async def mail(payload: Mail) -> str:
    return "{answer}"
"""


def code(directory: Path, kind: str, answer: str) -> Path:
    (directory / "trigger").mkdir(parents=True)
    (directory / "trigger" / "tasks.py").write_text(TASK.format(type=kind, answer=answer))
    (directory / "trigger_config.py").write_text(
        "from hairtrigger import define_config\n\nconfig = define_config()\n"
    )
    return directory


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """A server with a worker that takes numbers, and one of newer code that takes texts too."""
    (tmp_path / "server").mkdir()
    with started(tmp_path / "server") as live:
        old, new = code(tmp_path / "old", "int", "old"), code(tmp_path / "new", "int | str", "new")
        live.start_worker(old, "--processes", "1")
        live.start_worker(new, "--processes", "1", "--no-promote")
        for name, value in live.environ.items():
            monkeypatch.setenv(name, value)
        yield live


class Deploy:
    """Deploys a directory with nothing but an access token in the environment, as a pipeline does."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._token = {
            "TRIGGER_ACCESS_TOKEN": live.environ["TRIGGER_SECRET_KEY"], "TRIGGER_SECRET_KEY": "",
        }  # fmt: skip

    def __call__(self, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return self.call("deploy", str(directory), *words)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return program(*words, cwd=None, **{**self.live.environ, **self._token})


@pytest.fixture
def deployed(live: Live) -> Deploy:
    return Deploy(live)


def test_versions_are_promoted_and_gone_back_from_while_runs_come_in(live: Live, ht: Ask) -> None:
    def ran(count: int) -> set[str]:
        """Trigger some runs, and answer what they gave when all of them are completed."""
        made = [
            json.loads(ht("trigger", "mail", '{"to": 7}', "--json").stdout)["id"]
            for _ in range(count)
        ]

        def over() -> list[Any] | None:
            found = [live.get(f"/api/v3/runs/{one}") for one in made]
            return found if all(one["isCompleted"] for one in found) else None

        found = until(over, "all runs to end")
        assert {one["status"] for one in found} == {"COMPLETED"}
        return {one["output"] for one in found}

    found = json.loads(ht("deployments", "list", "--json").stdout)["data"]
    new, old = (one["version"] for one in found)
    assert [(one["current"], one["workers"]) for one in found] == [(False, 1), (True, 1)]
    assert ran(3) == {"old"}

    told = ht("promote", new, "--dry-run")
    assert told.stdout.splitlines()[0] == f"{new} instead of {old} would mean:"
    assert "changed  mail" in told.stdout
    assert ran(1) == {"old"}

    assert f"{new} is current, {old} was" in ht("promote", new).stderr
    assert ran(3) == {"new"}
    assert f"{new} is current already" in ht("promote", new).stderr

    delayed = json.loads(ht("trigger", "mail", '{"to": "ada"}', "--delay", "1h", "--json").stdout)[
        "id"
    ]
    refused = ht("rollback")
    assert refused.exit_code != 0
    assert delayed in refused.stderr
    assert ran(1) == {"new"}
    assert f"{old} is current, {new} was" in ht("rollback", "--force").stderr
    assert ran(3) == {"old"}


def test_an_unknown_version_is_answered_with_the_closest(live: Live, ht: Ask) -> None:
    known = json.loads(ht("deployments", "list", "--json").stdout)["data"][0]["version"]

    done = ht("promote", known + "0")

    assert done.exit_code == 3
    assert f"No version {known}0" in done.stderr
    assert known in done.stderr.split("Closest", 1)[1]


@pytest.mark.acceptance("S99", "S100")
def test_code_is_deployed_before_its_workers_come(tmp_path: Path, deployed: Deploy) -> None:
    newer = code(tmp_path / "newer", "int", "newer")
    with_cron = (newer / "trigger" / "tasks.py").read_text().replace(
        "@task\n", '@task\nasync def more(payload: Mail) -> None:\n    """More."""\n\n\n@task\n'
    )  # fmt: skip
    (newer / "trigger" / "tasks.py").write_text(with_cron)

    told = deployed(newer, "--dry-run")
    before = deployed.live.get(VERSIONS)["data"]
    done = deployed(newer, "--json")
    again = deployed(newer)

    version = json.loads(done.stdout)["version"]
    assert (told.returncode, done.returncode, again.returncode) == (0, 0, 0)
    assert told.stdout.splitlines()[0].startswith(f"{version} instead of")
    assert "added    more" in told.stdout
    assert version not in {one["version"] for one in before}
    now = deployed.live.get(VERSIONS)["data"]
    assert [one["version"] for one in now if one["current"]] == [version]
    assert now[0]["tasks"] == ["mail", "more"]
    assert f"{version} is current already" in again.stderr
    run = json.loads(deployed.call("trigger", "mail", '{"to": 7}', "--json").stdout)["id"]
    assert deployed.live.get(f"/api/v3/runs/{run}")["status"] == "QUEUED"

    deployed.live.start_worker(newer, "--processes", "1")
    until(lambda: deployed.live.get(f"/api/v3/runs/{run}")["isCompleted"], "the run to end")

    assert deployed.live.get(f"/api/v3/runs/{run}")["version"] == version


@pytest.mark.acceptance("S99")
def test_code_that_cannot_be_loaded_is_not_deployed(tmp_path: Path, deployed: Deploy) -> None:
    broken = code(tmp_path / "broken", "int", "x")
    (broken / "trigger" / "worse.py").write_text("import nothing_of_that_name\n")
    before = deployed.live.get(VERSIONS)

    done = deployed(broken)

    assert done.returncode == 1
    assert "trigger/worse.py:1 cannot be loaded" in done.stderr
    assert "No module named 'nothing_of_that_name'" in done.stderr
    assert "the current version stays" in done.stderr
    assert deployed.live.get(VERSIONS) == before


def test_code_is_deployed_without_being_promoted(tmp_path: Path, deployed: Deploy) -> None:
    newer = code(tmp_path / "newer", "str", "newer")
    (before,) = [one["version"] for one in deployed.live.get(VERSIONS)["data"] if one["current"]]

    done = deployed(newer, "--no-promote", "--version", "20300101.7")

    assert done.returncode == 0
    assert "20300101.7 is known; promote it: hairtrigger promote 20300101.7" in done.stderr
    found = {one["version"]: one["current"] for one in deployed.live.get(VERSIONS)["data"]}
    assert (found["20300101.7"], found[before]) == (False, True)
