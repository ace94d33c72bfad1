"""The official npm client, installed once and run with Node.js against a real server and a real worker.

It is told nothing but TRIGGER_API_URL and TRIGGER_SECRET_KEY; one script besides a person's own token. Without
Node.js or npm these tests are skipped; where CI is set they fail instead, so that nobody takes silence for agreement.
"""

import fcntl
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.people import first_admin, made_token
from tests.running import Live, started

HERE = Path(__file__).parent
INSTALL_S, SCRIPT_S = 100, 30
_OURS = ("TRIGGER_", "HAIRTRIGGER_", "VERCEL")

Script = Callable[[str], Any]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server and a worker with the tasks of ``project``."""
    with started(tmp_path_factory.mktemp("compat")) as live:
        live.start_worker(HERE / "project", "--slots", "32")
        yield live


@pytest.fixture(scope="session")
def node(installed: None, request: pytest.FixtureRequest) -> Script:
    """Run a script of ``scripts`` by name, once a session; gives the JSON that it prints."""
    live: Live = request.getfixturevalue("served")  # not before it is known that Node.js is there

    @functools.cache
    def run(name: str) -> "subprocess.CompletedProcess[str]":
        told = live.environ
        if name == "schedules":
            told["TRIGGER_API_URL"] += "/"  # both ways of writing it are right
        if name == "people":
            with first_admin(live) as browser:
                told["TOKEN"] = made_token(browser)
            told["PROJECT"] = live.get("/api/v1/whoami")["project"]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        return subprocess.run(
            ["node", f"scripts/{name}.mjs"],
            cwd=HERE, env=inherited | told, capture_output=True, text=True, timeout=SCRIPT_S,
        )  # fmt: skip

    def said(name: str) -> Any:
        done = run(name)
        assert done.returncode == 0, f"{done.stderr}\n{live.server and live.server.output()}"
        return json.loads(done.stdout)

    return said


@pytest.fixture(scope="session")
def installed() -> None:
    """The package that package.json pins, beside it in node_modules, where Git does not look."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        _give_up(f"The official npm client needs {' and '.join(missing)}, which is not installed.")
    wanted = (HERE / "package.json").read_text()
    modules = HERE / "node_modules"
    modules.mkdir(exist_ok=True)
    with (modules / ".installed").open("a+") as marker:
        fcntl.flock(marker, fcntl.LOCK_EX)  # the processes of pytest-xdist install it once
        marker.seek(0)
        if marker.read() == wanted:
            return
        options = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
        done = subprocess.run(
            ["npm", "install", *options],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
        )
        if done.returncode != 0:
            _give_up(f"npm could not install the official client:\n{done.stderr[-2_000:]}")
        marker.truncate(0)
        marker.write(wanted)


def _give_up(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
