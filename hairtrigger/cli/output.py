"""All printing of the commands: data on stdout, talk on stderr, plain in a pipe and coloured on a terminal.

No other file prints. ``rich`` is imported by what draws (progress, the live region of ``dev``), never here.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from hairtrigger.cli import tables
from hairtrigger.cli.problems import USAGE, CommandError, Problem

if TYPE_CHECKING:
    from rich.console import Console

    from hairtrigger.cli.progress import Progress

_GLYPHS = {
    "ok": ("✓", "v"), "bad": ("✕", "x"), "log": ("│", "|"), "clock": ("◷", "o"), "run": ("◔", "*"),
    "reload": ("↻", "~"), "warn": ("!", "!"), "dot": ("·", "-"), "more": ("…", "..."), "rule": ("─", "-"),
    "here": ("›", ">"), "arrow": ("→", "->"), "times": ("×", "x"), "minus": ("−", "-"),
}  # fmt: skip
_PLAIN = str.maketrans(dict(_GLYPHS.values()))


class Output:
    """How this call of the program speaks.

    ``json`` and ``quiet`` are the user's wish; colour, width and glyphs follow from where the text goes.
    """

    def __init__(
        self,
        *,
        json: bool = False,
        quiet: bool = False,
        no_color: bool = False,
        debug: bool = False,
    ) -> None:
        self.is_json, self.is_quiet, self.no_color, self.debug = json, quiet, no_color, debug
        self.in_ci = _is_set("CI")

    # stdout: data

    def data(self, text: str) -> None:
        """A line of what was asked for."""
        self._write(sys.stdout, text)

    def json(self, value: Any) -> None:
        """One object or list, readable."""
        self._write(sys.stdout, json.dumps(value, indent=2, ensure_ascii=False))

    def ndjson(self, value: Any) -> None:
        """One object of a stream, on one line, at once."""
        self._write(sys.stdout, json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def table(self, columns: Sequence[tables.Column], rows: Sequence[Sequence[str]]) -> None:
        """A table, cut to the width of the terminal: the least important columns go first."""
        head, *lines = tables.laid_out(columns, rows, self.width(sys.stdout))
        self.data(self.style(head, dim=True, stream=sys.stdout))
        for line in lines:
            self.data(line)

    # stderr: talk

    def say(self, text: str = "") -> None:
        """A line about what happens, unless it should be quiet."""
        if not self.is_quiet:
            self._write(sys.stderr, text)

    def done(self, text: str) -> None:
        """Something is done, in the past tense."""
        self.say(f"{self.style(self.glyph('ok'), fg='green')} {text}")

    def warn(self, text: str) -> None:
        """Something to know, also when quiet."""
        self._write(sys.stderr, f"{self.style(self.glyph('warn'), fg='yellow')} {text}")

    def hint(self, text: str) -> None:
        """A dimmed line of help."""
        self.say(self.style(text, dim=True))

    def problem(self, problem: Problem) -> None:
        """An error: what happened, why, and what to do."""
        if self.is_json:
            told = {"code": problem.code, "message": _message(problem), "hint": problem.hint}
            told["request_id"] = problem.request_id
            self._write(sys.stderr, json.dumps({"error": told}, ensure_ascii=False))
            return
        self._write(sys.stderr, self.style(f"{self.glyph('bad')} {problem.what}", fg="red"))
        for line in problem.why[:4]:
            self._write(sys.stderr, f"  {line}")
        for label, fix in problem.fixes:
            lead = f"{label}: ".ljust(13) if label else ""
            self._write(sys.stderr, f"  {self.style(lead, dim=True)}{fix}")
        if _is_set("GITHUB_ACTIONS"):  # shown at the top of the workflow's page
            self._write(sys.stderr, f"::error title=hairtrigger::{_message(problem)}")
        if self.debug and problem.request_id:
            self._write(sys.stderr, self.style(f"  request {problem.request_id}", dim=True))

    def raw(self, text: str) -> None:
        """Text as it is on stderr: tracebacks under ``--debug``."""
        self._write(sys.stderr, text.rstrip("\n"))

    @contextmanager
    def progress(self, label: str, total: int, *, unit: str = "") -> Iterator["Progress"]:
        """A bar on a terminal, with a rate when there is a unit; in a pipe nothing until the command says
        what it has done."""
        from hairtrigger.cli.progress import Progress

        drawn = (
            not self.is_quiet
            and not self.is_json
            and not self.in_ci
            and self.is_terminal(sys.stderr)
        )
        with Progress(label, total, self.console() if drawn else None, unit=unit) as shown:
            yield shown

    def console(self, stream: IO[str] | None = None) -> "Console":
        """Where rich draws (stderr when left out), under our rules of colour."""
        from rich.console import Console

        drawn_on: IO[str] = sys.stderr if stream is None else stream
        return Console(
            file=drawn_on, no_color=not self.colours(drawn_on), force_terminal=True, highlight=False,
            emoji=False, markup=False, soft_wrap=True, legacy_windows=False,
        )  # fmt: skip

    # questions

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on only when the user agrees.

        Raises:
            CommandError: when nobody can be asked and ``--yes`` was not given.
            click.Abort: when the answer is no.
        """
        if yes:
            return
        if self.in_ci or self.is_json or not sys.stdin.isatty():
            raise CommandError(
                "This needs a yes", question, fixes=(("Agree", "add --yes"),), exit_code=USAGE
            )
        click.confirm(question, abort=True, err=True)

    # looks

    def style(
        self,
        text: str,
        *,
        fg: str | None = None,
        bold: bool = False,
        dim: bool = False,
        stream: IO[str] | None = None,
    ) -> str:
        """The text in a colour of the terminal's palette, where colours are wanted."""
        if not self.colours(stream or sys.stderr):
            return text
        return click.style(text, fg=fg, bold=bold or None, dim=dim or None)

    def style_data(self, text: str, **looks: Any) -> str:
        """The same for text on stdout."""
        return self.style(text, stream=sys.stdout, **looks)

    def link(self, text: str, url: str) -> str:
        """The text as a link, where the terminal can show one."""
        if not self.colours(sys.stderr) or not self.is_terminal(sys.stderr):
            return text
        return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"

    def glyph(self, name: str) -> str:
        """A sign, or its stand-in where the encoding has no such sign."""
        return _GLYPHS[name][0]

    def colours(self, stream: IO[str]) -> bool:
        """Whether that stream takes colours. Source: no-color.org, force-color.org."""
        if self.no_color or _is_set("NO_COLOR"):
            return False
        if _is_set("FORCE_COLOR"):
            return True
        return os.environ.get("TERM") != "dumb" and self.is_terminal(stream)

    def is_terminal(self, stream: IO[str] | None = None) -> bool:
        """Whether a person sees that stream (stderr when left out)."""
        seen: IO[str] = sys.stderr if stream is None else stream
        return not seen.closed and seen.isatty()

    def width(self, stream: IO[str]) -> int | None:
        """Columns of the terminal behind a stream; None in a pipe, where nothing is cut."""
        columns = os.environ.get("COLUMNS", "")
        if columns.isdigit() and int(columns) > 0:
            return int(columns)
        if not self.is_terminal(stream):
            return None
        try:
            return os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            return 80

    def _write(self, stream: IO[str], text: str) -> None:
        click.echo(_fitting(stream, text), file=stream, color=True)
        stream.flush()


def _fitting(stream: IO[str], text: str) -> str:
    """The text in signs that the stream's encoding has."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_PLAIN)
        return plain.encode(encoding, "replace").decode(encoding)
    return text


def _is_set(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0", "false")


def _message(problem: Problem) -> str:
    return ". ".join((problem.what, *problem.why))
