"""What ``dev`` shows: permanent lines of what has ended, and below them, on a terminal, what is running.

Hears telemetry events and keeps the lines readable at any rate. The JSON form says every event on one line.
"""

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hairtrigger.cli import words
from hairtrigger.cli.dev.lines import Wording
from hairtrigger.cli.output import Output

if TYPE_CHECKING:
    from rich.live import Live

MAX_RUNNING = 8  # shown at once
COMPLETED_A_SECOND, LOGS_A_SECOND = 20, 200
FULL_ERROR_S = 60.0  # how long an error is not shown in full again
LEVELS = {
    "off": (),
    "info": ("log", "info", "warn", "error"),
    "debug": ("log", "debug", "info", "warn", "error"),
}
_KEYS = "o open  l logs  r reload  q quit"
_JSON = {
    "attempt.started": "run.started",
    "attempt.completed": "run.completed",
    "attempt.failed": "run.failed",
    "attempt.crashed": "run.failed",
    "attempt.canceled": "run.canceled",
    "attempt.handed_back": "run.handed_back",
    "log.written": "run.log",
    "schedule.fired": "schedule.fired",
    "worker.disconnected": "disconnected",
    "worker.reconnected": "reconnected",
}


class Cap:
    """At most so many of something in a second; counts the rest."""

    def __init__(self, most: int) -> None:
        self._most, self._second, self._count = most, 0, 0
        self.hidden = 0

    def allows(self, now: float) -> bool:
        """Whether one more may be shown in this second."""
        if int(now) != self._second:
            self._second, self._count = int(now), 0
        self._count += 1
        if self._count > self._most:
            self.hidden += 1
            return False
        return True

    def due(self, now: float) -> int:
        """How many were hidden in the seconds before this one; asked once, then forgotten."""
        if not self.hidden or int(now) == self._second:
            return 0
        hidden, self.hidden = self.hidden, 0
        return hidden


class Screen:
    """One ``dev`` on a terminal or in a pipe. ``hear`` takes its events, on the loop's thread."""

    def __init__(
        self, out: Output, wording: Wording, *, logs: str, task: str | None, plain: bool
    ) -> None:
        self.out, self.wording = out, wording
        self.completed = self.failed = self.other = 0
        self.logs, self._task = logs, task
        self.paused = False
        self._running: dict[str, tuple[str, float]] = {}
        self._done_cap, self._log_cap = Cap(COMPLETED_A_SECOND), Cap(LOGS_A_SECOND)
        self._errors: dict[tuple[str, str, str], tuple[float, int]] = {}
        self._live: Live | None = None
        self._dirty = False
        self._wants_live = (
            not plain and not out.is_json and not out.in_ci and out.is_terminal(sys.stdout)
        )
        self._heard: dict[str, Callable[[dict[str, Any]], None]] = {
            "attempt.started": self._started,
            "attempt.completed": self._completed,
            "attempt.failed": self._failed,
            "attempt.crashed": self._failed,
            "attempt.canceled": self._canceled,
            "attempt.handed_back": self._handed_back,
            "log.written": self._logged,
            "schedule.fired": lambda facts: self.line(self.wording.fired(facts)),
            "schedule.broken": lambda f: self.note(
                "bad", "red", f"The schedule of {f['task']} cannot fire"
            ),
            "child.died": self._died,
            "worker.disconnected": lambda f: self.note(
                "bad", "yellow", f"Lost {f['url']}: {f['reason']}"
            ),
            "worker.reconnected": lambda f: self.note("ok", "green", f"Back at {f['url']}"),
            "tick.failed": lambda f: self.note("bad", "red", f"The server failed: {f['error']}"),
        }

    # life

    def open(self) -> None:
        """Begin to draw what is running, where somebody can see it."""
        if self._wants_live:
            from rich.live import Live

            console = self.out.console(sys.stdout)
            self._live = Live(
                console=console, auto_refresh=False, transient=True, redirect_stdout=False,
                redirect_stderr=False, get_renderable=self._region,
            )  # fmt: skip
            self._live.start(refresh=True)

    def close(self) -> None:
        """Remove what is drawn; the permanent lines stay."""
        self.tick(last=True)
        if self._live is not None:
            self._live.stop()
            self._live = None

    def tick(self, *, last: bool = False) -> None:
        """Called eight times a second: say what was hidden, draw again what has changed."""
        now = time.monotonic() + (1 if last else 0)
        if hidden := self._done_cap.due(now):
            self.line(self.wording.note("more", "blue", f"{hidden:,} more completed"))
        if hidden := self._log_cap.due(now):
            self.line(self.wording.note("more", "blue", f"{hidden:,} more log lines"))
        if self._live is not None and (self._running or self._dirty):
            self._dirty = False
            self._live.refresh()

    # what is said

    def line(self, text: str) -> None:
        """A permanent line."""
        if self.out.is_json:
            return
        if self._live is None:
            self.out.data(text)
            return
        from rich.text import Text

        self._live.console.print(Text.from_ansi(text))

    def note(self, glyph: str, colour: str, text: str) -> None:
        """A permanent line about what happens around the runs."""
        self.line(self.wording.note(glyph, colour, text))

    def event(self, name: str, **facts: Any) -> None:
        """An event of ``dev`` itself, for ``--json``."""
        if self.out.is_json:
            self.out.ndjson({"event": name, "at": int(time.time() * 1000), **facts})

    def hear(self, name: str, facts: dict[str, Any]) -> None:
        """A telemetry event."""
        if self._task is not None and facts.get("task", self._task) != self._task:
            return
        if self.out.is_json and name in _JSON:
            self.event(_JSON[name], **{key: value for key, value in facts.items() if key != "at"})
        told = self._heard.get(name)
        if told is not None:
            told(facts)
            self._dirty = True

    def toggle_logs(self) -> None:
        """Show log lines, or stop showing them."""
        self.logs = "off" if self.logs != "off" else "info"
        self.note("log", "blue", f"Log lines are {'off' if self.logs == 'off' else 'on'}")

    @property
    def running(self) -> int:
        """How many runs are under way."""
        return len(self._running)

    # events

    def _started(self, facts: dict[str, Any]) -> None:
        self._running[facts["run"]] = (facts["task"], time.monotonic())

    def _completed(self, facts: dict[str, Any]) -> None:
        self._running.pop(facts["run"], None)
        self.completed += 1
        if self._done_cap.allows(time.monotonic()):
            self.line(self.wording.completed(facts))

    def _canceled(self, facts: dict[str, Any]) -> None:
        self._running.pop(facts["run"], None)
        self.other += 1
        self.line(self.wording.canceled(facts))

    def _handed_back(self, facts: dict[str, Any]) -> None:
        self._running.pop(facts["run"], None)
        self.line(self.wording.handed_back(facts))

    def _failed(self, facts: dict[str, Any]) -> None:
        self._running.pop(facts["run"], None)
        self.failed += facts.get("retry_in_ms") is None
        key = (str(facts["task"]), str(facts.get("error")), str(facts.get("message"))[:200])
        now = time.monotonic()
        shown_at, count = self._errors.get(key, (now - FULL_ERROR_S, 0))
        if now - shown_at < FULL_ERROR_S:
            self._errors[key] = (shown_at, count + 1)
            if self._done_cap.allows(now):
                for text in self.wording.failed(facts, seen=count):
                    self.line(text)
            return
        if len(self._errors) > 500:
            self._errors.clear()
        self._errors[key] = (now, 1)
        for text in self.wording.failed(facts):
            self.line(text)

    def _logged(self, facts: dict[str, Any]) -> None:
        if facts["level"] in LEVELS[self.logs] and self._log_cap.allows(time.monotonic()):
            self.line(self.wording.log(facts))

    def _died(self, facts: dict[str, Any]) -> None:
        held = words.count(facts["held"], "run")
        self.note(
            "bad", "red", f"A worker process died (exit code {facts['exit_code']}) with {held}"
        )

    # the live region

    def _region(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        now, width = time.monotonic(), self.out.width(sys.stdout) or 80
        shown = list(self._running.items())[:MAX_RUNNING]
        lines = []
        for run, (task, since) in shown:
            facts = {"task": task, "run": run}
            took = words.duration((now - since) * 1000)
            lines.append(Text.from_ansi(f"{self.wording.lead('run', 'blue', facts)}  {took:>7}"))
        if len(self._running) > MAX_RUNNING:
            lines.append(
                Text(f"{'':9}{self.out.glyph('more')} {len(self._running) - MAX_RUNNING} more")
            )
        lines.append(Text(self.out.glyph("rule") * width, style="dim"))
        counts = f" {self.running} running  {self.completed} completed  {self.failed} failed"
        pause = "p resume" if self.paused else "p pause"
        lines.append(
            Text(f"{counts}      {_KEYS}  {pause}", style="dim", no_wrap=True, overflow="crop")
        )
        return Group(*lines)
