"""``doctor``: everything that must be right before a task runs, each with its fix when it is not."""

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any

from hairtrigger.cli import words
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.indexing import index
from hairtrigger.cli.problems import FAILED, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.errors import ConnectionFailed, HairtriggerError, MissingKey
from hairtrigger.sdk.api import Answer, ApiCall

_SKEW_S = 5.0
_VARIABLES = (
    "TRIGGER_SECRET_KEY", "TRIGGER_API_KEY", "TRIGGER_ACCESS_TOKEN", "TRIGGER_API_URL",
    "TRIGGER_PREVIEW_BRANCH", "TRIGGER_LOG_LEVEL", "HAIRTRIGGER_DATABASE", "HAIRTRIGGER_PORT",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report; ``fix`` says what to do about one that is not ``ok``."""

    name: str
    ok: bool
    text: str
    fix: str = ""


@make_command("doctor")
@pass_state
def command(state: State) -> int:
    """Check configuration, key, server, clock, versions, database and task code."""
    checks = []
    for check in _checks(state):
        checks.append(check)
        if not state.out.is_json:
            _say(state, check)
    if state.out.is_json:
        state.out.json(
            {"data": [{"name": c.name, "ok": c.ok, "text": c.text, "fix": c.fix} for c in checks]}
        )
    elif state.verbose:
        _say_variables(state)
    return 0 if all(check.ok for check in checks) else FAILED


def _say(state: State, check: Check) -> None:
    name, colour = ("ok", "green") if check.ok else ("bad", "red")
    state.out.data(f"{state.out.style_data(state.out.glyph(name), fg=colour)} {check.text}")
    for line in check.fix.splitlines():
        state.out.data(f"  {line}")


def _checks(state: State) -> Iterator[Check]:
    yield Check(
        "python", True, f"Python {platform.python_version()}, hairtrigger {version('hairtrigger')}"
    )
    found = index(state.root)
    yield _config(state, found)
    yield from _code(found)
    yield from _key_and_server(state, found)
    yield _database(state)


def _config(state: State, found: dict[str, Any]) -> Check:
    if found["config"] is None:
        return Check(
            "config", False, f"Config: no trigger_config.py in {state.root} or above",
            "Make one:  hairtrigger init",
        )  # fmt: skip
    project = f" (project {found['project']})" if found["project"] else ""
    return Check("config", True, f"Config {os.path.relpath(found['config'])}{project}")


def _code(found: dict[str, Any]) -> Iterator[Check]:
    for problem in found["problems"]:
        where = f"{problem['file']}:{problem['line']}" if problem["line"] else problem["file"]
        yield Check("tasks", False, f"Tasks  {where}".rstrip(), problem["error"])
    if found["tasks"]:
        yield Check(
            "tasks", True, f"Tasks  {len(found['tasks'])} found: {', '.join(found['tasks'][:8])}"
        )


def _key_and_server(state: State, found: dict[str, Any]) -> Iterator[Check]:
    try:
        here = state.settings
    except (MissingKey, CommandError) as error:
        what = error.problem.what if isinstance(error, CommandError) else "none found"
        yield Check(
            "key", False, f"API key  {what}",
            "Make one with  hairtrigger init  or set TRIGGER_SECRET_KEY in the environment or .env.",
        )  # fmt: skip
        return
    yield Check("key", True, f"API key {words.secret(here.key)}, {state.origin.key}")
    begun = time.perf_counter()
    try:
        answer: Answer = state.ask(ApiCall("doctor", "GET /healthcheck", returns=lambda a: a))
    except HairtriggerError as error:
        yield Check(
            "server",
            False,
            f"Server {here.url}: {error}",
            "Start it:  hairtrigger dev  or  hairtrigger server",
        )
        return
    ms = (time.perf_counter() - begun) * 1000
    yield from _server(here.url, answer, ms)
    yield from _environment(state, found)


def _server(url: str, answer: Answer, ms: float) -> Iterator[Check]:
    import msgspec

    try:
        theirs = str(msgspec.json.decode(answer.body)["version"])
    except (ValueError, KeyError, TypeError):
        yield Check(
            "server", False, f"Server {url} is no Hairtrigger server", "Set TRIGGER_API_URL."
        )
        return
    yield Check("server", True, f"Server {url} {theirs}, {ms:.0f} ms")
    ours = version("hairtrigger")
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        fix = "Install the same version on both sides."
        yield Check("versions", False, f"Versions: the server has {theirs}, this is {ours}", fix)
    date = answer.headers.get("date")
    if date:
        # the header has whole seconds: half a second is the best guess
        skew = parsedate_to_datetime(date).timestamp() + 0.5 - time.time()
        fine = abs(skew) < _SKEW_S
        fix = "" if fine else "Set the clock of this machine, or of the server."
        yield Check(
            "clock", fine, f"Clock  {'agrees' if fine else f'off by {words.span(abs(skew))}'}", fix
        )


def _environment(state: State, found: dict[str, Any]) -> Iterator[Check]:
    try:
        who = state.get("/api/v1/whoami")
        workers = state.get("/api/hairtrigger/v1/workers")["data"]
    except HairtriggerError as error:
        yield Check("access", False, f"Access: {error}", f"The key comes from {state.origin.key}.")
        return
    where = f"{who['projectName']} ({who['project']}), environment {who['environment']['slug']}"
    if found["project"] not in ("", who["project"]):
        fix = f"The configuration says {found['project']}: change it, or use that project's key."
        yield Check("access", False, f"Access  the key opens {where}", fix)
    else:
        yield Check("access", True, f"Access to {where}")
    slots = sum(worker["slots"] for worker in workers)
    fix = "" if workers else "Start one:  hairtrigger dev  or  hairtrigger worker"
    counted = f"{words.count(len(workers), 'worker')} with {words.count(slots, 'slot')}"
    yield Check("workers", bool(workers), counted if workers else "No worker is connected", fix)


def _database(state: State) -> Check:
    file = state.root / ".hairtrigger" / "dev.db"
    if not file.exists():
        return Check("database", True, "Database  made by the first  hairtrigger dev")
    writable = os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    path = os.path.relpath(file)
    size = words.size(file.stat().st_size)
    shown = f"Database {path}, {size}; prove it with  hairtrigger verify --database {path}"
    fix = "" if writable else "It cannot be written by this user."
    return Check("database", writable, shown, fix)


def _say_variables(state: State) -> None:
    state.out.data("")
    state.out.data(f"project directory  {state.root}")
    for name in _VARIABLES:
        value = os.environ.get(name)
        if value:
            shown = words.secret(value) if "KEY" in name or "TOKEN" in name else value
            state.out.data(f"{name}={shown}  from {state.source(name)}")


def _short(error: HairtriggerError) -> str:
    """An error's own words for what happened, without its advice."""
    return error.reason if isinstance(error, ConnectionFailed) else str(error)
