"""The environment's variables, asked of the server before any code is loaded, and kept out of what is logged.

A child gets them as its process environment, with the names of the secrets among them; whatever it says of a run
passes through ``redacted``.
"""

import os
import re

import msgspec

from hairtrigger.errors import ConnectionFailed
from hairtrigger.wire.worker import AskVariables, Variables
from hairtrigger.worker.calls import Calls, Refused

SECRETS = "HAIRTRIGGER_SECRETS"  # to a child: the names of those variables that are secrets
TRACING = "HAIRTRIGGER_TRACING"  # to a child: "1" when the supervisor writes spans
REDACTED = b"<redacted>"
LEAST = 6  # characters of a value that is taken out: shorter ones are in any text
_TIMEOUT_S = 30.0
_variables = msgspec.json.Decoder(Variables)
_encode = msgspec.json.Encoder().encode
_secrets: re.Pattern[bytes] | None = None


async def ask(calls: Calls) -> Variables:
    """Those of the key's environment. Waits for a server that is away.

    Raises:
        ApiError: when the server refuses, such as ``Unauthorized``.
    """
    body = _encode(AskVariables())
    while True:
        try:
            return _variables.decode(await calls.once("variables", body, timeout_s=_TIMEOUT_S))
        except ConnectionFailed:
            await calls.wait()
        except Refused as refused:
            if refused.error.status == 404:  # a server that is older than variables are
                return Variables()
            if not refused.passes:
                raise refused.error from None
            await calls.wait(refused.wait_s or 0)


def environment(given: Variables, *, tracing: bool) -> dict[str, str]:
    """What a child's process environment has more than this one's."""
    ours = {SECRETS: ",".join(given.secrets), TRACING: "1" if tracing else ""}
    return {**given.variables, **ours}


def learn() -> None:
    """In a child, before it loads any code: know which values are secrets."""
    global _secrets
    names = os.environ.pop(SECRETS, "").split(",")
    values = [os.environ.get(name, "") for name in names if name]
    forms = [_encode(value)[1:-1] for value in values if len(value) >= LEAST]
    # the longer ones first: one may be the beginning of another
    forms.sort(key=len, reverse=True)
    _secrets = re.compile(b"|".join(map(re.escape, forms))) if forms else None


def redacted(raw: bytes) -> bytes:
    """JSON without the values of secrets. Costs nothing where there are none."""
    return raw if _secrets is None else _secrets.sub(REDACTED, raw)
