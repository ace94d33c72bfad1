"""``TriggerClient``: for several servers or environments in one process.

The blocking mirror is generated from this file.
"""

from __future__ import annotations

from hairtrigger.sdk import settings
from hairtrigger.sdk.batch import Batch
from hairtrigger.sdk.client import Client
from hairtrigger.sdk.idempotency_keys import IdempotencyKeys
from hairtrigger.sdk.queues import Queues
from hairtrigger.sdk.runs import Runs
from hairtrigger.sdk.schedules import Schedules
from hairtrigger.sdk.tasks import Tasks


class TriggerClient:
    """One server and one key, with the same namespaces as the module: ``client.tasks.trigger("id", ...)``.

    Args:
        secret_key: A key such as ``tr_dev_…``; it decides the environment.
        base_url: With or without a trailing slash or a path prefix.
        preview_branch: The branch of a preview environment.

    What is left out comes from the environment.

    Raises:
        MissingKey: when there is no key.
    """

    __slots__ = ("_client", "batch", "idempotency_keys", "queues", "runs", "schedules", "tasks")

    def __init__(
        self,
        *,
        secret_key: str | None = None,
        base_url: str | None = None,
        preview_branch: str | None = None,
    ) -> None:
        self._client = Client(settings.current(secret_key, base_url, preview_branch))
        self.tasks = Tasks(self._client)
        self.runs = Runs(self._client)
        self.batch = Batch(self._client)
        self.schedules = Schedules(self._client)
        self.queues = Queues(self._client)
        self.idempotency_keys = IdempotencyKeys(self._client)

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        await self._client.disconnect()

    async def __aenter__(self) -> TriggerClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
