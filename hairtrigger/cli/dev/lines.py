"""The words of ``dev``: one event of a worker or server becomes one block of lines."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hairtrigger.cli import following, words
from hairtrigger.cli.output import Output
from hairtrigger.worker.frames import LoadProblem
from hairtrigger.worker.loader import source_context

_FRAME = re.compile(
    r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>\S+)', re.MULTILINE
)
_INDENT = " " * 11
_LEVELS = {"error": "red", "warn": "yellow", "debug": "cyan"}
_CHANGES = (("added", "+", "green"), ("changed", "~", "yellow"), ("removed", "−", "red"))


class Wording:
    """How ``dev`` says things: the width of the column of tasks grows with the longest name seen."""

    def __init__(self, out: Output, root: Path) -> None:
        self._out, self._root = out, root
        self._width = 16

    def _style(self, text: str, **looks: Any) -> str:
        return self._out.style_data(text, **looks)

    def widen(self, tasks: list[str]) -> None:
        """Make room for these names."""
        self._width = min(32, max([self._width, *(len(task) for task in tasks)]))

    def stamp(self, at: float | None = None) -> str:
        """The time of day of an instant in ms, or of now."""
        moment = datetime.now(UTC) if at is None else datetime.fromtimestamp(at / 1000, UTC)
        return self._style(f"{moment.astimezone():%H:%M:%S}", dim=True)

    def sign(self, name: str, colour: str) -> str:
        """A coloured glyph."""
        return self._style(self._out.glyph(name), fg=colour)

    def lead(self, name: str, colour: str, facts: Mapping[str, Any]) -> str:
        """Time, glyph, task and run."""
        task = str(facts["task"])
        run = self._style(str(facts["run"]), dim=True)
        return (
            f"{self.stamp(facts.get('at'))} {self.sign(name, colour)} {task:<{self._width}}  {run}"
        )

    def completed(self, facts: Mapping[str, Any]) -> str:
        """An attempt that did what it should."""
        return f"{self.lead('ok', 'green', facts)}  {_took(facts)}{_attempt(facts)}"

    def canceled(self, facts: Mapping[str, Any]) -> str:
        """An attempt that somebody stopped."""
        return f"{self.lead('minus', 'yellow', facts)}  {_took(facts)}  canceled"

    def handed_back(self, facts: Mapping[str, Any]) -> str:
        """An attempt that this worker gave back, to be run again."""
        return f"{self.lead('reload', 'yellow', facts)}  {_took(facts)}  handed back"

    def failed(self, facts: Mapping[str, Any], *, seen: int = 0) -> list[str]:
        """An attempt that failed: in full, or in one line when it was shown in full a moment ago."""
        head = f"{self.lead('bad', 'red', facts)}  {_took(facts)}{_attempt(facts)}"
        name = str(facts.get("error") or "Error")
        if seen:
            return [f"{head}  {self._style(f'{name} ×{seen + 1}', fg='red')}"]
        message = str(facts.get("message") or "")
        first, *more = (f"{name}: {message}" if message else name).splitlines()
        lines = [head, _INDENT + self._style(first, fg="red")]
        lines += [_INDENT + self._style(line, fg="red") for line in more[:4]]
        lines += self._place(str(facts.get("trace") or ""))
        retry = facts.get("retry_in_ms")
        if retry is not None:
            again = f"reattempting in {words.duration(retry)} (attempt {facts['attempt'] + 1})"
            lines.append(_INDENT + self._style(again, dim=True))
        return lines

    def _place(self, trace: str) -> list[str]:
        """Where in the project an error came from, with the source around it."""
        found = [match for match in _FRAME.finditer(trace) if self._is_ours(match["file"])]
        if not found:
            return []
        last = found[-1]
        file, line = Path(last["file"]), int(last["line"])
        shown = file.relative_to(self._root) if file.is_relative_to(self._root) else file
        where = self._out.link(
            f"{shown}:{line}", file.as_uri() if file.is_absolute() else str(file)
        )
        lines = [f"{_INDENT}{where} in {last['name']}"]
        context = source_context(file, line).splitlines()
        return lines + [f"{_INDENT}{text}" for text in context]

    def _is_ours(self, file: str) -> bool:
        path = Path(file)
        return path.is_relative_to(self._root) and "site-packages" not in path.parts

    def log(self, facts: Mapping[str, Any]) -> str:
        """A line that a task logged or printed."""
        colour = _LEVELS.get(str(facts["level"]))
        text = self._style(str(facts["message"]), fg=colour) if colour else str(facts["message"])
        extra = following.attributes(facts.get("attributes"))
        shown = f"  {self._style(extra, dim=True)}" if extra else ""
        return f"{self.lead('log', 'blue', facts)}  {text}{shown}"

    def fired(self, facts: Mapping[str, Any]) -> str:
        """A schedule that made a run."""
        sign = self.sign("clock", "magenta")
        return f"{self.stamp()} {sign} {facts['task']:<{self._width}}  started by its schedule"

    def note(self, glyph: str, colour: str, text: str) -> str:
        """Anything else, in one line."""
        return f"{self.stamp()} {self.sign(glyph, colour)} {text}"

    def reloaded(
        self, version: str, took_ms: int, tasks: int, changes: Mapping[str, list[str]]
    ) -> str:
        """New code is in use; what is different about its tasks."""
        parts = [f"{version} ready in {words.duration(took_ms)}", words.count(tasks, "task")]
        for kind, mark, colour in _CHANGES:
            parts += [self._style(f"{mark}{task}", fg=colour) for task in changes.get(kind, [])[:5]]
        if not any(changes.get(kind) for kind, _, _ in _CHANGES):
            parts.append("same tasks")
        return self.note("ok", "green", " · ".join(parts))

    def broken(self, problems: list[LoadProblem], stays: str) -> list[str]:
        """Code that cannot be loaded, and what goes on in the meantime."""
        lines = []
        for problem in problems[:5]:
            what = self._style(f"Could not load {problem.file or 'the project'}", fg="red")
            lines += [self.note("bad", "red", f"{what} · {stays}"), ""]
            lines.append(_INDENT + self._style(problem.error, fg="red"))
            if problem.line:
                lines.append(f"{_INDENT}{problem.file}:{problem.line}")
            lines += [f"{_INDENT}{text}" for text in problem.context.splitlines()]
            lines.append("")
        return lines


def _took(facts: Mapping[str, Any]) -> str:
    return f"{words.duration(facts.get('duration_ms') or 0):>7}"


def _attempt(facts: Mapping[str, Any]) -> str:
    return f"  attempt {facts['attempt']}" if facts.get("attempt", 1) > 1 else ""
