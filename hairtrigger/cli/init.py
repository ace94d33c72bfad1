"""``init``: a project that runs as it is. Files that exist are kept, unless ``--force`` is given."""

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click

from hairtrigger.cli import templates
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.problems import USAGE, CommandError
from hairtrigger.cli.state import State, pass_state

KEYS = ("TRIGGER_SECRET_KEY", "TRIGGER_API_KEY")
FRAMEWORKS = ("fastapi", "django", "flask", "none")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one file: made, changed or kept."""

    file: str
    what: str
    note: str = ""


@make_command("init")
@click.argument("path", default=".", required=False)
@click.option("--framework", type=click.Choice(FRAMEWORKS), help="Show how to trigger from there.")
@click.option("--force", is_flag=True, help="Write over files that exist.")
@pass_state
def command(state: State, path: str, framework: str | None, force: bool) -> None:
    """Set up a project in PATH (here): two example tasks, a configuration and a key.

    What exists is kept. The key in .env is the one that the first `hairtrigger dev` gives its database.
    """
    root = Path(path)
    try:
        written = set_up(root, force=force)
    except OSError as error:
        raise CommandError(
            f"Cannot write {error.filename}", str(error.strerror), exit_code=USAGE
        ) from error
    if state.out.is_json:
        state.out.json(
            {"path": str(root), "files": [{"file": w.file, "what": w.what} for w in written]}
        )
        return
    for one in written:
        if one.what == "kept":
            state.out.hint(f"{state.out.glyph('dot')} {one.file}  kept{one.note}")
        else:
            state.out.done(f"{one.file}{one.note}")
    _say_next(state, root, framework or _detected(root))


def set_up(root: Path, *, force: bool) -> list[Written]:
    """Write the files of a project; gives what became of each.

    Raises:
        OSError: a file cannot be written.
    """
    (root / "trigger").mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", root.resolve().name.lower()).strip("-") or "jobs"
    pyproject = templates.PYPROJECT.format(name=name, version=version("hairtrigger"))
    files = {
        "trigger/example.py": templates.EXAMPLE,
        "trigger/schedule.py": templates.SCHEDULE,
        "trigger_config.py": templates.CONFIG,
    }
    written = [_write(root, name, text, force=force) for name, text in files.items()]
    # never written over: it holds what only its owner knows
    written.append(_write(root, "pyproject.toml", pyproject, force=False))
    written.append(_write_env(root))
    written.append(_write_gitignore(root))
    return written


def _write(root: Path, name: str, text: str, *, force: bool) -> Written:
    path = root / name
    if path.exists() and (not force or path.read_text() == text):
        return Written(name, "kept")
    path.write_text(text)
    return Written(name, "made")


def _write_env(root: Path) -> Written:
    """A ``.env`` with a key; one that has a key already keeps it. Only its owner may read a new one."""
    path = root / ".env"
    before = path.read_text() if path.exists() else ""
    if any(re.search(rf"^\s*(export\s+)?{name}\s*=\s*\S", before, re.MULTILINE) for name in KEYS):
        return Written(".env", "kept", ", with its key")
    from hairtrigger.engine.projects import new_key

    added = templates.ENV.format(key=new_key("dev"))
    if "TRIGGER_API_URL" in before:
        added = "".join(line for line in added.splitlines(True) if "TRIGGER_API_URL" not in line)
    if not before:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR))
    path.write_text(_joined(before, added))
    return Written(".env", "changed" if before else "made", "  with a development key")


def _write_gitignore(root: Path) -> Written:
    path = root / ".gitignore"
    before = path.read_text() if path.exists() else ""
    there = {line.strip().strip("/") for line in before.splitlines()}
    missing = [line for line in templates.GITIGNORE if line.strip("/") not in there]
    if not missing:
        return Written(".gitignore", "kept")
    path.write_text(_joined(before, "\n".join(missing) + "\n"))
    return Written(".gitignore", "changed" if before else "made")


def _joined(before: str, added: str) -> str:
    return before + ("\n" if before and not before.endswith("\n") else "") + added


def _detected(root: Path) -> str:
    """The web framework that the project names, or ``none``."""
    if (root / "manage.py").exists():
        return "django"
    named = ""
    for file in ("pyproject.toml", "requirements.txt"):
        if (root / file).exists():
            named += (root / file).read_text().lower()
    return next((name for name in FRAMEWORKS if re.search(rf"\b{name}\b", named)), "none")


def _say_next(state: State, root: Path, framework: str) -> None:
    say: Callable[[str], None] = state.out.say
    if framework in templates.SNIPPETS:
        say("")
        state.out.hint(f"Trigger from {framework}:")
        for line in templates.SNIPPETS[framework].splitlines():
            say(f"  {line}".rstrip())
    here = "" if root.resolve() == Path.cwd() else f"cd {root} && "
    say("")
    state.out.hint("Next:")
    say(f"  {here}hairtrigger dev")
    say("  hairtrigger trigger send-welcome-email userId=u_1 email=ada@example.com --wait")
