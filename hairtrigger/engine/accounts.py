"""People of the dashboard: added and removed, signed in and out, remembered.

A password is kept as an Argon2id hash, a login as the SHA-256 of a token that only the browser has.
Source: RFC 9106 (parameters), OWASP Session Management.
"""

import asyncio
import contextlib
import functools
import hashlib
import secrets
from dataclasses import replace

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hairtrigger.errors import Forbidden, NotFound, Unauthorized, Unavailable, Unprocessable
from hairtrigger.rules import accounts as rules
from hairtrigger.rules.accounts import Login, Role, User
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Database, Row, Steps, fetch
from hairtrigger.store.store import Store, one
from hairtrigger.telemetry.events import emit
from hairtrigger.wire import ids

TOUCH_MS = 3_600_000  # that somebody is there is written at most so often
_HASHER = PasswordHasher()
WRONG = "The email address or the password is wrong."
_LAST = "This is the last admin: make somebody else one first."


# who there is


async def is_empty(store: Store) -> bool:
    """Whether there is nobody yet: then the first one who comes with the right token becomes an admin."""
    return not await store.read(one("any_user"), quick=True)


async def users(store: Store | Database) -> list[User]:
    """Everybody, by email address."""
    return [user_of_row(row) for row in await store.read(one("all_users"))]


async def find(store: Store, email: str) -> User:
    """A person by email address, or by the name that a proxy gives.

    Raises:
        NotFound: there is none.
    """
    rows = await store.read(one("user_by_email", rules.check_identity(email)), quick=True)
    if not rows:
        raise NotFound(f"There is no user {email[:100]}.")
    return user_of_row(rows[0])


async def retrieve(store: Store, user_id: int) -> User:
    """A person by number.

    Raises:
        NotFound: there is none.
    """
    return await store.read(_existing(user_id), quick=True)


async def create_first_admin(store: Store, *, email: str, name: str, password: str) -> User:
    """Make the first person, an admin. Of several who try at once, one succeeds.

    Raises:
        Forbidden: there is somebody already.
        Unprocessable: the email address or the password will not do.
    """
    return await _add(store, email, name, "admin", password, first=True)


async def add_user(
    store: Store, *, email: str, name: str, role: Role, password: str | None
) -> User:
    """Make a person. Without a password they can come through a proxy only.

    Raises:
        Unprocessable: the email address or the password will not do, or somebody has that address.
    """
    return await _add(store, email, name, role, password, first=False)


async def _add(
    store: Store, email: str, name: str, role: Role, password: str | None, *, first: bool
) -> User:
    given = email
    email = rules.check_email(email) if password is not None else rules.check_identity(email)
    if password is not None:
        rules.check_password(password, email)
    stored = None if password is None else await hashed(password)
    user_id, name = store.make_id(), rules.name_or(email, name)

    def add(_: Catalog, now: int) -> Steps[User]:
        if first and (yield fetch("any_user")):
            raise Forbidden("There is an admin already. Sign in, or ask one to add you.")
        if not (yield fetch("insert_user", user_id, email, name, stored, role, now)):
            raise Unprocessable(f"There is a user {given[:100]} already.")
        return User(user_id, email, name, role, has_password=stored is not None, created_at=now)

    user: User = await store.change(add)
    emit("user.added", user=user.public_id, role=role)
    return user


async def change_role(store: Store, user_id: int, role: Role) -> None:
    """Let somebody do more, or less.

    Raises:
        NotFound: there is no such person.
        Unprocessable: it is the last admin.
    """

    def change(_: Catalog, __: int) -> Steps[bool]:
        user = yield from _existing(user_id)
        if user.role == role:
            return False
        if user.is_admin and not (yield fetch("another_admin", user_id)):
            raise Unprocessable(_LAST)
        yield fetch("change_role", user_id, role)
        return True

    if await store.change(change):
        emit("user.changed", user=ids.public("user", user_id), what="role")


async def remove_user(store: Store, user_id: int) -> None:
    """Forget somebody, and end their logins.

    Raises:
        NotFound: there is no such person.
        Unprocessable: it is the last admin.
    """

    def remove(_: Catalog, __: int) -> Steps[None]:
        user = yield from _existing(user_id)
        if user.is_admin and not (yield fetch("another_admin", user_id)):
            raise Unprocessable(_LAST)
        yield fetch("delete_user", user_id)
        yield fetch("delete_logins_of", user_id)
        yield fetch("delete_personal_tokens_of", user_id)
        yield fetch("delete_views_of", user_id)

    await store.change(remove)
    emit("user.removed", user=ids.public("user", user_id))


async def rename(store: Store, user_id: int, name: str) -> str:
    """Call somebody by another name, on one line; answers it. Without one, it is the beginning of their address.

    Raises:
        NotFound: there is no such person.
    """

    def change(_: Catalog, __: int) -> Steps[str]:
        user = yield from _existing(user_id)
        called = rules.name_or(user.email, name)
        yield fetch("name_user", user_id, called)
        return called

    called: str = await store.change(change)
    emit("user.changed", user=ids.public("user", user_id), what="name")
    return called


# passwords


async def hashed(password: str) -> str:
    """The hash of a password, made beside the event loop: it takes a tenth of a second."""
    return await asyncio.to_thread(_HASHER.hash, rules.password_bytes(password) or b"")


async def is_password_of(store: Store, user_id: int, password: str) -> bool:
    """Whether this is somebody's password."""
    rows = await store.read(one("password_of", user_id), quick=True)
    return await _verify(rows[0][0] if rows else None, password)


async def set_password(store: Store, user: User, password: str, *, keep: str = "") -> None:
    """Give somebody a new password and end their logins.

    Args:
        keep: The token of the login that goes on: that of whoever changes the own password.
    Raises:
        NotFound: the person has been removed.
        Unprocessable: the password will not do.
    """
    rules.check_password(password, user.email)
    stored = await hashed(password)

    def change(_: Catalog, __: int) -> Steps[None]:
        if not (yield fetch("set_password", user.id, stored)):
            raise NotFound(f"There is no user {user.email}.")
        yield fetch("end_other_logins", user.id, digest(keep))

    await store.change(change)
    emit("user.changed", user=user.public_id, what="password")


async def _verify(stored: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed. It takes as long when there is none to compare with."""
    given = rules.password_bytes(password)
    fits = await asyncio.to_thread(_fits, stored, given or b"")
    return fits and stored is not None and given is not None


def _fits(stored: str | None, password: bytes) -> bool:
    dummy = _dummy(_HASHER)
    try:
        return _HASHER.verify(stored or dummy, password)
    except (VerificationError, InvalidHashError):
        return False


@functools.cache
def _dummy(hasher: PasswordHasher) -> str:
    """What nobody's password is compared with."""
    return hasher.hash(secrets.token_bytes(32))


# logins


async def sign_in(
    store: Store, *, email: str, password: str, agent: str, address: str, lifetime_ms: int
) -> str:
    """The token of a new login, which goes on for ``lifetime_ms`` after it was used last.

    Raises:
        Unauthorized: in the same words and after the same time for an unknown email address, a wrong
            password, and somebody who has none.
    """
    try:
        rows = await store.read(one("password_by_email", rules.check_identity(email)), quick=True)
    except Unprocessable:
        rows = []
    user_id, stored = rows[0] if rows else (0, None)
    if not await _verify(stored, password):
        emit("sign_in.refused", address=address)
        raise Unauthorized(WRONG)
    better = await hashed(password) if _HASHER.check_needs_rehash(str(stored)) else None
    token, agent = secrets.token_urlsafe(32), agent.replace("\0", "")[: rules.MAX_AGENT]
    address = address.replace("\0", "")

    def start(_: Catalog, now: int) -> Steps[None]:
        login = digest(token), user_id, stored, now, now + lifetime_ms, agent, address
        if not (yield fetch("insert_login", *login)):
            raise Unauthorized(WRONG)  # it was changed this very moment
        yield fetch("see_user", user_id, now)
        if better is not None:
            yield fetch("rehash_password", user_id, stored, better)

    await store.change(start)
    emit("user.signed_in", user=ids.public("user", user_id), address=address)
    return token


async def sign_out(store: Store, token: str) -> None:
    """End a login; one that is over already stays so."""
    rows = await store.change(lambda _, __: one("end_login", digest(token)))
    if rows:
        emit("user.signed_out", user=ids.public("user", rows[0][0]))


async def user_of(store: Store, token: str, *, lifetime_ms: int) -> User | None:
    """Who is signed in with a token, or None. Their login goes on for another ``lifetime_ms``."""
    login, now = digest(token), store.now()
    rows = await store.read(one("user_of_login", login, now), quick=True)
    if not rows:
        return None
    user = user_of_row(rows[0][:7])
    if now - rows[0][7] >= TOUCH_MS:

        def touch(_: Catalog, now: int) -> Steps[None]:
            yield fetch("extend_login", login, now, now + lifetime_ms)
            yield fetch("see_user", user.id, now)

        with contextlib.suppress(Unavailable):  # they may look all the same
            await store.change(touch)
    return user


async def sign_in_by_proxy(store: Store, identity: str, name: str) -> User:
    """Who comes through a proxy that has asked for a password. Whoever is new becomes a viewer, or the first
    admin when there is nobody yet.

    Args:
        identity: Their email address, or what else the proxy knows them by.
        name: What they are called, if it says so; else what they were called before.
    Raises:
        Unprocessable: the identity is none.
    """
    identity = rules.check_identity(identity)
    rows = await store.read(one("user_by_email", identity), quick=True)
    if rows:
        return await _seen(store, user_of_row(rows[0]), name)
    user_id, name = store.make_id(), rules.name_or(identity, name)

    def add(_: Catalog, now: int) -> Steps[tuple[User, bool]]:
        role: Role = "viewer" if (yield fetch("any_user")) else "admin"
        made = yield fetch("insert_user", user_id, identity, name, None, role, now)
        return user_of_row((yield fetch("user_by_email", identity))[0]), bool(made)

    added: tuple[User, bool] = await store.change(add)
    user, is_new = added
    if is_new:
        emit("user.added", user=user.public_id, role=user.role)
    return user


async def _seen(store: Store, user: User, name: str) -> User:
    """Somebody who was there before, under the name that they have now."""
    now, called = store.now(), rules.name_or(user.email, name) if name.strip() else user.name

    def see(_: Catalog, now: int) -> Steps[None]:
        yield fetch("see_user", user.id, now)
        yield fetch("name_user", user.id, called)

    if called != user.name or user.seen_at is None or now - user.seen_at >= TOUCH_MS:
        with contextlib.suppress(Unavailable):  # they may look all the same
            await store.change(see)
    return replace(user, name=called)


async def logins_of(store: Store, user_id: int) -> list[Login]:
    """Where somebody is signed in, the one used last first."""
    rows = await store.read(one("logins_of", user_id, store.now()), quick=True)
    return [Login(*row) for row in rows]


async def end_login(store: Store, user_id: int, login: str) -> None:
    """End a login by its hash, if it is that person's.

    Raises:
        NotFound: it is not, or is over.
    """
    if not await store.change(lambda _, __: one("end_login_of", login, user_id)):
        raise NotFound("There is no such login any more.")
    emit("user.signed_out", user=ids.public("user", user_id))


async def end_other_logins(store: Store, user_id: int, keep: str) -> None:
    """End all of somebody's logins but the one with the hash ``keep``."""
    await store.change(lambda _, __: one("end_other_logins", user_id, keep))
    emit("user.signed_out", user=ids.public("user", user_id))


def digest(token: str) -> str:
    """What a login is looked up by. Unsalted is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def _existing(user_id: int) -> Steps[User]:
    rows = yield fetch("user", user_id)
    if not rows:
        raise NotFound("There is no such user.")
    return user_of_row(rows[0])


def user_of_row(row: Row) -> User:
    """A person from their row: number, email, name, role, whether there is a password, and two instants."""
    id_, email, name, role, has_password, created_at, seen_at = row
    return User(id_, email, name, role, bool(has_password), created_at, seen_at)
