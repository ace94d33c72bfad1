"""Finds and imports a project's tasks, and writes the manifest.

Modules are imported under the name by which the project's own code imports them, so that both see the same
task objects. A file that cannot be imported is a problem of its own and takes no other file with it.
"""

import fnmatch
import hashlib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from hairtrigger.errors import ConfigError, HairtriggerError
from hairtrigger.sdk import registry
from hairtrigger.sdk.config import Config, find_config, load_config
from hairtrigger.sdk.task import Task
from hairtrigger.wire.worker import RetryPolicy, TaskManifest
from hairtrigger.worker.frames import LoadProblem

DEFAULT_DIRS = ("trigger", "tasks")
_NOT_TASKS = ("test_*.py", "*_test.py", "conftest.py")
_NOT_OURS = {"site-packages", "dist-packages", "node_modules", "__pycache__"}
_CONTEXT_LINES = 2


@dataclass(frozen=True, slots=True)
class Project:
    """A project's code as loaded. Tasks of files with problems are missing."""

    config: Config
    tasks: dict[str, Task[Any, Any]]
    manifests: list[TaskManifest]
    policies: dict[str, RetryPolicy]
    problems: list[LoadProblem]
    content_hash: str
    log_level: str = "info"

    def manifest(self) -> list[TaskManifest]:
        """What a server is told of the tasks."""
        return self.manifests


def load(directory: Path) -> Project:
    """Import the tasks of the project in a directory. Never raises for what is in the project's files."""
    root = directory.resolve()
    registry.clear()
    problems: list[LoadProblem] = []
    config, log_level = _config(root, problems)
    files = [] if problems else list(task_files(root, config))
    if not files and not problems:
        problems.append(_nothing_found(root, config))
    for file in files:
        problem = _import(file, root)
        if problem is not None:
            problems.append(problem)
    tasks = dict(registry.TASKS)
    manifests = [m for task in tasks.values() if (m := _manifest(task, config, root, problems))]
    return Project(
        config=config,
        tasks=tasks,
        manifests=manifests,
        policies={manifest.id: manifest.retry for manifest in manifests},
        problems=problems,
        content_hash=_hash(files, root),
        log_level=log_level,
    )


def task_files(root: Path, config: Config) -> Iterator[Path]:
    """The files that may hold tasks, in a stable order."""
    ignored = (*_NOT_TASKS, *config.ignore_patterns)
    for directory in task_dirs(root, config):
        for path in sorted(directory.rglob("*.py")):
            inside = path.relative_to(directory)
            hidden = any(part.startswith(".") or part in _NOT_OURS for part in inside.parts)
            if not hidden and not _matches(path, root, ignored):
                yield path


def task_dirs(root: Path, config: Config) -> list[Path]:
    """The directories that are searched: those of the configuration, else ``trigger``, else ``tasks``."""
    if config.dirs:
        return [path for name in config.dirs if (path := (root / name).resolve()).is_dir()]
    return next(([root / name] for name in DEFAULT_DIRS if (root / name).is_dir()), [])


def _matches(path: Path, root: Path, patterns: tuple[str, ...]) -> bool:
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return any(
        fnmatch.fnmatch(path.name, p) or fnmatch.fnmatch(shown, p.removeprefix("./"))
        for p in patterns
    )


def _config(root: Path, problems: list[LoadProblem]) -> tuple[Config, str]:
    log_level = "info"
    try:
        config = load_config(find_config(root))
        log_level = config.level()
    except ConfigError as error:
        cause = error.__cause__ or error
        problems.append(_problem(cause, root / "trigger_config.py", root, str(error)))
        config = load_config(None)
    config.root = root
    return config, log_level


def _nothing_found(root: Path, config: Config) -> LoadProblem:
    names = config.dirs or DEFAULT_DIRS
    looked = ", ".join(f"{name}/" for name in names)
    return LoadProblem(str(root), 0, f"No task files. Looked for Python files in: {looked}.")


# Importing


def module_name(file: Path, root: Path) -> tuple[Path, str]:
    """Where a file is imported from (an entry of ``sys.path``) and under which name."""
    base = _base(file, root)
    parts = list(file.relative_to(base).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return base, ".".join(part.replace(".", "_") for part in parts)


def _base(file: Path, root: Path) -> Path:
    package = next((d for d in file.parents if _is_package(d) or d == root), root)
    if _is_package(package):
        while _is_package(package.parent):
            package = package.parent
        return package.parent
    if not file.is_relative_to(root):
        return file.parent
    # a src layout that is installed has its own entry: the application imports from there
    entries = (Path(entry).resolve() for entry in sys.path if entry)
    inside = [e for e in entries if e.is_relative_to(root) and file.is_relative_to(e)]
    return max(inside, key=lambda entry: len(entry.parts), default=root)


def _is_package(directory: Path) -> bool:
    return (directory / "__init__.py").is_file()


def _import(file: Path, root: Path) -> LoadProblem | None:
    base, name = module_name(file, root)
    if str(base) not in sys.path:
        sys.path.insert(0, str(base))
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a user's file may raise anything)
        return _problem(error, file, root)
    return _taken(module, name, file, root)


def _taken(module: ModuleType, name: str, file: Path, root: Path) -> LoadProblem | None:
    actual = getattr(module, "__file__", None)
    if actual is not None and Path(actual).resolve() == file.resolve():
        return None
    message = (
        f"The module name {name!r} is taken by {actual or 'a built-in module'}. Rename the file."
    )
    return LoadProblem(_shown(file, root), 1, message)


def _manifest(
    task: Task[Any, Any], config: Config, root: Path, problems: list[LoadProblem]
) -> TaskManifest | None:
    definition = task.definition
    try:
        return definition.manifest(config)
    except HairtriggerError as error:
        file = Path(definition.file)
        problems.append(_at(file, definition.line, str(error), root))
        return None


# Problems


def _problem(error: BaseException, file: Path, root: Path, text: str | None = None) -> LoadProblem:
    """The problem of an exception, at the last line of the project that it came through."""
    text = text or "".join(traceback.format_exception_only(error)).strip().rpartition("\n")[2]
    where, line = file, 1
    if isinstance(error, SyntaxError) and error.filename:
        where, line = Path(error.filename), error.lineno or 1
    else:
        for frame, number in traceback.walk_tb(error.__traceback__):
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(root) and not _NOT_OURS & set(path.parts):
                where, line = path, number
    problem = _at(where, line, text, root)
    return LoadProblem(problem.file, line, text, problem.context, _trace(error))


def _at(file: Path, line: int, text: str, root: Path) -> LoadProblem:
    return LoadProblem(_shown(file, root), line, text, source_context(file, line))


def source_context(file: Path, line: int) -> str:
    """The lines around a line, numbered, itself marked; empty when the file cannot be read."""
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    first = max(1, line - _CONTEXT_LINES)
    shown = lines[first - 1 : line + _CONTEXT_LINES]
    width = len(str(first + len(shown)))
    return "\n".join(
        f"{'›' if number == line else ' '} {number:>{width}} │ {text}".rstrip()
        for number, text in enumerate(shown, first)
    )


def _trace(error: BaseException) -> str:
    """The traceback without our frames and those of the import system."""
    shown = traceback.TracebackException.from_exception(error)
    shown.stack = traceback.StackSummary.from_list(
        f for f in shown.stack if f.filename != __file__ and "importlib" not in f.filename
    )
    return "".join(shown.format(chain=True)).rstrip("\n")


def _shown(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


# The version of the code


def _hash(files: list[Path], root: Path) -> str:
    """A hash of every module of the project that was loaded: equal code, equal hash."""
    paths = {path.resolve() for path in files}
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name and name.startswith(str(root) + os.sep):
            paths.add(Path(name).resolve())
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.is_relative_to(root) and not _is_foreign(path.relative_to(root)):
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_foreign(inside: Path) -> bool:
    return any(part in _NOT_OURS or part.startswith(".") for part in inside.parts)
