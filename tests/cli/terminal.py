"""``dev`` on a pseudo-terminal."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect

from tests.cli.conftest import program


class Terminal:
    """A ``dev`` on a terminal of 120 columns."""

    def __init__(self, project: Path, *words: str) -> None:
        env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
        self.project, self.began = project, time.monotonic()
        self.child = pexpect.spawn(
            sys.executable, ["-m", "hairtrigger", "dev", *words], cwd=str(project), env=env,
            encoding="utf-8", timeout=15, dimensions=(40, 120),
        )  # fmt: skip

    def until(self, pattern: str) -> str:
        """Wait until the terminal shows it; gives what was shown until then, without colours."""
        self.child.expect(pattern)
        return _plain(f"{self.child.before}{self.child.after}")

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def ht(self, *words: str) -> subprocess.CompletedProcess[str]:
        return program(*words, cwd=self.project)

    def end(self) -> int | None:
        """Wait for its end; gives the exit code."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        code: int | None = self.child.exitstatus
        return code


Start = Callable[..., Terminal]


def _plain(text: str) -> str:
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\]8;[^\x1b]*\x1b\\)", "", text)
