"""What the tests of the store share."""

from collections.abc import AsyncIterator

import pytest

from tests import databases
from tests.clock import Clock
from tests.store.servers import Servers


@pytest.fixture
async def servers(postgres_database: str, clock: Clock) -> AsyncIterator[Servers]:
    """Starts servers on one empty PostgreSQL database."""
    databases.emptied(postgres_database)
    servers = Servers(postgres_database, clock)
    yield servers
    await servers.close_all()
