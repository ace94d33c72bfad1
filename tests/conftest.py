"""What tests of several rooms share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hairtrigger.store.database import Database
from hairtrigger.store.sqlite import SQLite
from hairtrigger.store.store import Store
from tests import databases, postgres
from tests.clock import Clock
from tests.running import Live, started

settings.register_profile(
    "suite", derandomize=True, deadline=None, database=None, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
settings.load_profile("suite")


def pytest_make_parametrize_id(val: object) -> str | None:
    """A name that is the same in every process that collects the test: what is packed may hold the time."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and not val.isascii() else None


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One real server for the session (for each worker of xdist), without workers to begin with."""
    with started(tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL for the session (for each worker of xdist)."""
    with postgres.server_url() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """The URL of a database with our schema, which tests use one after the other."""
    with databases.made(postgres_server) as url:
        yield url


@pytest.fixture
def clock() -> Clock:
    """The clock of the test's database."""
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Database:
    """An empty database of each kind, not open yet."""
    if request.param == "sqlite":
        return SQLite(f"{tmp_path}/hairtrigger.db", clock=clock)
    return databases.emptied(request.getfixturevalue("postgres_database"), clock)


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    """An open store on a database of the test's own."""
    store = await Store(database).open()
    yield store
    await store.close()
