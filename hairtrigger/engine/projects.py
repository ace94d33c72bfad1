"""Projects, environments and their keys."""

import hashlib
import os
import re
import secrets
import string
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from hairtrigger.errors import ConfigError, Forbidden, NotFound, Unprocessable
from hairtrigger.rules.project import TYPES, Environment
from hairtrigger.rules.queues import EnvironmentLimit
from hairtrigger.store import store as stores
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, fetch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids

_ALPHABET = string.ascii_letters + string.digits
# of environments; a project begins with the first and the last
KINDS = ("dev", "staging", "preview", "prod")
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
    return key_prefix(slug) + random_text(_KEY_CHARS)


def random_text(length: int) -> str:
    """Letters and digits that nobody can guess."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def check_key(slug: str, key: str) -> str:
    """A key that somebody chose.

    Raises:
        ConfigError: it does not have the form of a key of that environment.
    """
    prefix = key_prefix(slug)
    body = key.removeprefix(prefix)
    if not key.startswith(prefix) or len(body) < 20 or not (body.isascii() and body.isalnum()):
        raise ConfigError(f"A {slug} key is {prefix} and at least 20 letters or digits.")
    return key


def key_prefix(slug: str) -> str:
    """What every key of an environment begins with: ``tr_prod_``."""
    return f"tr_{'stg' if slug == 'staging' else slug}_"


def digest(key: str) -> str:
    """What a key is looked up by. Unsalted is enough for 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


async def open_project(
    store: Store, vault: Vault, *, ref: str = "", name: str, keys: dict[str, str]
) -> tuple[dict[str, Environment], bool]:
    """The installation's first project with its environments dev and prod, made on a fresh database.

    ``keys`` are root keys by slug for a fresh database; those not named are made. Without a ``ref``, the
    first worker whose configuration names a project gives it. Answers the environments by slug, and whether
    they were made just now: of servers that find the same database fresh, one does.
    """
    for slug, key in keys.items():
        check_key(slug, key)

    def make(catalog: Catalog, now: int) -> Steps[bool]:
        if catalog.envs:
            return False
        yield from _found(store, vault, name, ref, keys, catalog, now)
        return True

    is_new: bool = await store.change(make)
    first = min(env.project for env in store.catalog.envs.values())
    found = {env.slug: env for env in store.catalog.envs.values() if env.project == first}
    return found, is_new


@dataclass(frozen=True, slots=True)
class Made:
    """An environment that was made just now, and its root key, which is told here and in the dashboard."""

    env: Environment
    key: str


async def create_project(store: Store, vault: Vault, *, name: str, ref: str = "") -> list[Made]:
    """Another project, with its environments dev and prod.

    Raises:
        Unprocessable: a project has that name or reference, or the name is none.
    """
    name = check_name(name)
    if ref and not re.fullmatch(r"proj_[a-z0-9]{4,60}", ref):
        raise Unprocessable(f"{ref!r} is no reference: proj_ and 4 to 60 letters or digits.")

    def make(catalog: Catalog, now: int) -> Steps[list[Made]]:
        for env in catalog.envs.values():
            if name == env.project_name or ref == env.project_ref:
                taken = "name" if name == env.project_name else "reference"
                raise Unprocessable(f"There is a project of that {taken} already.")
        return (yield from _found(store, vault, name, ref, {}, catalog, now))

    made: list[Made] = await store.change(make)
    return made


async def create_environment(store: Store, vault: Vault, project: int, slug: str) -> Made:
    """An environment more of a project: staging.

    Raises:
        Unprocessable: the project has it, or there is no such kind.
    """
    if slug not in KINDS:
        raise Unprocessable(f"There is no environment {slug!r}: {', '.join(KINDS)} are possible.")

    def make(catalog: Catalog, now: int) -> Steps[Made]:
        found = {env.slug: env for env in catalog.envs.values() if env.project == project}
        if slug in found:
            raise Unprocessable(f"{found[slug].project_name} has an environment {slug} already.")
        one = next(iter(found.values()))
        return (
            yield from _add_env(
                store, vault, project, one.project_ref, one.project_name, slug, "", catalog, now
            )
        )

    made: Made = await store.change(make)
    return made


def find(catalog: Catalog, project: str) -> int:
    """The number of a project by its reference or name.

    Raises:
        NotFound: there is none.
    """
    for env in catalog.envs.values():
        if project in (env.project_ref, env.project_name):
            return env.project
    raise NotFound(f"There is no project {project!r}.")


def check_name(name: str) -> str:
    """A project's name, without what surrounds it.

    Raises:
        Unprocessable: it is empty, longer than 60 characters, or has line breaks.
    """
    name = name.strip()
    if not name or len(name) > 60 or not name.isprintable():
        raise Unprocessable("A project's name has 1 to 60 characters, on one line.")
    return name


def _found(
    store: Store, vault: Vault, name: str, ref: str, keys: dict[str, str], catalog: Catalog, now: int
) -> Steps[list[Made]]:  # fmt: skip
    project = store.make_id()
    given = ref or ids.public("proj", project)
    yield fetch("insert_project", project, given, name, int(bool(ref)), now)
    made = []
    for slug in ("dev", "prod"):
        key = keys.get(slug, "")
        made.append(
            (yield from _add_env(store, vault, project, given, name, slug, key, catalog, now))
        )
    return made


def _add_env(
    store: Store, vault: Vault, project: int, ref: str, name: str, slug: str, key: str,
    catalog: Catalog, now: int,
) -> Steps[Made]:  # fmt: skip
    number = store.make_id()
    key = key or new_key(slug)
    env = Environment(
        number, project, ref, name, slug, TYPES[slug], ids.public("env", number),
        EnvironmentLimit(plan=catalog.plan.concurrency),
    )  # fmt: skip
    yield fetch("insert_env", number, project, slug, env.type, env.public_id)
    yield fetch(
        "insert_key",
        store.make_id(),
        number,
        digest(key),
        vault.seal(key),
        key[-4:],
        now,
        None,
        None,
    )
    catalog.envs[number] = env
    return Made(env, key)


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


async def check_seal(store: Store, vault: Vault, *, where: Path) -> None:
    """Refuse to start beside servers that seal with another master key, rather than fail at each token. A server that
    is alone starts, and says so: secret keys open their environments all the same.

    Raises:
        ConfigError: no root key of the database can be unsealed, and other servers use it.
    """
    for env in store.catalog.envs.values():
        if await sealed_keys(store, vault, env):
            return
    if store.database.is_shared:
        raise ConfigError(
            f"The keys in this database were sealed with another master key than this server's ({where}). "
            "Give every server the same one: HAIRTRIGGER_MASTER_KEY."
        )
    emit("keys.unreadable", master_key=str(where))


async def sealed_keys(store: Store, vault: Vault, env: Environment) -> list[str]:
    """The environment's root keys in plain text, newest first: public tokens are signed with them."""
    rows = await store.read(stores.one("keys_of_env", store.catalog.holder(env).id), quick=True)
    opened = [
        vault.open(sealed)
        for sealed, expires_at, _ in rows
        if sealed is not None and (expires_at is None or expires_at > store.now())
    ]
    return [key for key in opened if key is not None]
