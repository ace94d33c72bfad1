"""The code blocks of README.md and docs/: found, told apart, and run as one page.

In a page, a Python block that begins with a comment such as ``# trigger/emails.py`` is that file of the
reader's project. All other Python blocks are one script, in their order, with ``await`` allowed outside of
functions. ``python no-run`` is only shown.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = {page: page.relative_to(ROOT).as_posix() for page in PAGES}
_BLOCK = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.py)\n")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block. ``line`` is that of its first line of code, from 1; ``file`` is what it is a file of."""

    language: str
    line: int
    text: str
    runs: bool
    file: str | None


def blocks_of(page: Path) -> list[Block]:
    """The code blocks of a page, in their order."""
    text = page.read_text()
    found = []
    for match in _BLOCK.finditer(text):
        indent, language, words, body = match.groups()
        code = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
        named = _FILE.match(code) if language == "python" else None
        found.append(
            Block(
                language,
                text.count("\n", 0, match.start(4)) + 1,
                code,
                "no-run" not in words.split(),
                named[1] if named else None,
            )
        )
    return found


def python_of(page: Path) -> list[Block]:
    """The Python blocks of a page that run."""
    return [one for one in blocks_of(page) if one.language == "python" and one.runs]


def write_files(page: Path, project: Path) -> list[str]:
    """Write the files of a page into a project's directory; gives their names."""
    texts: dict[str, str] = {}
    for block in python_of(page):
        if block.file is not None:
            texts[block.file] = texts.get(block.file, "") + block.text
    for name, text in texts.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(texts)
