"""Which systems are compared on which database. One with several worker shapes is given its best."""

from collections.abc import Callable, Mapping

from benchmarks.databases import Postgres, Redis, Sqlite
from benchmarks.peers import setups
from benchmarks.systems import System, hairtrigger

Shapes = Mapping[str, Callable[[], list[System]]]

NAMES = ("hairtrigger", "huey", "dbos", "celery", "dramatiq", "procrastinate", "pgqueuer")
"""Every system that is compared on some database."""


def on_sqlite() -> Shapes:
    """Embedded in a file: ours first."""
    return {
        "hairtrigger": lambda: [hairtrigger(Sqlite())],
        "huey": setups.hueys_on_sqlite,
        "dbos": lambda: [setups.dbos()],
    }


def on_postgres(postgres: Postgres, redis: Redis | None) -> Shapes:
    """Ours on PostgreSQL, its peers there, and those that people run on Redis."""
    shapes: dict[str, Callable[[], list[System]]] = {
        "hairtrigger": lambda: [hairtrigger(postgres)],
        "procrastinate": lambda: setups.procrastinates(postgres),
        "pgqueuer": lambda: setups.pgqueuers(postgres),
    }
    if redis is not None:
        shapes["celery"] = lambda: setups.celeries(redis)
        shapes["dramatiq"] = lambda: setups.dramatiqs(redis)
        shapes["huey"] = lambda: setups.hueys_on_redis(redis)
    return shapes
