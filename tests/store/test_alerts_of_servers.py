"""Alerts with several servers: each message is sent by one of them."""

import asyncio

from hairtrigger.engine import alerting
from tests.engine.test_alerting import made
from tests.engine.test_failures import fail, registered
from tests.store.servers import Servers


async def test_of_two_servers_that_look_at_once_one_gets_each_message(servers: Servers) -> None:
    first, second = await servers.start(2)
    alerts = {(await made(first, f"alert {number}")).id for number in range(8)}
    await fail(first, await registered(first), "no")

    taken = await asyncio.gather(
        *(alerting.claim(world.store) for world in (first, second, first, second))
    )

    assert sorted(one.alert for some in taken for _, one in some) == sorted(alerts)
