"""Personal access tokens: what people's own tools act as them with, made in the dashboard or by signing a tool in.

Only a hash of a token is kept: it is shown once. A tool that wants one is given a code, shows its owner where to let
it in, and asks with the code until that is done.
Source: Trigger.dev's personal access tokens and the log-in of its command line.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hairtrigger.engine import accounts, projects
from hairtrigger.errors import NotFound, Unavailable, Unprocessable
from hairtrigger.rules import keys as rules
from hairtrigger.rules.accounts import MAX_AGENT, User
from hairtrigger.store import store as stores
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, each, fetch
from hairtrigger.store.store import Store
from hairtrigger.telemetry.events import EventName, emit
from hairtrigger.wire import ids

PREFIX = "tr_pat_"
WAITS_MS = 600_000  # that a tool may wait to be let in
MOST_WAITING = 1_000
_WHAT = "token"
_CHARS = 40  # 238 random bits
_OVER = "This request to sign in is over, or was answered before. Sign in again."


@dataclass(frozen=True, slots=True)
class Token:
    """A personal access token as its owner may see it. Instants in ms."""

    id: int
    name: str
    hint: str
    created_at: int
    expires_at: int | None = None
    used_at: int | None = None

    @property
    def public_id(self) -> str:
        return ids.public(_WHAT, self.id)

    @property
    def shown(self) -> str:
        """``tr_pat_…x7Qz``."""
        return f"{PREFIX}…{self.hint}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A tool that waits to be let in: what it calls itself, and where it asked from."""

    created_at: int
    name: str
    agent: str
    address: str
    user_id: int | None


async def find(store: Store, text: str) -> tuple[int, User] | None:
    """The number of a token and whose it is; None when it opens nothing (any more)."""
    rows = await store.read(stores.one("person_by_token", projects.digest(text)), quick=True)
    if not rows or (rows[0][1] is not None and rows[0][1] <= store.now()):
        return None
    number, _, *user = rows[0]
    return number, accounts.user_of_row(tuple(user))


async def list_all(store: Store, user_id: int) -> list[Token]:
    """Somebody's tokens, newest first, never whole."""
    return [Token(*row) for row in await store.read(stores.one("personal_tokens_of", user_id))]


async def create(
    store: Store, user_id: int, *, name: str, life_ms: int | None = None
) -> tuple[Token, str]:
    """Another token for somebody, and its text, which nobody can read again.

    Args:
        life_ms: How long it is good for; None: until it is revoked.
    Raises:
        NotFound: there is no such person.
        Unprocessable: they have 100, or the name or the time is none.
    """
    name, life_ms = rules.check_name(name, _WHAT), rules.check_life(life_ms, _WHAT)
    number, text = store.make_id(), _new_text()

    def make(_: Catalog, now: int) -> Steps[Token]:
        yield from _check_room(user_id)
        expires_at = None if life_ms is None else now + life_ms
        token = Token(number, name, text[-4:], now, expires_at)
        return (yield from _insert(user_id, token, text))

    token: Token = await store.change(make)
    _emit("personal_token.created", user_id, token.public_id, name)
    return token, text


async def revoke(store: Store, user_id: int, number: int) -> str:
    """Let somebody's token open nothing any more. Answers its name.

    Raises:
        NotFound: they have no such token.
    """
    rows = await store.change(lambda _, __: stores.one("delete_personal_token", number, user_id))
    if not rows:
        raise NotFound(f"You have no token {ids.public(_WHAT, number)}.")
    name: str = rows[0][0]
    _emit("personal_token.revoked", user_id, ids.public(_WHAT, number), name)
    return name


async def note_uses(store: Store, uses: Mapping[int, int]) -> None:
    """Remember when tokens were used last (ms), by their numbers."""

    def note(_: Catalog, now: int) -> Steps[None]:
        yield each("personal_token_used", sorted(uses.items()))

    if uses:
        await store.change(note)


# a tool that wants one


async def ask(store: Store, *, name: str, agent: str, address: str) -> str:
    """A code for a tool that wants a token: with it the tool asks for what became of that.

    Raises:
        Unavailable: too many wait already.
    """
    code = projects.random_text(_CHARS)
    name = " ".join(name.split())[: rules.MAX_NAME]
    name = name if name.isprintable() and name else "A tool"
    agent = agent.replace("\0", "")[:MAX_AGENT]

    def insert(_: Catalog, now: int) -> Steps[None]:
        if (yield fetch("count_authorizations", MOST_WAITING))[0][0] >= MOST_WAITING:
            raise Unavailable("Too many tools wait to be let in. Try again in some minutes.")
        hashed = projects.digest(code)
        yield fetch("insert_authorization", hashed, now, now + WAITS_MS, name, agent, address)

    await store.change(insert)
    return code


async def waiting(store: Store, code: str) -> Waiting:
    """The tool that was given a code.

    Raises:
        NotFound: there is none (any more).
    """
    hashed = projects.digest(code)
    return _waiting(await store.read(stores.one("authorization", hashed, store.now()), quick=True))


async def approve(store: Store, code: str, user_id: int) -> str:
    """Let a tool in as somebody. Answers what it calls itself.

    Raises:
        NotFound: it does not wait any more.
    """
    rows = await store.change(
        lambda _, now: stores.one("approve_authorization", projects.digest(code), user_id, now)
    )
    if not rows:
        raise NotFound(_OVER)
    return str(rows[0][0])


async def deny(store: Store, code: str) -> None:
    """Let a tool know that it is not let in."""
    await store.change(lambda _, __: stores.one("delete_authorization", projects.digest(code)))


async def collect(store: Store, code: str) -> str | None:
    """The text of the token for a tool that has been let in, told once; None while nobody has decided.

    Raises:
        NotFound: it was not let in, has waited for too long, or has been told before.
        Unprocessable: whoever let it in has 100 tokens.
    """
    if (await waiting(store, code)).user_id is None:
        return None
    number, text, hashed = store.make_id(), _new_text(), projects.digest(code)

    def make(_: Catalog, now: int) -> Steps[tuple[int, Token]]:
        found = _waiting((yield fetch("authorization", hashed, now)))
        user_id = found.user_id or 0
        yield from _check_room(user_id)
        if not (yield fetch("delete_authorization", hashed)):
            raise NotFound(_OVER)
        token = Token(number, found.name, text[-4:], now)
        return user_id, (yield from _insert(user_id, token, text))

    user_id, token = await store.change(make)
    _emit("personal_token.created", user_id, token.public_id, token.name)
    return text


def _waiting(rows: list[Row]) -> Waiting:
    if not rows:
        raise NotFound(_OVER)
    return Waiting(*rows[0])


def _check_room(user_id: int) -> Steps[None]:
    if not (yield fetch("user", user_id)):
        raise NotFound("There is no such user.")
    if (yield fetch("count_personal_tokens", user_id))[0][0] >= rules.MAX_KEYS:
        raise Unprocessable(f"You have {rules.MAX_KEYS} tokens. Revoke one first.")


def _insert(user_id: int, token: Token, text: str) -> Steps[Token]:
    hashed = projects.digest(text)
    yield fetch(
        "insert_personal_token", token.id, user_id, token.name, hashed, token.hint, token.created_at,
        token.expires_at,
    )  # fmt: skip
    return token


def _new_text() -> str:
    return PREFIX + projects.random_text(_CHARS)


def _emit(event: EventName, user_id: int, token: str, name: str) -> None:
    emit(event, user=ids.public("user", user_id), token=token, title=name)
