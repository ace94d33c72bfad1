"""Idempotency keys: freed before their time. They are used where runs are triggered.

Source: Trigger.dev's ``idempotencyKeys.reset``.
"""

import msgspec

from hairtrigger.engine import runs
from hairtrigger.server import answers, auth
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route


class ResetKey(msgspec.Struct, rename="camel"):
    task_identifier: str


class KeyId(msgspec.Struct):
    id: str


_body = msgspec.json.Decoder(ResetKey)


async def reset(call: Call) -> Answer:
    """Free a task's idempotency key: the next trigger with it makes a new run."""
    call.caller.demand(auth.RESET_KEY)
    body = await call.read(_body)
    key = call.params["key"]
    await runs.reset_key(call.server.store, call.caller.env, key, body.task_identifier)
    return answers.json(KeyId(key))


ROUTES = (
    Route(
        "POST", "/api/v1/idempotencyKeys/{key}/reset", reset, "token", (auth.RESET_KEY,),
        browsers=True, body=ResetKey, returns=KeyId,
    ),
)  # fmt: skip
