"""Public access tokens: made for whoever triggers, checked when a browser comes back with one.

An HS256 JWT under the environment's root key, because the official clients sign most of them themselves.
Called by ``auth`` (checking) and by the routes that hand out tokens (minting). No rule about scopes here.
Source: Trigger.dev's public access tokens.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
import msgspec
from jwt.algorithms import HMACAlgorithm
from jwt.api_jws import PyJWS

from hairtrigger.errors import Unauthorized

ISSUER, AUDIENCE = "https://id.trigger.dev", "https://api.trigger.dev"
LEEWAY_S = 5
HANDLE_S = 3_600  # how long the token of a run or batch handle lives
_MAX_CHARS = 8_192
_MANDATORY = ["exp", "iss", "aud", "sub"]


class _RootKey(HMACAlgorithm):
    """HMAC with keys of our own making: asking whether one is a certificate costs 8 of 15 us a token."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else key.encode()

    def check_key_length(self, key: bytes) -> None:
        """Whoever sets up an installation may choose a key of 27 characters: the API has always had such."""


_signer = PyJWS(algorithms=["HS256"])
_signer.unregister_algorithm("HS256")
_signer.register_algorithm("HS256", _RootKey(hashlib.sha256))
_encode = msgspec.json.Encoder().encode


class PublicToken(msgspec.Struct, frozen=True):
    """What a checked token says. ``text_hash`` is the SHA-256 of its text: a one-time token's identity."""

    environment: str
    scopes: tuple[str, ...]
    one_time: bool
    text_hash: str
    expires_at: int  # ms since 1970
    skip_columns: tuple[str, ...] = ()


def mint(
    key: str, environment: str, scopes: Sequence[str], seconds: int = HANDLE_S, *,
    more: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """A token for an environment (its public id) with these scopes and ``more`` claims, living for so many seconds."""
    now = int(time.time())
    claims = {
        "sub": environment, "pub": True, "scopes": scopes, "iat": now, "exp": now + seconds,
        "iss": ISSUER, "aud": AUDIENCE, **(more or {}),
    }  # fmt: skip
    return _signer.encode(_encode(claims), key.encode(), algorithm="HS256")


def is_jwt(text: str) -> bool:
    """Whether a credential has the form of a token rather than of a secret key."""
    return text.count(".") == 2 and not text.startswith("tr_")


def subject(text: str) -> str:
    """The environment that a token claims to be for; nothing of it is believed yet.

    Raises:
        Unauthorized: it cannot be read, or is no public token of ours.
    """
    if len(text) > _MAX_CHARS:
        raise Unauthorized("The public access token is too long.")
    try:
        claims = jwt.decode(text, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise Unauthorized("The public access token cannot be read.") from None
    sub = claims.get("sub")
    if claims.get("pub") is not True or not isinstance(sub, str):
        raise Unauthorized("This token is not a public access token (no sub, or pub is not true).")
    return sub


def verify(text: str, keys: Sequence[str]) -> PublicToken:
    """What a token says, when one of the environment's keys signed it and it is still alive.

    Args:
        keys: The environment's root keys, rotated ones within their time of grace too.
    Raises:
        Unauthorized: with a sentence that says which check failed.
    """
    for key in keys:
        try:
            return _token(text, _claims(text, key))
        except jwt.InvalidSignatureError:
            continue
        except jwt.ExpiredSignatureError:
            raise Unauthorized("Public Access Token has expired. Make a new one.") from None
        except jwt.InvalidIssuerError:
            raise Unauthorized(f"The public access token's issuer is not {ISSUER}.") from None
        except jwt.InvalidAudienceError:
            raise Unauthorized(f"The public access token's audience is not {AUDIENCE}.") from None
        except jwt.MissingRequiredClaimError as error:
            raise Unauthorized(f"The public access token lacks {error.claim!r}.") from None
        except jwt.InvalidAlgorithmError:
            raise Unauthorized("The public access token is not signed with HS256.") from None
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Unauthorized(f"The public access token is not valid: {error}.") from None
    raise Unauthorized("The signature of the public access token does not match its environment.")


def _claims(text: str, key: str) -> dict[str, Any]:
    _signer.decode(
        text, key.encode(), algorithms=["HS256"]
    )  # the signature, and what it is made with
    # A client whose clock is ahead signs an `iat` in the future; only the expiry protects anybody.
    return jwt.decode(
        text, issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY_S,
        options={
            "verify_signature": False, "verify_exp": True, "verify_nbf": True, "verify_iss": True,
            "verify_aud": True, "verify_iat": False, "require": _MANDATORY,
        },
    )  # fmt: skip


def _token(text: str, claims: dict[str, Any]) -> PublicToken:
    scopes, realtime = claims.get("scopes", []), claims.get("realtime")
    skip = realtime.get("skipColumns", []) if isinstance(realtime, dict) else []
    return PublicToken(
        environment=claims["sub"],
        scopes=_texts(scopes),
        one_time=claims.get("otu") is True,
        text_hash=hashlib.sha256(text.encode()).hexdigest(),
        expires_at=int(claims["exp"]) * 1_000,
        skip_columns=_texts(skip),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
