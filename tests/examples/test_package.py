"""The jobs package as a dependency of an application beside it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2] / "examples" / "orion"
LOOK = "from jobs.trigger.send_welcome_email import send_welcome_email as t; print(t.id)"


@pytest.mark.acceptance("S08", "S26")
def test_an_edited_task_needs_no_reinstall(tmp_path: Path) -> None:
    package = tmp_path / "orion"
    shutil.copytree(PROJECT, package, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    python = tmp_path / "application" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python.parents[1]], check=True)
    install = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*install, "install", "--quiet", "--no-deps", "-e", package], check=True)
    # the application's other dependencies are those of this test's own environment
    environ = {
        **os.environ,
        "PYTHONPATH": sysconfig.get_path("purelib") + ":" + str(PROJECT.parents[1]),
    }

    def look() -> str:
        done = subprocess.run(
            [python, "-c", LOOK],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    before = look()
    task = package / "jobs" / "trigger" / "send_welcome_email.py"
    task.write_text(task.read_text().replace('id="send-welcome-email"', 'id="edited"'))

    assert before == "send-welcome-email"
    assert look() == "edited"
