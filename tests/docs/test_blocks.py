"""Every Python block of the documentation runs, and every command in it exists."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hairtrigger.cli.main import root
from tests.docs.blocks import NAMES, PAGES, ROOT, blocks_of, python_of, write_files
from tests.running import STOPPED, Live, started


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with started(tmp_path_factory.mktemp("docs")) as live:
        yield live


@pytest.mark.parametrize("page", [p for p in PAGES if python_of(p)], ids=NAMES.__getitem__)
def test_python_runs(page: Path, server: Live, tmp_path: Path) -> None:
    files = write_files(page, tmp_path)
    has_script = any(block.file is None for block in python_of(page))
    worker = server.start_worker(tmp_path, "--processes", "1") if files and has_script else None

    ran = subprocess.run(
        [sys.executable, "-m", "tests.docs.page", str(page)],
        cwd=tmp_path,
        env=os.environ | server.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    said = "" if worker is None else worker.output()
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}\n{said}"
    if worker is not None:
        assert worker.stop() == STOPPED, worker.output()


@pytest.mark.parametrize("page", PAGES, ids=NAMES.__getitem__)
def test_commands_exist(page: Path) -> None:
    for block in blocks_of(page):
        if block.language in ("sh", "bash", "console"):
            for line in re.sub(r"\\\n", " ", block.text).splitlines():
                check_line(line.removeprefix("$ "), f"{NAMES[page]}:{block.line}: {line}")


def check_line(line: str, where: str) -> None:
    for part in re.split(r"&&|;|\|", line):
        words = shlex.split(part, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words and words[0] in ("hairtrigger", "ht"):
            check_command(words[1:], where)


def check_command(words: list[str], where: str) -> None:
    """Every word that is a command or an option is known."""
    command: click.Command = root
    context = click.Context(root)
    known = {name for param in root.params for name in param.opts}
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            found = command.get_command(context, word)
            assert found is not None, f"{where}: no command {word}"
            command = found
            known |= {
                name for param in command.params for name in [*param.opts, *param.secondary_opts]
            }
        elif re.match(r"--?[a-z]", word):
            assert word.partition("=")[0] in known, f"{where}: no option {word}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES.__getitem__)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)

    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = target.partition("#")
        if "://" not in target:
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), f"{NAMES[page]}: {target}"
            if anchor and there.suffix == ".md":
                assert anchor in anchors(there), f"{NAMES[page]}: {target}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
