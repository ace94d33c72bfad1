"""Who looks at the dashboard: by the cookie of a login, by the word of a proxy, or anybody on this machine.

Called by the dashboard's routes; the API knows keys only (``auth``). What is written goes through
``engine/accounts``. Nothing here draws a page.
"""

import asyncio
import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hairtrigger.engine import accounts
from hairtrigger.errors import Forbidden, Unauthorized, Unprocessable
from hairtrigger.rules import accounts as rules
from hairtrigger.rules.accounts import ANYBODY, Action, User
from hairtrigger.server import peers
from hairtrigger.server.answers import Header, Message
from hairtrigger.server.guesses import Guesses
from hairtrigger.server.peers import Peers
from hairtrigger.server.settings import Settings
from hairtrigger.store.store import Store

COOKIE, SECURE_COOKIE = "ht_session", "__Host-ht_session"
SETUP = "/setup"
KNOWN_S = 2.0  # a person is asked for again after it, so that a removed one is gone on every server by then
_REMEMBERED = 10_000
_AT_ONCE = 2  # hashes of passwords: each takes 64 MiB and a tenth of a second
_COOKIE_S = (
    400 * 86_400
)  # the longest that browsers keep one; when a login is over, the server knows
_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
_SAME = ("same-origin", "none")  # Sec-Fetch-Site; none: the person's own doing, such as a bookmark
_STALE = "This page is out of date. Load it anew, and try again."
_FOREIGN = "This came from a page of another site, or of another address than the server's own"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who may look. ``csrf`` is what their forms send back; ``token`` is that of their login, empty
    where nobody signs in with a password."""

    user: User
    csrf: str
    token: str = ""

    @property
    def login(self) -> str:
        """The hash of their login, as in the list of logins; empty where there is none."""
        return accounts.digest(self.token) if self.token else ""

    def may(self, action: Action) -> bool:
        return rules.may(self.user.role, action)

    def demand(self, action: Action) -> None:
        """Go on only with somebody who may do this.

        Raises:
            Forbidden: they may not.
        """
        rules.demand(self.user.role, action)


class Visitors:
    """The door of one server's dashboard.

    Args:
        secret: Signs the tokens of forms and of the set-up; the same on every server of a database.
        clock: Seconds, for tests.
    """

    def __init__(
        self, store: Store, settings: Settings, secret: bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.mode = settings.login
        self.peers = Peers(settings.trusted_proxies, settings.public_url)
        self._store, self._settings, self._secret, self._clock = store, settings, secret, clock
        self._guesses = Guesses(clock)
        self._hashing = asyncio.Semaphore(_AT_ONCE)
        self._known: OrderedDict[str, tuple[float, User | None]] = OrderedDict()
        self._turn = 0  # of forgetting: an answer that was asked for before is not remembered

    # who

    async def who(self, scope: Message) -> Visitor | None:
        """Who sends this request; None when they have to sign in first.

        Raises:
            Forbidden: nobody is asked here, and the request does not come from this machine.
        """
        if self.mode == "none":
            self._check_here(scope)
            return self._visitor(ANYBODY)
        if self.mode == "proxy":
            return await self._by_proxy(scope)
        token = self._token(scope)
        if token is None:
            return None
        user = await self._remembered(f"token {token}", lambda: self._user_of(token))
        return None if user is None else self._visitor(user, token)

    def forget(self) -> None:
        """Ask anew who everybody is: call it when a person or a login has been changed."""
        self._turn += 1
        self._known.clear()

    def _visitor(self, user: User, token: str = "") -> Visitor:
        session = f"token {token}" if token else f"user {user.id}"
        return Visitor(user, self._signed("csrf", session), token)

    def _user_of(self, token: str) -> Awaitable[User | None]:
        return accounts.user_of(self._store, token, lifetime_ms=self._settings.session_ms)

    async def _by_proxy(self, scope: Message) -> Visitor | None:
        if not self.peers.is_trusted(scope):
            return None
        said = peers.headers(scope, self._settings.proxy_user_header.lower().encode())
        if len(said) != 1 or not said[0].strip():  # two: one of them may be the visitor's own word
            return None
        named = self._settings.proxy_name_header.lower().encode()
        name = (peers.headers(scope, named) if named else [])[:1]
        user = await self._remembered(
            "\n".join(("user", said[0], *name)),
            lambda: accounts.sign_in_by_proxy(self._store, said[0], "".join(name)),
        )
        return None if user is None else self._visitor(user)

    async def _remembered(self, key: str, ask: Callable[[], Awaitable[User | None]]) -> User | None:
        found, now = self._known.get(key), self._clock()
        if found is not None and found[0] > now:
            return found[1]
        turn = self._turn
        user = await ask()
        if turn == self._turn:
            self._known[key] = (now + KNOWN_S, user)
            self._known.move_to_end(key)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return user

    def _check_here(self, scope: Message) -> None:
        """Only a browser of this machine, on a name of this machine: a page from elsewhere whose name leads
        here, and a tunnel to here, are strangers."""
        forwarded = peers.headers(scope, b"x-forwarded-host")
        hosts = [*peers.headers(scope, b"host"), *forwarded]
        names = [peers.without_port(one.strip()) for one in hosts]
        if not (
            hosts
            and all(map(peers.is_loopback, names))
            and peers.is_loopback(self.peers.address(scope))
        ):
            raise Forbidden(
                "Here nobody is asked who they are, so only this machine may look: open it as "
                "http://localhost. For everybody else, start the server with HAIRTRIGGER_LOGIN=password."
            )

    # in and out

    async def sign_in(self, scope: Message, email: str, password: str) -> Header:
        """The cookie of a new login; one that the browser had is ended.

        Raises:
            Unauthorized: the email address or the password is wrong.
            RateLimitError: too many were, from this address or for this email address.
            Forbidden: nobody signs in here with a password.
        """
        self._check_passwords()
        async with self._guess(scope, email):
            token = await accounts.sign_in(
                self._store, email=email, password=password, agent=_agent(scope),
                address=self.peers.address(scope), lifetime_ms=self._settings.session_ms,
            )  # fmt: skip
        await self._end(scope)
        return self._cookie(scope, token)

    async def sign_out(self, scope: Message) -> Header:
        """End the login of this browser; answers the cookie that forgets it."""
        await self._end(scope)
        return self._cookie(scope, "", seconds=0)

    async def change_password(self, scope: Message, visitor: Visitor, old: str, new: str) -> None:
        """Give a visitor a new password, for the old one; their other logins end.

        Raises:
            Unauthorized: the old one is wrong.
            RateLimitError: it was too often.
            Unprocessable: the new one will not do.
        """
        self._check_passwords()
        rules.check_password(new, visitor.user.email)
        async with self._guess(scope, visitor.user.email):
            if not await accounts.is_password_of(self._store, visitor.user.id, old):
                raise Unauthorized("The present password is wrong.")
            await accounts.set_password(self._store, visitor.user, new, keep=visitor.token)
        self.forget()

    async def _end(self, scope: Message) -> None:
        token = self._token(scope)
        if token is not None:
            await accounts.sign_out(self._store, token)
            self.forget()

    def _check_passwords(self) -> None:
        if self.mode != "password":
            raise Forbidden(
                "Nobody signs in with a password here: HAIRTRIGGER_LOGIN says otherwise."
            )

    @asynccontextmanager
    async def _guess(self, scope: Message, email: str) -> AsyncIterator[None]:
        """What proves a password. That it is wrong (Unauthorized) counts for the address that it came from,
        and for the email address, which may be any text."""
        try:
            folded = rules.check_identity(email)
        except Unprocessable:
            folded = ""
        here, who = f"from {peers.block_of(self.peers.address(scope))}", f"for {folded}"
        tried_at = self._guesses.take(here, who)
        try:
            async with self._hashing:
                yield
        except Unauthorized:
            raise
        except BaseException:  # that is nobody's guess
            self._guesses.forgive(here, tried_at)
            self._guesses.forgive(who, tried_at)
            raise
        self._guesses.forgive(here, tried_at)
        self._guesses.forget(who)

    # the first one

    async def setup_path(self) -> str:
        """Where the first admin is made, with the token that opens it; empty when there is somebody already,
        or when nobody signs in with a password."""
        if self.mode != "password" or not await accounts.is_empty(self._store):
            return ""
        return f"{SETUP}?token={self._signed('setup', '')}"

    async def may_set_up(self, token: str) -> bool:
        """Whether a token opens the set-up, and there is one."""
        return _is_equal(token, self._signed("setup", "")) and bool(await self.setup_path())

    async def set_up(
        self, scope: Message, token: str, *, email: str, name: str, password: str
    ) -> Header:
        """Make the first admin and sign them in; answers the cookie. The token is worth nothing afterwards.

        Raises:
            Forbidden: the token is wrong, or there is an admin already.
            Unprocessable: the email address or the password will not do.
        """
        if not await self.may_set_up(token):
            raise Forbidden(
                "This link is no longer good: there is an admin, or its token is wrong."
            )
        async with self._hashing:
            await accounts.create_first_admin(
                self._store, email=email, name=name, password=password
            )
        return await self.sign_in(scope, email, password)

    # forms

    def check_form(self, scope: Message, visitor: Visitor, given: str) -> None:
        """Go on only with a request that changes something when one of our own pages sent it.

        Args:
            given: The token that the form, or the header of a script, carries.
        Raises:
            Forbidden: another site sent it, or the page is older than the login.
        """
        self.check_origin(scope)
        if not _is_equal(given, visitor.csrf):
            raise Forbidden(_STALE)

    def check_origin(self, scope: Message) -> None:
        """The same where nobody has signed in yet: only the browser's word on where the page came from.
        Source: Fetch Metadata, RFC 6454.

        Raises:
            Forbidden: it came from elsewhere, or the browser does not say.
        """
        site, origin = peers.headers(scope, b"sec-fetch-site"), peers.headers(scope, b"origin")
        if any(one not in _SAME for one in site):
            raise Forbidden(f"{_FOREIGN}.")
        if "same-origin" in site or (len(origin) == 1 and self.peers.is_origin(scope, origin[0])):
            return
        raise Forbidden(
            f"{_FOREIGN}. If it was your own, HAIRTRIGGER_PUBLIC_URL must be how browsers reach it."
        )

    # pieces

    def _token(self, scope: Message) -> str | None:
        """The token in the cookie; of two cookies of one name the first counts, as for browsers."""
        wanted = SECURE_COOKIE if self.peers.is_https(scope) else COOKIE
        for line in peers.headers(scope, b"cookie"):
            for pair in line.split(";"):
                name, _, value = pair.strip().partition("=")
                if name == wanted and _TOKEN.fullmatch(value):
                    return value
        return None

    def _cookie(self, scope: Message, token: str, *, seconds: int = _COOKIE_S) -> Header:
        secure = self.peers.is_https(scope)
        parts = [f"{SECURE_COOKIE if secure else COOKIE}={token}", f"Max-Age={seconds}", "Path=/"]
        parts += ["HttpOnly", "SameSite=Lax", *(["Secure"] if secure else [])]
        return b"set-cookie", "; ".join(parts).encode()

    def _signed(self, purpose: str, what: str) -> str:
        return hmac.new(self._secret, f"{purpose} {what}".encode(), hashlib.sha256).hexdigest()


def _agent(scope: Message) -> str:
    return " ".join(peers.headers(scope, b"user-agent")[:1])


def _is_equal(given: str, right: str) -> bool:
    """Without telling by the time how much of it is right."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())
