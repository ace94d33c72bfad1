"""``branches``, and commands that act on one."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Ask
from tests.running import PROGRAM, Live


def test_a_branch_is_opened_acted_on_and_archived(
    ht: Ask, served: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = ht("whoami", "--branch", "feature/mail")
    made = ht("branches", "open", "feature/mail")
    run = json.loads(ht("trigger", "echo", "x=1", "--branch", "feature/mail", "--json").stdout)
    here = ht("runs", "get", run["id"], "--branch", "feature/mail")
    listed = ht("branches", "list")
    who = ht("whoami", "--branch", "feature/mail")
    asked = ht("branches", "archive", "feature/mail")
    gone = ht("branches", "archive", "feature/mail", "--yes")
    after = json.loads(ht("branches", "list", "--json").stdout)["data"]
    again = ht("branches", "archive", "feature/mail", "--yes")

    assert (none.exit_code, "branches open" in none.stderr) == (4, True)
    assert "feature/mail is open as dev-feature-mail" in made.stderr
    assert here.exit_code == 0
    assert all(word in listed.stdout for word in ("feature/mail", "dev-feature-mail", "open"))
    assert "branch feature/mail" in who.stdout
    assert asked.exit_code == 2
    assert "is archived" in gone.stderr
    assert "archivedAt" in after[0]
    assert again.exit_code == 3
    monkeypatch.delenv("TRIGGER_PREVIEW_BRANCH")  # which --branch is, for what a call starts
    assert ht("whoami").exit_code == 0


def test_code_is_deployed_to_a_branch_and_run_by_its_workers(
    ht: Ask, served: Live, project: Path
) -> None:
    done = ht("deploy", str(project), "--no-archive", "--branch", "pr-7")
    words = [*PROGRAM, "worker", "--branch", "pr-7", "--processes", "1"]
    with subprocess.Popen(words, cwd=project, stdout=subprocess.DEVNULL) as worker:
        try:
            run = ht(
                "trigger", "process-data", '{"data": ["a"]}', "--branch", "pr-7", "--wait", "--timeout", "30s"
            )  # fmt: skip
        finally:
            worker.terminate()

    assert done.exit_code == 0, done.stderr
    assert run.exit_code == 0, run.stderr
    assert served.get("/api/hairtrigger/v1/branches")["data"][-1]["branch"] == "pr-7"
