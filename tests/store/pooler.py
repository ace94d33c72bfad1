"""A real PgBouncer before a PostgreSQL, which gives each transaction another session."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.running import free_port

START_S = 10.0
PATHS = "/usr/sbin:/usr/local/sbin"  # where Debian has it, and many a PATH has not


def program() -> str | None:
    """Where it is installed, if it is."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path=PATHS)


@contextlib.contextmanager
def started(url: str, directory: Path) -> Iterator[str]:
    """The URL of a database through a pooler, which is ended afterwards."""
    found, place, port = program(), urlsplit(url), free_port()
    assert found is not None, "install pgbouncer first"
    config = directory / "pgbouncer.ini"
    config.write_text(
        f"""
        [databases]
        * = host={place.hostname} port={place.port} user={place.username}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = 4
        server_round_robin = 1
        """
    )
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to run as root
        user = {"user": pwd.getpwnam("nobody").pw_uid, "group": pwd.getpwnam("nobody").pw_gid}
        for one in (directory, *directory.parents):
            if one.stat().st_uid == 0 and one.is_relative_to("/tmp"):
                one.chmod(one.stat().st_mode | 0o055)
    with (directory / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([found, str(config)], stdout=log, stderr=log, **user)
        try:
            _until_ready(port, process, directory / "pgbouncer.log")
            netloc = f"{place.username}@127.0.0.1:{port}"
            yield urlunsplit(place._replace(netloc=netloc))
        finally:
            process.terminate()
            process.wait(START_S)


def _until_ready(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError(f"PgBouncer was not ready:\n{log.read_text()}")
