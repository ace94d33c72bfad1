"""Which sessions of this host are dead: known by their lock files, so that their runs need not wait.

Each worker holds a lock on a file named after its session for as long as it lives; the system lets go of it
whatever ends the process. A file whose lock can be taken belonged to somebody who is gone.
"""

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path


class Predecessors:
    """The lock files of one server's sessions on this host. Without a directory to write to: nothing."""

    def __init__(self, directory: Path, url: str) -> None:
        self._directory = directory / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._mine: int | None = None
        self._mine_path: Path | None = None
        self._dead: list[Path] = []

    def dead(self) -> list[str]:
        """The sessions whose processes are gone."""
        self._dead = []
        with contextlib.suppress(OSError):
            for path in sorted(self._directory.glob("*.lock")):
                if path != self._mine_path and _is_free(path):
                    self._dead.append(path)
        return [path.stem for path in self._dead]

    def succeed(self, session: str) -> None:
        """Mark a session as ours, and forget those that ``dead`` named: the server knows now."""
        for path in self._dead:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        self._dead = []
        if self._mine_path is not None and self._mine_path.stem == session:
            return
        self.release()
        path = self._directory / f"{session}.lock"
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._mine, self._mine_path = fd, path

    def release(self) -> None:
        """Remove our own mark: the session was left."""
        if self._mine is not None and self._mine_path is not None:
            with contextlib.suppress(OSError):
                self._mine_path.unlink(missing_ok=True)
            os.close(self._mine)
        self._mine = self._mine_path = None


def _is_free(path: Path) -> bool:
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
