"""Secret keys of an environment, and public tokens that the server signs for who cannot. The bodies of ``/keys`` are
our own. Source of the rest: Trigger.dev's ``auth``.
"""

import re
import time
from typing import Any

import msgspec

from hairtrigger.engine import keys as engine
from hairtrigger.engine.keys import Key
from hairtrigger.errors import BadRequest, InvalidDuration
from hairtrigger.server import answers, tokens
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.wire import durations

DEFAULT_S, LONGEST_S = 900, 30 * 86_400  # that a token lives
MAX_SCOPES = 500
_SCOPE = re.compile(
    r"admin|(read|write|trigger|batchTrigger|\*):"
    r"(runs|tasks|tags|batch|waitpoints|inputStreams|queues|deployments|envvars|sessions|query|all)(:.{1,300})?"
)


class NewKey(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """``expiresIn`` is a duration such as ``90d``; without it the key lives until it is revoked."""

    name: str
    expires_in: str | None = None


class KeyObject(msgspec.Struct, rename="camel"):
    """A key, never whole. ``name`` is left out for a root key, ``lastUsedAt`` when it was not used yet."""

    id: str
    root: bool
    key: str
    created_at: str
    name: Any = msgspec.UNSET
    expires_at: Any = msgspec.UNSET
    last_used_at: Any = msgspec.UNSET


class Keys(msgspec.Struct):
    data: list[KeyObject]


class MadeKey(msgspec.Struct, rename="camel"):
    """``secret`` is told here and never again."""

    id: str
    secret: str
    expires_at: Any = msgspec.UNSET


class RotatedKey(msgspec.Struct, rename="camel"):
    id: str
    secret: str
    previous_expires_at: str


class RevokedKey(msgspec.Struct):
    id: str
    name: str


class Realtime(msgspec.Struct, rename="camel"):
    skip_columns: list[str] = []


class TokenRequest(msgspec.Struct, rename="camel"):
    """``expirationTime``: a duration from now, or seconds since 1970."""

    scopes: list[str]
    expiration_time: str | int | None = None
    one_time_use: bool = False
    realtime: Realtime | None = None


class TokenClaims(msgspec.Struct):
    scopes: list[str] = []


class ClaimsRequest(msgspec.Struct, rename="camel"):
    claims: TokenClaims = msgspec.field(default_factory=TokenClaims)
    expiration_time: str | int | None = None


class Token(msgspec.Struct):
    token: str


_new = msgspec.json.Decoder(NewKey)
_token_request = msgspec.json.Decoder(TokenRequest)
_claims_request = msgspec.json.Decoder(ClaimsRequest)


async def list_keys(call: Call) -> Answer:
    """The environment's keys, newest first, by their ends."""
    store = call.server.store
    found = await engine.list_all(store, [store.catalog.holder(call.caller.env)])
    return answers.json(Keys([_shown(one) for one in found]))


async def create(call: Call) -> Answer:
    """Another key of the environment; its text is in the answer and nowhere else."""
    body = await call.read(_new)
    life_ms = None if body.expires_in is None else durations.parse(body.expires_in, "expiresIn")
    key, secret = await engine.create(
        call.server.store, call.caller.env, name=body.name, life_ms=life_ms
    )
    return answers.json(MadeKey(key.public_id, secret, _instant(key.expires_at)))


async def rotate(call: Call) -> Answer:
    """A new root key; the one before is good for another 24 hours, and so are tokens signed with it."""
    server = call.server
    key, secret, ends_at = await engine.rotate(server.store, server.vault, call.caller.env)
    server.keyring.forget()
    return answers.json(RotatedKey(key.public_id, secret, durations.iso(ends_at)))


async def revoke(call: Call) -> Answer:
    """Let a key open nothing any more."""
    number = call.number("key", "key")
    name = await engine.revoke(call.server.store, call.caller.env, number)
    call.server.keyring.forget()
    return answers.json(RevokedKey(call.params["key"], name))


async def sign(call: Call) -> Answer:
    """A public token with these scopes, signed by the server: for keys that cannot sign themselves."""
    body = await call.read(_token_request)
    if not body.scopes:
        raise BadRequest("scopes is empty: a token without any may do nothing.")
    more: dict[str, Any] = {"otu": True} if body.one_time_use else {}
    if body.realtime is not None:
        more["realtime"] = {"skipColumns": body.realtime.skip_columns}
    return await _signed(call, body.scopes, body.expiration_time, more)


async def sign_claims(call: Call) -> Answer:
    """A public token with the scopes of these claims."""
    body = await call.read(_claims_request)
    return await _signed(call, body.claims.scopes, body.expiration_time, {})


async def sign_for_person(call: Call) -> Answer:
    """The same, for a person's tools."""
    return await sign_claims(call)


async def _signed(
    call: Call, scopes: list[str], until: str | int | None, more: dict[str, Any]
) -> Answer:
    if len(scopes) > MAX_SCOPES:
        raise BadRequest(f"A token has at most {MAX_SCOPES} scopes, not {len(scopes):,}.")
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            raise BadRequest(
                f"{scope[:100]!r} is no scope: action:type or action:type:id, such as read:runs:run_..."
            )
    env = call.caller.env
    root = (await call.server.keyring.root_keys(env))[0]
    return answers.json(Token(tokens.mint(root, env.public_id, scopes, _seconds(until), more=more)))


def _seconds(until: str | int | None) -> int:
    """For how long a token is to live.

    Raises:
        BadRequest: no such time, one that has passed, or more than 30 days.
    """
    if until is None:
        return DEFAULT_S
    try:
        seconds = (
            until - int(time.time())
            if isinstance(until, int)
            else durations.parse(_UNITS.sub(lambda m: m[1] + m[2][0], until)) // 1_000
        )
    except InvalidDuration as error:
        raise BadRequest(f"expirationTime: {error}") from None
    if not 0 < seconds <= LONGEST_S:
        raise BadRequest("expirationTime lies between now and 30 days from now.")
    return seconds


_UNITS = re.compile(r"(\d+) ?(seconds?|minutes?|hours?|days?|weeks?)")


def _shown(one: Key) -> KeyObject:
    return KeyObject(
        one.public_id, one.is_root, one.shown, durations.iso(one.created_at),
        msgspec.UNSET if one.name is None else one.name, _instant(one.expires_at),
        _instant(one.used_at),
    )  # fmt: skip


def _instant(at: int | None) -> Any:
    return msgspec.UNSET if at is None else durations.iso(at)


_PATH = "/api/hairtrigger/v1/keys"
ROUTES = (
    Route("GET", _PATH, list_keys, "secret", trunk=True, returns=Keys),
    Route("POST", _PATH, create, "secret", trunk=True, body=NewKey, returns=MadeKey, audited=True),
    Route(
        "POST", _PATH + "/rotate", rotate, "secret", trunk=True, returns=RotatedKey, audited=True
    ),
    Route(
        "DELETE", _PATH + "/{key}", revoke, "secret", trunk=True, returns=RevokedKey, audited=True
    ),
    Route("POST", "/api/v1/auth/public-tokens", sign, "secret", body=TokenRequest, returns=Token),
    Route("POST", "/api/v1/auth/jwt", sign_claims, "secret", body=ClaimsRequest, returns=Token),
    Route(
        "POST", "/api/v1/projects/{project}/{env}/jwt", sign_for_person, "admin", body=ClaimsRequest,
        returns=Token, audited=True,
    ),
)  # fmt: skip
