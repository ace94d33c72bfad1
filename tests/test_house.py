"""The plan of the house: which rooms see which, how large a file may be, what may not be named in it."""

import ast
import re
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from hairtrigger.telemetry import events

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hairtrigger"
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
}
GROUND = {"errors", "wire", "telemetry"}
BELOW: dict[str, set[str]] = {
    "errors": set(),
    "wire": {"errors"},
    "telemetry": {"errors", "wire"},
    "rules": {"errors", "wire"},
    "store": GROUND | {"rules"},
    "engine": GROUND | {"rules", "store"},
    "server": GROUND | {"rules", "store", "engine"},
    "sdk": GROUND,
    "sync": GROUND | {"sdk"},
    "worker": GROUND | {"sdk"},
}
ROOF = {"cli", "testing", "__main__"}  # they see everything
NO_NAMES = {"util", "utils", "common", "base", "manager", "service", "misc", "helpers"}


def room(name: str) -> str:
    return name.split(".")[1]


def imported(path: Path) -> set[str]:
    """The package's files that one file imports: for types and deferred ones too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names & FILES.keys()


@pytest.mark.parametrize("name", sorted(FILES))
def test_imports_only_go_down(name: str) -> None:
    if room(name) in ROOF:
        return

    assert {room(used) for used in imported(FILES[name])} <= BELOW[room(name)] | {room(name)}


def test_there_are_no_circles() -> None:
    TopologicalSorter({name: imported(path) for name, path in FILES.items()}).prepare()


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_room_is_a_warehouse(name: str) -> None:
    if room(name) == "sync":
        return  # generated

    assert len(FILES[name].read_text().splitlines()) <= 400, "find its second idea"
    assert not NO_NAMES & set(name.split(".")), "say what it does"


def test_init_files_are_empty_but_for_the_front_door() -> None:
    full = [path for path in PACKAGE.rglob("__init__.py") if path.read_text().strip()]

    assert full in ([], [PACKAGE / "__init__.py"])


def test_only_the_output_room_prints() -> None:
    for name, path in FILES.items():
        calls = [
            node.lineno for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        ]  # fmt: skip
        assert not calls or name == "hairtrigger.cli.output", f"{name}: {calls}"


def tracked() -> list[Path]:
    """The text files that belong to the project."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, check=False)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    if not paths:
        pytest.skip("not a checkout")
    return [
        path
        for path in paths
        if path.is_file() and path.suffix not in (".png", ".ico", ".woff2", ".db")
    ]


def test_nothing_names_a_machine_or_a_folder_outside() -> None:
    homes = re.compile(
        r"/(?:wo" + r"rk|home|Users|root)/[\w.]+|/tmp/[\w.]+|design/(?:house|guarantees|storage)"
    )

    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if path != Path(__file__)
        for match in homes.finditer(path.read_text(errors="replace"))
    ]
    assert found == []


def test_every_event_is_documented() -> None:
    text = (ROOT / "docs/reference/events.md").read_text()

    assert [name for name in sorted(events.NAMES) if f"`{name}`" not in text] == []
