"""Payloads that lie apart: read from the server when their run begins, not when it is handed out."""

from hairtrigger.errors import ApiError, ConnectionFailed
from hairtrigger.sdk import settings, stored
from hairtrigger.sdk.client import Client
from hairtrigger.wire.worker import Packet


class StoredPayloads:
    """Reads them with the worker's own address and key, whatever the project has configured."""

    def __init__(self) -> None:
        self._client: Client | None = None

    async def read(self, path: str) -> Packet:
        """The data type and text under a signed path. Waits for a server that is away.

        Raises:
            ApiError: the server has none, or will not give it.
        """
        if self._client is None:
            self._client = Client(settings.current())
        while True:
            try:
                return await self._client.send(stored.read_call(path))
            except ConnectionFailed:
                continue  # after the pauses of its attempts
            except ApiError as error:
                if error.status < 500:
                    raise
