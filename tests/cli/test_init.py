"""``init``: the tree it makes, what it keeps, and that the result is sound."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hairtrigger.cli.init import set_up
from tests.cli.conftest import Ask


@pytest.mark.acceptance("S12", "S13")
def test_init_makes_exactly_this_tree(ht: Ask, tmp_path: Path) -> None:
    done = ht("init", "jobs")

    made = sorted(
        p.relative_to(tmp_path / "jobs").as_posix() for p in (tmp_path / "jobs").rglob("*")
    )
    assert done.exit_code == 0
    assert made == [
        ".env", ".gitignore", "pyproject.toml", "trigger", "trigger/example.py", "trigger/schedule.py",
        "trigger_config.py",
    ]  # fmt: skip
    env = (tmp_path / "jobs" / ".env").read_text()
    assert "TRIGGER_SECRET_KEY=tr_dev_" in env
    assert "TRIGGER_API_URL=http://localhost:3030" in env
    assert (tmp_path / "jobs" / ".env").stat().st_mode & 0o077 == 0
    assert ".env" in (tmp_path / "jobs" / ".gitignore").read_text().splitlines()


def test_a_second_init_changes_nothing(ht: Ask, project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}

    done = ht("init", str(project), "--json")

    assert {f["what"] for f in json.loads(done.stdout)["files"]} == {"kept"}
    assert {path: path.read_bytes() for path in before} == before


def test_what_exists_is_kept_unless_forced(ht: Ask, project: Path) -> None:
    file = project / "trigger" / "example.py"
    file.write_text("mine = 1\n")
    (project / "pyproject.toml").write_text("[project]\nname = 'mine'\n")

    ht("init", str(project))
    kept = file.read_text()
    ht("init", str(project), "--force")

    assert kept == "mine = 1\n"
    assert "send-welcome-email" in file.read_text()
    assert "mine" in (project / "pyproject.toml").read_text()


def test_an_env_file_with_a_key_keeps_it_and_one_without_gets_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / ".env").write_text("TRIGGER_API_KEY=tr_dev_old\n")
    (tmp_path / "b" / ".env").write_text("OTHER=1")

    set_up(tmp_path / "a", force=True)
    set_up(tmp_path / "b", force=True)

    assert (tmp_path / "a" / ".env").read_text() == "TRIGGER_API_KEY=tr_dev_old\n"
    assert (tmp_path / "b" / ".env").read_text().startswith("OTHER=1\n")
    assert "TRIGGER_SECRET_KEY=tr_dev_" in (tmp_path / "b" / ".env").read_text()


def test_lines_of_gitignore_are_added_once(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.pyc\n.env")

    set_up(tmp_path, force=False)
    set_up(tmp_path, force=False)

    lines = (tmp_path / ".gitignore").read_text().splitlines()
    assert lines == ["*.pyc", ".env", ".env.local", ".hairtrigger/", "__pycache__/"]


@pytest.mark.parametrize("framework", ["fastapi", "flask", "django"])
def test_init_shows_how_to_trigger_from_a_framework(ht: Ask, framework: str) -> None:
    done = ht("init", "jobs", "--framework", framework)

    assert f"Trigger from {framework}:" in done.stderr
    assert "send_welcome_email" in done.stderr


@pytest.mark.slow
@pytest.mark.acceptance("S15")
@pytest.mark.parametrize(
    "checker",
    [["mypy", "."], ["basedpyright", "--level", "error", "--pythonpath", sys.executable]],
    ids=["mypy", "pyright"],
)
def test_the_generated_project_is_fully_typed(project: Path, checker: list[str]) -> None:
    settings = (project / "pyproject.toml").read_text()  # both checkers read them from there

    done = subprocess.run(
        [sys.executable, "-m", *checker], cwd=project, capture_output=True, text=True, timeout=110
    )

    assert "strict = true" in settings
    assert 'typeCheckingMode = "strict"' in settings
    assert done.returncode == 0, done.stdout + done.stderr
