"""``deploy --container-file``: a container file for what a project needs."""

from pathlib import Path

import pytest

from tests.cli.conftest import Ask


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["uv.lock", "pyproject.toml", "requirements.txt"], "uv sync --frozen"),
        (["requirements.txt", "pyproject.toml"], "pip install --no-cache-dir -r requirements.txt"),
        (["pyproject.toml"], "uv pip install --system -r pyproject.toml"),
        ([], 'RUN pip install --no-cache-dir "hairtrigger=='),
    ],
    ids=["lock", "requirements", "pyproject", "nothing"],
)
def test_what_a_project_needs_is_installed_before_its_code_is_copied(
    ht: Ask, tmp_path: Path, files: list[str], says: str
) -> None:
    for name in files:
        (tmp_path / name).write_text("")
    (tmp_path / ".python-version").write_text("3.12.4\n")

    done = ht("deploy", str(tmp_path), "--container-file")

    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "FROM python:3.12-slim" in lines
    assert done.stdout.index(says) < done.stdout.index("COPY . .")
    assert lines[-1] == 'CMD ["hairtrigger", "worker", "--no-promote", "--health-port", "8080"]'
