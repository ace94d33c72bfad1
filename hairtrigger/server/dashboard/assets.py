"""What the pages load: read, joined and compressed once, under a path that changes with their content.

All files share one hash, so that a module finds its neighbours by relative paths and everything may be kept
by the browser for ever.
"""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hairtrigger.errors import NotFound
from hairtrigger.server.answers import Answer

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": b"text/css; charset=utf-8", ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml", ".woff2": b"font/woff2", ".txt": b"text/plain; charset=utf-8",
    ".toml": b"text/plain; charset=utf-8",
}  # fmt: skip
_FIRST = ("tokens", "base", "layout", "components")
STYLE = "css/app.css"
"""All style sheets in one; those of the parts are not served."""


class Asset(NamedTuple):
    """A file as it is sent; ``zipped`` is None for what is compressed already."""

    type: bytes
    body: bytes
    zipped: bytes | None


@cache
def _all() -> tuple[str, dict[str, Asset]]:
    """The hash of everything, and every file by its name."""
    bodies = {
        path.relative_to(_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _TYPES and path.parent.name != "css"
    }
    bodies[STYLE] = b"\n".join(sheet.read_bytes() for sheet in _sheets())
    digest = hashlib.sha256()
    for name, body in sorted(bodies.items()):
        digest.update(name.encode() + b"\0" + body)
    return digest.hexdigest()[:12], {name: _asset(name, body) for name, body in bodies.items()}


def _sheets() -> list[Path]:
    """The style sheets in their order: what all others build upon, then the others."""
    sheets = {sheet.stem: sheet for sheet in sorted((_FOLDER / "css").glob("*.css"))}
    return [*(sheets.pop(name) for name in _FIRST), *sheets.values()]


def _asset(name: str, body: bytes) -> Asset:
    suffix = Path(name).suffix
    zipped = None if suffix == ".woff2" else gzip.compress(body, 9, mtime=0)
    return Asset(_TYPES[suffix], body, zipped)


def root() -> str:
    """The path that all files lie under, without a slash at its end."""
    return f"/static/{_all()[0]}"


def answer(name: str, digest: str, *, zips: bool) -> Answer:
    """One file. One that is asked for by an old hash is answered as it is now, and not to be kept.

    Raises:
        NotFound: no such file.
    """
    current, found = _all()
    asset = found.get(name)
    if asset is None:
        raise NotFound(f"There is no file {name[:100]} in the dashboard.")
    kept = b"public, max-age=31536000, immutable" if digest == current else b"no-cache"
    headers = [(b"cache-control", kept), (b"x-content-type-options", b"nosniff")]
    if asset.zipped is None or not zips:
        return Answer(asset.body, headers=headers, type=(b"content-type", asset.type))
    headers += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
    return Answer(asset.zipped, headers=headers, type=(b"content-type", asset.type))
