"""Projects, environments and their keys."""

import hashlib
import os
import secrets
import string
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from hairtrigger.errors import ConfigError, Forbidden
from hairtrigger.rules.project import TYPES, Environment
from hairtrigger.store import store as stores
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store
from hairtrigger.wire import ids

_ALPHABET = string.ascii_letters + string.digits
_KEY_CHARS = 43  # 256 random bits in 62 letters


class Vault:
    """Seals root keys: clients sign public tokens with them, so they must be readable again."""

    def __init__(self, master_key: str) -> None:
        self._box = Fernet(urlsafe_b64encode(hashlib.sha256(master_key.encode()).digest()))

    def seal(self, text: str) -> str:
        return self._box.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """The text, or None when it was sealed under another master key."""
        try:
            return self._box.decrypt(sealed).decode()
        except InvalidToken:
            return None


def master_key(path: Path) -> str:
    """The installation's master key from a file only its owner reads; made on first use."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    return path.read_text().strip()


def new_key(slug: str) -> str:
    """A root key: ``tr_dev_`` and 256 random bits."""
    return f"tr_{_prefix(slug)}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_KEY_CHARS))


def check_key(slug: str, key: str) -> str:
    """A key that somebody chose.

    Raises:
        ConfigError: it does not have the form of a key of that environment.
    """
    prefix = f"tr_{_prefix(slug)}_"
    body = key.removeprefix(prefix)
    if not key.startswith(prefix) or len(body) < 20 or not (body.isascii() and body.isalnum()):
        raise ConfigError(f"A {slug} key is {prefix} and at least 20 letters or digits.")
    return key


def _prefix(slug: str) -> str:
    return "stg" if slug == "staging" else slug


def digest(key: str) -> str:
    """What a key is looked up by. Unsalted is enough for 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


async def open_project(
    store: Store, vault: Vault, *, ref: str = "", name: str, keys: dict[str, str]
) -> dict[str, Environment]:
    """The installation's first project with its environments dev and prod, made on a fresh database.

    ``keys`` are root keys by slug for a fresh database; those not named are made. Without a ``ref``, the
    first worker whose configuration names a project gives it. Answers the environments by slug.
    """
    for slug, key in keys.items():
        check_key(slug, key)

    def make(catalog: Catalog, now: int) -> Steps[None]:
        if catalog.envs:
            return
        project = store.make_id()
        given = ref or ids.public("proj", project)
        yield fetch("insert_project", project, given, name, int(bool(ref)), now)
        for slug in ("dev", "prod"):
            env_id = store.make_id()
            env = Environment(
                env_id, project, given, name, slug, TYPES[slug], ids.public("env", env_id)
            )
            yield fetch("insert_env", env.id, project, slug, env.type, env.public_id)
            catalog.envs[env.id] = env
            key = keys.get(slug) or new_key(slug)
            yield fetch(
                "insert_key", store.make_id(), env.id, digest(key), vault.seal(key), key[-4:], now
            )

    await store.change(make)
    first = min(env.project for env in store.catalog.envs.values())
    return {env.slug: env for env in store.catalog.envs.values() if env.project == first}


def belongs(catalog: Catalog, env: Environment, ref: str) -> Steps[None]:
    """Check that an environment is of the project that a configuration names; a project that nobody has
    named yet takes the name.

    Raises:
        Forbidden: it belongs to another one.
    """
    current = catalog.envs[env.id].project_ref
    if ref in ("", current):
        return
    if not (yield fetch("name_project", env.project, ref)):
        raise Forbidden(
            f"The key belongs to project {current}, the configuration names {ref}. "
            "Set project in trigger_config.py to the key's project, or use that project's key."
        )
    for one in catalog.envs.values():
        if one.project == env.project:
            catalog.envs[one.id] = replace(one, project_ref=ref)


async def authenticate(store: Store, secret_key: str) -> Environment | None:
    """The environment that a secret key opens, or None."""
    rows = await store.read(stores.one("key_by_hash", digest(secret_key)), quick=True)
    if not rows or (rows[0][1] is not None and rows[0][1] <= store.now()):
        return None
    return store.catalog.envs[rows[0][0]]


async def check_seal(store: Store, vault: Vault, *, where: Path) -> None:
    """Refuse to start beside servers that seal with another master key, rather than fail at each token.

    Raises:
        ConfigError: no root key of the database can be unsealed, and other servers use it.
    """
    if not store.database.is_shared:
        return
    for env in store.catalog.envs.values():
        if await sealed_keys(store, vault, env):
            return
    raise ConfigError(
        f"The keys in this database were sealed with another master key than this server's ({where}). "
        "Give every server the same one: HAIRTRIGGER_MASTER_KEY."
    )


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A key as people may see it: the environment that it opens and its last characters. Instants in ms."""

    env: Environment
    hint: str
    created_at: int
    expires_at: int | None

    @property
    def shown(self) -> str:
        """``tr_prod_…x7Qz``."""
        return f"tr_{_prefix(self.env.slug)}_…{self.hint}"


async def key_hints(store: Store, project: int) -> list[KeyHint]:
    """The keys of all environments of a project, newest first, never whole."""
    envs = [env.id for env in store.catalog.envs.values() if env.project == project]
    rows = await store.read(stores.one("key_hints", envs), quick=True)
    return [KeyHint(store.catalog.envs[env], *rest) for env, *rest in rows]


async def sealed_keys(store: Store, vault: Vault, env: Environment) -> list[str]:
    """The environment's root keys in plain text, newest first: public tokens are signed with them."""
    rows = await store.read(stores.one("keys_of_env", env.id), quick=True)
    opened = [
        vault.open(sealed)
        for sealed, expires_at, _ in rows
        if sealed is not None and (expires_at is None or expires_at > store.now())
    ]
    return [key for key in opened if key is not None]
