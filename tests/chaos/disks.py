"""A disk that is full, and has room again."""

import contextlib
import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.scenario import CannotPlay, scenario
from tests.chaos.scene import Scene
from tests.running import until

SIZES = {"sqlite": 24, "postgres": 160}  # MiB
BACK_S = 10.0


@contextlib.contextmanager
def small_disk(kind: str) -> Iterator[Path]:
    """A file system of a few MiB.

    Raises:
        CannotPlay: it cannot be mounted here.
    """
    path = Path(tempfile.mkdtemp(prefix="hairtrigger-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZES[kind]}m,mode=0777", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        path.rmdir()
        raise CannotPlay(f"A small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        if os.geteuid() == 0:
            os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
        path.rmdir()


def fill(path: Path) -> Path:
    """Fill a disk to its last byte; gives the file to delete."""
    filler = path / "filler"
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(65_536))
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(512))
    return filler


@scenario(disk=small_disk)
def full_disk(scene: Scene) -> None:
    """The database's disk fills up and is freed: nothing accepted is lost, and all goes on by itself."""
    assert scene.disk is not None
    with scene.load() as load:
        for _ in range(scene.times(1, 3)):
            refused = load.failures["503"]
            filler = fill(scene.disk)
            until(lambda: load.failures["503"] > refused + 3, "callers to be refused")  # noqa: B023
            for server in scene.live.servers.values():
                assert server.is_alive, "a server ended because its disk was full"
            assert scene.live.answers("/healthcheck"), "a server does not answer any more"
            filler.unlink()
            if scene.cluster is not None and not scene.cluster.is_running:
                scene.figures["PostgreSQL"] = "ended itself, was started again"
                scene.cluster.start()
            freed_at = time.monotonic()
            scene.busy()
            back_s = time.monotonic() - freed_at
            scene.figures["back after s"] = round(back_s, 1)
            assert back_s < BACK_S, f"it took {back_s:.1f} s to go on when there was room again"
            scene.look()
    assert scene.intact(), "the database is damaged"
