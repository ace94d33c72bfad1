"""Which servers share a PostgreSQL database: each has a number of its own while it renews it.

The number goes into every id that the server makes. One that was away for longer than its lease takes a new
one before it makes anything else.
"""

import json
import os
import secrets
import socket
import time
from typing import Any

from hairtrigger.store import connecting

LEASE_MS, RENEW_S = 60_000, 5.0
MAX_NODE = 1_023  # ten bits of an id


class Membership:
    """This server's number, and how many others there are."""

    def __init__(self) -> None:
        self.node, self.others = 0, 0
        self._renewed_at = 0.0
        self._info = json.dumps(
            {"host": socket.gethostname(), "pid": os.getpid(), "key": secrets.token_hex(8)}
        )

    async def join(self, connection: Any) -> None:
        """Take the smallest number that is free."""
        began, taken = time.monotonic(), None
        while taken is None:  # another one that starts at once may be faster
            began = time.monotonic()
            taken = await connecting.ask(connection, _TAKE, LEASE_MS, self._info, MAX_NODE)
        self.node = taken
        await self._count(connection, began)

    async def renew(self, connection: Any) -> None:
        """Keep the number; called often, does something every few seconds."""
        if time.monotonic() - self._renewed_at < RENEW_S:
            return
        began = time.monotonic()
        if not await connecting.ask(connection, _RENEW, self.node, LEASE_MS, self._info):
            await self.join(connection)
        else:
            await self._count(connection, began)

    @property
    def is_lapsed(self) -> bool:
        """Whether the number may be somebody else's by now: this server slept, or could not renew it."""
        return time.monotonic() - self._renewed_at > LEASE_MS / 1_000 - RENEW_S

    async def leave(self, connection: Any) -> None:
        """Give the number back."""
        gone = "delete from nodes where id = $1 and info = $2"
        await connecting.ask(connection, gone, self.node, self._info)

    async def _count(self, connection: Any, began: float) -> None:
        self._renewed_at = began  # when the lease was asked for, not when the answer came
        self.others = await connecting.ask(connection, _OTHERS, self.node)


_NOW = "(extract(epoch from clock_timestamp()) * 1000)::bigint"
_TAKE = f"""
insert into nodes (id, lease_until, info)
select min(n), {_NOW} + $1, $2 from generate_series(1, $3::int) n
where not exists (select 1 from nodes where id = n and lease_until >= {_NOW})
on conflict (id) do update set lease_until = excluded.lease_until, info = excluded.info
  where nodes.lease_until < {_NOW}
returning id
"""  # noqa: S608 (nothing but our own words)
_RENEW = (
    f"update nodes set lease_until = {_NOW} + $2 "  # noqa: S608
    f"where id = $1 and info = $3 and lease_until >= {_NOW} returning id"
)
_OTHERS = f"select count(*) from nodes where id <> $1 and lease_until >= {_NOW}"  # noqa: S608
