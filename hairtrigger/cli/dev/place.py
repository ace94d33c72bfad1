"""Where a ``dev`` lives: its database, its lock, its port and its key."""

import fcntl
import json
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from hairtrigger.cli.problems import FAILED, NOT_ALLOWED, CommandError
from hairtrigger.sdk.settings import DEFAULT_URL

FOLDER = ".hairtrigger"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104 (compared, not bound)
_PORTS_TRIED = 50


@dataclass(frozen=True, slots=True)
class Key:
    """A development key and where a person finds it."""

    text: str
    where: str


def folder(root: Path) -> Path:
    """The directory of everything that ``dev`` keeps; git does not see it."""
    path = root / FOLDER
    path.mkdir(exist_ok=True)
    ignore = path / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return path


class Lock:
    """The right to be the one ``dev`` of a database; the others learn who has it."""

    def __init__(self, root: Path) -> None:
        self._path = folder(root) / "dev.lock"
        self._file: IO[str] = self._path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise _taken(self._path) from None
        self.say({"pid": os.getpid()})

    def say(self, facts: dict[str, Any]) -> None:
        """Let others know these facts."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(facts))
        self._file.flush()

    def release(self) -> None:
        """Let another one have it."""
        self._file.close()


def _taken(path: Path) -> CommandError:
    try:
        facts = json.loads(path.read_text())
    except (OSError, ValueError):
        facts = {}
    url = facts.get("url", DEFAULT_URL)
    return CommandError(
        f"Another hairtrigger dev (process {facts.get('pid', '?')}) has {path.parent}/dev.db",
        f"Its server is at {url}.",
        fixes=(("Add a worker", f"hairtrigger dev --attach {url}"),),
        exit_code=FAILED,
        code="database_in_use",
    )


def wanted_port(url: str | None) -> int:
    """The port that the project's ``TRIGGER_API_URL`` names when it is on this machine; else ours."""
    return urlsplit(url or DEFAULT_URL).port or urlsplit(DEFAULT_URL).port or 0


def is_local(url: str | None) -> bool:
    """Whether a URL leads to this machine. None does."""
    return url is None or (urlsplit(url).hostname or "") in LOCAL_HOSTS


def free_port(host: str, first: int) -> int:
    """The first port from ``first`` on that nobody has."""
    for port in range(first, min(first + _PORTS_TRIED, 65_536)):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((host, port))
                # SO_REUSEADDR lets a bind through that only listening refuses
                tried.listen(1)
            except OSError:
                continue
            return port
    raise CommandError(
        f"No free port from {first} to {first + _PORTS_TRIED}", fixes=(("Choose one", "--port N"),)
    )


def key(root: Path, given: str | None, where: str) -> Key:
    """The key for a local server: the one that is configured, else the one that ``dev`` keeps (or makes).

    Raises:
        CommandError: the configured key is not one for development.
    """
    if given is not None:
        if not given.startswith("tr_dev_"):
            raise CommandError(
                "dev works with a development key",
                f"The one in {where} starts with {given[: given.rfind('_') + 1] or given[:4]}, not tr_dev_.",
                fixes=(("Make one", "hairtrigger init"),),
                exit_code=NOT_ALLOWED,
                code="forbidden",
            )
        return Key(given, where)
    path = folder(root) / "dev.env"
    shown = f"{FOLDER}/{path.name}"
    if path.exists():
        from dotenv import dotenv_values

        kept = dotenv_values(path).get("TRIGGER_SECRET_KEY")
        if kept:
            return Key(kept, shown)
    from hairtrigger.engine.projects import new_key

    made = new_key("dev")
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, stat.S_IRUSR | stat.S_IWUSR), "w"
    ) as file:
        file.write(f"TRIGGER_SECRET_KEY={made}\n")
    return Key(made, shown)
