"""The secret keys of an environment: the root key, which public tokens are signed with, and any number of others.

A branch has none of its own: its keys are its parent's. Of the others only a hash is kept: each is shown once, when it
is made. Rotating the root key makes a new one; the one before is good for another day, and so are the tokens signed
with it.
Source: Trigger.dev's root and additional keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hairtrigger.engine import projects
from hairtrigger.engine.projects import Vault
from hairtrigger.errors import NotFound, Unprocessable
from hairtrigger.rules import keys as rules
from hairtrigger.rules.project import Environment
from hairtrigger.store import store as stores
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Steps, each, fetch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids

_CHARS = 24  # 142 random bits


@dataclass(frozen=True, slots=True)
class Key:
    """A secret key as people may see it. ``name`` is None for a root key; instants in ms."""

    id: int
    env: Environment
    name: str | None
    hint: str
    created_at: int
    expires_at: int | None = None
    used_at: int | None = None

    @property
    def public_id(self) -> str:
        return ids.public("key", self.id)

    @property
    def is_root(self) -> bool:
        return self.name is None

    @property
    def shown(self) -> str:
        """``tr_prod_…x7Qz``."""
        return f"{projects.key_prefix(self.env.kind)}{'' if self.is_root else 'sk_'}…{self.hint}"


async def find(store: Store, secret_key: str) -> tuple[int, Environment] | None:
    """The number of a secret key and the environment that it opens; None when it opens none (any more)."""
    rows = await store.read(stores.one("key_by_hash", projects.digest(secret_key)), quick=True)
    if not rows or (rows[0][2] is not None and rows[0][2] <= store.now()):
        return None
    return rows[0][0], store.catalog.envs[rows[0][1]]


async def list_all(store: Store, envs: Sequence[Environment]) -> list[Key]:
    """The keys of some environments, newest first, never whole."""
    by_id = {env.id: env for env in envs}
    rows = await store.read(stores.one("all_keys", list(by_id)), quick=True)
    return [Key(number, by_id[env], *rest) for number, env, *rest in rows]


async def create(
    store: Store, env: Environment, *, name: str, life_ms: int | None = None
) -> tuple[Key, str]:
    """Another key of an environment, and its text, which nobody can read again.

    Args:
        life_ms: How long it is good for; None: until it is revoked.
    Raises:
        Unprocessable: a key has that name, there are 100, or the name or the time is none.
    """
    name, life_ms = rules.check_name(name), rules.check_life(life_ms)
    env = store.catalog.holder(env)
    text = f"{projects.key_prefix(env.slug)}sk_{projects.random_text(_CHARS)}"

    def make(_: Catalog, now: int) -> Steps[Key]:
        if (yield fetch("key_name_taken", env.id, name)):
            raise Unprocessable(f"{env.slug} has a key {name!r} already. Give it another name.")
        if (yield fetch("count_keys", env.id))[0][0] >= rules.MAX_KEYS:
            raise Unprocessable(f"{env.slug} has {rules.MAX_KEYS} keys. Revoke one first.")
        expires_at = None if life_ms is None else now + life_ms
        key = Key(store.make_id(), env, name, text[-4:], now, expires_at)
        hashed = projects.digest(text)
        yield fetch("insert_key", key.id, env.id, hashed, None, key.hint, now, expires_at, name)
        return key

    key: Key = await store.change(make)
    emit("key.created", env=env.slug, key=key.public_id, title=name)
    return key, text


async def revoke(store: Store, env: Environment, number: int) -> str:
    """Let a key open nothing any more, on every server within two seconds. Answers its name.

    Raises:
        NotFound: the environment has no such key, or it is its root key.
    """
    env = store.catalog.holder(env)
    rows = await store.change(lambda _, now: stores.one("revoke_key", env.id, number))
    if not rows:
        raise NotFound(
            f"{env.slug} has no key {ids.public('key', number)} to revoke. A root key is rotated."
        )
    name: str = rows[0][0]
    emit("key.revoked", env=env.slug, key=ids.public("key", number), title=name)
    return name


async def rotate(store: Store, vault: Vault, env: Environment) -> tuple[Key, str, int]:
    """A new root key for an environment: it, its text, and when the one before ends (ms)."""
    env = store.catalog.holder(env)
    text = projects.new_key(env.slug)

    def make(_: Catalog, now: int) -> Steps[tuple[Key, int]]:
        ends_at = now + rules.GRACE_MS
        yield fetch("forget_root_keys", env.id, now)
        yield fetch("end_root_keys", env.id, ends_at)
        key = Key(store.make_id(), env, None, text[-4:], now)
        hashed, sealed = projects.digest(text), vault.seal(text)
        yield fetch("insert_key", key.id, env.id, hashed, sealed, key.hint, now, None, None)
        return key, ends_at

    key, ends_at = await store.change(make)
    emit("key.rotated", env=env.slug, key=key.public_id)
    return key, text, ends_at


async def note_uses(store: Store, uses: Mapping[int, int]) -> None:
    """Remember when keys were used last (ms), by their numbers."""

    def note(_: Catalog, now: int) -> Steps[None]:
        yield each("key_used", sorted(uses.items()))

    if uses:
        await store.change(note)
