"""A run while it goes on: its log lines as they come, and its end. For ``trigger`` and ``runs``."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from hairtrigger.cli import words
from hairtrigger.cli.output import Output
from hairtrigger.cli.problems import FAILED, STOPPED
from hairtrigger.cli.state import State
from hairtrigger.errors import ResultTimeout
from hairtrigger.sdk.api import segment

HELD_S = 20.0  # as long as the server holds a request
_LEVELS = {"error": "red", "warn": "yellow", "debug": "cyan"}


class Clock:
    """How much of the time that somebody wants to wait is left."""

    def __init__(self, run_id: str, timeout_s: float | None) -> None:
        self.run_id, self.timeout_s = run_id, timeout_s
        self._end = None if timeout_s is None else time.monotonic() + timeout_s

    def left_s(self, most: float = HELD_S) -> float:
        """How long the next request may be held.

        Raises:
            ResultTimeout: when no time is left.
        """
        if self._end is None or self.timeout_s is None:
            return most
        left = self._end - time.monotonic()
        if left <= 0:
            raise ResultTimeout(self.run_id, self.timeout_s)
        return min(left, most)


def retrieve(state: State, run_id: str, held_s: float = 0) -> dict[str, Any]:
    """A run as the API shows it, at its end or after ``held_s``."""
    query = f"?wait={held_s:g}" if held_s else ""
    found = state.get(f"/api/v3/runs/{segment(run_id)}{query}", held_s=held_s)
    assert isinstance(found, dict)
    return found


def until_final(state: State, run_id: str, timeout_s: float | None) -> dict[str, Any]:
    """Wait for a run's end.

    Raises:
        ResultTimeout: it did not come in time.
    """
    clock = Clock(run_id, timeout_s)
    run = retrieve(state, run_id, clock.left_s())
    while not run["isCompleted"]:
        run = retrieve(state, run_id, clock.left_s())
    return run


def events(
    state: State, run_id: str, *, follow: bool, timeout_s: float | None = None
) -> Iterator[dict[str, Any]]:
    """The log lines and spans of a run in order: those there are, or with ``follow`` until its end.

    Raises:
        ResultTimeout: the end did not come in time.
    """
    clock, after = Clock(run_id, timeout_s), "0"
    while True:
        held_s = clock.left_s() if follow else 0.0
        path = f"/api/v1/runs/{segment(run_id)}/events?after={after}&limit=500&wait={held_s:g}"
        page = state.get(path, held_s=held_s)
        yield from page["events"]
        after = page["next"]
        if page["final"] or (not follow and not page["events"]):
            return


def line_of(out: Output, event: dict[str, Any], styled: Callable[..., str]) -> str:
    """A log line for people: time, level, message, attributes."""
    moment = datetime.fromtimestamp(event["at"] / 1000, UTC).astimezone()
    level = str(event["level"])
    text = event["message"]
    if event.get("durationMs") is not None:
        text += f"  {words.duration(event['durationMs'])}"
    shown = styled(text, fg=_LEVELS.get(level)) if level in _LEVELS else text
    extra = attributes(event.get("attributes"))
    stamp = styled(f"{moment:%H:%M:%S}.{event['at'] % 1000:03d}", dim=True)
    word = styled(f"{level:<5}", dim=True)
    return f"{stamp} {word} {shown}" + (f"  {styled(extra, dim=True)}" if extra else "")


def attributes(given: dict[str, Any] | None) -> str:
    """Attributes in one line: ``email=ada@example.com count=3``."""
    import json

    parts = []
    for name, value in (given or {}).items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(f"{name}={text}")
    return " ".join(parts)


def say_end(out: Output, run: dict[str, Any]) -> None:
    """The line that says how a run ended and how long that took."""
    glyph, colour, word = words.status(run["status"])
    sign = out.style(out.glyph(glyph), fg=colour)
    created, started = words.instant(run["createdAt"]), words.instant(run.get("startedAt"))
    finished = words.instant(run.get("finishedAt"))
    parts = [run["id"]]
    if run["status"] != "COMPLETED":
        parts.append(word.lower())
    if created is not None and started is not None:
        parts.append(f"queued {words.duration((started - created).total_seconds() * 1000)}")
        parts.append(f"ran {words.duration(run['durationMs'])}")
    if created is not None and finished is not None:
        parts.append(f"total {words.duration((finished - created).total_seconds() * 1000)}")
    if run.get("attemptCount", 1) > 1:
        parts.append(words.count(run["attemptCount"], "attempt"))
    out.say(f"{sign} {'  '.join(parts)}")
    error = run.get("error")
    if error:
        name = f"{error['name']}: " if error.get("name") else ""
        out.say(f"  {out.style(name + error['message'], fg='red')}")


def exit_code(run: dict[str, Any]) -> int:
    """The exit code for a run that somebody waited for."""
    if run["status"] == "COMPLETED":
        return 0
    return STOPPED if run["status"] in ("CANCELED", "EXPIRED") else FAILED
