"""A project's configuration: ``trigger_config.py``, or ``[tool.hairtrigger]`` in ``pyproject.toml``.

Read by the worker and the commands. What it does not say has a default; what it says and we do not know
is an error that names the field.
"""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, get_args

from hairtrigger.errors import ConfigError, HairtriggerError, ProjectError
from hairtrigger.sdk import retry_policy
from hairtrigger.sdk.options import Duration, Retry, closest
from hairtrigger.sdk.settings import is_development
from hairtrigger.wire.options import MACHINES
from hairtrigger.wire.worker import RetryPolicy

Level: TypeAlias = Literal["none", "error", "warn", "info", "log", "debug"]
LEVELS: tuple[str, ...] = get_args(Level)
FILE = "trigger_config.py"
RUNTIMES = ("python",)


class Retries(TypedDict, total=False):
    """``enabled_in_dev``: False gives one attempt in development (default True). ``default``: for tasks
    without retry options of their own."""

    enabled_in_dev: bool
    default: Retry


class ConfigOptions(TypedDict, total=False):
    """What ``define_config`` accepts.

    ``project`` is the project's reference. ``dirs`` hold the tasks (default: trigger, else tasks).
    ``log_level`` is the least important level that ``logger`` keeps (default info). ``max_duration`` is
    in seconds of execution, ``ttl`` how long a run may wait for its start, for tasks that say nothing
    else. ``ignore_patterns`` are globs of files in ``dirs`` that hold no tasks.
    """

    project: str
    runtime: Literal["python"]
    dirs: Sequence[str]
    log_level: Level
    retries: Retries
    max_duration: float
    ttl: Duration
    machine: str
    ignore_patterns: Sequence[str]


class Config:
    """A project's configuration, checked. Without options: the defaults.

    ``path`` is the file it came from, ``root`` the directory it is about.
    """

    __slots__ = (
        "dirs", "enabled_in_dev", "ignore_patterns", "log_level", "machine", "max_duration", "path",
        "project", "retry", "root", "runtime", "ttl",
    )  # fmt: skip

    def __init__(
        self, options: Mapping[str, Any] | None = None, *, path: Path | None = None
    ) -> None:
        given = {} if options is None else dict(options)
        where = "define_config()" if path is None else str(path)
        _check(given, where)
        retries = given.get("retries", {})
        self.path = path
        self.root = Path.cwd() if path is None else path.parent
        self.project: str = given.get("project", "")
        self.runtime: str = given.get("runtime", "python")
        self.dirs: tuple[str, ...] = tuple(given.get("dirs", ()))
        self.log_level: str = given.get("log_level", "info")
        self.max_duration: float | None = given.get("max_duration")
        self.ttl: Duration | None = given.get("ttl")
        self.machine: str | None = given.get("machine")
        self.ignore_patterns: tuple[str, ...] = tuple(given.get("ignore_patterns", ()))
        self.enabled_in_dev: bool = retries.get("enabled_in_dev", True)
        self.retry: RetryPolicy = RetryPolicy()
        if "default" in retries:
            self.retry = _default_retry(retries["default"], where)

    def retries_here(self) -> bool:
        """Whether failed runs are retried in the environment of the current key."""
        return self.enabled_in_dev or not is_development()

    def level(self) -> str:
        """The log level in force: ``TRIGGER_LOG_LEVEL`` when it is set, else the file's."""
        return (
            _known_level(os.environ.get("TRIGGER_LOG_LEVEL", ""), "TRIGGER_LOG_LEVEL")
            or self.log_level
        )

    def __repr__(self) -> str:
        return f"<Config {self.project or 'without a project'} of {self.path or self.root}>"


def define_config(**options: Unpack[ConfigOptions]) -> Config:
    """The configuration of a project, in ``trigger_config.py``: ``config = define_config(project=...)``.

    Raises:
        ConfigError: for an unknown field, or a value that it cannot take.
    """
    return Config(options)


def find_config(start: Path | str = ".") -> Path | None:
    """The nearest configuration file, from a directory upwards to the root of the repository."""
    here = Path(start).resolve()
    for directory in (here, *here.parents):
        if (directory / FILE).is_file():
            return directory / FILE
        project = directory / "pyproject.toml"
        if project.is_file() and _table(project) is not None:
            return project
        if (directory / ".git").exists():
            break
    return None


def load_config(path: Path | str | None) -> Config:
    """The configuration in a file; the defaults for None.

    Raises:
        ConfigError: naming the file and the field.
    """
    if path is None:
        return Config()
    path = Path(path).resolve()
    if path.suffix == ".toml":
        return Config(_table(path), path=path)
    found = _run(path)
    if not isinstance(found, Config):
        raise ConfigError(f"{path} defines no config. Write: config = define_config(project=...)")
    found.path, found.root = path, path.parent
    return found


def _table(path: Path) -> dict[str, Any] | None:
    import tomllib  # only a look at pyproject.toml pays for this import

    try:
        table = tomllib.loads(path.read_text()).get("tool", {}).get("hairtrigger")
    except (OSError, ValueError) as error:
        raise ConfigError(f"Cannot read {path}: {error}") from None
    return table if isinstance(table, dict) else None


def _run(path: Path) -> object:
    """What a configuration file calls ``config``; its directory can be imported from, as for tasks."""
    spec = importlib.util.spec_from_file_location("trigger_config", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"Cannot read {path}: no such Python file.")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except HairtriggerError as error:
        raise ConfigError(f"{path}: {error}") from error
    except Exception as error:  # a user's file may raise anything
        raise ConfigError(f"Cannot load {path}: {type(error).__name__}: {error}") from error
    return getattr(module, "config", None)


def _default_retry(given: Retry, where: str) -> RetryPolicy:
    try:
        return retry_policy.policy(given, f"{where}: retries.default")
    except ProjectError as error:
        raise ConfigError(str(error)) from None


def _check(given: Mapping[str, Any], where: str) -> None:
    known = ConfigOptions.__annotations__
    for field, value in given.items():
        if field not in known:
            accepted = ", ".join(known)
            raise ConfigError(
                f"{where}: unknown field {field!r}. {closest(field, known)} Accepted: {accepted}."
            )
        if not isinstance(value, _KINDS[field]) or isinstance(value, bool):
            raise ConfigError(f"{where}: {field} cannot be {value!r}.")
    for name in ("dirs", "ignore_patterns"):
        if isinstance(given.get(name), str):
            raise ConfigError(f"{where}: {name} is a list of texts, not one text.")
    if given.get("runtime", "python") not in RUNTIMES:
        raise ConfigError(
            f"{where}: unknown runtime {given['runtime']!r}. Known: {', '.join(RUNTIMES)}."
        )
    _known_level(given.get("log_level", ""), f"{where}: log_level")
    machine = given.get("machine")
    if machine is not None and machine not in MACHINES:
        raise ConfigError(f"{where}: unknown machine {machine!r}. Known: {', '.join(MACHINES)}.")
    for name, value in given.get("retries", {}).items():
        if name not in Retries.__annotations__:
            raise ConfigError(
                f"{where}: retries: unknown field {name!r}. {closest(name, Retries.__annotations__)}"
            )
        if not isinstance(value, bool if name == "enabled_in_dev" else Mapping):
            raise ConfigError(f"{where}: retries.{name} cannot be {value!r}.")


_KINDS: dict[str, Any] = {
    "project": str,
    "runtime": str,
    "dirs": Sequence,
    "log_level": str,
    "retries": Mapping,
    "max_duration": (int, float),
    "ttl": Duration,
    "machine": str,
    "ignore_patterns": Sequence,
}


def _known_level(level: str, where: str) -> str:
    if level and level not in LEVELS:
        raise ConfigError(f"{where}: unknown level {level!r}. Known: {', '.join(LEVELS)}.")
    return level
