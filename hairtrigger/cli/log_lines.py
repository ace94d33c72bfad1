"""What a server and a worker say while they run: one line for each change, as text or as JSON."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from hairtrigger.cli import following, words
from hairtrigger.cli.output import Output
from hairtrigger.telemetry.events import NAMES
from hairtrigger.wire import durations

FORMATS = ("text", "json")
# Said in JSON only: one line for each run is for programs.
_FREQUENT = frozenset({"runs.triggered", "run.completed", "run.failed", "run.retried", "run.canceled",
                       "attempt.started", "attempt.completed", "attempt.canceled"})  # fmt: skip
_RED = frozenset({"tick.failed", "request.failed", "schedule.broken", "child.died", "project.broken", "version.broken",
                  "attempt.failed", "attempt.crashed"})  # fmt: skip
_YELLOW = frozenset({"lease.lost", "worker.disconnected", "clock.jumped", "report.refused", "log.dropped",
                     "worker.draining", "attempt.handed_back", "sign_in.refused", "telemetry.away",
                     "telemetry.dropped", "telemetry.missing", "keys.unreadable"})  # fmt: skip
_SILENT = frozenset({"runs.promoted", "child.started", "server.started"})
_LEVELS = {"error": "red", "warn": "yellow", "debug": "cyan"}

Subscriber = Callable[[str, dict[str, Any]], None]


def writer(out: Output, form: str) -> Subscriber:
    """A subscriber that writes events to stdout in that form."""

    def write_text(name: str, facts: dict[str, Any]) -> None:
        out.data(text(out, name, facts))

    def write_json(name: str, facts: dict[str, Any]) -> None:
        out.data(as_json(name, facts))

    return write_json if form == "json" else write_text


def wanted(form: str) -> frozenset[str]:
    """The events that are said in that form; not to listen to the others is what makes them free."""
    return NAMES if form == "json" else NAMES - _SILENT - _FREQUENT


def as_json(name: str, facts: Mapping[str, Any]) -> str:
    """An event as one object; ``time`` is when it happened, in ISO 8601."""
    at = facts.get("at") if name == "log.written" else None
    told = {"time": durations.iso(at if at is not None else int(time.time() * 1000)), "event": name}
    rest = {key: value for key, value in facts.items() if key not in ("at", "traceback")}
    return json.dumps({**told, **rest}, ensure_ascii=False, default=_shown)


def text(out: Output, name: str, facts: Mapping[str, Any]) -> str:
    """An event in words."""
    style = out.style_data
    stamp = style(f"{datetime.now(UTC).astimezone():%H:%M:%S}", dim=True)
    if name == "log.written":
        level = str(facts["level"])
        extra = following.attributes(facts.get("attributes"))
        message = style(str(facts["message"]), fg=_LEVELS.get(level))
        return f"{stamp} {level:<5} {facts['task']} {style(facts['run'], dim=True)} {message}" + (
            f"  {style(extra, dim=True)}" if extra else ""
        )
    colour = "red" if name in _RED else "yellow" if name in _YELLOW else None
    said = f"{stamp} {style(_words(name, facts), fg=colour)}"
    if name == "request.failed":  # a defect of ours: whoever reports it needs to see where
        said += f"\n{style(str(facts['trace']).rstrip(), dim=True)}"
    return said


def _words(name: str, facts: Mapping[str, Any]) -> str:
    said = _SENTENCES.get(name)
    if said is not None:
        return said(facts)
    rest = " ".join(f"{key}={_short(value)}" for key, value in facts.items() if key != "trace")
    return f"{name.replace('.', ' ')}  {rest}".rstrip()


def _short(value: Any) -> str:
    return str(_shown(value) if not isinstance(value, (str, int, float)) else value)[:200]


def _shown(value: Any) -> Any:
    """A fact that JSON has no form for."""
    if hasattr(value, "__struct_fields__"):
        return {
            name: getattr(value, name) for name in value.__struct_fields__ if name != "traceback"
        }
    return str(value)


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "worker.started": lambda f: (
        f"Worker of {f['environment']} started on {f['version']}: {words.count(len(f['tasks']), 'task')}, "
        f"{words.count(f['slots'], 'slot')}, {words.count(f['processes'], 'process', 'processes')}"
    ),
    "worker.registered": lambda f: f"Worker {f['host']} joined {f['env']} on {f['version']}",
    "worker.left": lambda f: (
        f"Worker {f['worker']} left, with {words.count(f['held'], 'run')} to hand on"
    ),
    "worker.draining": lambda f: f"Draining: {words.count(f['running'], 'run')} to finish",
    "worker.stopped": lambda f: "Worker stopped",
    "worker.disconnected": lambda f: f"Lost the server at {f['url']} ({f['reason']}): trying again",
    "worker.reconnected": lambda f: f"Back at {f['url']}",
    "version.served": lambda f: f"Starting a worker of {f['version']}",
    "version.retired": lambda f: f"Nothing needs {f['version']} any more: its worker finishes",
    "version.broken": lambda f: f"{f['version']} cannot be run, and is tried again: {f['error']}",
    "server.stopping": lambda f: "Server stops: requests under way finish",
    "server.stopped": lambda f: "Server stopped",
    "telemetry.missing": lambda f: f"{f['to']} is asked for but not installed: {f['install']}",
    "telemetry.away": lambda f: f"{f['to']} cannot take events now ({f['reason']}): they wait",
    "telemetry.dropped": lambda f: (
        f"{words.count(f['count'], 'event')} for {f['to']} dropped: {f['reason']}"
    ),
    "schedule.fired": lambda f: f"Schedule of {f['task']} fired",
    "attempt.failed": lambda f: (
        f"{f['task']} {f['run']} failed in attempt {f['attempt']}: {f.get('error')}: {f.get('message')}"
    ),
    "attempt.crashed": lambda f: f"{f['task']} {f['run']} crashed: {f.get('message')}",
}
