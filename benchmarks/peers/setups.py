"""The peers: each with its release, its fastest sensible setup, and the worker shapes to try.

Polls are set to 10 ms where a system polls, a tenth or less of its default, for the sake of its latency.
"""

from benchmarks.databases import Postgres, Redis, Sqlite
from benchmarks.peers import install
from benchmarks.systems import PLACES, System

HUEY, DBOS = "3.5.4", "3.4.0"
CELERY, DRAMATIQ = "5.7.0", "2.2.1"
PROCRASTINATE, PGQUEUER = "3.10.0", "1.6.0"
REDIS_CLIENT = (
    "redis==8.1.0",
    "hiredis==3.5.0",
)  # hiredis: the faster parser, where it can be used


def hueys_on_sqlite() -> list[System]:
    """Huey on SQLite, with threads and with processes."""
    python = str(install.python_of("huey", HUEY, *REDIS_CLIENT))
    return [
        System(
            name="huey",
            setup=f"Huey {HUEY}, SqliteHuey, WAL, fsync, outcomes kept; {workers} × {kind}, polls "
            "every 10 ms (default 100 ms and slower), its schedule every 1 s (the least it takes)",
            database=Sqlite(),
            share=0.2,
            flight=1,
            pace=500,
            worker=_huey(python, kind, workers),
            narrow=_huey(python, "thread", PLACES),
            client=(python, "-m", "benchmarks.peers.huey_client"),
        )
        for kind in ("thread", "process")
        for workers in (1, 2, 4)
    ]


def hueys_on_redis(redis: Redis) -> list[System]:
    """Huey on Redis, as its documentation begins."""
    python = str(install.python_of("huey", HUEY, *REDIS_CLIENT))
    return [
        System(
            name="huey",
            setup=f"Huey {HUEY}, RedisHuey, blocking reads; nothing kept of a run that has begun, so one "
            f"in flight is lost with its worker; {workers} × {kind}, its schedule every 1 s (the least)",
            database=redis,
            share=0.2,
            flight=1,
            pace=500,
            worker=_huey(python, kind, workers),
            narrow=_huey(python, "thread", PLACES),
            client=(python, "-m", "benchmarks.peers.huey_client"),
        )
        for kind in ("thread", "process")
        for workers in (1, 2, 4)
    ]


def dbos() -> System:
    """DBOS on SQLite: worker and client open the file themselves; there is no server."""
    python = str(install.python_of("dbos", DBOS))
    worker = (python, "-m", "benchmarks.peers.dbos_tasks")
    return System(
        name="dbos",
        setup=f"DBOS {DBOS} on SQLite, WAL, synchronous=FULL, arguments and outcomes kept; one worker "
        "process, 100 workflows at once, polls every 10 ms (default 1 s)",
        database=Sqlite(),
        share=0.03,
        flight=1,
        pace=300,
        worker=(*worker, "100"),
        narrow=(*worker, str(PLACES)),
        client=(python, "-m", "benchmarks.peers.dbos_client"),
    )


def celeries(redis: Redis) -> list[System]:
    """Celery: acknowledged late, so that a run survives its worker; no outcomes, as by default."""
    python = str(install.python_of("celery", CELERY, f"celery[redis]=={CELERY}", *REDIS_CLIENT))
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")

    def worker(workers: int, pool: str, concurrency: int, prefetch: int) -> tuple[str, ...]:
        words = ("-P", pool, "-c", str(concurrency), "--prefetch-multiplier", str(prefetch))
        app = (python, "-m", "celery", "-A", "benchmarks.peers.celery_tasks")
        return _several(python, workers, (*app, "worker", "-n", "wNUMBER@%h", *quiet, *words))

    return [
        System(
            name="celery",
            setup=f"Celery {CELERY}, acks_late, no result backend: nothing kept of a finished run; "
            f"{workers} worker(s) of {pool} × {concurrency}, prefetch {prefetch} each (default 4); "
            "visibility timeout 1 h (its default)",
            database=redis,
            share=0.1,
            flight=1,
            pace=300,
            worker=worker(workers, pool, concurrency, prefetch),
            narrow=worker(1, "threads", PLACES, 1),
            client=(python, "-m", "benchmarks.peers.celery_client"),
        )
        for workers, pool, concurrency, prefetch in (
            (1, "prefork", 2, 64),
            (1, "threads", 4, 64),
            (2, "solo", 1, 64),
            (2, "prefork", 1, 64),
            (2, "threads", 4, 64),
        )
    ]


def dramatiqs(redis: Redis) -> list[System]:
    """Dramatiq: it acknowledges late by itself; no outcomes, as by default."""
    python = str(install.python_of("dramatiq", DRAMATIQ, *REDIS_CLIENT))

    def worker(processes: int, threads: int, prefetch: int) -> tuple[str, ...]:
        waits = ("env", "dramatiq_worker_timeout=10", f"dramatiq_queue_prefetch={prefetch}")
        words = ("-p", str(processes), "-t", str(threads), "--skip-logging")
        return (*waits, python, "-m", "dramatiq", "benchmarks.peers.dramatiq_tasks", *words)

    return [
        System(
            name="dramatiq",
            setup=f"Dramatiq {DRAMATIQ}, no result backend: nothing kept of a finished run; {processes} × "
            f"{threads} threads, prefetch {prefetch or 'twice the threads'}, polls every 10 ms (default "
            "1 s and quicker); a worker is given up after 60 s of silence (its default)",
            database=redis,
            share=0.2,
            flight=1,
            pace=500,
            worker=worker(processes, threads, prefetch),
            narrow=worker(1, PLACES, PLACES),
            client=(python, "-m", "benchmarks.peers.dramatiq_client"),
        )
        for processes, threads, prefetch in (
            (1, 1, 100),
            (1, 8, 0),
            (2, 1, 0),
            (2, 1, 100),
            (2, 8, 0),
            (2, 8, 100),
            (4, 2, 100),
        )
    ]


def procrastinates(postgres: Postgres) -> list[System]:
    """Procrastinate: its asynchronous worker, which fetches runs one by one."""
    python = str(install.python_of("procrastinate", PROCRASTINATE, "psycopg[binary,pool]==3.3.9"))
    module = (python, "-m", "benchmarks.peers.procrastinate_worker")

    def worker(processes: int, concurrency: int) -> tuple[str, ...]:
        return _several(python, processes, (*module, str(concurrency)))

    return [
        System(
            name="procrastinate",
            setup=f"Procrastinate {PROCRASTINATE}, psycopg 3 in C, LISTEN/NOTIFY, a poll every 1 s (default "
            "5 s) for delayed runs; jobs and their events kept, no outcomes; "
            f"{processes} × an async worker of {concurrency}; stalled jobs are retried once a minute, as "
            "its documentation shows",
            database=postgres,
            share=0.1,
            flight=16,
            pace=500,
            prepare=(*module, "0"),
            worker=worker(processes, concurrency),
            narrow=worker(1, PLACES),
            client=(python, "-m", "benchmarks.peers.procrastinate_client"),
        )
        for processes, concurrency in ((1, 1), (1, 10), (2, 1), (2, 10), (4, 10))
    ]


def pgqueuers(postgres: Postgres) -> list[System]:
    """PgQueuer: batches both ways, durable tables (its default)."""
    python = str(install.python_of("pgqueuer", PGQUEUER, "asyncpg==0.32.0", "uvloop==0.23.0"))
    module = (python, "-m", "benchmarks.peers.pgqueuer_worker")

    def worker(processes: int, batch: int, *at_once: str) -> tuple[str, ...]:
        return _several(python, processes, (*module, str(batch), *at_once))

    return [
        System(
            name="pgqueuer",
            setup=f"PgQueuer {PGQUEUER}, asyncpg, uvloop, durable tables; its log of status changes kept, no "
            f"arguments, no outcomes; {processes} process(es), batches of {batch} (default 10); a job "
            "is given up after 30 s without a heartbeat (its default)",
            database=postgres,
            share=0.3,
            flight=16,
            pace=1000,
            prepare=(python, "-m", "pgqueuer", "--pg-dsn", "{database}", "install"),
            worker=worker(processes, batch),
            narrow=worker(1, PLACES // 2, str(PLACES)),
            client=(python, "-m", "benchmarks.peers.pgqueuer_client"),
        )
        for processes, batch in ((1, 10), (1, 100), (2, 100), (4, 100), (2, 500))
    ]


def _huey(python: str, kind: str, workers: int) -> tuple[str, ...]:
    consumer = (python, "-m", "huey.bin.huey_consumer", "benchmarks.peers.huey_tasks.huey")
    polling = ("-d", "0.01", "-m", "0.01", "-s", "1")
    return (*consumer, "-k", kind, "-w", str(workers), *polling, "-g", "TERM", "-q")


def _several(python: str, count: int, command: tuple[str, ...]) -> tuple[str, ...]:
    return (python, "-m", "benchmarks.peers.several", str(count), *command)
