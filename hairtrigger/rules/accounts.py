"""Who uses the dashboard: people, their roles and what those may, and which emails and passwords will do.

Pure: hashing, tokens and rows are the engine's.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from hairtrigger.errors import Forbidden, Unprocessable
from hairtrigger.wire import ids

Role = Literal["admin", "viewer"]
Action = Literal["read", "change"]
ROLES: tuple[Role, ...] = get_args(Role)
SHORTEST, LONGEST = 10, 1_000  # characters of a password
MAX_EMAIL, MAX_NAME, MAX_AGENT = 254, 100, 300
_MAY: dict[Role, frozenset[Action]] = {
    "admin": frozenset(get_args(Action)),
    "viewer": frozenset({"read"}),
}
# What mail servers take, without quoted local parts; a domain may be a single name, as inside a company.
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\]\\]{1,64}@[^\W_](?:[^\W_]|-(?![.]|$)|\.(?![-.]|$))*")


@dataclass(frozen=True, slots=True)
class User:
    """A person who may look at the dashboard. Instants in ms since 1970."""

    id: int
    email: str
    name: str
    role: Role
    has_password: bool
    created_at: int = 0
    seen_at: int | None = None

    @property
    def public_id(self) -> str:
        """``user_…``: what others are told."""
        return ids.public("user", self.id)

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


@dataclass(frozen=True, slots=True)
class Login:
    """A browser in which somebody is signed in. Its ``hash`` names it, and opens nothing."""

    hash: str
    created_at: int
    expires_at: int
    seen_at: int
    agent: str
    address: str


ANYBODY = User(0, "", "You", "admin", has_password=False)
"""Whoever looks where nobody is asked who they are."""


def may(role: Role, action: Action) -> bool:
    """Whether somebody with that role may do this. Everybody may change what is only theirs: their password,
    their settings, their logins."""
    return action in _MAY[role]


def demand(role: Role, action: Action) -> None:
    """Go on only with somebody who may do this.

    Raises:
        Forbidden: they may not.
    """
    if not may(role, action):
        raise Forbidden("You may look, and change nothing. Ask an admin to do it, or to let you.")


def check_role(text: str) -> Role:
    """A role by its name.

    Raises:
        Unprocessable: there is none of that name.
    """
    for role in ROLES:
        if role == text:
            return role
    raise Unprocessable(f"Unknown role {text[:100]!r}. It is {' or '.join(ROLES)}.")


def check_email(text: str) -> str:
    """An email address as it is kept: in lower case, without blanks around it.

    Raises:
        Unprocessable: it does not have the form of one.
    """
    email = _folded(text)
    if len(email) > MAX_EMAIL or not _EMAIL.fullmatch(email) or not email.isprintable():
        raise Unprocessable(f"{text[:100]!r} is no email address. Write it like ada@example.com.")
    return email


def check_identity(text: str) -> str:
    """Who somebody is in the words of a proxy, which knows people by an email address or any other name.

    Raises:
        Unprocessable: it is empty, too long, or has characters that nobody can see.
    """
    identity = _folded(text)
    if not identity or len(identity) > MAX_EMAIL or not identity.isprintable():
        raise Unprocessable(f"The proxy's user {text[:100]!r} is no name.")
    return identity


def name_or(email: str, name: str) -> str:
    """A person's name on one line; without one, what stands before the @ of the email address."""
    shown = " ".join("".join(one if one.isprintable() else " " for one in name).split())
    return (shown or email.partition("@")[0] or email)[:MAX_NAME].strip()


def check_password(password: str, email: str) -> None:
    """Whether a new password will do: long enough, and not the email address. What it is made of is free.
    Source: NIST SP 800-63B, 5.1.1.2.

    Raises:
        Unprocessable: saying why not.
    """
    if len(password) > LONGEST:
        raise Unprocessable(f"The password is too long: {LONGEST:,} characters at most.")
    if len(_one_form(password)) < SHORTEST:
        raise Unprocessable(f"The password is too short: {SHORTEST} characters or more.")
    if _folded(password) == _folded(email):
        raise Unprocessable("The password is the email address. Take another one.")


def password_bytes(password: str) -> bytes | None:
    """What is hashed of a password: keyboards write the same letter in more than one form. None when it is
    longer than any password is."""
    if len(password) > LONGEST:
        return None
    return _one_form(password).encode("utf-8", "surrogatepass")


def _one_form(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _folded(text: str) -> str:
    """In lower case and one form; another turn changes nothing."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text.strip()).lower()).strip()
