"""What the dashboard holds of others' work: known by hash, named with its licence, light enough to load."""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "hairtrigger/server/dashboard/static"
PINS = ROOT / "scripts/vendoring"
RECORDS = {"vendor/VERSIONS.toml", "vendor/LICENSES.txt"}
SVG = "{http://www.w3.org/2000/svg}"


def named() -> dict[str, dict[str, Any]]:
    """The files of VERSIONS.toml, by their path under static/."""
    told = tomllib.loads((STATIC / "vendor/VERSIONS.toml").read_text())
    return {file["path"]: file for file in told["file"]}


def packages() -> dict[str, str]:
    """The version of each package that VERSIONS.toml names."""
    sources = [source for file in named().values() for source in file["sources"]]
    return dict(source.split(" ")[:2] for source in sources)


@pytest.mark.parametrize("path", sorted(named()))
def test_a_vendored_file_is_the_one_that_was_checked_in(path: str) -> None:
    content = (STATIC / path).read_bytes()

    assert hashlib.sha256(content).hexdigest() == named()[path]["sha256"], "run scripts/vendor"


def test_nothing_lies_beside_the_vendored_files() -> None:
    found = {
        path.relative_to(STATIC).as_posix()
        for path in [*STATIC.glob("vendor/**/*"), *STATIC.glob("fonts/**/*"), STATIC / "icons.svg"]
        if path.is_file()
    }

    assert found == named().keys() | RECORDS


def test_each_source_says_its_package_version_and_licence() -> None:
    form = re.compile(r"\S+ \d+(\.\d+)+ \([\w.-]+( AND [\w.-]+)*\)")

    for path, file in named().items():
        assert file["sources"], path
        assert [source for source in file["sources"] if not form.fullmatch(source)] == []
        assert file["home"].startswith("https://"), path


def test_every_licence_is_given_in_full() -> None:
    rule = "=" * 80
    _, *parts = (STATIC / "vendor/LICENSES.txt").read_text().split(f"{rule}\n")
    given = dict(zip(parts[::2], parts[1::2], strict=True))

    for source in {source for file in named().values() for source in file["sources"]}:
        [text] = [text for names, text in given.items() if source in names.splitlines()]
        assert "as is" in text.lower().replace("“", "").replace('"', ""), source
        assert len(text) > 600, source


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("vendor/htmx.js", 16_000),
        ("vendor/uplot.js", 24_000),
        ("vendor/uplot.css", 1_000),
        ("vendor/codemirror-json.js", 125_000),
        ("fonts/inter.woff2", 40_000),
        ("fonts/jetbrains-mono.woff2", 24_000),
        ("icons.svg", 6_000),
    ],
)
def test_vendored_files_keep_to_their_budgets(path: str, most: int) -> None:
    sent = (STATIC / path).read_bytes()
    if not path.endswith(".woff2"):  # which is compressed as it is
        sent = gzip.compress(sent, 9)

    assert len(sent) <= most


def test_what_is_vendored_is_what_is_pinned() -> None:
    held = packages()
    npm = json.loads((PINS / "package.json").read_text())["dependencies"]
    pypi = dict(
        re.findall(r"^(fontpkg-\S+)==(\S+)$", (PINS / "requirements.txt").read_text(), re.MULTILINE)
    )

    tools = {"esbuild"}
    pinned = {name: pin for name, pin in {**npm, **pypi}.items() if name not in tools}
    assert {name: held.get(name) for name in pinned} == pinned, "run scripts/vendor"


def test_the_lock_names_no_host() -> None:
    lock = json.loads((PINS / "package-lock.json").read_text())

    fetched = {name: about for name, about in lock["packages"].items() if name}
    assert all(about["integrity"].startswith("sha512-") for about in fetched.values())
    assert [name for name, about in fetched.items() if "resolved" in about] == []


def test_the_sprite_has_each_icon_once_in_the_colour_of_its_text() -> None:
    wanted = tomllib.loads((PINS / "icons.toml").read_text())

    symbols = ElementTree.parse(STATIC / "icons.svg").getroot().findall(f"{SVG}symbol")

    assert [symbol.get("id") for symbol in symbols] == sorted(
        {**wanted["lucide"], **wanted["drawn"]}
    )
    for symbol in symbols:
        assert (symbol.get("stroke"), symbol.get("fill")) == ("currentColor", "none")
        assert symbol.get("viewBox") == "0 0 24 24"
        assert len(symbol) > 0


def test_without_node_the_script_says_so_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "")
    before = (STATIC / "vendor/VERSIONS.toml").stat().st_mtime_ns

    ran = subprocess.run(
        ["/bin/sh", ROOT / "scripts/vendor"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert (ran.returncode, ran.stdout) == (1, "")
    assert "needs node (Node 20 or newer); nothing was changed" in ran.stderr
    assert (STATIC / "vendor/VERSIONS.toml").stat().st_mtime_ns == before
