"""The lock that makes one process the only one to change a SQLite file: a server, or a move away from it."""

import fcntl
import os
from pathlib import Path

from hairtrigger.errors import DatabaseInUse


def take(path: str) -> int:
    """Take the lock of a database file, which is made when it is not there. It is the operating system's:
    held until the number that this answers is closed, or this process ends.

    Raises:
        DatabaseInUse: another process has it.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 100).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise DatabaseInUse(
            f"{path} is in use by another server (process {holder}). "
            "One SQLite file has one server: stop that one, or give another --database."
        ) from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return lock
