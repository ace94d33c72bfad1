"""``idempotency_keys``: keys with a scope, and freeing them.

The blocking mirror is generated from this file.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hairtrigger.sdk import idempotency
from hairtrigger.sdk.api import ApiCall, nothing, segment
from hairtrigger.sdk.client import Client, default
from hairtrigger.sdk.idempotency import IdempotencyKey, KeyScope


class IdempotencyKeys:
    """Idempotency keys of an environment."""

    __slots__ = ("_given",)

    def __init__(self, client: Client | None = None) -> None:
        self._given = client

    @property
    def _client(self) -> Client:
        return self._given or default()

    def create(self, key: str | Sequence[str], /, *, scope: KeyScope = "run") -> IdempotencyKey:
        """A key for the option ``idempotency_key`` of ``trigger``. Nothing is sent.

        Args:
            scope: ``run``: once for each run that triggers; ``attempt``: once for each of its attempts;
                ``global``: once. Outside of runs all are global.
        """
        return idempotency.make(key, scope)

    async def reset(
        self, task_id: str, key: str | Sequence[str], /, *, scope: KeyScope = "global"
    ) -> None:
        """Free a key of a task: the next trigger with it makes a new run.

        Raises:
            NotFound: when no run of the task holds it.
        """
        await self._client.send(reset_call(task_id, idempotency.make(key, scope)))


idempotency_keys = IdempotencyKeys()


def reset_call(task_id: str, key: str) -> ApiCall[None]:
    """Free a key."""
    body = msgspec.json.encode({"taskIdentifier": task_id})
    request = f"POST /api/v1/idempotencyKeys/{segment(key)}/reset"
    return ApiCall("idempotency_keys.reset", request, body=body, returns=nothing)
