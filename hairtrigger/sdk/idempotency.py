"""Idempotency keys: made here, unique at the server.

Source: Trigger.dev. A key is the SHA-256 of its parts joined with ``-``, the scope's part last: the run
that triggers (``run``), its attempt too (``attempt``), or nothing (``global``, and outside of runs).
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal, TypeAlias

from hairtrigger.sdk.context import SCOPE
from hairtrigger.wire.options import KeyOptions

KeyScope: TypeAlias = Literal["run", "attempt", "global"]
HASHED = 64  # a text of this length passes as it is


class IdempotencyKey(str):
    """A key as the server knows it; ``options`` is what the user wrote."""

    __slots__ = ("options",)

    options: KeyOptions


def make(key: str | Sequence[str], scope: KeyScope = "run") -> IdempotencyKey:
    """A key for the calling code: one that was made before stays as it is."""
    if isinstance(key, IdempotencyKey):
        return key
    parts = [key] if isinstance(key, str) else [str(part) for part in key]
    written = "-".join(parts)
    around = SCOPE.get()
    if around is not None and scope != "global":
        parts.append(around.run_id)
        if scope == "attempt":
            parts.append(str(around.context.attempt.number))
    as_it_is = isinstance(key, str) and len(key) == HASHED
    made = IdempotencyKey(key if as_it_is else sha256("-".join(parts).encode()).hexdigest())
    made.options = KeyOptions(written, scope)
    return made
