"""The code of versions as archives: uploaded before a deployment names one, fetched by workers that run it."""

import hashlib

from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.rules.project import Environment
from hairtrigger.store import store as stores
from hairtrigger.store.catalog import Catalog, VersionEntry
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store

UNNAMED_MS = 86_400_000  # an upload that no version came of is kept for so long


async def put(store: Store, env: Environment, name: str, body: bytes) -> None:
    """Keep an archive under the SHA-256 of its bytes, in hexadecimal. Again is the same.

    Raises:
        Unprocessable: the bytes are not those of the name.
    """
    found = hashlib.sha256(body).hexdigest()
    if found != name:
        raise Unprocessable(
            f"The archive's SHA-256 is {found}, its name says {name[:64]}. Upload it again."
        )

    def keep(_: Catalog, now: int) -> Steps[None]:
        yield fetch("forget_archives", env.id, now - UNNAMED_MS)
        yield fetch("put_archive", env.id, name, body, now)

    await store.change(keep)


async def get(store: Store, env: Environment, name: str) -> bytes:
    """The bytes of an archive.

    Raises:
        NotFound: there is none of that name in this environment.
    """
    rows = await store.read(stores.one("get_archive", env.id, name))
    if not rows:
        raise NotFound(f"There is no archive {name[:64]} in {env.slug}.")
    body: bytes = rows[0][0]
    return body


async def wanted(store: Store, env: Environment) -> list[VersionEntry]:
    """The versions that workers should run, newest first: the current one, and those that unfinished runs are
    bound to, because they began on them or name them. Of those that have an archive."""

    def look(catalog: Catalog) -> Steps[list[VersionEntry]]:
        return [catalog.versions[id_] for (id_,) in (yield fetch("wanted_versions", env.id))]

    return await store.with_catalog(look)


def need(env: Environment, name: str) -> Steps[None]:
    """Check that an archive is there, if one is named.

    Raises:
        Unprocessable: nobody uploaded it.
    """
    if name and not (yield fetch("has_archive", env.id, name)):
        raise Unprocessable(f"There is no archive {name[:64]} in {env.slug}: upload it first.")


def give(version: VersionEntry, name: str) -> Steps[None]:
    """Let a version have an archive, if one is named."""
    if name and version.archive != name:
        yield fetch("give_archive", version.id, name)
        version.archive = name
