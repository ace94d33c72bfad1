"""A project's code as an archive: packed by whoever deploys it, unpacked by workers that run it.

A tar, compressed by gzip, in which nothing but the files' names, contents and whether they may be executed
counts: the same code gives the same bytes. What is ignored never enters; what would leave its directory, or
grow beyond bounds, never leaves the archive.
"""

import gzip
import hashlib
import io
import os
import secrets
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pathspec

from hairtrigger.errors import ProjectError

MAX_FILES = 10_000
MAX_BYTES = 256 * 1024 * 1024  # of all files together
MAX_RATIO = 100  # of what is unpacked to the archive, beyond the first MiB
IGNORE_FILES = (".gitignore", ".hairtriggerignore")
# Never part of the code: what others made, and what is secret.
ALWAYS_IGNORED = (
    ".*", "!.gitignore", "!.hairtriggerignore", "!.python-version", "__pycache__/", "*.pyc", "venv/",
    "node_modules/", "*.egg-info/", "*.db", "*.db-wal", "*.db-shm", "*.sqlite3", "*.pem", "*.key", "*.p12", "*.pfx",
    "id_rsa*", "id_ed25519*", "credentials.json", "service-account*.json",
)  # fmt: skip
_SLACK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bundle:
    """An archive: its bytes, their SHA-256 in hexadecimal, and the files in it, as paths from the root."""

    body: bytes
    hash: str
    files: list[str]


def pack(root: Path) -> Bundle:
    """The code under a directory, without what its ignore files name and what is never code.

    Raises:
        ProjectError: it is too large, or a link in it leads out of it.
    """
    root = root.resolve()
    files = list(_files(root))
    if len(files) > MAX_FILES:
        raise ProjectError(
            f"{root} has {len(files):,} files, an archive takes {MAX_FILES:,}. Name what is not code in "
            ".hairtriggerignore."
        )
    raw, size = io.BytesIO(), 0
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in files:
            path = root / name
            size += path.stat().st_size
            if size > MAX_BYTES:
                raise ProjectError(
                    f"{root} is larger than {MAX_BYTES >> 20} MiB with {name}. Name what is not code in "
                    ".hairtriggerignore."
                )
            body = path.read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(body), 0o755 if os.access(path, os.X_OK) else 0o644
            tar.addfile(member, io.BytesIO(body))
    packed = gzip.compress(raw.getvalue(), mtime=0)
    return Bundle(packed, hashlib.sha256(packed).hexdigest(), files)


def unpack(body: bytes, directory: Path) -> None:
    """Unpack an archive into a directory that does not exist: whole, or not at all.

    Raises:
        ProjectError: it is no archive of ours, or one that must not be unpacked; nothing was written.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = directory.with_name(f".{directory.name}.{secrets.token_hex(4)}")
    fresh.mkdir()
    try:
        room = max(_SLACK, min(MAX_BYTES, len(body) * MAX_RATIO))
        try:
            _extract(_Bounded(gzip.GzipFile(fileobj=io.BytesIO(body)), room + _SLACK), fresh, room)
        except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
            raise ProjectError(f"The archive cannot be read: {error}.") from None
        fresh.rename(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


class _Bounded(io.RawIOBase):
    """A stream that ends in an error when more than so many bytes come out of it."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._left = stream, most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        found = self._stream.read(wanted)
        self._left -= len(found)
        if self._left < 0:
            raise ProjectError("The archive holds more than it may.")
        return found


def _extract(stream: _Bounded, fresh: Path, room: int) -> None:
    seen: set[str] = set()
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            name = _checked(member, seen)
            room -= member.size
            if room < 0:
                raise ProjectError("The archive holds more than it may.")
            content = tar.extractfile(member)
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                shutil.copyfileobj(content if content is not None else io.BytesIO(), file)
            path.chmod(0o755 if member.mode & 0o100 else 0o644)
    while stream.read(_SLACK):  # to the checksum at its end
        continue


def _checked(member: tarfile.TarInfo, seen: set[str]) -> str:
    """The name of a member that may be unpacked: a file inside, unlike any before it on every file system."""
    name = member.name
    path = PurePosixPath(name)
    if not member.isreg():
        raise ProjectError(f"The archive holds {name[:100]!r}, which is no plain file.")
    is_inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    if not is_inside or "\0" in name or "\\" in name or str(path) != name:
        raise ProjectError(f"The archive holds {name[:100]!r}, which is no path inside of it.")
    if name.casefold() in seen:
        raise ProjectError(f"The archive holds {name[:100]!r} twice.")
    seen.add(name.casefold())
    if len(seen) > MAX_FILES:
        raise ProjectError(f"The archive holds more than {MAX_FILES:,} files.")
    return name


def _files(root: Path) -> Iterator[str]:
    """The files of a project, as paths from its root, in order."""
    ignored = pathspec.GitIgnoreSpec.from_lines([*ALWAYS_IGNORED, *_patterns(root)])
    for directory, names, files in os.walk(root):
        here = Path(directory).relative_to(root)
        names[:] = sorted(
            name for name in names if not ignored.match_file(f"{(here / name).as_posix()}/")
        )
        for name in sorted(files):
            path = (here / name).as_posix()
            if ignored.match_file(path):
                continue
            real = (root / path).resolve()
            if not real.is_relative_to(root):
                raise ProjectError(
                    f"{path} is a link to {real}, outside of the project: workers would not have it."
                )
            if real.is_file():  # no socket, no link to nowhere
                yield path


def _patterns(root: Path) -> Iterator[str]:
    for name in IGNORE_FILES:
        file = root / name
        if file.is_file():
            yield from file.read_text(encoding="utf-8", errors="replace").splitlines()
