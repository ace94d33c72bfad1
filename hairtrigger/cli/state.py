"""What a command works with: the global options, the project around it, the server, and the way to print.

Made on first use and kept in click's context; a command that needs no server never looks for one.
"""

import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from hairtrigger.cli.commands import META
from hairtrigger.cli.output import Output
from hairtrigger.cli.problems import NOT_ALLOWED, NOT_FOUND, USAGE, CommandError, Origin

if TYPE_CHECKING:
    from hairtrigger.cli.profiles import Profile
    from hairtrigger.sdk.api import ApiCall
    from hairtrigger.sdk.client import Client
    from hairtrigger.sdk.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
_STATE = "hairtrigger.state"
_PREFIXES = {"dev": "tr_dev_", "staging": "tr_stg_", "preview": "tr_preview_", "prod": "tr_prod_"}


class State:
    """One call of the program."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.out = Output(
            json=bool(given.get("json")),
            quiet=bool(given.get("quiet")),
            no_color=bool(given.get("no_color")),
            debug=bool(given.get("debug")),
        )
        self.verbose = int(given.get("verbose") or 0)
        self.yes = bool(given.get("yes"))
        self.env_files: list[Path] = []
        self._loaded = False
        self._sources: dict[str, str] = {}
        self._client: Client | None = None
        self._of_profile: Settings | None = None

    # the project

    @cached_property
    def config_path(self) -> Path | None:
        """The configuration file: the one given, else the nearest one upwards."""
        from hairtrigger.sdk.config import find_config

        given = self.given.get("config")
        if given is None:
            return find_config()
        path = Path(given).resolve()
        if not path.is_file():
            raise CommandError(
                f"No such file: {given}", "It was given as --config.", exit_code=NOT_FOUND
            )
        return path

    @cached_property
    def root(self) -> Path:
        """The project's directory: that of its configuration, else the working directory."""
        return Path.cwd() if self.config_path is None else self.config_path.parent

    def load_environment(self) -> None:
        """Put ``.env`` files into the environment, once. A value that is set is never overwritten."""
        if self._loaded:
            return
        from hairtrigger.sdk.settings import find_key, load_env_files

        self._loaded, before = True, set(os.environ)
        if branch := self.given.get("branch"):
            os.environ["TRIGGER_PREVIEW_BRANCH"] = branch  # for whatever this call starts, too
        given = self.given.get("env_file")
        if given is not None:
            if not Path(given).is_file():
                raise CommandError(
                    f"No such file: {given}", "It was given as --env-file.", exit_code=NOT_FOUND
                )
            from dotenv import load_dotenv

            load_dotenv(given, override=False)
            self.env_files = [Path(given)]
        else:
            self.env_files = load_env_files(self.root)
            # where dev keeps its key when nobody gave one
            kept = self.root / ".hairtrigger" / "dev.env"
            if find_key() is None and kept.is_file():
                from dotenv import load_dotenv

                load_dotenv(kept)
                self.env_files.append(kept)
        names = ", ".join(path.name for path in self.env_files)
        self._sources = dict.fromkeys(set(os.environ) - before, names)

    def reload_environment(self, before: Mapping[str, str]) -> None:
        """Take the ``.env`` files as they are now; what was set ``before`` stays as it was."""
        for name in set(os.environ) - set(before):
            del os.environ[name]
        self._loaded = False
        self.load_environment()

    def source(self, name: str) -> str:
        """Where an environment variable has its value from, or nothing when it is not set."""
        if name in self._sources:
            return self._sources[name]
        return "the environment" if os.environ.get(name) else ""

    # the server

    @property
    def settings(self) -> "Settings":
        """The server and the key in force: those that are given, else those of the profile.

        Raises:
            MissingKey: there is none.
            CommandError: the key is not one of the environment that was asked for.
        """
        from hairtrigger.sdk import settings

        self.load_environment()
        if self.profile is not None:
            if self._of_profile is None:
                named = self.given.get("project"), self.given.get("env")
                self._of_profile = self.profile.settings(*named)
            return self._of_profile
        found = settings.current(self.given.get("api_key"), self.given.get("api_url"))
        both = os.environ.get("TRIGGER_SECRET_KEY"), os.environ.get("TRIGGER_API_KEY")
        if self.given.get("api_key") is None and all(both) and both[0] != both[1]:
            self.out.warn("TRIGGER_SECRET_KEY and TRIGGER_API_KEY differ: the first is used.")
        self._check_environment(found.key)
        return found

    @property
    def profile_name(self) -> str | None:
        """The profile that is asked for by name."""
        return self.given.get("profile") or os.environ.get("HAIRTRIGGER_PROFILE") or None

    @cached_property
    def profile(self) -> "Profile | None":
        """The profile that says where commands act: when it is asked for, or no key is given. A personal access
        token in a key's place makes one for this call."""
        from hairtrigger.cli import profiles
        from hairtrigger.sdk.settings import find_key, find_url

        self.load_environment()
        key = self.given.get("api_key") or find_key()
        if key and not self.given.get("profile"):
            if not key.startswith(profiles.PERSONAL):
                return None
            where = os.environ.get("TRIGGER_PROJECT_REF", ""), os.environ.get("HAIRTRIGGER_ENV", "")
            return profiles.Profile(find_url(self.given.get("api_url")), key, *where)
        found = profiles.find(self.profile_name)
        return None if found is None else found[1]

    @cached_property
    def origin(self) -> Origin:
        """Where the settings came from, for the words of an error."""
        from hairtrigger.sdk.settings import KEY_NAMES, find_key

        if self.profile is not None and not find_key():
            named = f"the profile {self.profile_name}" if self.profile_name else "your profile"
            return Origin(named, named)
        url = "--api-url" if self.given.get("api_url") else self.source("TRIGGER_API_URL")
        key = "--api-key" if self.given.get("api_key") else ""
        for name in KEY_NAMES:
            if not key and os.environ.get(name):
                key = f"{name} in {self.source(name)}"
        return Origin(f"TRIGGER_API_URL in {url}" if url and url[0] != "-" else url, key)

    @property
    def client(self) -> "Client":
        """The client of that server."""
        if self._client is None:
            from hairtrigger.sdk.client import Client

            self._client = Client(self.settings)
            self._check_project()
        return self._client

    def ask(self, call: "ApiCall[T]") -> T:
        """The server's answer to a call; with ``-vv`` also said on stderr."""
        if self.verbose < 2:
            return self.client.send_blocking(call)
        begun = time.perf_counter()
        try:
            return self.client.send_blocking(call)
        finally:
            ms = (time.perf_counter() - begun) * 1000
            self.out.hint(f"{call.method} {self.client.settings.url}{call.path}  {ms:.0f} ms")

    def get(self, path: str, *, held_s: float = 0) -> Any:
        """The JSON that is at a path of the API."""
        return self.request("GET", path, held_s=held_s)

    def request(self, method: str, path: str, body: Any = None, *, held_s: float = 0) -> Any:
        """The JSON answer to a request with a JSON body."""
        from hairtrigger.sdk.api import json_call

        name = f"the {click.get_current_context().command_path} command"
        return self.ask(json_call(name, f"{method} {path}", body, held_s=held_s))

    def timeout_s(self, default: float | None = None) -> float | None:
        """What ``--timeout`` says, in seconds."""
        from hairtrigger.wire import durations

        given = self.given.get("timeout")
        return default if given is None else durations.parse(given, "--timeout") / 1000

    def _check_environment(self, key: str) -> None:
        wanted = self.given.get("env")
        if wanted is None:
            return
        known = ", ".join(_PREFIXES)
        if wanted not in _PREFIXES:
            raise CommandError(f"Unknown environment {wanted}", f"Known: {known}.", exit_code=USAGE)
        if not key.startswith(_PREFIXES[wanted]):
            raise CommandError(
                f"The key is not one of {wanted}",
                f"It starts with {key[: key.rfind('_') + 1] or key[:4]}, keys of {wanted} with "
                f"{_PREFIXES[wanted]}. It comes from {self.origin.key}.",
                exit_code=NOT_ALLOWED,
                code="forbidden",
            )

    def _check_project(self) -> None:
        wanted = self.given.get("project")
        if wanted is None or self.profile is not None:  # which it has chosen there
            return
        found = self.get("/api/v1/whoami")
        if found["project"] != wanted:
            raise CommandError(
                f"The key is not one of {wanted}",
                f"It belongs to {found['project']}. It comes from {self.origin.key}.",
                exit_code=NOT_ALLOWED,
                code="forbidden",
            )


def state_of(ctx: click.Context) -> State:
    """The state of a call of the program."""
    found = ctx.meta.get(_STATE)
    if not isinstance(found, State):
        found = ctx.meta[_STATE] = State(dict(ctx.meta.get(META, {})))
    return found


def pass_state(function: Callable[Concatenate[State, P], R]) -> Callable[P, R]:
    """Call a command's function with the state first."""

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(state_of(click.get_current_context()), *args, **kwargs)

    return called
