"""What type checkers say about programs that use us: nothing about good ones, each mistake in bad ones."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory with the two programs; the bad one is no .py here, or every check would report it."""
    shutil.copy(HERE / "accepted.py", tmp_path / "accepted.py")
    shutil.copy(HERE / "rejected.py.txt", tmp_path / "rejected.py")
    return tmp_path


def planted() -> set[int]:
    lines = (HERE / "rejected.py.txt").read_text().splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# E")}


def compare(told: list[tuple[str, int, str]]) -> None:
    in_good = [each for each in told if each[0] == "accepted.py"]
    reported = {line for name, line, _ in told if name == "rejected.py"}
    assert in_good == []
    assert reported == planted(), told


@pytest.mark.acceptance("S03", "S19", "S32", "S36")
def test_mypy_reports_the_planted_mistakes_and_nothing_else(programs: Path) -> None:
    done = subprocess.run(
        [BIN / "mypy", "--strict", "--python-version", "3.11", "--no-error-summary",
         "--hide-error-context", "--cache-dir", ROOT / ".mypy_cache" / "typing",
         "--config-file=", "accepted.py", "rejected.py"],
        cwd=programs, capture_output=True, text=True,
    )  # fmt: skip

    found = re.findall(r"^(\S+?\.py):(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    assert done.stderr == ""
    compare([(name, int(line), text) for name, line, text in found])


@pytest.mark.acceptance("S03", "S19", "S32", "S36")
def test_pyright_reports_the_planted_mistakes_and_nothing_else(programs: Path) -> None:
    settings = {"typeCheckingMode": "standard", "pythonVersion": "3.11"}
    (programs / "pyrightconfig.json").write_bytes(msgspec.json.encode(settings))
    done = subprocess.run(
        [BIN / "basedpyright", "--outputjson", "--pythonpath", sys.executable],
        cwd=programs, capture_output=True, text=True,
    )  # fmt: skip

    found = msgspec.json.decode(done.stdout)["generalDiagnostics"]
    compare(
        [
            (Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["message"])
            for each in found
            if each["severity"] == "error"
        ]
    )
