"""Profiles: who one is on which server, and the project and environment that commands act on there.

Kept in one file in the user's configuration directory, which only its owner may read. ``login`` writes one, ``switch``
changes it; it counts where no key is given.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from hairtrigger.cli.problems import NOT_FOUND, USAGE, CommandError
from hairtrigger.sdk.api import json_call, segment
from hairtrigger.sdk.client import Client
from hairtrigger.sdk.settings import Settings, find_branch

DEFAULT = "default"
PERSONAL = "tr_pat_"  # what a personal access token begins with


class Profile(msgspec.Struct):
    """``project`` is a reference, ``environment`` a name such as ``dev``; empty until they are chosen."""

    url: str
    token: str
    project: str = ""
    environment: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer of the profile's server to its person."""
        call = json_call("hairtrigger", f"{method} {path}", body)
        return Client(Settings(self.token, self.url)).send_blocking(call)

    def settings(self, project: str | None, environment: str | None) -> Settings:
        """The server and the key of an environment: the given one, else the profile's.

        Raises:
            CommandError: none is chosen. ApiError: the server refuses.
        """
        project, environment = project or self.project, environment or self.environment
        if not project or not environment:
            raise CommandError(
                "No project is chosen", "You are signed in, but commands act on one environment.",
                fixes=(("Choose one", "hairtrigger switch PROJECT ENVIRONMENT"),), exit_code=USAGE,
            )  # fmt: skip
        found = self.ask("GET", f"/api/v1/projects/{segment(project)}/{segment(environment)}")
        return Settings(found["apiKey"], self.url, find_branch())


class Profiles(msgspec.Struct):
    """All of them by name, and which one is in force."""

    current: str = DEFAULT
    profiles: dict[str, Profile] = {}


def path() -> Path:
    """Where they are kept."""
    return Path(click.get_app_dir("hairtrigger")) / "profiles.json"


def load() -> Profiles:
    """All profiles; none yet when there is no file.

    Raises:
        CommandError: the file cannot be read.
    """
    try:
        return msgspec.json.decode(path().read_bytes(), type=Profiles)
    except FileNotFoundError:
        return Profiles()
    except (OSError, msgspec.MsgspecError) as error:
        raise CommandError(
            f"Cannot read {path()} ({error})", "Your profiles are kept there.",
            fixes=(("Begin anew", f"rm {path()} && hairtrigger login"),),
        ) from None  # fmt: skip


def find(name: str | None) -> tuple[str, Profile] | None:
    """A profile and its name: the one of that name, else the one in force; None when nobody signed in.

    Raises:
        CommandError: there is none of that name.
    """
    found = load()
    chosen = name or found.current
    if chosen in found.profiles:
        return chosen, found.profiles[chosen]
    if name:
        known = ", ".join(found.profiles) or "there are none"
        raise CommandError(
            f"There is no profile {name}", f"Known: {known}.",
            fixes=(("Make it", f"hairtrigger login --profile {name}"),), exit_code=NOT_FOUND,
        )  # fmt: skip
    return None


def change(how: Callable[[Profiles], None]) -> None:
    """Change what is kept; whoever is interrupted leaves the file as it was."""
    found = load()
    how(found)
    where = path()
    where.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=where.parent)  # which only the owner may read
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    os.replace(name, where)
