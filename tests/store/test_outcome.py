"""What PostgreSQL says of a transaction whose COMMIT had no answer, and when it is not to be believed."""

from collections.abc import Iterator

import pytest

from hairtrigger.store import connecting, outcome
from hairtrigger.store.postgres import Postgres
from tests import postgres

KILLED = {"fsync": "off"}  # the kernel lives on, and what PostgreSQL has written with it


@pytest.fixture
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.started(KILLED) as one:
        yield one


@pytest.mark.slow
async def test_number_that_a_crash_made_free_is_not_taken_for_ours(
    cluster: postgres.Cluster,
) -> None:
    database = Postgres(cluster.url())
    await database.open()
    await database.close()
    ours = await connecting.connect(cluster.url())
    await outcome.mark(ours)
    await ours.execute("begin")
    xid = await ours.fetchval("select pg_current_xact_id()::text")
    cluster.kill()
    cluster.start()
    others = await connecting.connect(cluster.url())
    assert await outcome.ask(others, xid, ours) == "aborted", "nobody has the number yet"

    while await others.fetchval("select pg_current_xact_id()::text") != xid:
        continue

    assert await others.fetchval("select pg_xact_status($1::text::xid8)", xid) == "committed"
    assert await outcome.ask(others, xid, ours) == "unknown"
    await others.close()


async def test_transaction_is_asked_about_by_another_connection(postgres_database: str) -> None:
    broken, other = [await connecting.connect(postgres_database) for _ in range(2)]
    await outcome.mark(broken)
    outcomes = []
    for end in ("commit", "rollback"):
        await broken.execute("begin")
        xid = await broken.fetchval("select pg_current_xact_id()::text")
        outcomes.append(await outcome.ask(other, xid, broken))
        await broken.execute(end)
        outcomes.append(await outcome.ask(other, xid, broken))

    assert outcomes == ["in progress", "committed", "in progress", "aborted"]
    await broken.close()
    await other.close()
