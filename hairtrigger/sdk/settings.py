"""Where the server is and which key to show: from ``configure``, the environment, or ``.env`` files."""

import os
from pathlib import Path
from typing import NamedTuple

from hairtrigger.errors import MissingKey

DEFAULT_URL = "http://localhost:3030"
KEY_NAMES = (
    "TRIGGER_SECRET_KEY",
    "TRIGGER_ACCESS_TOKEN",
    "TRIGGER_API_KEY",
)  # the first one set wins


class Settings(NamedTuple):
    """One server, one environment. ``branch`` names a branch of a preview or development environment."""

    key: str
    url: str
    branch: str | None = None


def current(
    secret_key: str | None = None, base_url: str | None = None, preview_branch: str | None = None
) -> Settings:
    """The settings in force: what is given here, else the environment, else the defaults.

    Raises:
        MissingKey: when there is no key anywhere.
    """
    key = secret_key or find_key()
    if not key:
        raise MissingKey
    return Settings(key, find_url(base_url), preview_branch or find_branch())


def find_url(given: str | None = None) -> str:
    """The server's address: the given one, else the environment's, else this machine's."""
    return (given or os.environ.get("TRIGGER_API_URL") or DEFAULT_URL).rstrip("/")


def find_branch() -> str | None:
    """The branch that the environment names, or None."""
    named = os.environ.get("TRIGGER_PREVIEW_BRANCH") or os.environ.get("TRIGGER_DEV_BRANCH")
    return named or None


def find_key() -> str | None:
    """The key in the environment, or None."""
    for name in KEY_NAMES:
        if key := os.environ.get(name):
            return key
    return None


def is_development() -> bool:
    """Whether the key in the environment is one of a development environment."""
    return (find_key() or "").startswith("tr_dev_")


def load_env_files(directory: Path | str, *, production: bool | None = None) -> list[Path]:
    """Put what the ``.env`` files of a directory say into the environment; returns the files read.

    ``.env.local`` goes before ``.env.development`` (or ``.env.production``), that before ``.env``; what
    is already set stays. Without ``production``, the key decides which of the two is meant.
    """
    from dotenv import dotenv_values  # only a process with .env files pays for this import

    directory = Path(directory)
    found = []
    for name in (".env.local", None, ".env"):
        if name is None:
            if production is None:
                production = _is_production(directory)
            name = ".env.production" if production else ".env.development"
        path = directory / name
        if path.is_file():
            found.append(path)
            for key, value in dotenv_values(path).items():
                if value is not None:
                    os.environ.setdefault(key, value)
    return found


def _is_production(directory: Path) -> bool:
    """Whether the key, also one that only ``.env`` holds, is one of a production environment."""
    from dotenv import dotenv_values

    key = find_key()
    path = directory / ".env"
    if key is None and path.is_file():
        values = dotenv_values(path)
        key = next((values[name] for name in KEY_NAMES if values.get(name)), None)
    return (key or "").startswith("tr_prod_")
