"""Public access tokens, signed here with the secret key. Source: Trigger.dev's public tokens (JWT, HS256)."""

import hashlib
import re
import time
from collections.abc import Sequence

ISSUER, AUDIENCE = "https://id.trigger.dev", "https://api.trigger.dev"
HANDLE_S = 3_600
_ADDITIONAL = re.compile(r"tr_(?:dev|stg|prod|preview)_sk_[0-9a-zA-Z]{24}")


def is_additional(key: str) -> bool:
    """Whether a secret key is none that tokens can be signed with."""
    return _ADDITIONAL.fullmatch(key) is not None


def sign(key: str, environment_id: str, scopes: Sequence[str], lifetime_s: int = HANDLE_S) -> str:
    """A token for browsers that allows exactly ``scopes``, such as ``read:runs:run_…``."""
    # only who asks for a token pays for these imports
    import msgspec
    from jwt import PyJWS
    from jwt.algorithms import HMACAlgorithm

    class RootKey(HMACAlgorithm):
        """HS256 with the key there is: its length is the server's affair, not worth a warning here."""

        def check_key_length(self, key: bytes) -> None:
            return None

    signer = PyJWS(algorithms=[])
    signer.register_algorithm("HS256", RootKey(hashlib.sha256))
    now = int(time.time())
    claims = {
        "sub": environment_id,
        "pub": True,
        "scopes": list(scopes),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + lifetime_s,
    }
    return signer.encode(msgspec.json.encode(claims), key.encode(), algorithm="HS256")
